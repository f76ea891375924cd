"""Who is told to be somebody's parent or guardian: read of a RelatedPerson.

https://hl7.org/fhir/R4/relatedperson.html. A relationship is what a source says, and no proof that somebody
has parental responsibility: whoever records that has seen a document.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson

from scr.fhir.dates import interval, milliseconds
from scr.fhir.entry import Entry
from scr.fhir.shown.reading import concept_text, dict_of, list_of, name_text, text_of, tokens_of

_ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
_PARENTS = frozenset(
    f"{_ROLE}|{code}" for code in ("PRN", "MTH", "FTH", "NMTH", "NFTH", "NPRN", "ADOPTP", "ADOPTM", "ADOPTF")
)
_GUARDIANS = frozenset({f"{_ROLE}|GUARD"})
_WORDS = "parental responsibility"


@dataclass(frozen=True, slots=True)
class Related:
    """Somebody who is told to be a parent or guardian: their name, and as what the source tells them."""

    name: str
    relationship: str


def parent_told(entry: Entry, now: datetime) -> Related | None:
    """Whom a RelatedPerson tells to be one; None where it says something else, or is over."""
    told = dict_of(orjson.loads(entry.body))
    if entry.type != "RelatedPerson" or told.get("active") is False or _over(told.get("period"), now):
        return None
    name = next(filter(None, map(name_text, list_of(told.get("name")))), "")
    for one in list_of(told.get("relationship")):
        said = concept_text(one)
        is_parent = _PARENTS.union(_GUARDIANS).intersection(tokens_of(one)) or _WORDS in said.casefold()
        if name and is_parent:
            return Related(name, said)
    return None


def _over(period: object, now: datetime) -> bool:
    end = interval(text_of(dict_of(period).get("end")))
    return end is not None and end[1] <= milliseconds(now)
