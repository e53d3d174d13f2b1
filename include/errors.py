"""Errors a user can act on: where it happened, what was expected, what was found, what to do."""

from __future__ import annotations


class TradewindError(Exception):
    """A fatal condition in the shape every message of this project has.

    `where` names the file, table or step; `expected` and `got` are shown side by side; `remedy` is the next
    thing a person should do. `difference` is given where two figures should have been equal.
    """

    def __init__(self, *, where: str, expected: str, got: str, remedy: str, difference: str | None = None):
        self.where = where
        self.expected = expected
        self.got = got
        self.remedy = remedy
        self.difference = difference
        parts = [where, f"expected {expected}", f"got {got}"]
        if difference is not None:
            parts.append(f"difference {difference}")
        parts.append(f"to do: {remedy}")
        super().__init__(" · ".join(parts))

    def __reduce__(self):
        # Keyword-only arguments do not survive pickling by default, and Airflow pickles exceptions.
        return (_rebuild, (type(self), self.where, self.expected, self.got, self.remedy, self.difference))


def _rebuild(kind, where, expected, got, remedy, difference):
    return kind(where=where, expected=expected, got=got, remedy=remedy, difference=difference)


class MissingInput(TradewindError):
    """An input the run cannot do without is absent; nothing was written."""


class CheckFailed(TradewindError):
    """Data broke a rule, here or at a destination; doing the same again gives the same answer."""


class LeaseLost(TradewindError):
    """A newer attempt owns this scope; this one must stop without writing or sending."""
