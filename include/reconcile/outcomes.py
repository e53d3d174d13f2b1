"""Every ending of a claim: its name, the bucket of the claim law it fills, and what it means.

This is the one list: the accepted values of finance.claims.outcome, the documentation and the spec tests are
compared with it. `is_open` endings still have an amount nobody has decided. The engine asks those of `ASKED_AGAIN` again when
the inputs or the business date have moved on; the others change only by a person's decision or a linked repayment.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a claim ended."""

    SETTLED = "SETTLED"
    SETTLED_WITHIN_TOLERANCE = "SETTLED_WITHIN_TOLERANCE"
    SETTLED_EXCESS_DISPUTED = "SETTLED_EXCESS_DISPUTED"
    FIXED_FEE_SETTLED = "FIXED_FEE_SETTLED"
    PROOF_MISSING = "PROOF_MISSING"
    DISPUTED = "DISPUTED"
    RECOVERED = "RECOVERED"
    WRITTEN_OFF = "WRITTEN_OFF"
    NON_TRADE = "NON_TRADE"
    UNMATCHED = "UNMATCHED"
    AMBIGUOUS = "AMBIGUOUS"
    DUPLICATE_SUSPECT = "DUPLICATE_SUSPECT"
    NEEDS_REVIEW = "NEEDS_REVIEW"
    PERIOD_CLOSED = "PERIOD_CLOSED"
    PARTLY_DECIDED = "PARTLY_DECIDED"
    REOPENED = "REOPENED"
    REVERSED = "REVERSED"


@dataclass(frozen=True)
class Ending:
    """What one outcome means: the buckets its amount may be in, and whether it is still a question."""

    buckets: tuple[str, ...]
    is_open: bool
    meaning: str


ENDINGS: dict[Outcome, Ending] = {
    Outcome.SETTLED: Ending(
        ("settled", "recovered", "non_trade"),
        False,
        "Matched and settled in full within the authorised amount.",
    ),
    Outcome.SETTLED_WITHIN_TOLERANCE: Ending(
        ("settled", "recovered", "non_trade"),
        False,
        "Settled in full; together with earlier claims it is above the authorised amount, inside the tolerance.",
    ),
    Outcome.SETTLED_EXCESS_DISPUTED: Ending(
        ("settled", "disputed", "recovered", "written_off", "non_trade"),
        False,
        "Settled up to the authorised amount, or as far as a person decided; the rest is disputed and charged back.",
    ),
    Outcome.FIXED_FEE_SETTLED: Ending(
        ("settled", "recovered", "disputed"), False, "A fixed fee, matched, with proof of performance."
    ),
    Outcome.PROOF_MISSING: Ending(
        ("open", "recovered"),
        True,
        "A fixed fee, matched, but without proof of performance: the settlement stays Draft and is flagged for audit.",
    ),
    Outcome.DISPUTED: Ending(
        ("disputed", "recovered", "written_off", "non_trade"),
        False,
        "Disputed in full: nothing is left to settle on its promotion, or a person refused it.",
    ),
    Outcome.RECOVERED: Ending(
        ("settled", "recovered", "written_off", "non_trade"), False, "The disputed part was paid back."
    ),
    Outcome.WRITTEN_OFF: Ending(
        ("settled", "recovered", "written_off", "non_trade"), False, "The disputed part was given up."
    ),
    Outcome.NON_TRADE: Ending(
        ("non_trade", "recovered"),
        False,
        "The reason is not trade promotion (shortage, freight, damage, tax, …), or a person said so: for accounts receivable.",
    ),
    Outcome.UNMATCHED: Ending(("open", "recovered"), True, "No promotion fits well enough to propose."),
    Outcome.AMBIGUOUS: Ending(
        ("open", "recovered"), True, "Several promotions fit about equally well: a person chooses."
    ),
    Outcome.DUPLICATE_SUSPECT: Ending(
        ("open", "recovered"),
        True,
        "Looks like another claim of the same customer, or like one that was reversed.",
    ),
    Outcome.NEEDS_REVIEW: Ending(
        ("open", "recovered"), True, "The evidence is thin or contradicts itself: a person decides."
    ),
    Outcome.PERIOD_CLOSED: Ending(
        ("open", "recovered"),
        True,
        "The match is clear, but the period it would be posted to, or its accrual, is closed.",
    ),
    Outcome.PARTLY_DECIDED: Ending(
        ("settled", "disputed", "recovered", "written_off", "non_trade", "open"),
        True,
        "A person has decided a part; the rest waits for a person, not for the engine.",
    ),
    Outcome.REOPENED: Ending(
        ("open", "recovered"),
        True,
        "A person has taken the decision back: everything posted for it is reversed, and a person decides anew.",
    ),
    Outcome.REVERSED: Ending(
        ("recovered",), False, "Repaid in full by the retailer, or the repayment itself."
    ),
}

OPEN_OUTCOMES = frozenset(outcome for outcome, ending in ENDINGS.items() if ending.is_open)
#: Open claims that a person has taken in hand: the engine does not decide them any more.
IN_HAND = frozenset({Outcome.PARTLY_DECIDED, Outcome.REOPENED})
ASKED_AGAIN = OPEN_OUTCOMES - IN_HAND
