"""What is said of a challenge: by the person, and by the source; checked."""

from __future__ import annotations

from enum import StrEnum

from scr.access.contributing.forms import clean
from scr.access.contributing.found import N_, Finding, NotTaken

MOST = 4_000


class Outcome(StrEnum):
    """What a source did."""

    AMENDED = "amended"
    ANNOTATED = "annotated"
    REFUSED = "refused"


OUTCOMES = {
    Outcome.AMENDED: N_("The entry was changed."),
    Outcome.ANNOTATED: N_("The entry stays, and what you say of it was noted beside it."),
    Outcome.REFUSED: N_("The entry was not changed."),
}
"""What each comes to, for the person."""


def reason_of(typed: str) -> str:
    """Why the entry is wrong, as the person says. Raises NotTaken."""
    return _said(typed, "reason", N_("Say what is wrong, and what it should say."))


def answer_of(outcome: str, typed: str) -> tuple[Outcome, str]:
    """What a source answered. Raises NotTaken: whatever it did, it has to say why or what."""
    if outcome not in set(Outcome):
        told = ", ".join(Outcome)
        raise NotTaken([Finding("outcome", "not-chosen", N_("Say what you did: %(told)s."), {"told": told})])
    return Outcome(outcome), _said(typed, "text", N_("Say what was done, or why not, in plain words."))


def _said(typed: str, field: str, missing: str) -> str:
    text = clean(typed)
    if not text:
        raise NotTaken([Finding(field, "missing", missing)])
    if len(text) > MOST:
        raise NotTaken(
            [
                Finding(
                    field, "too-long", N_("It must be %(most)s characters or fewer."), {"most": f"{MOST:,}"}
                )
            ]
        )
    return text
