"""Observed attainment per measure, from finished quota windows, ready to be fitted by segment."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from include.forecast.config import ForecastConfig
from include.forecast.fit import Fit, FitRules, Observation, SegmentFits
from include.forecast.horizon import DAY, middle, months_between
from include.forecast.marginal import Marginal
from include.forecast.mart_rows import Row

UNKNOWN = "Unknown"


def tenure_band(rep: Row, on: date) -> str:
    """`ramp` while the rep's tenure on that day is below ramp_months, else `ramped`."""
    hired, ramp = rep.get("hire_date"), rep.get("ramp_months")
    if hired is None or not ramp:
        return "ramped"
    return "ramp" if months_between(hired, on) < float(ramp) else "ramped"


class SegmentHistory:
    """Fits by measure, made on first use from the windows that had ended by `as_of`."""

    def __init__(
        self, sales_reps: Sequence[Row], rep_attainment: Sequence[Row], as_of: date, config: ForecastConfig
    ):
        self._config = config
        self._fits: dict[str, SegmentFits] = {}
        self._observed: dict[str, list[Observation]] = defaultdict(list)
        reps = {str(rep["rep_key"]): rep for rep in sales_reps}
        for row in rep_attainment:
            rep = reps.get(str(row["rep_key"]))
            if rep is None or row["attainment"] is None or row["period_end"] > as_of + DAY:
                continue
            if math.isfinite(row["attainment"]):
                self._observed[str(row.get("measure") or "revenue")].append(_observation(rep, row))

    def of(self, measure: str) -> SegmentFits:
        """The fits of one measure. Observations are sorted: the order of rows changes no digit."""
        if measure not in self._fits:
            ordered = sorted(
                self._observed[measure],
                key=lambda o: (o.role, o.band, o.region, o.attainment, o.window_months),
            )
            self._fits[measure] = SegmentFits(
                ordered,
                minimum=self._config.fit_minimum,
                region_minimum=self._config.fit_region_minimum,
                rules=FitRules(
                    families=tuple(self._config.families),
                    samples=self._config.goodness_samples,
                    level=self._config.goodness_level,
                    empirical_minimum=self._config.empirical_minimum,
                ),
                default=_default_fit(self._config),
            )
        return self._fits[measure]


def _observation(rep: Row, row: Row) -> Observation:
    return Observation(
        str(rep["role"]),
        tenure_band(rep, middle(row["period_start"], row["period_end"])),
        str(rep.get("region") or UNKNOWN),
        float(row["attainment"]),
        months_between(row["period_start"], row["period_end"]),
    )


def _default_fit(config: ForecastConfig) -> Fit | None:
    given = config.default_attainment
    if given is None:
        return None
    marginal = Marginal("lognormal", float(given["mu"]), float(given["sigma"]))
    return Fit(marginal, 0, 0, None, {}, float(given.get("window_months", 12.0)), "settings")
