"""Reading the filters of an expression (``{{ … }}``) and its history supplement.

Chapters 5, 6.8 to 6.11 of the specification. Filters of reference set members, and of dialects, dates and
modules of descriptions, are refused by name. What is named by its concept (``typeId``) is read as its token.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_args

from scr.terminology.ecl.cursor import Cursor
from scr.terminology.ecl.tokens import Token, bad
from scr.terminology.ecl.tree import (
    Comparison,
    ConceptFilter,
    Criterion,
    DescriptionFilter,
    Expression,
    Filtered,
    History,
    Profile,
    SearchTerm,
    State,
)

_NOT_READ = {
    "m": "filters of members", "dialect": "filters by dialect", "dialectid": "filters by dialect",
}  # fmt: skip
_NOT_KEPT = {
    "effectivetime": "filters of descriptions by date", "moduleid": "filters of descriptions by module",
}  # fmt: skip
_DESCRIPTION = ("term", "type", "typeid", "language", "id", "active")
_CONCEPT = ("definitionstatus", "definitionstatusid", "moduleid", "effectivetime", "active")
_VALUES = {"type": ("syn", "fsn", "def"), "definitionstatus": ("primitive", "defined")}
_TYPES = {"900000000000013009": "syn", "900000000000003001": "fsn", "900000000000550004": "def"}
_STATUSES = {"900000000000074008": "primitive", "900000000000073002": "defined"}
_BY_CONCEPT = {"typeid": ("type", _TYPES), "definitionstatusid": ("definitionstatus", _STATUSES)}
"""Criteria that name concepts: the criterion that says the same, and its tokens by concept."""
_NUMBERS = {"moduleid": "the identifier of a module", "id": "the identifier of a description"}
_DATE = re.compile(r"\d{8}")
_PROFILES: dict[str, Profile] = {
    "history": "max", "history-min": "min", "history-mod": "mod", "history-max": "max",
}  # fmt: skip
_STATES: dict[str, State] = {"1": "1", "0": "0", "TRUE": "1", "FALSE": "0", "*": "*"}
_OTHER: dict[State, State] = {"1": "0", "0": "1"}


def with_filters(cursor: Cursor, found: Expression, expression: Callable[[], Expression]) -> Expression:
    """What was read, with the filters and the history supplement after it. Raises Invalid."""
    while (opening := cursor.take("{{")) is not None:
        if cursor.take("+"):
            supplemented = History(found, _profile(cursor, expression))
            cursor.expect("}}")
            if cursor.is_at("{{"):
                raise bad("a history supplement is the last: put what it follows in parentheses", opening.at)
            return supplemented
        found = Filtered(found, _filter(cursor))
        cursor.expect("}}")
    return found


def _profile(cursor: Cursor, expression: Callable[[], Expression]) -> Profile | Expression:
    token = cursor.take_kind("name", "HISTORY, HISTORY-MIN, HISTORY-MOD or HISTORY-MAX")
    profile = _PROFILES.get(token.value.replace("_", "-"))
    if profile is None:
        raise bad(f"{token.value[:20]!r} is no history supplement: -MIN, -MOD, -MAX", token.at)
    if token.value == "history" and cursor.take("("):
        inner = expression()
        cursor.expect(")")
        return inner
    return profile


def _filter(cursor: Cursor) -> DescriptionFilter | ConceptFilter:
    of_concepts = cursor.take("c") is not None
    if not of_concepts:
        cursor.take("d")
    criteria: list[Criterion] = []
    active: State | None = None
    while True:
        name = _name(cursor, of_concepts=of_concepts)
        if name.value != "active":
            criteria.append(_criterion(cursor, name.value))
        elif active is not None:
            raise bad("active is there twice", name.at)
        else:
            active = _state(cursor, negated=cursor.expect("=", "!=").value == "!=")
        if not cursor.take(","):
            break
    if of_concepts:
        return ConceptFilter(tuple(criteria), active or "")
    return DescriptionFilter(tuple(criteria), active or "1")


def _name(cursor: Cursor, *, of_concepts: bool) -> Token:
    token = cursor.now
    known = _CONCEPT if of_concepts else _DESCRIPTION
    not_read = _NOT_READ if of_concepts else _NOT_READ | _NOT_KEPT
    if token.kind == "name" and token.value in not_read:
        raise bad(f"{not_read[token.value]} are not read here: leave them out", token.at)
    if token.kind != "name" or token.value not in known:
        raise cursor.expected(" or ".join(known))
    cursor.at += 1
    return token


def _criterion(cursor: Cursor, name: str) -> Criterion:
    signs = get_args(Comparison) if name == "effectivetime" else ("=", "!=")
    comparison: Comparison = cursor.expect(*signs).value  # type: ignore[assignment]
    values = _values(cursor, name)
    if name in _BY_CONCEPT:
        name, _ = _BY_CONCEPT[name]
    return Criterion(name, values, comparison)


def _state(cursor: Cursor, *, negated: bool) -> State:
    token = cursor.now
    state = _STATES.get(token.value) if token.kind in {"code", "word", "sign"} else None
    if state is None or (negated and state == "*"):
        raise cursor.expected("1, 0, true, false or *")
    cursor.at += 1
    return _OTHER[state] if negated else state


def _values(cursor: Cursor, name: str) -> tuple[SearchTerm | str, ...]:
    """One value, or several in parentheses, of which any will do."""
    if not cursor.take("("):
        return (_value(cursor, name),)
    found = [_value(cursor, name)]
    while not cursor.take(")"):
        found.append(_value(cursor, name))
    return tuple(found)


def _value(cursor: Cursor, name: str) -> SearchTerm | str:
    if name == "term":
        return _search_term(cursor)
    if name == "effectivetime":
        return _taken(cursor, "text", 'a date such as "20260131"', lambda value: _DATE.fullmatch(value))
    if name in _NUMBERS:
        return cursor.take_kind("code", _NUMBERS[name]).value
    if name in _BY_CONCEPT:
        token, tokens = _BY_CONCEPT[name]
        known = " or ".join(tokens)
        return tokens[_taken(cursor, "code", f"{known}, a concept for {token}", tokens.get)]
    if name in _VALUES:
        return _taken(cursor, "name", " or ".join(_VALUES[name]), _VALUES[name].__contains__)
    return _taken(cursor, "name", "a language of two letters", lambda value: len(value) == 2)


def _taken(cursor: Cursor, kind: str, what: str, fits: Callable[[str], object]) -> str:
    """The value of the next token, of a kind, that fits. Raises Invalid, which says ``what`` was expected."""
    if not fits(cursor.now.value):
        raise cursor.expected(what)
    return cursor.take_kind(kind, what).value


def _search_term(cursor: Cursor) -> SearchTerm:
    way = cursor.take("match", "wild")
    if way is not None:
        cursor.expect(":")
    text = cursor.take_kind("text", 'a text such as "heart"')
    if not text.value.strip():
        raise bad("nothing is looked for", text.at)
    return SearchTerm(text.value, way is not None and way.value == "wild")
