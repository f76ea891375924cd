"""What reconciliation makes, as FHIR: lists, links between duplicates, disagreements, the contents page.

Each is made for one answer, of entries that may be seen, and carries their labels. Ids are keyed hashes of
what it is made of, so that the same record gives the same ones; no time of filing stands in it.

https://hl7.org/fhir/R4/list.html, https://hl7.org/fhir/R4/linkage.html,
https://hl7.org/fhir/R4/detectedissue.html, https://hl7.org/fhir/R4/composition.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

import msgspec
import orjson

from scr.fhir.canonical import BASE, HEADING_SYSTEM
from scr.fhir.dates import day_text
from scr.fhir.documents.narrative import narrative
from scr.fhir.entry import Entry, Resource, pack, stamp_by_content
from scr.fhir.identifiers import opaque_id
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.summary import Line

RULE_SYSTEM = f"{BASE}/CodeSystem/reconciliation-rule"
STATE_SYSTEM = f"{BASE}/CodeSystem/heading-state"
STATE_EXTENSION = f"{BASE}/StructureDefinition/heading-state"
EVIDENCE_EXTENSION = f"{BASE}/StructureDefinition/duplicate-evidence"
SAME_EXTENSION = f"{BASE}/StructureDefinition/same-as"
LIST_CODES = "http://terminology.hl7.org/CodeSystem/list-example-use-codes"
_EMPTY = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
_LOINC = "http://loinc.org"
MADE_TYPES = frozenset({"Composition", "DetectedIssue", "Linkage", "List"})
"""The types of what is made here; a source may have sent some of them too."""

SAID = {
    "complete": "Complete, as far as it may be shown: every source answered.",
    "incomplete": "Incomplete: a source for this did not answer, or something may be withheld.",
    "none": "None that may be shown is recorded by any source that was asked, and all of them answered.",
    "none-now": "None that may be shown holds now; every source answered, and there are older entries.",
}
"""What is said of a heading, or of a list of it: of what may be shown, since of that alone it holds for all
who read it."""


_ROOM = 12


def room_of(logical: str) -> str:
    """The part of a made resource's id that is the same for all that was made for one person: by it the
    person is found again, since what is made is kept nowhere."""
    return logical[:_ROOM]


@dataclass(frozen=True, slots=True)
class Making:
    """For whom something is made: the Patient's logical id, the key of opaque ids, the time (ms UTC)."""

    subject: str
    id_key: bytes
    now: int

    def entry(
        self, resource: Resource, name: str, of: Sequence[Entry], heading: str, *, of_person: bool = True
    ) -> Entry:
        """The entry of a resource that is made of others, under a heading, with their labels."""
        kind = str(resource["resourceType"])
        own = opaque_id(self.id_key, PERSON_SOURCE, kind, f"{self.subject} {name}")
        logical = self.room + own[_ROOM:]
        meta: Resource = {"source": f"urn:{PERSON_SOURCE}"}
        if security := _labels(of):
            meta["security"] = security
        packed = pack(
            {"resourceType": kind, "id": logical, "meta": meta} | resource,
            source=PERSON_SOURCE,
            now=max((entry.last_updated for entry in of), default=self.now),
            references={entry.reference for entry in of}
            | ({f"Patient/{self.subject}"} if of_person else set()),
        )
        return stamp_by_content(msgspec.structs.replace(packed, heading=heading))

    @property
    def room(self) -> str:
        """How the ids of all that is made for the person begin."""
        return _room(self.id_key, self.subject)

    @property
    def reference(self) -> Resource:
        """The person."""
        return {"reference": f"Patient/{self.subject}"}


@lru_cache(maxsize=256)
def _room(id_key: bytes, subject: str) -> str:
    return room_of(opaque_id(id_key, PERSON_SOURCE, "made", subject))


