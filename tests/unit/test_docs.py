"""The documentation says what is there: links lead somewhere, commands exist, the map names real rooms."""

import json
import re
from pathlib import Path

import pytest

from include.extract.manifest import systems
from include.forecast.config import ForecastConfig
from include.publish.exports import EXPORTS
from include.publish.limits import Limits
from include.reconcile.rules import Rules
from include.settings import TenantSettings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))


def _relative(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=_relative)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    dead = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not dead, f"{_relative(page)}: {dead}"


@pytest.mark.parametrize("page", PAGES, ids=_relative)
def test_commands_exist(page):
    used = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE))
    unknown = {name for name in used if name not in TARGETS}
    assert not unknown, f"{_relative(page)} names make targets that do not exist: {unknown}"


@pytest.mark.parametrize("page", PAGES, ids=_relative)
def test_paths_exist(page):
    named = re.findall(
        r"`((?:include|dags|plugins|dbt_project|tests|docs)/[A-Za-z0-9_./-]*)`", page.read_text()
    )
    missing = [name for name in named if "<" not in name and not (ROOT / name.rstrip("/")).exists()]
    assert not missing, f"{_relative(page)} names paths that do not exist: {missing}"


def test_python_modules_named_in_commands_exist():
    for page in PAGES:
        for module in re.findall(r"python -m (include[a-z_.]*)", page.read_text()):
            path = ROOT / module.replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), (
                f"{_relative(page)}: {module}"
            )


def test_every_dag_is_described():
    """Each source has a DAG and each verb is in the README's map."""
    readme = (ROOT / "README.md").read_text()
    for verb in ("extract", "transform", "reconcile", "forecast", "publish"):
        assert f"**{verb}" in readme or f"· {verb}" in readme
    assert {"files", "salesforce"} <= set(systems())


def test_every_destination_has_its_module():
    for export in EXPORTS:
        assert (ROOT / "include/publish/destinations" / f"{export.destination}.py").exists()
        assert (ROOT / "plugins/tradewind/clients" / f"{export.destination}.py").exists()


def test_settings_shown_in_the_docs_are_accepted():
    """Whoever follows a recipe must not break the tenant's next run."""
    shown = [
        json.loads(text)
        for page in PAGES
        for text in re.findall(r"tenants ensure [^\n`]*?'(\{.*?\})'", page.read_text())
    ]
    assert shown
    for settings in shown:
        checked = TenantSettings.from_mapping(settings)
        Rules.from_settings(checked.reconcile)
        ForecastConfig.from_mapping(checked.forecast)
        Limits.from_settings(checked.publish)
