"""What is said of a challenge: by the person, and by the source; checked."""

from __future__ import annotations

from enum import StrEnum

from scr.access.contributing.forms import clean
from scr.access.contributing.found import Finding, NotTaken

MOST = 4_000


class Outcome(StrEnum):
    """What a source did."""

    AMENDED = "amended"
    ANNOTATED = "annotated"
    REFUSED = "refused"


OUTCOMES = {
    Outcome.AMENDED: "The entry was changed.",
    Outcome.ANNOTATED: "The entry stays, and what you say of it was noted beside it.",
    Outcome.REFUSED: "The entry was not changed.",
}
"""What each comes to, for the person."""


def reason_of(typed: str) -> str:
    """Why the entry is wrong, as the person says. Raises NotTaken."""
    return _said(typed, "reason", "Say what is wrong, and what it should say.")


def answer_of(outcome: str, typed: str) -> tuple[Outcome, str]:
    """What a source answered. Raises NotTaken: whatever it did, it has to say why or what."""
    if outcome not in set(Outcome):
        told = ", ".join(Outcome)
        raise NotTaken([Finding("outcome", "not-chosen", f"Say what you did: {told}.")])
    return Outcome(outcome), _said(typed, "text", "Say what was done, or why not, in plain words.")


def _said(typed: str, field: str, missing: str) -> str:
    text = clean(typed)
    if not text:
        raise NotTaken([Finding(field, "missing", missing)])
    if len(text) > MOST:
        raise NotTaken([Finding(field, "too-long", f"It must be {MOST:,} characters or fewer.")])
    return text