_SAYS_NOTHING = Line("", "", "", "")


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a list: the entry that stands for it, and those that say the same; its words, and who says so
    (empty where sources are not named)."""

    entry: Entry
    others: tuple[Entry, ...] = ()
    line: Line = _SAYS_NOTHING
    by: str = ""


def made_list(
    making: Making, name: str, title: str, code: str, heading: str, items: Sequence[Item], state: str
) -> Entry:
    """A List of what holds now. An empty one says why: nothing is known, or not every source answered."""
    of = [one for item in items for one in (item.entry, *item.others)]
    coding = [{"system": LIST_CODES, "code": code}] if code else []
    resource: Resource = {
        "resourceType": "List",
        "text": narrative([SAID[state]], [item.line for item in items], _named(items)),
        "extension": [_state(state)],
        "status": "current",
        "mode": "snapshot",
        "title": title,
        "code": {"coding": [*coding, {"system": HEADING_SYSTEM, "code": heading}], "text": title},
        "subject": making.reference,
        "note": [{"text": SAID[state]}],
    }
    if items:
        resource["entry"] = [_item(item) for item in items]
    else:
        why = (_EMPTY, "unavailable") if state == "incomplete" else (STATE_SYSTEM, state)
        resource["emptyReason"] = {"coding": [{"system": why[0], "code": why[1]}], "text": SAID[state]}
    return making.entry(resource, name, of, heading)


def linkage(making: Making, members: Sequence[Entry], evidence: Iterable[tuple[str, Sequence[str]]]) -> Entry:
    """Entries of one thing in the world, the one that stands for them first, and why they are joined."""
    first, *others = members
    resource: Resource = {
        "resourceType": "Linkage",
        "extension": [
            {
                "url": EVIDENCE_EXTENSION,
                "extension": [
                    {"url": "rule", "valueCoding": {"system": RULE_SYSTEM, "code": rule}},
                    *({"url": "agrees", "valueCode": aspect} for aspect in by),
                ],
            }
            for rule, by in evidence
        ],
        "active": True,
        "item": [
            {"type": "source", "resource": {"reference": first.reference}},
            *({"type": "alternate", "resource": {"reference": one.reference}} for one in others),
        ],
    }
    return making.entry(resource, _names(members), members, first.heading, of_person=False)


def detected_issue(
    making: Making, rule: str, sentence: str, severity: str, between: Sequence[Entry], detail: str
) -> Entry:
    """Sources that disagree. It says between which entries, and in ``detail`` what is against what."""
    resource: Resource = {
        "resourceType": "DetectedIssue",
        "text": narrative([sentence, detail]),
        "status": "final",
        "code": {"coding": [{"system": RULE_SYSTEM, "code": rule}], "text": sentence},
        "severity": severity,
        "patient": making.reference,
        "implicated": [{"reference": one.reference} for one in between],
        "detail": detail,
    }
    return making.entry(resource, f"{rule} {_names(between)}", between, between[0].heading)


@dataclass(frozen=True, slots=True)
class Section:
    """One heading of the contents page: its state, how many entries stand there, and the lists of it."""

    heading: str
    title: str
    state: str
    count: int
    lists: tuple[Entry, ...] = ()


def contents(making: Making, sections: Sequence[Section], heading: str) -> Entry:
    """The contents of the record: for each heading whether it is complete. It says ``none`` of a heading only
    where every source of it answered."""
    lists = [one for section in sections for one in section.lists]
    resource: Resource = {
        "resourceType": "Composition",
        "status": "final",
        "type": {
            "coding": [{"system": _LOINC, "code": "34133-9", "display": "Summary of episode note"}],
            "text": "Contents of the shared care record",
        },
        "subject": making.reference,
        "date": day_text(making.now),
        "author": [{"display": "Shared care record"}],
        "title": "Contents of the shared care record",
        "section": [_section(section) for section in sections],
    }
    return making.entry(resource, "contents", lists, heading)


def _section(section: Section) -> Resource:
    told = SAID[section.state] + (f" {section.count} in all." if section.count else "")
    found: Resource = {
        "extension": [_state(section.state)],
        "title": section.title,
        "code": {"coding": [{"system": HEADING_SYSTEM, "code": section.heading}]},
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{escape(told)}</div>',
        },
    }
    if section.lists:
        found["entry"] = [{"reference": one.reference} for one in section.lists]
    return found


def items_of(made: Entry) -> list[tuple[str, tuple[str, ...]]]:
    """The lines of a list that was made here: what stands for each, and what says the same."""
    return [
        (
            line["item"]["reference"],
            tuple(one["valueReference"]["reference"] for one in line.get("extension", ())),
        )
        for line in orjson.loads(made.body).get("entry", ())
    ]


def state_of(made: Entry) -> str:
    """What is said of the heading of a list that was made here, for people."""
    return str(orjson.loads(made.body)["note"][0]["text"])


def _named(items: Iterable[Item]) -> list[str]:
    """Who says each line; nothing where nobody is named."""
    names = [item.by for item in items]
    return names if any(names) else []


def _item(item: Item) -> Resource:
    made: Resource = {"item": {"reference": item.entry.reference}}
    if item.others:
        made = {
            "extension": [
                {"url": SAME_EXTENSION, "valueReference": {"reference": one.reference}} for one in item.others
            ],
            **made,
        }
    return made


def _state(state: str) -> Resource:
    return {"url": STATE_EXTENSION, "valueCoding": {"system": STATE_SYSTEM, "code": state}}


def _names(entries: Iterable[Entry]) -> str:
    return " ".join(sorted(entry.reference for entry in entries))


def _labels(of: Iterable[Entry]) -> list[Resource]:
    """The labels of all, once each: what is made of a marked entry is marked as it is."""
    tokens = sorted({token for entry in of for token in entry.labels})
    return [
        {"system": system, "code": code} for system, _, code in (token.rpartition("|") for token in tokens)
    ]
