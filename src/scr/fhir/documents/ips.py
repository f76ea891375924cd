"""The International Patient Summary of a record, as far as one reader may see it.

It is made of the reconciled lists: what holds now, each thing once. A section that the guide requires is
never empty: where nothing stands there it says, by a coded statement, that nothing is *known*; that there
is *none* it says only where a source says so, no source has anything, and every source answered.

https://hl7.org/fhir/uv/ips/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from scr.fhir.documents.making import Draft
from scr.fhir.documents.rules import Required, SectionRule, Statement
from scr.fhir.documents.sections import Told, filled, section
from scr.fhir.entry import Entry, Resource
from scr.fhir.headings import OWN_WORDS
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.summary import Line, lines_of

PROFILE = "http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips"
ABSENT = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
_LOINC = "http://loinc.org"
_TYPE = {"system": _LOINC, "code": "60591-5", "display": "Patient summary Document"}
_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_WRONG = frozenset({"entered-in-error", "refuted", "cancelled", "not-done"})
_CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"


def patient_summary(
    draft: Draft, rules: Sequence[SectionRule], entries: Sequence[Entry], told: Told, ledger: Resource
) -> Resource:
    """The Composition of the summary; ``entries`` are those of the record and what was made of them."""
    by_reference = {entry.reference: entry for entry in entries}
    lists: dict[str, list[Entry]] = {}
    for one in entries:
        if one.type == "List" and one.source == PERSON_SOURCE:
            lists.setdefault(one.heading, []).extend(_listed(one, by_reference))
    ordered = sorted(entries, key=lambda one: (-(one.when or (0, 0))[0], one.reference))
    chosen = {rule.name: _chosen(rule, ordered, lists) for rule in rules}
    shown = [one for some in chosen.values() for one in some]
    lines = lines_of([*shown, *(one for one in entries if one.type == "Medication")])
    sections = [_section(draft, rule, chosen[rule.name], told, lines) for rule in rules]
    return draft.composition("International Patient Summary", _TYPE, sections, ledger)


def _listed(made: Entry, by_reference: Mapping[str, Entry]) -> list[Entry]:
    """What stands in a reconciled list."""
    items = orjson.loads(made.body).get("entry", ())
    named = [one["item"]["reference"] for one in items if "reference" in one.get("item", ())]
    return [by_reference[name] for name in named if name in by_reference]


def _chosen(rule: SectionRule, entries: Sequence[Entry], lists: Mapping[str, list[Entry]]) -> list[Entry]:
    """The entries of a section, the newest first where no list says otherwise."""
    if rule.list:
        return [one for one in lists.get(rule.list, ()) if one.type in rule.types]
    current = {one.reference for one in lists.get(rule.over, ())} if rule.over else frozenset()
    return [one for one in entries if _belongs(rule, one) and one.reference not in current]


def _belongs(rule: SectionRule, entry: Entry) -> bool:
    if entry.type not in rule.types or entry.source == PERSON_SOURCE or entry.status in _WRONG:
        return False
    if entry.heading in OWN_WORDS:  # the summary would give it as what professionals have found
        return False
    if rule.codes:
        return not rule.codes.isdisjoint(entry.codes)
    if rule.categories:
        bare = {token.rpartition("|")[2] for token in entry.categories}
        return not rule.categories.isdisjoint(bare) or _by_heading(rule, entry)
    return entry.heading in rule.headings


def _by_heading(rule: SectionRule, entry: Entry) -> bool:
    """Whether an entry that has no category stands where only such stand."""
    return not entry.categories and entry.heading in rule.headings and entry.heading == "results"


def _section(
    draft: Draft, rule: SectionRule, entries: Sequence[Entry], told: Told, lines: Mapping[str, Line]
) -> Resource:
    state = told.state(rule.headings, filled=bool(entries))
    sentences = told.sentences(state, rule.headings)
    statement = None if rule.required is None else _statement(rule.required, entries, state)
    if statement is not None:
        sentences.insert(0, f"{statement.display}.")
    coding = {"system": _LOINC, "code": rule.code, "display": rule.display}
    made = section(rule.title, coding, state, sentences, [lines[one.id] for one in entries])
    if rule.required is None or statement is None:
        return filled(made, entries)
    said = draft.add(rule.name, _said(rule.required.statement, statement, draft))
    return {**made, "entry": [said, *({"reference": one.reference} for one in entries)]}


def _statement(required: Required, entries: Sequence[Entry], state: str) -> Statement | None:
    """What is said beside the entries: nothing where one of them tells of something."""
    if not entries:
        return required.info
    denied = all(not required.says_none.isdisjoint(one.codes) for one in entries)
    return required.none if denied and state == "complete" else None


def _said(kind: str, statement: Statement, draft: Draft) -> Resource:
    """A statement as the resource that stands in its section."""
    concept = {
        "coding": [{"system": ABSENT, "code": statement.code, "display": statement.display}],
        "text": statement.display,
    }
    if kind == "AllergyIntolerance":
        active = {"coding": [{"system": _CLINICAL, "code": "active"}]}
        return {"resourceType": kind, "clinicalStatus": active, "code": concept, "patient": draft.person}
    if kind == "MedicationStatement":
        absent = {"extension": [{"url": _ABSENT_REASON, "valueCode": "not-applicable"}]}
        return {
            "resourceType": kind,
            "status": "unknown",
            "medicationCodeableConcept": concept,
            "subject": draft.person,
            "_effectiveDateTime": absent,
        }
    return {"resourceType": kind, "code": concept, "subject": draft.person}
