"""The knobs of pipeline mode, checked once, here."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, fields

from include.errors import TradewindError

MODES = ("attainment", "pipeline")


@dataclass(frozen=True)
class PipelineRules:
    """How open deals are turned into revenue.

    `age_bands`: ages in days at which a new band begins; the first begins at 0. `minimum_deals`: closed deals that a
    rate by stage and age, a slippage or a share of new deals needs; below it they pool. `history_months`: deals that
    closed longer ago say nothing. `amount_spread`: standard deviation of the amount won over the amount stated; null
    = as history has it. `run_rate`: whether deals not yet in the pipeline are forecast. `correlated`: whether deals
    share the factors of the reps.
    """

    age_bands: tuple[int, ...] = (30, 60, 90, 180)
    minimum_deals: int = 20
    history_months: int = 36
    amount_spread: float | None = None
    run_rate: bool = True
    correlated: bool = True

    @classmethod
    def from_mapping(cls, body: object) -> PipelineRules:
        """Rules from settings. Raises TradewindError naming the key that is unknown or out of bounds."""
        known = [f.name for f in fields(cls)]
        if body is not None and not isinstance(body, Mapping):
            raise _refuse("", f"keys among {', '.join(known)}", repr(body))
        given = dict(body or {})
        if unknown := sorted(str(key) for key in set(given) - set(known)):
            raise _refuse("", f"keys among {', '.join(known)}", ", ".join(unknown))
        if "age_bands" in given:
            bands = given["age_bands"]
            given["age_bands"] = tuple(bands) if isinstance(bands, list | tuple) else (bands,)
        rules = cls(**given)
        rules._check()
        return rules

    def band_of(self, age: int) -> int:
        """Number of the band that an age in days lies in."""
        return bisect_right(self.age_bands, age)

    def band_name(self, band: int) -> str:
        """`0-29`, …, `180+`."""
        edges = (0, *self.age_bands)
        return f"{edges[band]}+" if band == len(self.age_bands) else f"{edges[band]}-{edges[band + 1] - 1}"

    def _check(self) -> None:
        edges = self.age_bands
        if not all(_is_whole(e) and e > 0 for e in edges) or list(edges) != sorted(set(edges)):
            raise _refuse("age_bands", "rising whole numbers of days above 0", repr(list(edges)))
        for name in ("minimum_deals", "history_months"):
            value = getattr(self, name)
            if not _is_whole(value) or not 1 <= value <= 10**6:
                raise _refuse(name, "a whole number from 1 to 1000000", repr(value))
        spread = self.amount_spread
        if spread is not None and not (
            isinstance(spread, int | float)
            and not isinstance(spread, bool)
            and math.isfinite(spread)
            and 0 <= spread <= 10
        ):
            raise _refuse("amount_spread", "null, or a number from 0 to 10", repr(spread))
        for name in ("run_rate", "correlated"):
            if not isinstance(getattr(self, name), bool):
                raise _refuse(name, "true or false", repr(getattr(self, name)))


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _refuse(key: str, expected: str, got: str) -> TradewindError:
    return TradewindError(
        where="forecast settings, pipeline" + (f".{key}" if key else ""),
        expected=expected,
        got=got,
        remedy="correct include/forecast/monthly_forecast_config.yaml or the tenant's forecast settings",
    )
