"""The gate before anybody reads statements: every account with a balance is in its company's chart.

The marts withhold the statements of a company and period with such an account (D19); this says so, by name, for the
tenants a run is about.
"""

from __future__ import annotations

from include.errors import CheckFailed
from include.warehouse.session import Warehouse

_SHOWN = 20


def require_mapped_accounts(wh: Warehouse, tenants: list[str]) -> None:
    """Raises CheckFailed naming tenant, company, account, period and balance of what the charts do not list."""
    with wh.pipeline() as conn:
        found = conn.execute(
            "SELECT tenant_id, company_code, account_code, currency, scenario,"
            " min(fiscal_year * 100 + fiscal_period), max(fiscal_year * 100 + fiscal_period),"
            " (array_agg(closing ORDER BY fiscal_year DESC, fiscal_period DESC))[1]"
            " FROM finance.unmapped_accounts WHERE tenant_id = ANY(%s)"
            " GROUP BY 1, 2, 3, 4, 5 ORDER BY abs((array_agg(closing ORDER BY fiscal_year DESC, fiscal_period DESC))[1]) DESC",
            (tenants,),
        ).fetchall()
    if not found:
        return
    lines = [
        f"{tenant}: company {company}, account {account}, {scenario} {currency}, periods {first} to {last},"
        f" balance {closing}"
        for tenant, company, account, currency, scenario, first, last, closing in found[:_SHOWN]
    ]
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise CheckFailed(
        where="finance.unmapped_accounts",
        expected="every account with a balance in its company's chart",
        got="; ".join(lines) + more,
        remedy="add the accounts to gl_accounts, then run transform again; the statements of these periods are withheld until then",
    )
