"""The gate between extract and transform: Great Expectations over the landed rows, pushed down to PostgreSQL.

Importing Great Expectations takes five seconds, so it happens inside `gate` and one call checks all streams
of a run. Results are stored whether they are met or not.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field

import psycopg
from psycopg.conninfo import conninfo_to_dict

from include.errors import CheckFailed
from include.extract.manifest import Stream, System, systems
from include.quality.expectations import CRITICAL, Expectation, has_fallen, suite
from include.settings import tenant_slug
from include.warehouse.session import Warehouse

log = logging.getLogger("tradewind")


@dataclass(frozen=True)
class Finding:
    """One expectation on one stream with what was observed."""

    stream: str
    expectation: str
    severity: str
    is_met: bool
    observed: str


@dataclass
class GateResult:
    """All findings of one gate."""

    tenant: str
    run_id: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def failed(self) -> list[Finding]:
        """Critical expectations that are not met."""
        return [f for f in self.findings if not f.is_met and f.severity == CRITICAL]

    @property
    def warnings(self) -> list[Finding]:
        """Expectations that are not met and do not stop the run."""
        return [f for f in self.findings if not f.is_met and f.severity != CRITICAL]


def gate(dsn: str, tenant: str, streams: list[str], run_id: str, *, source: str = "files") -> GateResult:
    """Check the streams that arrived in `run_id`; `dsn` is tw_pipeline's.

    Raises TradewindError listing every critical expectation that is not met, with figures; also when nothing
    arrived at all. Findings are in staging.gate_results then too.
    """
    system = systems()[source]
    arrived = [system.stream(name) for name in streams]
    result = GateResult(tenant, run_id)
    wh = Warehouse(pipeline_dsn=dsn, engine_dsn="")
    with wh.pipeline() as conn:
        accepted = _rows_accepted(conn, tenant, run_id, source)
        if source == "files":
            result.findings.append(
                Finding(
                    "*",
                    "delivery_has_rows",
                    CRITICAL,
                    sum(accepted.values()) > 0,
                    f"{sum(accepted.values())} rows accepted",
                )
            )
        for stream in arrived:
            # Without statistics of the rows that just arrived, a key check of 40,000 rows takes minutes.
            conn.execute(f"ANALYZE {system.relation(stream)}")
            result.findings += _against_history(conn, tenant, run_id, source, stream)
    result.findings += _expectations(dsn, system, tenant, arrived, accepted)
    with wh.pipeline() as conn:
        _store(conn, result, source)
    for finding in result.warnings:
        log.warning(
            "%s · %s · %s not met · %s", tenant, finding.stream, finding.expectation, finding.observed
        )
    if result.failed:
        raise CheckFailed(
            where=f"arrival gate · {tenant} · run {run_id}",
            expected="every critical expectation to be met",
            got="; ".join(f"{f.stream} {f.expectation}: {f.observed}" for f in result.failed),
            remedy="correct the delivery and load it again; nothing was built on it",
        )
    return result


def _rows_accepted(conn: psycopg.Connection, tenant: str, run_id: str, source: str) -> dict[str, int]:
    return dict(
        conn.execute(
            "SELECT stream, sum(rows_read - rows_rejected)::bigint FROM staging.loads"
            " WHERE tenant_id = %s AND run_id = %s AND source = %s GROUP BY stream",
            (tenant, run_id, source),
        ).fetchall()
    )


def _against_history(
    conn: psycopg.Connection, tenant: str, run_id: str, source: str, stream: Stream
) -> list[Finding]:
    """Rows of this delivery against the six before it; increments are not comparable and are left out."""
    totals = conn.execute(
        "SELECT run_id, sum(rows_read)::bigint FROM staging.loads WHERE tenant_id = %s AND source = %s"
        " AND stream = %s AND NOT is_incremental GROUP BY run_id ORDER BY max(ended_at) DESC",
        (tenant, source, stream.name),
    ).fetchall()
    places = [n for n, (run, _) in enumerate(totals) if run == run_id]
    if not places:
        return []
    rows, earlier = totals[places[0]][1], [total for _, total in totals[places[0] + 1 :]]
    fell, median = has_fallen(rows, earlier)
    if median is None:
        return []
    observed = f"{rows} rows, the median of the six deliveries before is {median}"
    return [Finding(stream.name, "has_not_fallen_by_half", CRITICAL, not fell, observed)]


def _expectations(
    dsn: str, system: System, tenant: str, arrived: list[Stream], accepted: dict[str, int]
) -> list[Finding]:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_postgres("landing", connection_string=_url(dsn))
    findings = []
    for stream in arrived:
        columns = ", ".join(f'"{name}"' for name in stream.names)
        query = (
            f"SELECT {columns} FROM {system.relation(stream)}"
            f" WHERE tenant_id = '{tenant_slug(tenant)}' AND _superseded_at IS NULL"
        )
        batch = (
            source.add_query_asset(stream.name, query=query)
            .add_batch_definition_whole_table("current")
            .get_batch()
        )
        # An org that shows nothing at all is a broken connection, not an empty file beside full ones.
        has_arrived_empty = system.name == "files" and not accepted.get(stream.name)
        expectations = suite(stream, has_arrived_empty=has_arrived_empty)
        expected = gx.ExpectationSuite(
            name=stream.name, expectations=[_of(gx, expectation) for expectation in expectations]
        )
        outcome = batch.validate(expected)
        by_name = {expectation.name: expectation for expectation in expectations}
        for one in outcome.results:
            expectation = by_name[one.expectation_config.meta["name"]]
            findings.append(
                Finding(
                    stream.name, expectation.name, expectation.severity, bool(one.success), _observed(one)
                )
            )
    return findings


def _of(gx: object, expectation: Expectation) -> object:
    kind = getattr(gx.expectations, expectation.type)
    return kind(**expectation.arguments, severity=expectation.severity, meta={"name": expectation.name})


def _observed(outcome: object) -> str:
    """What was seen, in words; an expectation that could not be computed says why."""
    error = (outcome.exception_info or {}).get("exception_message")
    if error:
        return f"could not be checked: {str(error)[:200]}"
    figures = outcome.result
    if "unexpected_count" in figures:
        examples = figures.get("partial_unexpected_list") or []
        shown = f", such as {examples[:3]}" if examples else ""
        return f"{figures['unexpected_count'] or 0} of {figures.get('element_count', 0)} rows{shown}"
    return f"observed {figures.get('observed_value')}"


def _url(dsn: str) -> str:
    """The connection string as SQLAlchemy wants it; a socket folder becomes a query parameter."""
    from sqlalchemy import URL

    parts = conninfo_to_dict(dsn)
    place = {"host": parts["host"]} if str(parts.get("host", "")).startswith("/") else {}
    url = URL.create(
        "postgresql+psycopg2",
        username=parts.get("user"),
        password=parts.get("password"),
        host=None if place else parts.get("host"),
        port=int(parts["port"]) if parts.get("port") else None,
        database=parts.get("dbname"),
        query={name: str(value) for name, value in place.items()},
    )
    # A dollar sign would be taken for a variable of the context.
    return url.render_as_string(hide_password=False).replace("$", "\\$")


def _store(conn: psycopg.Connection, result: GateResult, source: str) -> None:
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO staging.gate_results"
            " (tenant_id, run_id, source, stream, expectation, severity, is_met, observed)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (tenant_id, run_id, source, stream, expectation) DO UPDATE SET severity = EXCLUDED.severity,"
            " is_met = EXCLUDED.is_met, observed = EXCLUDED.observed, checked_at = now()",
            [
                (
                    result.tenant,
                    result.run_id,
                    source,
                    f.stream,
                    f.expectation,
                    f.severity,
                    f.is_met,
                    f.observed,
                )
                for f in result.findings
            ],
        )
