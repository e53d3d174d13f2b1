"""Tables of the workbook about what compensation was accrued: by fiscal period and role, and by rep of the latest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from include.report.forecast_report import CompensationBooks, Table

_AMOUNTS = (
    "expected_payout", "expected_credited", "credited_amount", "accrued_before_amount", "true_up_amount",
    "catch_up_amount", "current_amount", "cumulative_amount",
)  # fmt: skip

_CREDITS = {"expected_credited", "credited_amount"}


def tables(books: CompensationBooks) -> list[Table]:
    """The sheets `accrual` and `accrual_by_rep`; none where nothing is accrued."""
    if not books.accruals:
        return []
    by_period = Table(
        "accrual",
        [
            "currency", "fiscal_period", "period_end", "role", "reps", *_AMOUNTS, "booked_in_period", "times_accrued",
            "expense_account", "liability_account",
        ],
        [
            [
                row["currency"], f"{row['fiscal_year']}-{row['fiscal_period']:02d}", str(row["period_end"]),
                row["role"] or "Total", row["reps"], *_amounts(row),
                row["true_up_amount"] + row["catch_up_amount"] + row["current_amount"], row["generation"],
                row["expense_account"], row["liability_account"],
            ]
            for row in books.accruals
        ],
        [10, 13, 12, 18, 8, *([18] * len(_AMOUNTS)), 18, 14, 16, 16],
    )  # fmt: skip
    by_rep = Table(
        "accrual_by_rep",
        ["currency", "fiscal_period", "rep", "role", "region", "measure", "share_found_by", *_AMOUNTS],
        [
            [
                row["currency"], f"{row['fiscal_year']}-{row['fiscal_period']:02d}", row["rep_key"], row["role"],
                row["region"], row["measure"], row["method"], *(row[name] for name in _AMOUNTS),
            ]
            for row in books.accrual_reps
        ],
        [10, 13, 16, 18, 16, 14, 15, *([18] * len(_AMOUNTS))],
    )  # fmt: skip
    return [by_period, by_rep]


def _amounts(row: Mapping[str, object]) -> Iterator[object]:
    """A total has no credits: what a team was credited is in its manager's measure again."""
    return (row[name] if row["role"] or name not in _CREDITS else None for name in _AMOUNTS)
