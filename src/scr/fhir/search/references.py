"""Reference parameters. https://hl7.org/fhir/R4/search.html#reference

A reference is given as ``Type/id``, as the id alone, as the address of either here, or as the address of
something elsewhere; ``:[Type]`` says of what type it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from scr.fhir.coded import bare_reference
from scr.fhir.search.candidate import Candidate
from scr.fhir.search.escapes import alternatives, bad, plain
from scr.fhir.search.paths import Take
from scr.fhir.search.table import Parameter

Values = Callable[[Sequence[Any]], bool]
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")


def local(text: str, base_url: str) -> str:
    """``Type/id`` of a literal reference to something here; empty of one to anywhere else."""
    inside = text.removeprefix(f"{base_url}/") if base_url else text
    return "" if "://" in inside or inside.startswith(("#", "urn:")) else bare_reference(inside)


def locals_of(parameter: Parameter, values: Iterable[Any], base_url: str) -> Iterator[str]:
    """What references lead to here, as ``Type/id``, as far as it is of a type that the parameter leads to."""
    for value in values:
        text = value.get("reference") if type(value) is dict else None
        if type(text) is str:
            named = local(text, base_url)
            if named and parameter.leads_to(named.partition("/")[0]):
                yield named


def by_reference(parameter: Parameter, modifier: str, value: str, base_url: str) -> Values:
    """Compile the value of a reference parameter; the modifier is empty or the type that is meant."""
    wanted, ids = _wanted(parameter, modifier, value, base_url)

    def holds(node: Any) -> bool:
        text = node.get("reference") if type(node) is dict else node
        if type(text) is not str:
            return False
        if text in wanted or (type(node) is str and text.partition("|")[0] in wanted):
            return True  # the same address, or a canonical of it in any version
        named = local(text, base_url)
        kind, _, logical = named.partition("/")
        return parameter.leads_to(kind) and (named in wanted or logical in ids)

    return lambda values: any(map(holds, values))


def _wanted(
    parameter: Parameter, modifier: str, value: str, base_url: str
) -> tuple[frozenset[str], frozenset[str]]:
    """Whole references and bare ids."""
    wanted, ids = set(), set()
    for part in map(plain, alternatives(parameter.name, value)):
        named = local(part, base_url)
        kind = named.partition("/")[0]
        if named and (modifier not in {"", kind} or not parameter.leads_to(kind)):
            raise bad(parameter.name, f"does not lead to a {kind[:40]}")
        if named:
            wanted.add(named)
        elif "://" in part or part.startswith("urn:"):
            wanted.add(part)
        elif not _ID.match(part):
            raise bad(parameter.name, "must be a reference: Type/id, an id or an address")
        elif modifier:
            wanted.add(f"{modifier}/{part}")
        else:
            ids.add(part)
    return frozenset(wanted), frozenset(ids)


def identifiers(take: Take) -> Take:
    """The identifiers that references give of what they lead to."""

    def told(one: Candidate) -> list[Any]:
        return [node["identifier"] for node in take(one) if type(node) is dict and "identifier" in node]

    return told
