"""What of a resource can be shown that is not valid R4 as its source gives it.

A resource that is pushed and not valid waits for somebody to look at it. One that is pulled is wanted now:
what R4 does not have is taken out of it and named, small slips are put right, and an element that cannot be
read goes where the rest means the same without it. Where it would not, the resource goes.
"""

from __future__ import annotations

from typing import NamedTuple

from scr.fhir.entry import Resource
from scr.fhir.structure import r4
from scr.fhir.stu3.fit import fit
from scr.fhir.stu3.rules import Place
from scr.fhir.validate import Problem, validate

_MEANT = frozenset({
    "meta", "contained", "implicitRules", "modifierExtension", "clinicalStatus", "verificationStatus",
    "doNotPerform", "isSubpotent", "active", "deceasedBoolean", "deceasedDateTime", "link", "relatesTo",
})  # fmt: skip
"""Without one of these the rest could be taken for something else, or its labels be lost."""
_EMPTY: tuple[object, ...] = (None, "", [], {})


class Mended(NamedTuple):
    """A resource as it can be shown. ``lost`` are the paths of what R4 does not have; ``whole``: nothing else
    was taken out."""

    resource: Resource
    lost: tuple[str, ...]
    whole: bool


def mended(resource: Resource) -> Mended | None:
    """A resource of a type of R4 made valid; None where it cannot be. It is changed in place."""
    kind = str(resource["resourceType"])
    place = Place(kind, {})
    meant = {name for name in _MEANT if resource.get(name) not in _EMPTY}
    contained = resource.get("contained")
    for part in contained if isinstance(contained, list) else ():
        inner = part.get("resourceType") if isinstance(part, dict) else None
        if isinstance(inner, str) and inner in r4().resources:
            fit(part, inner, Place(inner, place.lost))
    fit(resource, kind, place)
    if not meant <= resource.keys():
        return None
    whole = True
    while problems := validate(resource):
        names = {name for problem in problems for name in _elements(kind, problem)}
        if not names or not all(_may_go(kind, name) for name in names):
            return None
        for name in names:
            resource.pop(name, None)
            resource.pop(f"_{name}", None)
        whole = False
    return Mended(resource, tuple(place.lost), whole)


def _elements(kind: str, problem: Problem) -> tuple[str, ...]:
    """The elements of the resource that a problem is about: all of a choice of which several stand."""
    name = problem.path.partition(".")[2].partition(".")[0].partition("[")[0].removeprefix("_")
    if problem.code == "invariant":
        for choice in r4().choices.get(kind, ()):
            if name in choice.elements:
                return choice.elements
    return (name,)


def _may_go(kind: str, name: str) -> bool:
    element = r4().types[kind].get(name)
    return element is not None and not element.required and name not in _MEANT
