"""The labeller: puts confidentiality and sensitivity on what comes in, in one place, before it is stored.

It looks at every code of every resource of a unit, the source's own and those that were added beside
them, and at the marks that the source itself has set; it lets labels spread over the unit (``spread``),
and marks what nobody can classify. It only adds: what the source said stays, and a level is never lowered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from scr.consent.label_codes import LabelCodes
from scr.consent.label_policy import UNCLASSIFIED, UNCLASSIFIED_LABEL, LabelPolicy
from scr.consent.spread import NONE, PEOPLE_AND_PLACES, Marks, Node, spread
from scr.fhir.canonical import LABEL_SYSTEM, RELATED_LABEL_SYSTEM
from scr.fhir.coded import codes_in, matters_of, references_in
from scr.fhir.entry import Entry, Resource
from scr.fhir.labels import relabelled, security_of, with_security
from scr.terminology.coding import Untranslated
from scr.terminology.release.reader import Release

_OWN, _RELATED = f"{LABEL_SYSTEM}|", f"{RELATED_LABEL_SYSTEM}|"
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
        return "meta" not in resource or not any(
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


def nodes_of(entries: Iterable[Entry]) -> list[Node]:
    """Entries that have been labelled, as what labels spread over."""
    return [Node(entry.reference, _told(entry, _OWN), entry.references) for entry in entries]


def spread_over(
    entries: Sequence[Entry], before: Marks, policy: LabelPolicy
) -> tuple[list[Entry], list[Entry], Marks]:
    """Spread labels over entries of a record, and from what is remembered of it.

    Gives all of the entries, those of them that changed, and what is to be remembered.
    """
    result = spread(nodes_of(entries), before)
    after: list[Entry] = []
    changed: list[Entry] = []
    for entry in entries:
        missing = result.related[entry.reference] - _told(entry, _RELATED)
        made = relabelled(entry, policy.codings((), missing)) if missing else entry
        after.append(made)
        if made is not entry:
            changed.append(made)
    return after, changed, result.marks


def is_labelled(entries: Iterable[Entry]) -> bool:
    """Whether any of the entries has a label that can spread."""
    return any(
        label.startswith((_OWN, _RELATED)) and not label.endswith(f"|{UNCLASSIFIED}")
        for entry in entries
        for label in entry.labels
    )


def _told(entry: Entry, system: str) -> frozenset[str]:
    """The labels of one of the project's two systems on an entry."""
    if not entry.labels:
        return NONE
    found = {label[len(system) :] for label in entry.labels if label.startswith(system)}
    return frozenset(found - {UNCLASSIFIED})


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
            found.difference_update(contents.get(name, -1) for name in references_in(document))
    return found
