"""Rules of the dbt project, as functions over the nodes of its manifest; each returns what breaks it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from dbt.cli.main import dbtRunner

from tests.dbt_company import PROJECT

#: A model reads its own layer and those before it; the transform DAG builds the layers in this order.
LAYERS = ("staging", "master", "intelligence", "planning", "finance", "analytics")

Nodes = Mapping[str, Mapping[str, object]]


def manifest(target: Path) -> dict[str, object]:
    """The parsed project as dbt describes it; no database is asked."""
    os.environ.setdefault("TRADEWIND_PGPORT", "5432")
    place = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(target)]
    result = dbtRunner().invoke(["parse", *place, "--log-path", str(target / "logs"), "--quiet"])
    if not result.success:
        raise result.exception or AssertionError("dbt parse failed")
    return json.loads((target / "manifest.json").read_text())


def models(parsed: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    """The project's models by unique id."""
    return {key: node for key, node in parsed["nodes"].items() if node["resource_type"] == "model"}


def layer(node: Mapping[str, object]) -> str:
    """The first folder under models, which is also the schema."""
    return node["path"].split("/")[0]


def reads_a_later_layer(parsed: Mapping[str, object]) -> list[str]:
    """Models that read a model of a layer built after their own."""
    found = []
    for node in models(parsed).values():
        for parent in node["depends_on"]["nodes"]:
            other = parsed["nodes"].get(parent)
            if other and other["resource_type"] == "model" and _rank(other) > _rank(node):
                found.append(f"{node['name']} ({layer(node)}) reads {other['name']} ({layer(other)})")
    return found


def goes_around_the_contracts(parsed: Mapping[str, object]) -> list[str]:
    """Models past staging that read a landing table or a source's own staging model."""
    found = []
    for node in models(parsed).values():
        if layer(node) == "staging":
            continue
        for parent in node["depends_on"]["nodes"]:
            other = parsed["sources"].get(parent) or parsed["nodes"][parent]
            name = other["name"]
            own_staging = name.startswith("stg_") and name != "stg_tenancy__tenants"
            if name.startswith("raw_") or own_staging:
                found.append(f"{node['name']} reads {name}; read unified_* instead")
    return found


def lacks_its_twin(parsed: Mapping[str, object]) -> list[str]:
    """Models without the YAML of their own name beside them, or with one that leaves out what a reader needs."""
    keyed = {
        node.get("attached_node")
        for node in parsed["nodes"].values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") == "key_is_unique"
    }
    found = []
    for key, node in models(parsed).items():
        twin = str(node.get("patch_path") or "").split("://")[-1]
        columns = list(node["columns"])
        landed = node["path"].startswith("staging/files/")
        complaints = {
            "has no YAML beside it": not twin.endswith(node["path"].removesuffix(".sql") + ".yml"),
            "has no grain in its first sentence": not node["description"].startswith("One row per"),
            "has no owner": not node["config"]["meta"].get("owner"),
            "does not start with tenant_id": columns[:1] != ["tenant_id"],
            "has no test of its key": not landed and key not in keyed,
            "has no enforced contract": not landed and not node["config"]["contract"]["enforced"],
            "has a column without a description": not node["path"].startswith("staging/")
            and any(not column["description"] for column in node["columns"].values()),
        }
        found += [f"{node['name']} {complaint}" for complaint, is_so in complaints.items() if is_so]
    return found


def view_reads_a_seed(parsed: Mapping[str, object]) -> list[str]:
    """Views on seeds: row security hides the rows of `system` from every tenant, so the view would be empty."""
    return [
        f"{node['name']} is a view and reads {parent}"
        for node in models(parsed).values()
        if node["config"]["materialized"] == "view"
        for parent in node["depends_on"]["nodes"]
        if parent.startswith("seed.")
    ]


def too_long(parsed: Mapping[str, object]) -> list[str]:
    """Models above 120 lines, and names PostgreSQL would cut once dbt has added its suffix."""
    found = [
        f"{node['name']} has a name above 50 characters"
        for node in models(parsed).values()
        if len(node["name"]) > 50
    ]
    for node in models(parsed).values():
        lines = node["raw_code"].count("\n") + 1
        if lines > 120 and not node["path"].startswith(("staging/files", "staging/unified")):
            found.append(f"{node['name']} has {lines} lines")
    return found


RULES = (reads_a_later_layer, goes_around_the_contracts, lacks_its_twin, view_reads_a_seed, too_long)


def _rank(node: Mapping[str, object]) -> int:
    return LAYERS.index(layer(node))
