"""The text of the generated dbt models: landing sources, staging/files and staging/unified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from include.extract.contracts import POSTGRES_TYPES, Column, Contract
from include.extract.manifest import System

_BANNER = "generated from include/extract by `python -m include.extract.generate`"
_METADATA = {"_run_id": "text", "_loaded_at": "timestamptz"}


def landing_sources(system: System) -> str:
    """YAML of the files' landing tables as dbt sources; a connector's stand beside its hand-written models."""
    lines = [
        f"# {_BANNER}",
        "version: 2",
        "",
        "sources:",
        "  - name: landing",
        "    schema: staging",
        "    description: What arrived, typed, every version kept; the current one has no `_superseded_at`.",
        "    tables:",
    ]
    for stream in system.streams:
        lines.append(f"      - name: {system.relation(stream).removeprefix('staging.')}")
        lines.append(f"        description: 'One row per version of a row of {stream.name}.'")
    return "\n".join(lines) + "\n"


def staging_sql(contract: Contract) -> str:
    """stg_files__<contract>: the current rows of the files."""
    columns = ["tenant_id", *(column.name for column in contract.columns), *_METADATA]
    return (
        f"-- {_BANNER}\n"
        "with landed as (\n"
        f"    select * from {{{{ source('landing', 'raw_files__{contract.name}') }}}}\n"
        "),\n\n"
        "final as (\n"
        f"    select\n{_listed(columns)}\n"
        "    from landed\n"
        "    where _superseded_at is null\n"
        ")\n\n"
        "select * from final\n"
    )


def staging_yaml(contract: Contract) -> str:
    """Twin of stg_files__<contract>: grain, owner, columns."""
    return _yaml(
        f"stg_files__{contract.name}",
        f"{_grain(contract)} As delivered in files: the current version of every row.",
        contract,
        extra={},
        is_enforced=False,
    )


def unified_sql(contract: Contract, systems: Sequence[str]) -> str:
    """unified_<contract>: every system's rows, one per key, the first system of `systems` winning."""
    columns = ["tenant_id", *(column.name for column in contract.columns)]
    steps = [_of_system(contract, system, columns) for system in systems]
    last = systems[0]
    if len(systems) > 1:
        union = "\n    union all\n".join(
            f"    select *, {n} as priority from {s}" for n, s in enumerate(systems, 1)
        )
        steps.append(f"combined as (\n{union}\n)")
        key = ", ".join(("tenant_id", *contract.key))
        steps.append(
            "ranked as (\n    select\n        *,\n"
            f"        row_number() over (partition by {key} order by priority) as place\n"
            "    from combined\n)"
        )
        last = "ranked"
    steps.append(_final(contract, columns, last))
    return f"-- {_BANNER}\nwith {_joined(steps)}\n\nselect * from final\n"


def unified_yaml(contract: Contract, systems: Sequence[str]) -> str:
    """Twin of unified_<contract>: the enforced contract and the key test."""
    return _yaml(
        f"unified_{contract.name}",
        f"{_grain(contract)} {contract.description} From: {', '.join(systems)}.",
        contract,
        extra={"source_system": "text", **_METADATA},
        is_enforced=True,
    )


def _of_system(contract: Contract, system: str, columns: Sequence[str]) -> str:
    return (
        f"{system} as (\n    select\n{_listed([*columns, *_METADATA])},\n"
        f"        '{system}'::text as source_system\n"
        f"    from {{{{ ref('stg_{system}__{contract.name}') }}}}\n)"
    )


def _final(contract: Contract, columns: Sequence[str], last: str) -> str:
    outer = [*columns, "source_system", *_METADATA]
    where = f"\n    where {last}.place = 1" if last == "ranked" else ""
    if not _takes_tenant_currency(contract):
        return f"final as (\n    select\n{_listed(outer)}\n    from {last}{where}\n)"
    listed = _listed(
        [
            f"coalesce({last}.currency, tenants.currency) as currency"
            if name == "currency"
            else f"{last}.{name}"
            for name in outer
        ]
    )
    tenants = "tenants as (\n    select tenant_id, currency from {{ ref('stg_tenancy__tenants') }}\n)"
    return (
        f"{tenants},\n\nfinal as (\n    select\n{listed}\n    from {last}\n"
        f"    inner join tenants on {last}.tenant_id = tenants.tenant_id{where}\n)"
    )


def _takes_tenant_currency(contract: Contract) -> bool:
    return any(column.name == "currency" and not column.required for column in contract.columns)


def _yaml(
    name: str, description: str, contract: Contract, *, extra: Mapping[str, str], is_enforced: bool
) -> str:
    nullable = [column.name for column in contract.columns if column.key and not column.required]
    lines = [
        f"# {_BANNER}",
        "version: 2",
        "",
        "models:",
        f"  - name: {name}",
        f"    description: {_quoted(description)}",
        "    config:",
    ]
    if is_enforced:
        lines += ["      contract:", "        enforced: true"]
    lines += ["      meta:", "        owner: data_platform"]
    if is_enforced:
        lines += ["    data_tests:", "      - key_is_unique:", "          arguments:"]
        lines.append(f"            columns: [{', '.join(('tenant_id', *contract.key))}]")
        if nullable:
            lines.append(f"            nullable: [{', '.join(nullable)}]")
    lines += ["    columns:", *_column("tenant_id", "text", "The company.")]
    for column in contract.columns:
        lines += _column(column.name, POSTGRES_TYPES[column.type], _note(column))
    for extra_name, type in extra.items():
        lines += _column(extra_name, type, "")
    return "\n".join(lines) + "\n"


def _column(name: str, type: str, note: str) -> list[str]:
    lines = [f"      - name: {name}", f"        data_type: {type}"]
    if note:
        lines.append(f"        description: {_quoted(note)}")
    return lines


def _note(column: Column) -> str:
    parts = [column.description] if column.description else []
    if column.key:
        parts.append("part of the key")
    elif column.required:
        parts.append("required")
    if column.allowed:
        parts.append("one of " + ", ".join(column.allowed))
    if column.references:
        parts.append(f"refers to {column.references}")
    return "; ".join(parts)


def _grain(contract: Contract) -> str:
    return f"One row per {', '.join(contract.key)}."


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _listed(columns: Sequence[str]) -> str:
    return ",\n".join(f"        {column}" for column in columns)


def _joined(steps: Sequence[str]) -> str:
    return ",\n\n".join(steps)
