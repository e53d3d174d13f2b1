"""The workbook's sheets of pipeline mode: win rates by stage and age, and the open deals as they are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from include.money import round_half_up
from include.report.forecast_report import SimulationReport, Table

_RATES = {
    "scenario": 14, "currency": 10, "stage": 24, "age_in_days": 12, "closed_deals_by": 18, "closed_deals": 12,
    "won": 10, "win_rate": 12, "interval_from": 14, "interval_to": 14, "open_deals": 12, "open_amount": 18,
    "expected_amount": 18,
}  # fmt: skip
_DEALS = {
    "scenario": 14, "currency": 10, "deal": 24, "rep": 16, "leg_from": 12, "amount": 18, "probability": 12,
    "closes_in_time": 14, "expected_amount": 18,
}  # fmt: skip
_NOT_KNOWN = "(not known)"


def tables(simulations: Sequence[SimulationReport]) -> Iterator[Table]:
    """Its sheets; none where no scenario is in pipeline mode."""
    for name, columns, rows in (
        ("win_rates", _RATES, _rate_rows(simulations)),
        ("open_deals", _DEALS, _deal_rows(simulations)),
    ):
        if rows:
            yield Table(name, list(columns), rows, list(columns.values()))


def _rate_rows(simulations: Sequence[SimulationReport]) -> list[list[object]]:
    return [
        [
            simulation.scenario_id, simulation.currency, rate["stage"] or _NOT_KNOWN,
            rate["age_band"] or _NOT_KNOWN, rate["source"], rate["deal_count"], rate["win_count"], rate["rate"],
            rate["rate_low"], rate["rate_high"], rate["open_count"], Decimal(rate["open_amount"]),
            round_half_up(Decimal(repr(rate["expected_amount"]))),
        ]
        for simulation in simulations
        for rate in simulation.inputs.win_rates
    ]  # fmt: skip


def _deal_rows(simulations: Sequence[SimulationReport]) -> list[list[object]]:
    return [
        [
            simulation.scenario_id, simulation.currency, deal.opportunity_key, rep.rep_key, leg.start,
            deal.amount, deal.probability, deal.chance, round_half_up(deal.expected),
        ]
        for simulation in simulations
        for rep in simulation.inputs.reps
        for leg in rep.legs
        for line in leg.lines
        for deal in line.deals
    ]  # fmt: skip
