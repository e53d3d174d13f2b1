"""Writes what follows from the contracts: `python -m include.extract.generate [--check]`.

Generated: the dbt models `staging/files` and `staging/unified` with their YAML twins, the landing sources,
the CSV templates and the table of contracts in the docs. `--check` writes nothing and fails when a file is
stale, missing or left over.
"""

from __future__ import annotations

import sys
from pathlib import Path

from include.extract import generate_docs, generate_models
from include.extract.contracts import CONTRACTS
from include.extract.systems import files as inbox

ROOT = Path(__file__).resolve().parents[2]
MODELS = Path("dbt_project/models/staging")
DOCS = Path("docs/contracts")
#: Folders that hold generated files only: what is there and not expected is left over.
OWNED = (MODELS / "files", MODELS / "unified", MODELS / "landing", DOCS / "templates")


def expected_files(root: Path = ROOT) -> dict[Path, str]:
    """Content of every generated file by its path relative to `root`.

    The unified models union the staging models of a contract that exist under `root`, so a hand-written
    `stg_<system>__<contract>.sql` joins in by being there.
    """
    files = {MODELS / "landing" / "_sources.yml": generate_models.landing_sources(inbox.SYSTEM)}
    for contract in CONTRACTS:
        name = contract.name
        files[MODELS / "files" / f"stg_files__{name}.sql"] = generate_models.staging_sql(contract)
        files[MODELS / "files" / f"stg_files__{name}.yml"] = generate_models.staging_yaml(contract)
        sources = contributing_systems(root, name)
        files[MODELS / "unified" / f"unified_{name}.sql"] = generate_models.unified_sql(contract, sources)
        files[MODELS / "unified" / f"unified_{name}.yml"] = generate_models.unified_yaml(contract, sources)
        files[DOCS / "templates" / f"{name}.csv"] = ",".join(c.name for c in contract.columns) + "\n"
    files[DOCS / "README.md"] = generate_docs.contracts_page(CONTRACTS)
    return files


def contributing_systems(root: Path, contract: str) -> tuple[str, ...]:
    """Systems with a staging model of `contract`, by priority: files first, since a person put them there."""
    found = {
        path.name.split("__")[0].removeprefix("stg_")
        for path in (root / MODELS).glob(f"*/stg_*__{contract}.sql")
    }
    return ("files", *sorted(found - {"files"}))


def stale_files(root: Path = ROOT) -> dict[Path, str]:
    """Generated files whose content on disk is not the expected one: path -> `missing`, `stale` or `left over`."""
    expected = expected_files(root)
    found = {}
    for path, content in expected.items():
        if not (root / path).exists():
            found[path] = "missing"
        elif (root / path).read_text() != content:
            found[path] = "stale"
    for folder in OWNED:
        for path in sorted((root / folder).glob("*")):
            if path.relative_to(root) not in expected:
                found[path.relative_to(root)] = "left over"
    return found


def write(root: Path = ROOT) -> dict[Path, str]:
    """Bring every generated file up to date; returns what was changed and why."""
    expected = expected_files(root)
    changed = stale_files(root)
    for path, why in changed.items():
        if why == "left over":
            (root / path).unlink()
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(expected[path])
    return changed


def main(arguments: list[str]) -> int:
    """Write or check; returns the exit code."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(__doc__ + "\n")
        return 2
    changed = stale_files() if arguments else write()
    for path, why in changed.items():
        sys.stdout.write(f"{path}: {why}\n")
    if arguments and changed:
        sys.stdout.write("run `python -m include.extract.generate` and commit what it writes\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
