"""How far a label goes: from an entry to what belongs with it, and no further.

Whoever reads the letter, the appointment or the blood test of an encounter reads what the encounter
was about. So a label goes round, by references in either direction, by this rule:

* An **event** (an encounter, an appointment, a document, a report, and a list or composition of one
  encounter) takes the label of everything that belongs to it, and everything that belongs to it takes
  the event's.
* A **fact** (a condition, a result, a medicine that is prescribed …) takes the labels of its events, and
  of a fact that is tied to it directly. It passes on only what its own codes bring.
* What **spans** events (an episode of care, a care plan, a list or composition of the whole record)
  takes the labels of what it names, and passes on only what its own codes bring.
* A **medicine** gives what its code brings to whatever names it, as if that had the code itself.
* **People and places** neither take nor pass on.

A fact does not pass on what it took, and what spans does not: else one entry of a long illness would
join every encounter in which it was ever mentioned, and in the end the whole record would be marked.

The result is the same whatever the order in which entries come, asking again changes nothing, and more
entries or labels never give less. ``Marks`` is what has to be remembered of a record for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

import msgspec

NONE: frozenset[str] = frozenset()


class Part(Enum):
    """What part an entry plays."""

    EVENT = "event"
    FACT = "fact"
    SPAN = "span"
    MEDICINE = "medicine"
    NEITHER = "neither"


_EVENTS = ("Encounter", "Appointment", "AppointmentResponse", "Binary", "DiagnosticReport")
_SPANS = ("Account", "CarePlan", "CareTeam", "Coverage", "EpisodeOfCare", "Goal", "MeasureReport")
PEOPLE_AND_PLACES = (
    "Device", "Endpoint", "Group", "HealthcareService", "Location", "OperationOutcome", "Organization",
    "Patient", "Practitioner", "PractitionerRole", "Provenance", "RelatedPerson",
)  # fmt: skip
"""Types that have no label of ours: whoever may see the record may see who and where."""
_ALWAYS: dict[str, Part] = {
    **dict.fromkeys(_EVENTS, Part.EVENT),
    **dict.fromkeys(_SPANS, Part.SPAN),
    **dict.fromkeys(PEOPLE_AND_PLACES, Part.NEITHER),
    "Medication": Part.MEDICINE,
}
_ENCOUNTER = "Encounter/"


class Node(NamedTuple):
    """An entry: ``reference`` is ``Type/id``; ``own`` the labels that it has by itself."""

    reference: str
    own: frozenset[str]
    references: Iterable[str] = ()

    @property
    def part(self) -> Part:
        """The part that it plays."""
        return part_of(self.reference.partition("/")[0], self.references)


class Marks(msgspec.Struct, frozen=True, array_like=True):
    """What a record remembers: by reference, what an entry passes on to those that name it, and what an
    entry gets because others name it. The entries themselves need not be there (any more, or yet)."""

    passes: dict[str, frozenset[str]] = {}
    named: dict[str, frozenset[str]] = {}


class Spread(NamedTuple):
    """For each entry the labels that it has by what it belongs with; and what is to be remembered."""

    related: dict[str, frozenset[str]]
    marks: Marks


def part_of(kind: str, references: Iterable[str] = ()) -> Part:
    """The part that a type plays, which for a document depends on how many encounters it names."""
    if kind in _ALWAYS:
        return _ALWAYS[kind]
    if kind in ("DocumentReference", "DocumentManifest"):
        return Part.EVENT if _encounters(references) <= 1 else Part.SPAN
    if kind in ("Composition", "List"):
        return Part.EVENT if _encounters(references) == 1 else Part.SPAN
    return Part.FACT


def spread(nodes: Sequence[Node], before: Marks) -> Spread:
    """Spread the labels of some entries of a record over each other and from what is remembered of it."""
    parts = {node.reference: node.part for node in nodes}
    passes = _own(nodes, parts, before)
    named = _names(nodes, parts, passes, before.named)
    events = [node for node in nodes if parts[node.reference] is Part.EVENT]
    while _events(events, passes, named):
        pass
    related = {
        node.reference: _taken(node, parts[node.reference], passes, named) - node.own for node in nodes
    }
    return Spread(related, Marks(_with_labels(passes), _with_labels(named)))


def _own(nodes: Sequence[Node], parts: Mapping[str, Part], before: Marks) -> dict[str, frozenset[str]]:
    """What each passes on by its own codes, a medicine's among them, and what is remembered."""
    passes = dict(before.passes)
    medicines = [node for node in nodes if parts[node.reference] is Part.MEDICINE]
    others = [node for node in nodes if parts[node.reference] not in (Part.MEDICINE, Part.NEITHER)]
    for node in (*medicines, *others):  # what names a medicine has its labels
        found = passes.get(node.reference, NONE) | node.own
        for reference in node.references if parts[node.reference] is Part.FACT else ():
            if reference.startswith("Medication/"):
                found |= passes.get(reference, NONE)
        if found:
            passes[node.reference] = found
    return passes


def _names(
    nodes: Sequence[Node],
    parts: Mapping[str, Part],
    passes: Mapping[str, frozenset[str]],
    before: Mapping[str, frozenset[str]],
) -> dict[str, frozenset[str]]:
    """What each gets because others name it."""
    named = dict(before)
    for node in nodes:
        labels = passes.get(node.reference, NONE)
        if labels and parts[node.reference] is not Part.MEDICINE:
            _name(node, labels, named)
    return named


def _name(node: Node, labels: frozenset[str], named: dict[str, frozenset[str]]) -> None:
    for reference in node.references:
        named[reference] = named.get(reference, NONE) | labels


def _events(
    events: Sequence[Node], passes: dict[str, frozenset[str]], named: dict[str, frozenset[str]]
) -> bool:
    """One round of events taking and passing on; whether anything changed."""
    changed = False
    for node in events:
        there = passes.get(node.reference, NONE)
        found = there | _taken(node, Part.EVENT, passes, named)
        if found != there:
            passes[node.reference] = found
            _name(node, found, named)
            changed = True
    return changed


def _taken(
    node: Node, part: Part, passes: Mapping[str, frozenset[str]], named: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    if part in (Part.NEITHER, Part.MEDICINE):
        return NONE
    found = NONE if part is Part.SPAN else named.get(node.reference, NONE)
    for reference in node.references:
        found |= passes.get(reference, NONE)
    # An entry that lost a code keeps what it brought: a label is never taken away here.
    return found | passes.get(node.reference, NONE)


def _with_labels(found: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Without people and places: nothing is passed on through them, so nothing is remembered of them."""
    return {
        reference: labels
        for reference, labels in found.items()
        if part_of(reference.partition("/")[0]) is not Part.NEITHER
    }


def _encounters(references: Iterable[str]) -> int:
    return len({reference for reference in references if reference.startswith(_ENCOUNTER)})
