"""The repository keeps its own rules. Every message says what to do."""

from pathlib import Path

import pytest

from tests import house_rules

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = [
    path
    for room in ("dags", "plugins", "include")
    for path in sorted((ROOT / room).rglob("*.py"))
    if "__pycache__" not in path.parts
]
SQL = sorted((ROOT / "dbt_project" / "models").rglob("*.sql"))


def _relative(path):
    return path.relative_to(ROOT).as_posix()


def test_there_is_something_to_check():
    assert len(PRODUCT) > 80
    assert len(SQL) > 80


@pytest.mark.parametrize(
    "rule",
    [
        house_rules.wrong_imports,
        house_rules.opens_postgres,
        house_rules.reads_clock,
        house_rules.too_long,
        house_rules.undocumented,
        house_rules.floats_money,
    ],
)
def test_product_code(rule):
    broken = [message for path in PRODUCT for message in rule(_relative(path), path.read_text())]
    assert not broken, "\n".join(broken)


def test_names():
    broken = [message for path in PRODUCT for message in house_rules.junk_drawer(_relative(path))]
    assert not broken, "\n".join(broken)


def test_models_do_not_read_the_clock():
    broken = [
        message for path in SQL for message in house_rules.clock_in_sql(_relative(path), path.read_text())
    ]
    assert not broken, "\n".join(broken)


def test_the_top_level_is_what_the_design_says():
    allowed = {
        "dags", "plugins", "dbt_project", "include", "tests", "docs", ".ci", "docker-compose.yaml", "Dockerfile",
        "requirements.txt", "requirements-sandbox.txt", "requirements-databricks.txt", "requirements.lock", "constraints.txt", "pyproject.toml",
        "Makefile", "README.md",
    }  # fmt: skip
    import subprocess

    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    if not tracked:
        pytest.skip("not a git checkout: the list of tracked files is not known")
    top = {name.split("/")[0] for name in tracked}
    extra = {name for name in top - allowed if not name.startswith(".")}
    assert not extra, f"{sorted(extra)}: the top level is fixed (see the design); move it into a room"


def test_readme_is_short_and_begins_with_the_two_commands():
    text = (ROOT / "README.md").read_text()
    assert text.count("\n") <= 150
    assert text.index("make demo") < 1500
    assert text.index("make test") < 1500
