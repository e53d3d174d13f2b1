"""Each rule of the dbt project refuses something."""

from __future__ import annotations

import pytest

from tests import dbt_rules


def _model(path: str, *parents: str, **more: object) -> dict[str, object]:
    name = path.split("/")[-1].removesuffix(".sql")
    return {
        "resource_type": "model",
        "name": name,
        "path": path,
        "patch_path": f"tradewind://models/{path.removesuffix('.sql')}.yml",
        "description": "One row per thing.",
        "columns": {"tenant_id": {"description": "The company."}},
        "depends_on": {"nodes": list(parents)},
        "config": {"meta": {"owner": "x"}, "contract": {"enforced": True}, "materialized": "table"},
        "raw_code": "select 1",
    } | more


KEY_TEST = {"resource_type": "test", "attached_node": "m", "test_metadata": {"name": "key_is_unique"}}
SOURCES = {"source.raw": {"name": "raw_files__customers"}}
CONFIG = {"meta": {"owner": "x"}, "contract": {"enforced": True}, "materialized": "table"}


@pytest.mark.parametrize(
    ("rule", "node"),
    [
        (dbt_rules.reads_a_later_layer, _model("master/m.sql", "later")),
        (dbt_rules.goes_around_the_contracts, _model("master/m.sql", "source.raw")),
        (dbt_rules.goes_around_the_contracts, _model("master/m.sql", "stg")),
        (dbt_rules.lacks_its_twin, _model("master/m.sql", patch_path="tradewind://models/master/all.yml")),
        (dbt_rules.lacks_its_twin, _model("master/m.sql", description="Customers.")),
        (dbt_rules.lacks_its_twin, _model("master/m.sql", columns={"customer_key": {"description": "x"}})),
        (dbt_rules.lacks_its_twin, _model("master/m.sql", columns={"tenant_id": {"description": ""}})),
        (dbt_rules.lacks_its_twin, _model("master/m.sql", config=CONFIG | {"meta": {}})),
        (dbt_rules.lacks_its_twin, _model("master/m.sql", config=CONFIG | {"contract": {"enforced": False}})),
        (
            dbt_rules.view_reads_a_seed,
            _model("master/m.sql", "seed.s", config=CONFIG | {"materialized": "view"}),
        ),
        (dbt_rules.too_long, _model("master/m.sql", raw_code="select 1\n" * 121)),
        (dbt_rules.too_long, _model("master/" + "m" * 51 + ".sql")),
    ],
)
def test_rule_bites(rule, node):
    others = {
        "later": _model("finance/later.sql"),
        "stg": _model("staging/salesforce/stg_salesforce__accounts.sql"),
    }
    sound = {"nodes": {"m": _model("master/m.sql"), "t": KEY_TEST}, "sources": SOURCES}
    assert rule(sound) == []
    broken = {"nodes": {"m": node, "t": KEY_TEST}, "sources": SOURCES}
    broken["nodes"] |= {key: other for key, other in others.items() if key in node["depends_on"]["nodes"]}
    assert rule(broken)


def test_missing_key_test_bites():
    assert dbt_rules.lacks_its_twin({"nodes": {"m": _model("master/m.sql")}, "sources": {}})
