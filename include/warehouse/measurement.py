"""What the measurement of promotions reads and writes: weeks in, fits and results out, replaced only where they differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from include.measure.regression import Fit, Weeks
from include.warehouse.copy import copy_rows, relation_name

_FETCH = 20_000
_HASHED = (
    "SELECT tenant_id, customer_key, product_key, md5(%(version)s || string_agg(concat_ws('|', week_end_date, units_sold,"
    " unit_price, is_promotion, is_clean), ',' ORDER BY week_end_date)) AS input_hash"
    " FROM intelligence.baseline_weeks GROUP BY tenant_id, customer_key, product_key"
)
#: Cells: a promotion's part of a product's week at a customer, beside its part of that week's baseline.
_CELLS = (
    "CREATE TEMP TABLE cells ON COMMIT DROP AS"
    " SELECT w.promotion_key, w.product_key, w.customer_key, w.week_end_date, w.week_kind, b.method, b.method_version,"
    " w.units_sold AS actual, b.baseline_stat_units * w.share_rate AS expected, b.is_fallback,"
    " (b.spread_units * w.share_rate)::float8 AS spread, b.weeks_used::float8 AS n"
    " FROM intelligence.promotion_weeks w JOIN intelligence.baseline b USING (tenant_id, customer_key, product_key, week_end_date)"
    " WHERE w.is_measured"
)
#: NULL as soon as one spread is not known: a sum of some errors is not the error of the sum.
_VARIANCE = "CASE WHEN count({v}) = count(*) THEN sum({v}) END"
_QUARTIC = "sum({v} ^ 2 / greatest({n} - 1, 1))"
_RESULTS = (
    "SELECT promotion_key, product_key, week_end_date, method, min(method_version), week_kind, count(*),"
    " count(*) FILTER (WHERE is_fallback), round(sum(actual), 4), round(sum(expected), 4),"
    f" {_VARIANCE.format(v='v')}, {_QUARTIC.format(v='v', n='n')}"
    " FROM (SELECT *, CASE WHEN n > 1 THEN spread ^ 2 * (1 + 1 / n) END AS v FROM cells) AS errors"
    " GROUP BY promotion_key, product_key, week_end_date, method, week_kind ORDER BY 1, 2, 3, 4"
)
# The weeks of a store share one baseline, so its error is the same in all of them: s^2 per week, (sum of s)^2 / n once.
_OF_STORE = "sum(spread ^ 2) {f} + sum(spread / sqrt(n)) {f} ^ 2"
_IN_WINDOW = "FILTER (WHERE week_kind = 'promotion')"
_LIFTS = (
    "SELECT promotion_key, method, min(method_version), max(promotion_weeks), max(post_weeks),"
    " round(sum(actual), 4), round(sum(expected), 4), round(sum(dip), 4), sum(fallback_count)::int,"
    f" {_VARIANCE.format(v='gross_v')}, {_QUARTIC.format(v='gross_v', n='n')},"
    f" {_VARIANCE.format(v='net_v')}, {_QUARTIC.format(v='net_v', n='n')}"
    " FROM (SELECT promotion_key, method, min(method_version) AS method_version, min(n) AS n,"
    f" count(*) {_IN_WINDOW} AS promotion_weeks, count(*) FILTER (WHERE week_kind = 'post') AS post_weeks,"
    f" coalesce(sum(actual) {_IN_WINDOW}, 0) AS actual, coalesce(sum(expected) {_IN_WINDOW}, 0) AS expected,"
    " coalesce(sum(actual - expected) FILTER (WHERE week_kind = 'post'), 0) AS dip,"
    " count(*) FILTER (WHERE is_fallback) AS fallback_count,"
    f" CASE WHEN bool_and(spread IS NOT NULL AND n > 1) THEN coalesce({_OF_STORE.format(f=_IN_WINDOW)}, 0) END AS gross_v,"
    f" CASE WHEN bool_and(spread IS NOT NULL AND n > 1) THEN {_OF_STORE.format(f='')} END AS net_v"
    " FROM cells GROUP BY promotion_key, product_key, customer_key, method) AS of_store"
    " GROUP BY promotion_key, method HAVING sum(promotion_weeks) > 0 ORDER BY 1, 2"
)


@dataclass(frozen=True)
class Series:
    """One product at one customer: its key, its week ends as stored, and its weeks."""

    customer_key: str
    product_key: str
    input_hash: str
    week_ends: list[date]
    weeks: Weeks


def changed_series(conn: psycopg.Connection, version: str) -> Iterator[Series]:
    """Series whose weeks differ from those their stored fit was made of, streamed in order of key."""
    conn.execute(
        f"CREATE TEMP TABLE changed_series ON COMMIT DROP AS SELECT h.* FROM ({_HASHED}) AS h"
        " LEFT JOIN intelligence.baseline_fits f USING (tenant_id, customer_key, product_key)"
        " WHERE f.input_hash IS DISTINCT FROM h.input_hash",
        {"version": version},
    )
    conn.execute("ANALYZE changed_series")
    with conn.cursor(name="changed_weeks") as cursor:
        cursor.itersize = _FETCH
        cursor.execute(
            "SELECT w.customer_key, w.product_key, s.input_hash, w.week_end_date, w.units_sold::float8,"
            " coalesce(w.unit_price, 'NaN')::float8, w.is_promotion, w.is_clean, (w.week_end_date - date '2000-01-03') / 7"
            " FROM intelligence.baseline_weeks w JOIN changed_series s USING (tenant_id, customer_key, product_key)"
            " ORDER BY w.customer_key, w.product_key, w.week_end_date"
        )
        held: list[tuple] = []
        for row in cursor:
            if held and held[-1][:2] != row[:2]:
                yield _series(held)
                held = []
            held.append(row)
        if held:
            yield _series(held)


def _series(rows: Sequence[tuple]) -> Series:
    customer, product, digest, ends, units, price, promoted, clean, week = zip(*rows, strict=True)
    weeks = Weeks(
        week=np.array(week, dtype=float),
        units=np.array(units, dtype=float),
        price=np.array(price, dtype=float),
        promoted=np.array(promoted, dtype=bool),
        clean=np.array(clean, dtype=bool),
    )
    return Series(customer[0], product[0], digest[0], list(ends), weeks)


def write_fits(
    conn: psycopg.Connection,
    tenant: str,
    run_id: str,
    version: str,
    fitted: Sequence[tuple[Series, Fit | str]],
) -> None:
    """Replace the fits and regressions of these series."""
    keys = [(s.customer_key, s.product_key) for s, _ in fitted]
    customers, products = ([k[i] for k in keys] for i in (0, 1))
    for table in ("baseline_regressions", "baseline_fits"):
        conn.execute(
            sql.SQL(
                "DELETE FROM intelligence.{} WHERE tenant_id = %s AND (customer_key, product_key) IN"
                " (SELECT * FROM unnest(%s::text[], %s::text[]))"
            ).format(sql.Identifier(table)),
            (tenant, customers, products),
        )
    _append(conn, "intelligence.baseline_fits", _FIT, _fit_rows(tenant, run_id, version, fitted))
    _append(
        conn,
        "intelligence.baseline_regressions",
        _REGRESSION,
        (
            (tenant, s.customer_key, s.product_key, end, version, f"{units:.4f}", f"{spread:.4f}", made.weeks_used, run_id)
            for s, made in fitted
            if isinstance(made, Fit)
            for end, units, spread in zip(s.week_ends, made.baseline, made.spread, strict=True)
        ),
    )  # fmt: skip


def forget_vanished(conn: psycopg.Connection, tenant: str) -> None:
    """Drop fits and regressions of series that are no longer there."""
    for table in ("baseline_regressions", "baseline_fits"):
        conn.execute(
            sql.SQL(
                "DELETE FROM intelligence.{} t WHERE tenant_id = %s AND NOT EXISTS (SELECT FROM intelligence.baseline_weeks w"
                " WHERE w.tenant_id = t.tenant_id AND w.customer_key = t.customer_key AND w.product_key = t.product_key)"
            ).format(sql.Identifier(table)),
            (tenant,),
        )


def read_cells(conn: psycopg.Connection) -> tuple[list[tuple], list[tuple]]:
    """Results by promotion, product and week, and lifts by promotion, each with variance and quartic at the end."""
    conn.execute(_CELLS)
    conn.execute("ANALYZE cells")
    results = conn.execute(_RESULTS).fetchall()
    lifts = conn.execute(_LIFTS).fetchall()
    conn.execute("DROP TABLE cells")
    return results, lifts


def replace_where_different(
    conn: psycopg.Connection,
    relation: str,
    keys: Sequence[str],
    columns: Sequence[str],
    rows: Iterable[tuple],
) -> int:
    """Make `relation` hold exactly `rows` for the tenant of the transaction; returns the rows written or removed.

    A row that only its run would change is left alone: measuring again what did not change writes nothing.
    """
    table = relation_name(relation)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    key = sql.SQL(", ").join(map(sql.Identifier, keys))
    told = [c for c in columns if c not in keys and c != "run_id"]
    compared = [
        sql.SQL(", ").join(sql.SQL("{}.{}").format(sql.Identifier(a), sql.Identifier(c)) for c in told) for a in ("t", "excluded")
    ]  # fmt: skip
    _stage(conn, relation, columns, rows)
    same_key = sql.SQL(" AND ").join(sql.SQL("t.{0} = incoming.{0}").format(sql.Identifier(k)) for k in keys)
    removed = conn.execute(
        sql.SQL("DELETE FROM {} t WHERE NOT EXISTS (SELECT FROM incoming WHERE {})").format(table, same_key)
    ).rowcount
    written = conn.execute(
        sql.SQL(
            "INSERT INTO {} AS t ({names}) SELECT {names} FROM incoming ON CONFLICT ({}) DO UPDATE SET ({names}) ="
            " ROW ({new}) WHERE ROW ({}) IS DISTINCT FROM ROW ({})"
        ).format(
            table,
            key,
            *compared,
            names=names,
            new=sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(c)) for c in columns),
        )
    ).rowcount
    conn.execute("DROP TABLE incoming")
    return removed + written


def alerts_in_force(conn: psycopg.Connection, as_of: date) -> list[tuple[str, str, date, str]]:
    """Forward buys whose stock is not sold off by then, as (retailer, product group, month, text)."""
    return conn.execute(
        "SELECT customer_key, product_group, month_start_date, alert_text FROM intelligence.forward_buy_alerts"
        " WHERE planning_blocked_until >= %s ORDER BY 3, 1, 2",
        (as_of,),
    ).fetchall()


def _append(conn: psycopg.Connection, relation: str, columns: Sequence[str], rows: Iterable[tuple]) -> None:
    _stage(conn, relation, columns, rows)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    conn.execute(
        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM incoming").format(relation_name(relation), names, names)
    )
    conn.execute("DROP TABLE incoming")


def _stage(conn: psycopg.Connection, relation: str, columns: Sequence[str], rows: Iterable[tuple]) -> None:
    """PostgreSQL refuses COPY into a table with row security, so rows go to a temporary one first."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    conn.execute(
        sql.SQL("CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            names, relation_name(relation)
        )
    )
    copy_rows(conn, "incoming", columns, rows)
    conn.execute("ANALYZE incoming")


def _fit_rows(
    tenant: str, run_id: str, version: str, fitted: Iterable[tuple[Series, Fit | str]]
) -> Iterator[tuple]:
    for s, made in fitted:
        key = (tenant, s.customer_key, s.product_key, version, s.input_hash, len(s.week_ends))
        if isinstance(made, Fit):
            figures = (f"{made.r_squared:.6f}", f"{made.residual_spread:.9f}", None)
            yield (*key, Jsonb(made.terms), *figures, run_id)
        else:
            yield (*key, Jsonb({}), None, None, made, run_id)


_FIT = (
    "tenant_id", "customer_key", "product_key", "method_version", "input_hash", "week_count", "terms", "r_squared",
    "residual_spread", "not_fitted_reason", "run_id",
)  # fmt: skip
_REGRESSION = (
    "tenant_id", "customer_key", "product_key", "week_end_date", "method_version", "baseline_stat_units", "spread_units",
    "weeks_used", "run_id",
)  # fmt: skip
