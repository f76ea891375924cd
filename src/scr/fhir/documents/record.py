"""The shared record as a document, by the headings of the PRSB Core Information Standard.

Every heading of which anything may be said has a section, with its state and all that stands beneath.
"""

from __future__ import annotations

from collections.abc import Sequence

from scr.fhir.canonical import HEADING_SYSTEM
from scr.fhir.documents.making import Draft
from scr.fhir.documents.sections import Told, filled, section
from scr.fhir.entry import Entry, Resource
from scr.fhir.headings import HEADINGS, SUPPORTING
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.summary import lines_of

_TYPE = {"system": "http://loinc.org", "code": "34133-9", "display": "Summary of episode note"}
_ASIDE = frozenset({"Medication", "Linkage", "Composition"})
"""What explains other entries, or the record itself, and is no line of its own."""


def shared_record(draft: Draft, entries: Sequence[Entry], told: Told, ledger: Resource) -> Resource:
    """The Composition of the record; ``entries`` are those of the record and what was made of them."""
    ordered = sorted(entries, key=lambda one: (-(one.when or (0, 0))[0], one.reference))
    lines = lines_of(ordered)
    sections = []
    for heading, title in HEADINGS.items():
        if heading == SUPPORTING or heading not in told.states:
            continue
        own = [one for one in ordered if one.heading == heading and _is_line(one)]
        state = told.states[heading]
        shown = [lines[one.id] for one in own if one.type != "List"]
        coding = {"system": HEADING_SYSTEM, "code": heading, "display": title}
        made = section(title, coding, state, told.sentences(state, (heading,)), shown)
        sections.append(filled(made, own))
    return draft.composition("Shared care record", _TYPE, sections, ledger)


def _is_line(entry: Entry) -> bool:
    if entry.type in _ASIDE and not (entry.type == "Composition" and entry.source != PERSON_SOURCE):
        return False
    return entry.type != "Patient" or entry.source == PERSON_SOURCE
