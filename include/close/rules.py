"""What a tenant may change about the month end; the section `close` of its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from include.close.checklist import BY_NAME, CHECKS
from include.errors import TradewindError

_LONGEST_LAG = 90


@dataclass(frozen=True)
class CloseRules:
    """How many days after its end a period is closed, and which checks must tie to close it."""

    lag_days: int = 5
    must_tie: tuple[str, ...] = tuple(check.name for check in CHECKS if check.is_blocking)

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> CloseRules:
        """The section over the defaults; TradewindError names a key or check that does not exist, or a bad value."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(settings) - known)
        if unknown:
            raise _refusal("close", f"keys among {', '.join(sorted(known))}", ", ".join(unknown))
        lag = settings.get("lag_days", cls.lag_days)
        if isinstance(lag, bool) or not isinstance(lag, int) or not 0 <= lag <= _LONGEST_LAG:
            raise _refusal("close.lag_days", f"a whole number of days from 0 to {_LONGEST_LAG}", lag)
        names = settings.get("must_tie", cls.must_tie)
        if not isinstance(names, list | tuple) or any(name not in BY_NAME for name in names):
            raise _refusal("close.must_tie", f"a list of checks among {', '.join(BY_NAME)}", names)
        return cls(lag, tuple(names))


def _refusal(where: str, expected: str, got: object) -> TradewindError:
    return TradewindError(
        where=f"tenant settings, {where}", expected=expected, got=repr(got), remedy="correct the setting"
    )
