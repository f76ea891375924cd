"""What is said against entries, in a sentence each: that the person says it is wrong, and how that stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scr.fhir.entry import Entry
from scr.fhir.patient_made.challenge import disputes
from scr.fhir.shown.plain import Language
from scr.fhir.shown.reading import text_of
from scr.fhir.shown.words import Words, of

_STATES: Words = {
    "open": ("The source has been asked.", "Gofynnwyd i'r ffynhonnell."),
    "received": ("The source is looking at it.", "Mae'r ffynhonnell yn edrych arno."),
    "amended": ("The source has changed the entry.", "Mae'r ffynhonnell wedi newid y cofnod."),
    "annotated": (
        "The source keeps the entry, and has noted what the person says.",
        "Mae'r ffynhonnell yn cadw'r cofnod, ac wedi nodi'r hyn y mae'r person yn ei ddweud.",
    ),
    "refused": ("The source keeps the entry as it is.", "Mae'r ffynhonnell yn cadw'r cofnod fel y mae."),
}
"""By state; what was withdrawn is disputed no more."""
_SAYS: Words = {
    "says": ("The person says that this is wrong:", "Mae'r person yn dweud bod hyn yn anghywir:"),
    "answer": ("The answer:", "Yr ateb:"),
}


def disputed_in(entries: Iterable[Entry], language: Language) -> Mapping[str, str]:
    """By the reference of the entry that is disputed what is said, the newest first."""
    found: dict[str, str] = {}
    for reference, several in disputes(entries).items():
        told = []
        for one in several:
            state = of(_STATES, one.state, language)
            if state:
                parts = [of(_SAYS, "says", language), f"“{text_of(one.reason)}”.", state]
                if one.answer:
                    parts += [of(_SAYS, "answer", language), text_of(one.answer)]
                told.append(" ".join(parts))
        if told:
            found[reference] = "\n".join(told)
    return found
