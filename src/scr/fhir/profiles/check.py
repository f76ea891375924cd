"""A resource held to a profile: cardinality, fixed values and patterns, required bindings, slices by value.

Invariants in FHIRPath are not evaluated, nor slices by what a reference leads to: both are told, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from scr.fhir.entry import Resource
from scr.fhir.profiles.tree import Node, Profile
from scr.fhir.profiles.values import Place, at_path, below, codings_of, includes, is_exactly
from scr.fhir.validate import MAX_DEPTH, MAX_PROBLEMS

_CORE = "http://hl7.org/fhir/StructureDefinition/"
Holds = Callable[[str, str], bool]
"""Whether a code (system, code) is in a value set."""


class Finding(NamedTuple):
    """One thing to say of a resource: severity, FHIR issue code, where, and what, for people."""

    severity: str
    code: str
    path: str
    sentence: str


@dataclass(slots=True)
class Checker:
    """Holds resources to the profiles of a deployment, by address; ``value_sets`` gives what a set holds,
    None where that is not known."""

    profiles: Mapping[str, Profile]
    value_sets: Callable[[str], Holds | None]
    _found: list[Finding] = field(default_factory=list)
    _unknown: set[str] = field(default_factory=set)

    def check(self, resource: Resource, url: str) -> list[Finding]:
        """What is amiss with a resource by a profile, and by those that it rests on."""
        self._found, self._unknown = [], set()
        kind = str(resource.get("resourceType"))
        invariants = 0
        for profile in self._chain(url.partition("|")[0]):
            if profile.type != kind:
                self._say("error", "structure", kind, f"{profile.url} is a profile of {profile.type}")
                return self._found
            invariants += profile.invariants
            self._children(profile.root, Place(kind, resource), 0)
        if invariants:
            self._say("information", "incomplete", kind, f"{invariants} rules in FHIRPath were not evaluated")
        return list(dict.fromkeys(self._found))[:MAX_PROBLEMS]

    def _chain(self, url: str) -> Iterator[Profile]:
        seen: set[str] = set()
        while url and url not in seen and not url.startswith(_CORE):
            seen.add(url)
            profile = self.profiles.get(url)
            if profile is None:
                self._say("warning", "not-found", "", "a profile is not loaded here, and was not looked at")
                return
            yield profile
            url = profile.base

    def _say(self, severity: str, code: str, path: str, sentence: str) -> None:
        self._found.append(Finding(severity, code, path, sentence))

    def _children(self, node: Node, place: Place, depth: int) -> None:
        if depth > MAX_DEPTH or len(self._found) > MAX_PROBLEMS:
            return
        for child in node.children.values():
            values = below(place, child.name)
            self._element(child, values, f"{place.path}.{child.name}", depth)

    def _element(self, node: Node, values: list[Place], path: str, depth: int) -> None:
        self._count(node, len(values), path, "")
        for one in values:
            self._value(node, one, depth)
        taken: set[str] = set()
        for name, part in node.slices.items():
            matching = self._matching(node, name, part, values)
            if matching is None:
                continue
            taken |= {one.path for one in matching}
            self._count(part, len(matching), path, f" of the slice {name}")
            for one in matching:
                self._value(part, one, depth)
        if node.closed and (strange := [one for one in values if one.path not in taken]):
            self._say(
                "error", "structure", strange[0].path, "is none of the slices, and no other may stand here"
            )

    def _count(self, node: Node, count: int, path: str, which: str) -> None:
        if count < node.least:
            self._say("error", "required", path, f"at least {node.least}{which} has to stand here")
        if node.most is not None and count > node.most:
            self._say("error", "structure", path, f"at most {node.most}{which} may stand here")

    def _value(self, node: Node, place: Place, depth: int) -> None:
        if node.exact is not None and not is_exactly(place.value, node.exact):
            self._say("error", "value", place.path, "is not the value that the profile fixes")
        if node.within is not None and not includes(place.value, node.within):
            self._say("error", "value", place.path, "does not hold what the profile asks for")
        if node.name.endswith("[x]") and node.types:
            self._type(node, place)
        if node.value_set:
            self._binding(node.value_set, place)
        if node.name in {"extension", "modifierExtension"}:
            self._extension(place, depth)
        self._children(node, place, depth + 1)

    def _type(self, node: Node, place: Place) -> None:
        told = place.path.rpartition(".")[2][len(node.name) - 3 :]
        if told.casefold() not in {one.rpartition("/")[2].casefold() for one in node.types}:
            self._say("error", "structure", place.path, f"has to be one of: {', '.join(node.types)}")

    def _binding(self, url: str, place: Place) -> None:
        codings = codings_of(place.value)
        holds = self.value_sets(url.partition("|")[0])
        if holds is None:
            if url not in self._unknown:
                self._say(
                    "warning",
                    "not-found",
                    place.path,
                    f"{url} is not known here: its codes were not looked at",
                )
            self._unknown.add(url)
        elif codings and not any(holds(system, code) for system, code in codings):
            self._say("error", "code-invalid", place.path, f"a code of {url} has to stand here")

    def _extension(self, place: Place, depth: int) -> None:
        """An extension by its own definition, where that is here."""
        url = place.value.get("url") if isinstance(place.value, dict) else None
        profile = self.profiles.get(url) if isinstance(url, str) else None
        if profile is not None and profile.type == "Extension":
            self._children(profile.root, place, depth + 1)

    def _matching(self, node: Node, name: str, part: Node, values: list[Place]) -> list[Place] | None:
        """Those that are of a slice; None where that cannot be told here."""
        if node.name in {"extension", "modifierExtension"}:
            url = _url_of(name, part)
            return [one for one in values if isinstance(one.value, dict) and one.value.get("url") == url]
        if node.name.endswith("[x]"):
            return [one for one in values if one.path.rpartition(".")[2] == name]
        tests = [_test(part, kind, path) for kind, path in node.told_apart or (("value", "$this"),)]
        known = [one for one in tests if one is not None]
        if len(known) < len(tests):
            return None
        return [one for one in values if all(test(one) for test in known)]


def _url_of(name: str, part: Node) -> str:
    """The address by which a slice of extensions is known."""
    url = part.children.get("url")
    if url is not None and isinstance(url.exact, str):
        return url.exact
    return part.profiles[0].partition("|")[0] if part.profiles else name


def _test(part: Node, kind: str, path: str) -> Callable[[Place], bool] | None:
    """Whether a value is of a slice, by one of the ways in which slices are told apart."""
    steps = [] if path == "$this" else path.split(".")
    if kind == "exists":
        node = part.at(steps)
        wanted = node is None or node.most != 0
        return lambda place: bool(at_path(place, steps)) is wanted
    if kind not in {"value", "pattern"}:
        return None
    fixed = list(_fixed(part, steps))
    if not fixed:
        return None
    return lambda place: all(
        any(includes(one.value, wanted) for one in at_path(place, where)) for where, wanted in fixed
    )


def _fixed(part: Node, steps: list[str]) -> Iterator[tuple[list[str], Any]]:
    """What is fixed at a path of a slice, above it or below it: each with its own path."""
    node: Node | None = part
    for number in range(len(steps) + 1):
        if node is None:
            return
        for wanted in (node.exact, node.within):
            if wanted is not None:
                yield steps[:number], wanted
        if number < len(steps):
            node = node.at(steps[number : number + 1])
    if node is not None:
        yield from _all_fixed(node, steps)


def _all_fixed(node: Node, steps: list[str]) -> Iterator[tuple[list[str], Any]]:
    for name, child in node.children.items():
        for wanted in (child.exact, child.within):
            if wanted is not None:
                yield [*steps, name], wanted
        yield from _all_fixed(child, [*steps, name])
