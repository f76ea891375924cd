"""The labeller: puts confidentiality and sensitivity on what comes in, in one place, before it is stored.

It looks at every code of every resource of a unit, the source's own and those that were added beside
them, and at the marks that the source itself has set; it lets labels spread over the unit (``spread``),
and marks what nobody can classify. It only adds: what the source said stays, and a level is never lowered,
but by a human who says that a label is wrong (``lifts``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from scr.consent.label_codes import LabelCodes
from scr.consent.label_policy import UNCLASSIFIED, UNCLASSIFIED_LABEL, LabelPolicy
from scr.consent.lifts import Lift, lifted_on
from scr.consent.spread import NONE, PEOPLE_AND_PLACES, Marks, Node, spread
from scr.fhir.canonical import LABEL_SYSTEM, LIFTED_LABEL_SYSTEM, RELATED_LABEL_SYSTEM
from scr.fhir.coded import codes_in, matters_of, references_in
from scr.fhir.entry import Entry, Resource, stamp_as
from scr.fhir.labels import Code, relabelled, security_of, with_security
from scr.terminology.coding import Untranslated
from scr.terminology.release.reader import Release

_OWN, _RELATED, _LIFTED = f"{LABEL_SYSTEM}|", f"{RELATED_LABEL_SYSTEM}|", f"{LIFTED_LABEL_SYSTEM}|"
_UNSPREAD = frozenset({UNCLASSIFIED})
_SPREADING = frozenset({LABEL_SYSTEM, RELATED_LABEL_SYSTEM})
_DOCUMENTS = frozenset({"Binary", "DocumentReference"})


class Labeller:
    """A step of mapping, to run after the codes have been translated. Threads may share one."""

    def __init__(self, policy: LabelPolicy, release: Callable[[], Release | None] | None = None) -> None:
        """``release`` gives the terminology release in force; another is noticed at the next unit."""
        self.policy = policy
        self._release = release
        self._codes = LabelCodes(policy, None)

    def __call__(self, resources: list[Resource]) -> list[Untranslated]:
        """Put in the place of each resource the one with its labels. No code is told as untranslated."""
        codes = self.codes()
        own = [self._own(resource, codes) for resource in resources]
        related = self._related(resources, own) if any(own) else {}
        reviewed = _unclassified(resources, codes)
        for place, mine in enumerate(own):
            others = related.get(place, NONE)
            labels = self.policy.codings(mine, others) if mine or others else []
            if place in reviewed and not mine:
                labels.append(UNCLASSIFIED_LABEL)
            if labels:
                resources[place] = with_security(resources[place], labels)
        return []

    def apart(self, resource: Resource) -> bool:
        """Whether a resource, as it was labelled by itself, says nothing for what stands beside it: it has
        no label that spreads, and is no part of a document."""
        if resource.get("resourceType") in _DOCUMENTS:
            return False
        return not any(
            system in _SPREADING and code != UNCLASSIFIED for system, code in security_of(resource)
        )

    def codes(self) -> LabelCodes:
        """The codes that bring labels, by the release in force."""
        release = None if self._release is None else self._release()
        if release is not self._codes.release:
            self._codes = LabelCodes(self.policy, release)
        return self._codes

    def _own(self, resource: Resource, codes: LabelCodes) -> frozenset[str]:
        """The labels that a resource has by what it says itself."""
        if resource.get("resourceType") in PEOPLE_AND_PLACES:
            return NONE
        found = NONE
        look_up = codes.look_up
        for code in codes_in(resource):
            labels = look_up(code).labels
            if labels:
                found |= labels
        security = security_of(resource) if "meta" in resource else ()
        return found | self.policy.said_by_source(security) if security else found

    @staticmethod
    def _related(resources: list[Resource], own: list[frozenset[str]]) -> dict[int, frozenset[str]]:
        """By place, the labels that come of what a resource belongs with in the unit."""
        nodes = [
            Node(
                f"{resource.get('resourceType')}/{resource.get('id', place)}", labels, references_in(resource)
            )
            for place, (resource, labels) in enumerate(zip(resources, own, strict=True))
        ]
        found = spread(nodes, Marks()).related
        return {place: found[node.reference] - node.own for place, node in enumerate(nodes)}


def nodes_of(entries: Iterable[Entry], lifts: Sequence[Lift] = ()) -> list[Node]:
    """Entries that have been labelled, as what labels spread over, without those that were lifted."""
    return [
        Node(entry.reference, _standing(entry, lifts)[0] - _UNSPREAD, entry.references) for entry in entries
    ]


def spread_over(
    entries: Sequence[Entry], before: Marks, policy: LabelPolicy, lifts: Sequence[Lift] = ()
) -> tuple[list[Entry], list[Entry], Marks]:
    """Spread labels over entries of a record, and from what is remembered of it; ``lifts`` are in force.

    Gives all of the entries, those of them that changed, and what is to be remembered.
    """
    result = spread(nodes_of(entries, lifts), before)
    named = frozenset(lift.label for lift in lifts)
    after: list[Entry] = []
    changed: list[Entry] = []
    for entry in entries:
        made = _labelled_anew(entry, result.related[entry.reference], lifts, named, policy)
        after.append(made)
        if made is not entry:
            changed.append(made)
    return after, changed, result.marks


def without_lifted(entries: Sequence[Entry], lifts: Sequence[Lift], policy: LabelPolicy) -> tuple[Entry, ...]:
    """What a live source told, without the labels that were lifted; each with a version of its own."""
    after = spread_over(entries, Marks(), policy, lifts)[0]
    return tuple(
        made if made is entry else stamp_as(made, entry) for made, entry in zip(after, entries, strict=True)
    )


def _labelled_anew(
    entry: Entry, related: frozenset[str], lifts: Sequence[Lift], named: frozenset[str], policy: LabelPolicy
) -> Entry:
    """An entry with what it has by others (``related``) now, and without what was lifted.

    What it has by others is taken away only where a lift names the label (``named``) and nothing brings it.
    A level or a sensitivity goes with the last label that brings it.
    """
    told = _keys(entry, _RELATED)
    if not lifts and not _keys(entry, _LIFTED):
        missing = related - told
        return relabelled(entry, policy.codings((), missing)) if missing else entry
    (own, lifted), here = _standing(entry, lifts), lifted_on(entry, lifts)
    others = ((told - named) | related) - here
    had = _codings(policy, _keys(entry, _OWN), told, _keys(entry, _LIFTED))
    now = _codings(policy, own, others, lifted)
    return entry if had == now else relabelled(entry, now - had, had - now)


def _standing(entry: Entry, lifts: Sequence[Lift]) -> tuple[frozenset[str], frozenset[str]]:
    """The labels that an entry has by itself, and those of them that are lifted from it."""
    brought = _keys(entry, _OWN) | _keys(entry, _LIFTED)
    lifted = brought & lifted_on(entry, lifts)
    return brought - lifted, lifted


def _codings(
    policy: LabelPolicy, own: Iterable[str], related: Iterable[str], lifted: Iterable[str]
) -> set[Code]:
    return {*policy.codings(own, related), *((LIFTED_LABEL_SYSTEM, key) for key in lifted)}


def is_labelled(entries: Iterable[Entry]) -> bool:
    """Whether any of the entries has a label that can spread."""
    return any(
        label.startswith((_OWN, _RELATED)) and not label.endswith(f"|{UNCLASSIFIED}")
        for entry in entries
        for label in entry.labels
    )


def _keys(entry: Entry, system: str) -> frozenset[str]:
    """The labels of one of the project's systems on an entry."""
    if not entry.labels:
        return NONE
    return frozenset([label[len(system) :] for label in entry.labels if label.startswith(system)])


def _unclassified(resources: list[Resource], codes: LabelCodes) -> set[int]:
    """The places of those that say in words only, or in codes that nobody knows, what they are about.

    The contents of a document are what its type says.
    """
    found: set[int] = set()
    contents: dict[str, int] = {}
    documents: list[Resource] = []
    look_up = codes.look_up
    for place, resource in enumerate(resources):
        for concept in matters_of(resource):
            if not any(look_up(code).known for code in concept):
                found.add(place)
        kind = resource.get("resourceType")
        if kind == "Binary":
            contents[f"{kind}/{resource.get('id')}"] = place
        elif kind == "DocumentReference" and place not in found:
            documents.append(resource)
    if contents:
        for document in documents:
            found -= {contents[name] for name in references_in(document) if name in contents}
    return found
