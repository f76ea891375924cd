"""Reading the filters of an expression (``{{ … }}``) and its history supplement.

Chapters 5, 6.8 to 6.11 of the specification. Filters of reference set members, and of dialects, dates and
identifiers of descriptions, are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable

from scr.terminology.ecl.cursor import Cursor
from scr.terminology.ecl.tokens import Token, bad
from scr.terminology.ecl.tree import (
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
    "effectivetime": "filters by date", "id": "filters by a description's identifier",
    "typeid": "filters by typeId (write type = syn, fsn or def)",
    "definitionstatusid": "filters by definitionStatusId (write definitionStatus = primitive or defined)",
}  # fmt: skip
_DESCRIPTION = ("term", "type", "language", "active")
_CONCEPT = ("definitionstatus", "moduleid", "active")
_VALUES = {"type": ("syn", "fsn", "def"), "definitionstatus": ("primitive", "defined")}
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
        name = _name(cursor, _CONCEPT if of_concepts else _DESCRIPTION)
        negated = cursor.expect("=", "!=").value == "!="
        if name.value != "active":
            criteria.append(Criterion(name.value, _values(cursor, name.value), negated))
        elif active is not None:
            raise bad("active is there twice", name.at)
        else:
            active = _state(cursor, negated=negated)
        if not cursor.take(","):
            break
    if of_concepts:
        return ConceptFilter(tuple(criteria), active or "")
    return DescriptionFilter(tuple(criteria), active or "1")


def _name(cursor: Cursor, known: tuple[str, ...]) -> Token:
    token = cursor.now
    if token.kind == "name" and token.value in _NOT_READ:
        raise bad(f"{_NOT_READ[token.value]} are not read here: leave them out", token.at)
    if token.kind != "name" or token.value not in known:
        raise cursor.expected(" or ".join(known))
    cursor.at += 1
    return token


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
    if name == "moduleid":
        return cursor.take_kind("code", "the identifier of a module").value
    token = cursor.take_kind("name", " or ".join(_VALUES.get(name, ("a language of two letters",))))
    wrong = token.value not in _VALUES[name] if name in _VALUES else len(token.value) != 2
    if wrong:
        raise bad(f"{token.value[:20]!r} is no {name}", token.at)
    return token.value


def _search_term(cursor: Cursor) -> SearchTerm:
    way = cursor.take("match", "wild")
    if way is not None:
        cursor.expect(":")
    text = cursor.take_kind("text", 'a text such as "heart"')
    if not text.value.strip():
        raise bad("nothing is looked for", text.at)
    return SearchTerm(text.value, way is not None and way.value == "wild")
