"""One seeded company that agrees with itself, with the true answers beside it.

    python -m include.sandbox.world write <inbox> [--state DIR]

writes the demo company and the second tenant beside it: contract files under <inbox>/<tenant>, CRM records and
the truth under <state>/sandbox/world/<tenant>. The same seed gives the same bytes. Sales follow from demand and
promotions, invoices from sales, remittances from invoices, deductions from promotions and invoices, journals from
all of them; quotas, deals, credits and payments follow from each other the same way.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from include.sandbox import world_accruals as accruals
from include.sandbox import world_claims as claims_room
from include.sandbox import world_compensation as pay
from include.sandbox import world_crm as crm
from include.sandbox import world_deal_history as deal_history
from include.sandbox import world_decisions as decisions_room
from include.sandbox import world_deductions as deductions_room
from include.sandbox import world_defects as defects
from include.sandbox import world_erp as erp
from include.sandbox import world_files as files
from include.sandbox import world_funding as funding
from include.sandbox import world_ledger as ledger
from include.sandbox import world_master as master
from include.sandbox import world_people as people
from include.sandbox import world_promotions as promotions_room
from include.sandbox import world_sales as sales
from include.sandbox import world_truth as truth_room
from include.sandbox.world_decidable import Rivals, make_decidable
from include.sandbox.world_demand import mean_demand
from include.sandbox.world_names import profile
from include.sandbox.world_shape import AS_OF, MEDIUM, SMALL, TINY, Table, World, WorldSize, stream

__all__ = ["MEDIUM", "SMALL", "TINY", "World", "WorldSize", "build", "write_companies"]

#: tenant -> seed and size of the companies of the demo.
COMPANIES = {"demo": (20261031, MEDIUM), "harbor": (20260117, SMALL)}


def build(seed: int, size: WorldSize, tenant: str) -> World:
    """The company of `seed`, whole and in memory; a tenant without a profile of its own trades like `demo`."""
    tables, truth, netsuite = _trade(seed, size, tenant)
    people_tables, salesforce = _people(seed, size, tenant, tables["customers"])
    tables |= people_tables
    planted = defects.plant(tables)
    truth["planted_rejects"] = defects.listing(planted, {name: files.file_name(name) for name in tables})
    return World(
        tenant, seed, size, profile(tenant).currency, AS_OF, tables, salesforce, truth, planted, netsuite
    )


def _trade(
    seed: int, size: WorldSize, tenant: str
) -> tuple[dict[str, Table], dict[str, Table], dict[str, list[dict[str, str]]]]:
    """Master data, promotions, sales, deductions and the ledger: contract tables, the truth about them, the ERP."""
    who, rng = profile(tenant), lambda room: stream(seed, tenant, room)
    net = master.network(rng("network"), size, who)
    cat = master.catalogue(rng("catalogue"), size, who, net.banners)
    demand = mean_demand(rng("demand"), net, cat)
    slots = promotions_room.schedule(rng("calendar"), size, net, cat)
    promotions = promotions_room.plan(rng("plans"), slots, tenant, net, cat, demand)
    sold, mean = sales.sell_out(rng("sales"), net, cat, demand, promotions)
    invoices = sales.ship(rng("shipments"), net, cat, sold, mean, promotions)
    authorised = {p.key: claims_room.authorise(p, net, sold, invoices) for p in promotions}

    claimant = claims_room.Claimant(rng("claims"), net, cat, authorised)
    claims = claimant.all(promotions)
    rivals = Rivals(net, promotions, authorised, claims)
    claims = deductions_room.complete(rng("deductions"), net, cat, invoices, claims, promotions, size, rivals)
    remittances = deductions_room.remit(net, invoices)
    claims = deductions_room.post(rng("posting"), net, claims, remittances)
    make_decidable(rng("decidable"), claimant, claims, rivals)

    methods = accruals.methods(promotions, authorised)
    tables = {
        "customers": net.customers, "products": cat.products, "product_costs": cat.product_costs,
        "price_lists": cat.price_lists, "gl_accounts": ledger.gl_accounts(),
        "exchange_rates": ledger.exchange_rates(rng("rates"), who), "fiscal_periods": ledger.fiscal_periods(who),
        "funds": funding.funds(promotions, net, who.currency),
        "promotions": funding.promotion_rows(
            rng("promotion_rows"), promotions, claims, who.currency, methods
        ),
        "promotion_status_history": funding.status_history(promotions),
        "promotion_products": funding.promotion_product_rows(promotions, cat),
        "reason_codes": deductions_room.reason_code_rows(net),
        "remittances": deductions_room.remittance_rows(remittances),
        "invoices": sales.invoice_rows(invoices, net, cat, who),
        "pos_sales": sales.pos_rows(rng("pos"), net, cat, sold, who),
    }  # fmt: skip
    tables["deductions"], tables["deduction_lines"] = deductions_room.deduction_rows(
        rng("reason_codes"), net, cat, claims, remittances, who.currency
    )
    fees, proofs, fee_truth = funding.fee_payments(rng("fees"), promotions, net, who.currency)
    tables["ap_payments"], tables["proofs_of_performance"] = fees, proofs
    books = ledger.totals(net, cat, invoices, remittances, promotions, fees)
    tables["gl_journal_lines"], unbalanced = ledger.journals(rng("ledger"), who, books, tenant == "demo")
    truth = truth_room.trade_truth(claims, promotions, authorised, remittances, unbalanced, net, cat)
    truth |= {"ap_payments": fee_truth, "erp_refusals": erp.refusals(promotions)}
    truth["accruals"] = accruals.truth(promotions, methods, authorised)
    tables["claim_decisions"], truth["decisions"] = decisions_room.decisions(tables, truth)
    periods = erp.accounting_periods(promotions)
    return tables, truth, {"accounts": erp.chart(tenant), "accounting_periods": periods}


def _people(
    seed: int, size: WorldSize, tenant: str, customers: Table
) -> tuple[dict[str, Table], dict[str, list[dict[str, object]]]]:
    """Reps, quotas, credits and pay, and what the CRM holds."""
    who, rng = profile(tenant), lambda room: stream(seed, tenant, room)
    reps = pay.roster(rng("roster"), size, who)
    windows = pay.quota_windows(reps)
    won = pay.deals(rng("deals"), reps, windows)
    credits = pay.credits_of(won, reps, crm.opportunity_id, who.currency)
    plans, tiers = people.plan_rows()
    tables = {
        "compensation_plans": plans, "compensation_plan_tiers": tiers, "compensation_plan_components": people.component_rows(),
        "sales_reps": people.rep_rows(reps, who.currency), "workers": people.worker_rows(reps, who.currency),
        "quotas": people.quota_rows(reps, windows, who.currency),
        "compensation_draws": people.draw_rows(reps, who.currency),
        "compensation_budgets": people.budget_rows(reps, who.currency), "sales_credits": credits,
        "incentive_payments": pay.payments(reps, windows, credits, who.currency),
    }  # fmt: skip
    accounts = crm.accounts(rng("accounts"), size, customers, who)
    ids = [str(account["Id"]) for account in accounts]
    opportunities = crm.opportunities(rng("opportunities"), size, won, reps, ids)
    return tables, {
        "Account": accounts,
        "Opportunity": opportunities,
        "OpportunityHistory": deal_history.history(rng("opportunity_history"), opportunities),
        "User": crm.users(reps),
    }


def write_companies(inbox: Path, state: Path) -> dict[str, int]:
    """Write the companies of the demo; tenant -> files written."""
    return {
        tenant: files.write(build(seed, size, tenant), inbox, state)
        for tenant, (seed, size) in COMPANIES.items()
    }


def main(arguments: list[str]) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m include.sandbox.world")
    write = parser.add_subparsers(dest="command", required=True).add_parser(
        "write", help="write the companies"
    )
    write.add_argument("inbox", type=Path)
    write.add_argument("--state", type=Path, default=Path(os.environ.get("TRADEWIND_STATE", ".state")))
    options = parser.parse_args(arguments)
    for tenant, count in write_companies(options.inbox, options.state).items():
        sys.stdout.write(f"{tenant}: {count} files under {options.inbox / tenant}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
