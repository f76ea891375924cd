"""Whether a value is what a profile fixes, and which values stand at an element.

What came from XML is compared by its text, and a list of one as that one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple


class Place(NamedTuple):
    """A value and where it stands."""

    path: str
    value: Any


def is_exactly(value: Any, wanted: Any) -> bool:
    """Whether a value is the fixed one: nothing more, nothing less."""
    return includes(value, wanted) and (not isinstance(wanted, dict) or includes(wanted, value))


def includes(value: Any, wanted: Any) -> bool:
    """Whether all of a pattern stands in a value."""
    if isinstance(wanted, list):
        return all(includes(value, one) for one in wanted)
    if isinstance(value, list):
        return any(includes(one, wanted) for one in value)
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(
            name in value and includes(value[name], inner) for name, inner in wanted.items()
        )
    return _text(value) == _text(wanted)


def _text(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def below(place: Place, name: str) -> list[Place]:
    """What stands at an element of a value: each of a list; an extension alone counts as one."""
    if not isinstance(place.value, dict):
        return []
    found = []
    for key in _keys(place.value, name):
        inner = place.value[key]
        path = f"{place.path}.{key.removeprefix('_')}"
        if isinstance(inner, list):
            found += [Place(f"{path}[{number}]", one) for number, one in enumerate(inner)]
        else:
            found.append(Place(path, inner))
    return found


def at_path(place: Place, steps: list[str]) -> list[Place]:
    """What stands at a path below a value."""
    found = [place]
    for step in steps:
        found = [inner for one in found for inner in below(one, step)]
    return found


def _keys(value: dict[str, Any], name: str) -> Iterator[str]:
    """The names under which an element stands: one, of a choice any, else that of its extension."""
    if name.endswith("[x]"):
        stem = name[:-3]
        yield from (key for key in value if key.startswith(stem) and key[len(stem) : len(stem) + 1].isupper())
    elif name in value:
        yield name
    elif f"_{name}" in value:
        yield f"_{name}"


def codings_of(value: Any) -> list[tuple[str, str]]:
    """The codings of a Coding or CodeableConcept, as system and code; none of a bare code, whose set is that
    of R4 and has no system to ask by."""
    if not isinstance(value, dict):
        return []
    codings = value.get("coding")
    found = codings if isinstance(codings, list) else [value]
    return [(str(one.get("system", "")), str(one["code"])) for one in found if "code" in one]
