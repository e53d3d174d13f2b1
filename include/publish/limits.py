"""What a tenant lets a publish do; its settings' section `publish`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from include.errors import TradewindError
from include.publish.erp import Erp


@dataclass(frozen=True)
class Limits:
    """What a tenant lets a publish do: how old results may be, how much of a destination may change at once, and how
    its journals get into its ERP."""

    max_age_days: int = 45
    max_changed_share: float = 1.0
    erp: Erp = field(default_factory=Erp)

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Limits:
        """The tenant's section `publish` over the defaults; TradewindError names what is unknown or out of bounds."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(settings) - known)
        if unknown:
            raise _refusal("publish", f"keys among {', '.join(sorted(known))}", ", ".join(unknown))
        limits = cls(**dict(settings) | {"erp": Erp.from_settings(settings.get("erp", {}))})
        if not isinstance(limits.max_age_days, int) or limits.max_age_days < 0:
            raise _refusal("publish.max_age_days", "a whole number of days", limits.max_age_days)
        if not isinstance(limits.max_changed_share, int | float) or not 0 <= limits.max_changed_share <= 1:
            raise _refusal("publish.max_changed_share", "a share from 0 to 1", limits.max_changed_share)
        return limits


def _refusal(where: str, expected: str, got: object) -> TradewindError:
    return TradewindError(
        where=f"tenant settings, {where}", expected=expected, got=repr(got), remedy="correct the setting"
    )
