"""Token parameters: ``code``, ``system|code``, ``|code`` and ``system|``, and their modifiers.

https://hl7.org/fhir/R4/search.html#token. A value in a resource is a token ``system|code``, as in the
head of an entry: of a Coding, of each in a CodeableConcept, of an Identifier, of a ContactPoint (whose
system is what it is: ``phone``), and of a code, a boolean or a text, which have no system.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from scr.fhir.search.codes import Codes, Holds
from scr.fhir.search.escapes import alternatives, bad, plain, split
from scr.fhir.search.texts import folded

Tokens = Callable[[Iterable[str]], bool]
"""Whether any of some tokens is one that is wanted."""
Values = Callable[[Sequence[Any]], bool]
BARE = frozenset({"code", "boolean", "id", "string", "uri", "dateTime"})
"""Types of what has no system: one that is given could match nothing, and nothing would look like none."""
_CONTACT = frozenset({"phone", "fax", "email", "pager", "url", "sms", "other"})


def wanted_tokens(name: str, value: str, *, bare: bool) -> Tokens:
    """Compile the value of a token parameter."""
    exact: set[str] = set()
    codes: set[str] = set()
    systems: list[str] = []
    for part in alternatives(name, value):
        system, bar, code = _parts(part)
        if not system and not code:
            raise bad(name, "one of the values is empty")
        if bare and system:
            raise bad(name, "give the code alone, without a system")
        if not bar:
            codes.add(code)
        elif code:
            exact.add(f"{system}|{code}")
        else:
            systems.append(f"{system}|")
    prefixes = tuple(systems)

    def among(tokens: Iterable[str]) -> bool:
        for token in tokens:
            if token in exact or token.rpartition("|")[2] in codes:
                return True
            if prefixes and token.startswith(prefixes):
                return True
        return False

    return among


def _parts(text: str) -> tuple[str, bool, str]:
    parts = [plain(part) for part in split(text, "|")]
    return "|".join(parts[:-1]), len(parts) > 1, parts[-1]


def tokens_of(values: Iterable[Any]) -> list[str]:
    """The tokens of values as they stand in a resource."""
    found: list[str] = []
    for value in values:
        if type(value) is dict:
            _of_node(value, found)
        elif type(value) is bool:
            found.append("|true" if value else "|false")
        elif type(value) is str or type(value) is int:
            found.append(f"|{value}")
    return found


def _of_node(node: dict[str, Any], found: list[str]) -> None:
    codings = node.get("coding")
    if type(codings) is list:
        found += [
            f"{coding.get('system', '')}|{coding['code']}"
            for coding in codings
            if type(coding) is dict and "code" in coding
        ]
    elif "value" in node:
        value, system = str(node["value"]), str(node.get("system", ""))
        found.append(f"{system}|{value}")
        if system in _CONTACT and "".join(value.split()) != value:
            found.append(f"{system}|{''.join(value.split())}")
    elif "code" in node:
        found.append(f"{node.get('system', '')}|{node['code']}")


def by_text(name: str, value: str) -> Values:
    """``:text``: what a concept is called begins so. https://hl7.org/fhir/R4/search.html#modifiers"""
    starts = tuple(folded(plain(part)) for part in alternatives(name, value))

    def test(values: Sequence[Any]) -> bool:
        return any(folded(text).startswith(starts) for text in _texts(values))

    return test


def _texts(values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        if type(value) is not dict:
            continue
        kind = value.get("type")
        concept: dict[str, Any] = kind if "value" in value and type(kind) is dict else value
        told = [concept.get("text"), concept.get("display")]
        codings = concept.get("coding")
        if type(codings) is list:
            told += [coding.get("display") for coding in codings if type(coding) is dict]
        yield from (text for text in told if type(text) is str)


def of_type(name: str, value: str) -> Values:
    """``:of-type``: identifiers by the code of their type and their value, ``system|code|value``."""
    wanted = set()
    for part in alternatives(name, value):
        three = tuple(plain(one) for one in split(part, "|"))
        if len(three) != 3 or not all(three):
            raise bad(name, "must be system|code|value")
        wanted.add(three)

    def test(values: Sequence[Any]) -> bool:
        return any(
            (*token.rpartition("|")[::2], str(value.get("value"))) in wanted
            for value in values
            if type(value) is dict and type(value.get("type")) is dict
            for token in tokens_of([value["type"]])
        )

    return test


def by_meaning(name: str, modifier: str, value: str, codes: Codes | None) -> Values:
    """``:in``, ``:below`` and ``:above``, by what terminology knows. Raises Invalid for what it does not."""
    if codes is None:
        raise bad(name, f"the modifier :{modifier} needs terminology, and there is none here")
    among = [_held(name, modifier, part, codes) for part in alternatives(name, value)]

    def test(values: Sequence[Any]) -> bool:
        pairs = [token.rpartition("|") for token in tokens_of(values)]
        return any(holds(system, code) for holds in among for system, _, code in pairs if system)

    return test


def _held(name: str, modifier: str, part: str, codes: Codes) -> Holds:
    if modifier == "in":
        return codes.value_set(plain(part))
    system, _, code = _parts(part)
    if not system or not code:
        raise bad(name, f":{modifier} needs a code with its system: system|code")
    return codes.below(system, code) if modifier == "below" else codes.above(system, code)
