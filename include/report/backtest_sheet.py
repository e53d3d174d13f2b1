"""Tables of the workbook about the back-test: what was paid in past years and where it lay in their forecasts."""

from __future__ import annotations

from include.report.forecast_report import CompensationBooks, Table

_BINS = tuple(f"reps_p{10 * n}_{10 * n + 10}" for n in range(10))


def tables(books: CompensationBooks) -> list[Table]:
    """The sheets `backtest` and `backtest_by_rep`; none where no year was paid."""
    if not books.backtests:
        return []
    groups = Table(
        "backtest",
        [
            "year_from", "year_before", "months_before", "facts_up_to", "currency", "group", "name", "reps", "paid",
            "forecast_mean", "p5", "p50", "p95", "percentile_of_paid", "mean_percentile_of_reps", *_BINS,
            "evenness_p_value", "paid_but_not_forecast", "days_paid", "forecast", "not_compared_because",
        ],
        [
            [
                str(row["horizon_start"]), str(row["horizon_end"]), row["lead_months"], str(row["as_of"]),
                row["currency"], row["group_kind"], row["group_key"], row["rep_count"], row["paid_amount"],
                row["mean"], row["p5"], row["p50"], row["p95"], row["percentile"], row["rep_percentile_mean"],
                *(row["rep_percentile_bins"] or [None] * len(_BINS)), _plain(row["rep_p_value"]),
                row["unmatched_paid_amount"], row["covered_days"], row["basis"], row["not_compared"],
            ]
            for row in books.backtests
        ],
        [12, 12, 14, 12, 10, 10, 18, 8, *([18] * 5), 18, 22, *([13] * 10), 16, 20, 10, 12, 50],
    )  # fmt: skip
    reps = Table(
        "backtest_by_rep",
        [
            "year_from", "months_before", "currency", "rep", "role", "region", "paid", "forecast_mean",
            "percentile_of_paid", "not_compared_because",
        ],
        [
            [
                str(row["horizon_start"]), row["lead_months"], row["currency"], row["rep_key"], row["role"],
                row["region"], row["paid_amount"], row["mean"], row["percentile"], row["not_compared"],
            ]
            for row in books.backtest_reps
        ],
        [12, 14, 10, 16, 18, 16, 18, 18, 18, 60],
    )  # fmt: skip
    return [groups, reps]


def _plain(number: float | None) -> str | None:
    return None if number is None else f"{number:.4g}"
