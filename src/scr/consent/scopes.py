"""SMART scopes, both syntaxes. They narrow what a role allows and never widen it.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html:
``(patient|user|system)/(Type|*).cruds``, the letters in that order, with search parameters after a
``?`` or without; and the older ``.read``, ``.write`` and ``.*``. A scope that cannot be read grants
nothing. One with search parameters grants those entries that they find; several scopes grant what any of
them does. Such a scope may go by what the head of an entry has (``category``, ``code``, ``status``, ``date``,
``_security``, ``_id``, ``_lastUpdated``): whoever chooses a scope could else ask by it what an entry says
of others that are withheld. With any other parameter it grants nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from scr.consent.actor import ActorKind
from scr.errors import Invalid
from scr.fhir.search import Test, predicate, searched_types

_SCOPE = re.compile(
    r"(patient|user|system)/([A-Z][A-Za-z]{1,40}|\*)\.(c?r?u?d?s?|read|write|\*)(?:\?([^\s?]{1,500}))?\Z"
)
_PARAMETER = re.compile(r"[A-Za-z_][\w:.-]{0,60}=[^=&]+\Z", re.ASCII)
_OLDER: Final = {"read": "rs", "write": "cud", "*": "cruds"}
_LETTERS: Final = "cruds"
_CONTEXTS: Final = {
    ActorKind.PROFESSIONAL: frozenset({"user"}),
    ActorKind.CITIZEN: frozenset({"patient", "user"}),
    ActorKind.CARER: frozenset({"patient", "user"}),
    ActorKind.SYSTEM: frozenset({"system"}),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope on resources. ``type`` is a resource type or ``*``; ``letters`` are of ``cruds``, in order.

    ``parameters`` are search parameters that all have to hold, each ``name=value`` as it was written.
    """

    context: str
    type: str
    letters: str
    parameters: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """In the syntax of SMART 2."""
        search = f"?{'&'.join(sorted(self.parameters))}" if self.parameters else ""
        return f"{self.context}/{self.type}.{self.letters}{search}"


@lru_cache(maxsize=4096)
def parse(text: str) -> Scope | None:
    """A scope on resources, from either syntax; None for any other text."""
    match = _SCOPE.match(text)
    if match is None:
        return None
    context, kind, letters, search = match.groups()
    parameters = search.split("&") if search else []
    if not letters or not all(_PARAMETER.match(each) for each in parameters):
        return None
    return Scope(context, kind, _OLDER.get(letters, letters), frozenset(parameters))


@lru_cache(maxsize=1024)
def granted(scopes: frozenset[str]) -> frozenset[tuple[str, str]]:
    """Pairs of resource type (or ``*``) and one letter of ``cruds``."""
    read = (parse(scope) for scope in scopes)
    return frozenset(
        (scope.type, letter) for scope in read if scope is not None if not scope.parameters
        for letter in scope.letters
    )  # fmt: skip


def allows(scopes: frozenset[str], kind: str, letter: str) -> bool:
    """Whether the scopes grant the interaction (a letter of ``cruds``) on all resources of the type."""
    pairs = granted(scopes)
    return (kind, letter) in pairs or ("*", letter) in pairs


@lru_cache(maxsize=1024)
def reached(scopes: frozenset[str]) -> frozenset[tuple[str, str]]:
    """The same pairs as ``granted``, and those of which the scopes grant some entries."""
    return granted(scopes) | frozenset(
        (kind, letter) for letter in _LETTERS for kind in _searches(scopes, letter)
    )


def by_search(scopes: frozenset[str], letter: str) -> Test | None:
    """Whether a scope with search parameters grants the interaction on an entry; None where there is none."""
    searches = _searches(scopes, letter)
    if not searches:
        return None
    return lambda entry: any(test(entry) for test in searches.get(entry.type, ()))


@lru_cache(maxsize=1024)
def _searches(scopes: frozenset[str], letter: str) -> dict[str, tuple[Test, ...]]:
    """The tests by resource type."""
    found: dict[str, tuple[Test, ...]] = {}
    for scope in map(parse, scopes):
        if scope is None or not scope.parameters or letter not in scope.letters:
            continue
        for kind in searched_types() if scope.type == "*" else (scope.type,):
            test = _test(kind, scope.parameters)
            if test is not None:
                found[kind] = (*found.get(kind, ()), test)
    return found


def _test(kind: str, parameters: frozenset[str]) -> Test | None:
    """The search of a scope on a type; None where it has a parameter that a scope may not go by."""
    pairs = [(unquote(name), unquote(value)) for name, _, value in (one.partition("=") for one in parameters)]
    try:
        return predicate(kind, pairs, head=True)
    except Invalid:
        return None


def held_by(kind: ActorKind, scopes: Iterable[str], *, launched: bool = False) -> frozenset[str]:
    """Those that such an actor can hold: ``system/`` is for systems, ``user/`` for people.

    ``patient/`` speaks of the one patient of a launch: it gives a professional something only where the
    token is held to that patient (``launched``).
    """
    contexts = _CONTEXTS[kind] | ({"patient"} if launched and kind is ActorKind.PROFESSIONAL else set())
    return frozenset(scope for scope in scopes if (read := parse(scope)) is None or read.context in contexts)


def narrowed(asked: Iterable[str], most: Iterable[str]) -> frozenset[str]:
    """What of the scopes that were asked for lies within ``most``: never more than either says.

    One that lies within it whole stays as it was written. What is no scope on resources is within it
    where it stands there to the letter.
    """
    limits = list(most)
    found: set[str] = set()
    for text in asked:
        scope = parse(text)
        if scope is None:
            found.update({text} & set(limits))
            continue
        within = {both for limit in limits if (both := _meet(scope, parse(limit))) is not None}
        found.update({text} if scope in within else map(str, within))
    return frozenset(found)


def _meet(one: Scope, other: Scope | None) -> Scope | None:
    """What both grant; None where that is nothing."""
    if other is None or one.context != other.context:
        return None
    if one.type != other.type and "*" not in (one.type, other.type):
        return None
    letters = "".join(letter for letter in _LETTERS if letter in one.letters and letter in other.letters)
    if not letters:
        return None
    kind = other.type if one.type == "*" else one.type
    return replace(one, type=kind, letters=letters, parameters=one.parameters | other.parameters)
