"""Which company `make run` is about, and what one command line may get wrong."""

from __future__ import annotations

import pytest

from include.errors import TradewindError
from include.local import company
from include.settings import tenant_slug


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_STATE", str(tmp_path / "state"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("acme", "acme"),
        ("Acme Foods GmbH", "acme_foods_gmbh"),
        ("2026-10 exports", "c_2026_10_exports"),
        ("system", "system_files"),
        ("demo", "demo_files"),
        ("Ümlaut & Söhne", "mlaut_s_hne"),
        ("...", "c"),
        ("x" * 60, "x" * 31),
    ],
)
def test_slug_of_a_folder(name, expected):
    assert company.slug(name) == expected
    assert tenant_slug(expected)


def test_two_folders_of_one_name_are_two_companies(tmp_path):
    first, second = tmp_path / "a" / "exports", tmp_path / "b" / "exports"
    first.mkdir(parents=True)
    second.mkdir(parents=True)
    one, other = company.from_folder(str(first), "").tenant, company.from_folder(str(second), "").tenant
    assert one == "exports"
    assert other.startswith("exports_")
    assert company.from_folder(str(first), "").tenant == one
    assert company.from_folder(str(second), "").tenant == other


@pytest.mark.parametrize(
    ("files", "tenant", "told"),
    [("", "", "FILES=<folder"), ("/nowhere/at/all", "", "FILES=<folder"), ("/tmp", "Acme!", "tenant")],
)
def test_a_wrong_command_line_says_what_to_write(files, tenant, told):
    with pytest.raises(TradewindError, match=told):
        company.from_folder(files, tenant)


def test_business_date_is_given_or_today_in_the_tenants_zone(warehouse):
    assert company.business_date(warehouse, "alpha", "2026-10-31") == ("2026-10-31", "(given)")
    day, told = company.business_date(warehouse, "alpha", "")
    assert len(day) == 10
    assert "UTC" in told
    with pytest.raises(TradewindError, match="YYYY-MM-DD"):
        company.business_date(warehouse, "alpha", "31.10.2026")


def test_a_known_company_keeps_its_name_and_settings(warehouse, tmp_path):
    company.register(warehouse, company.Folder(tmp_path / "New Name", "alpha"), "")
    with warehouse.pipeline() as conn:
        stored = conn.execute(
            "SELECT name, settings ->> 'currency' FROM tenancy.tenants WHERE tenant_id = 'alpha'"
        )
        assert stored.fetchone() == ("Alpha Foods", "USD")
