"""Each check of a seeded company is seen to bite: one thing changed, and the check says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from include.sandbox.world import TINY, World, build
from include.sandbox.world_shape import Table
from tests import world_checks, world_scoring


@pytest.fixture(scope="module")
def world() -> World:
    return build(5, TINY, "demo")


def changed(world: World, table: str, column: str, change: Callable, row: int = 0) -> World:
    """The company with one cell of one table changed."""
    old = world.tables[table]
    at = old.columns.index(column)
    rows = list(old.rows)
    rows[row] = (*rows[row][:at], change(rows[row][at]), *rows[row][at + 1 :])
    return replace(world, tables=world.tables | {table: Table(old.columns, rows)})


@pytest.mark.parametrize(
    ("table", "column", "value", "expected"),
    [
        ("deductions", "customer_key", None, "empty"),
        ("deductions", "customer_key", "B99", "orphans"),
        ("deductions", "amount", "12.00", "not money"),
        ("deductions", "amount", Decimal("1.23456"), "too many places"),
        ("promotions", "status", "Undecided", "Undecided"),
        ("products", "units_per_case", 0, "below 1"),
        ("products", "product_key", "SKU-1002", "repeated key"),
    ],
)
def test_contract_faults(world, table, column, value, expected):
    assert any(
        expected in fault
        for fault in world_checks.contract_faults(changed(world, table, column, lambda _: value))
    )


def test_contract_faults_of_columns(world):
    old = world.tables["funds"]
    renamed = Table(("fund", *old.columns[1:]), old.rows)
    assert world_checks.contract_faults(replace(world, tables=world.tables | {"funds": renamed}))


def test_forest_faults(world):
    looped = changed(world, "customers", "parent_customer_key", lambda _: "B01-01-1-001")
    assert world_checks.forest_faults(looped.tables["customers"]) == ["B01: parent B01-01-1-001"]


def test_remittance_differences(world):
    before = world_checks.remittance_differences(world)
    after = world_checks.remittance_differences(changed(world, "deductions", "amount", lambda a: a + 1))
    assert before != after


def test_unbalanced_journals(world):
    line = next(i for i, row in enumerate(world.tables["gl_journal_lines"].rows) if row[8] is not None)
    wrong = changed(world, "gl_journal_lines", "debit_amount", lambda a: a + Decimal("0.01"), line)
    assert len(world_checks.unbalanced_journals(wrong)) == 1 + len(world_checks.unbalanced_journals(world))


def test_overlapping_windows(world):
    quotas = world.tables["quotas"].rows
    longer = changed(world, "quotas", "period_end", lambda _: quotas[1][3])
    assert world_checks.overlapping_windows(longer.tables["quotas"])


def test_forward_buys(world):
    """Without the orders of the episode's month nobody bought ahead."""
    invoices = world.tables["invoices"]
    fewer = Table(invoices.columns, [r for r in invoices.rows if (r[2].year, r[2].month) != (2026, 3)])
    episode = {at for at in world_checks.forward_buys(world) if at[2:] == (2026, 3)}
    assert episode
    assert not episode & world_checks.forward_buys(replace(world, tables=world.tables | {"invoices": fewer}))


def test_earned_amounts(world):
    pos = world.tables["pos_sales"]
    doubled = Table(pos.columns, [(*r[:3], r[3] * 2, *r[4:]) for r in pos.rows])
    other = replace(world, tables=world.tables | {"pos_sales": doubled})
    assert world_checks.earned_amounts(other) != world_checks.earned_amounts(world)


def test_score_reports_a_wrong_settlement(world):
    """With the truth taken away from the parts, what the matcher settles is wrong."""
    parts = world.truth["deduction_promotions"]
    blank = replace(world, truth=world.truth | {"deduction_promotions": Table(parts.columns, [])})
    assert world_scoring.score(world).wrong == []
    assert world_scoring.score(blank).wrong


def test_score_reports_a_decision_that_got_another_answer(world):
    """With the truth turned round, every answer is another one."""
    table = world.truth["decisions"]
    turned = [(*row[:3], "refused" if row[3] == "applied" else "applied") for row in table.rows]
    blank = replace(world, truth=world.truth | {"decisions": Table(table.columns, turned)})
    assert world_scoring.score(world).misanswered == []
    assert len(world_scoring.score(blank).misanswered) == len(turned) > 8
