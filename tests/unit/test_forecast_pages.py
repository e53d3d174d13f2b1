"""The PDF in every shape: nothing is written over something else or off the page, and the answers fit what happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import combinations, count, islice

import matplotlib as mpl
import numpy as np
import pytest

from include.report import pdf
from include.report.forecast_report import ForecastReport
from include.report.headlines import headlines
from include.report.pages import fitted, new_page
from tests.unit.test_compensation_sheets import BOOKS
from tests.unit.test_forecast_report import _summary_row
from tests.unit.test_forecast_report import report_of as made

LONG = "Société Générale de Distribution Alimentaire et de Commerce International du Nord-Pas-de-Calais " * 3
report_of = cache(made)
DRIVER = {"reason": None, "delta_p95_se": Decimal(900), "rank": 1}


def changed(
    cents: np.ndarray | None = None, budget: Decimal | None = Decimal(1_300_000), **changes
) -> ForecastReport:
    """The usual report with other totals."""
    report = report_of(budget)
    simulation = report.simulations[0]
    if cents is not None:
        scale = 0 if not cents.any() else 1
        groups = [{**g, "mean": g["mean"] * scale, "es95_contribution": g["es95_contribution"] and Decimal(0)} for g in simulation.groups]  # fmt: skip
        simulation = replace(simulation, cents=cents, summary=_summary_row(cents, budget), groups=groups)
    return replace(report, simulations=(replace(simulation, **changes),))


def long_names() -> ForecastReport:
    report = report_of()
    simulation = report.simulations[0]
    groups = [{**g, "group_key": f"{g['group_key']} {LONG}"} if g["group_kind"] in ("role", "region") else g for g in simulation.groups]  # fmt: skip
    excluded = {f"R{n:05d}": f"{LONG} {n % 60}" for n in range(5_000)}
    inputs = replace(simulation.inputs, exclusions=excluded, notes=(LONG,) * 70)
    drivers = [
        {**DRIVER, "lever": lever, "size": size, "delta_p95": Decimal(round(size * 100_000))}
        for lever in ("quota", "cap")
        for size in (-0.1, 0.1)
    ]
    long = replace(
        simulation, groups=groups, inputs=inputs, drivers=drivers, scenario_id=LONG.replace(" ", "_")
    )
    return replace(report, company=LONG, simulations=(long,))


SHAPES = {
    "a year that was paid": lambda: replace(report_of(), books=BOOKS),
    "usual": report_of,
    "no budget": lambda: changed(budget=None),
    "a budget of billions": lambda: changed(np.arange(800), Decimal("1300000000000.55")),
    "amounts of billions": lambda: changed(np.arange(800) * 10**12 + 10**15, Decimal(10**13)),
    "one iteration": lambda: changed(np.array([3_867_700])),
    "nothing is paid": lambda: changed(np.zeros(800, dtype=np.int64)),
    "long names, thousands left out": long_names,
    "a dozen scenarios": lambda: replace(
        report_of(),
        simulations=tuple(replace(report_of().simulations[0], scenario_id=f"s{n}") for n in range(12)),
    ),
}


def pages_of(report: ForecastReport) -> Iterator:
    with mpl.rc_context(pdf._STYLE):
        yield from pdf._pages(report)


def boxes(figure) -> list[tuple[str, object]]:
    renderer = figure.canvas.get_renderer()
    return [(text.get_text(), text.get_window_extent(renderer)) for text in figure.texts if text.get_text()]


def overlaps(figure) -> list[tuple[str, str]]:
    return [
        (one, other)
        for (one, a), (other, b) in combinations(boxes(figure), 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]


def outside(figure) -> list[str]:
    page = figure.bbox
    return [
        text
        for text, box in boxes(figure)
        if box.x0 < 0 or box.y0 < 0 or box.x1 > page.x1 or box.y1 > page.y1
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_overlaps_and_nothing_leaves_the_page(shape):
    for figure in islice(pages_of(SHAPES[shape]()), 5):
        assert overlaps(figure) == []
        assert outside(figure) == []
        assert all(axes.get_tightbbox(figure.canvas.get_renderer()).x0 >= 0 for axes in figure.axes)


def test_thousands_left_out_are_told_by_reason():
    report = long_names()
    pages = list(pdf._notes(report, report.simulations[0], count(1)))
    assert len(pages) < 40


def test_text_over_text_would_be_seen():
    figure = new_page(report_of(), "Title", 1)
    figure.text(0.06, 0.935, "over the company's name")
    figure.text(0.9, 0.5, "far too long for what is left of the page here")
    figure.canvas.draw()
    assert overlaps(figure)
    assert outside(figure)


def test_a_text_is_cut_where_it_would_be_too_wide():
    figure = new_page(report_of(), "Title", 1)
    fitted(figure, 0.06, 0.5, LONG, 0.3, fontsize=9)
    [(text, box)] = [found for found in boxes(figure) if found[0].startswith("Société")]
    assert text.endswith("…")
    assert box.width <= 0.3 * figure.bbox.width


def answers(report: ForecastReport) -> dict[str, str]:
    return {
        question: answer.replace("\u00a0", " ")
        for question, answer in headlines(report.simulations[0], report.books)
    }


def test_the_answers_are_the_figures_of_the_summary():
    report = report_of()
    s, said = report.simulations[0].summary, answers(report)
    assert f"USD {s['mean']:,.0f} of variable compensation on average" in said["What will it cost?"]
    assert f"± {Decimal('1.96') * s['se_mean']:,.0f}" in said["How sure is that?"]
    assert f"{s['p_exceed_budget']:.1%} (95 %: {s['p_exceed_low']:.1%} to" in said["Against the budget?"]
    assert "1 rep who could not be simulated" in said["What is left out?"]


@pytest.mark.parametrize(
    ("shape", "question", "said"),
    [
        ("no budget", "Against the budget?", "No budget covers the whole year"),
        ("one iteration", "How sure is that?", "says nothing about the spread"),
        ("one iteration", "What will it cost?", "in the one year that was simulated"),
        (
            "a year that was paid",
            "How sure is that?",
            "In the back-test, what was paid for the year to 31 December",
        ),
        ("nothing is paid", "What will it cost?", "USD 0 of variable compensation"),
        ("a budget of billions", "Against the budget?", "more than the expected cost"),
        ("long names, thousands left out", "Why?", "What moves P95 most: Quotas"),
        ("long names, thousands left out", "What is left out?", "5,000 reps who could not be simulated"),
    ],
)
def test_the_answers_of_odd_years_make_sense(shape, question, said):
    assert said in answers(SHAPES[shape]())[question]
