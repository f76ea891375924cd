"""Is the person that a payload speaks of the person that its NHS Number names?

A number may be mistyped, or picked from the wrong line of a list: a twin's, a parent's of the same
name. So the demographics must agree as well. The rules are one table, first match wins, and what
no rule covers is a doubt: a doubt goes to a human, never onto a record.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Set
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from rapidfuzz.distance import DamerauLevenshtein

from scr.fhir.demographics import Demographics


class Agreement(StrEnum):
    """What the comparison says."""

    AGREE = "agree"
    DOUBT = "doubt"
    CONTRADICT = "contradict"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The comparison and its reasons: stable codes such as ``birth-date-near``, never anyone's data."""

    agreement: Agreement
    reasons: tuple[str, ...]


class _Fact(StrEnum):
    """How one fact compares."""

    SAME = "same"
    NEAR = "near"
    OTHER = "other"
    UNTOLD = "untold"


_SAME, _NEAR, _OTHER, _UNTOLD = _Fact.SAME, _Fact.NEAR, _Fact.OTHER, _Fact.UNTOLD
_ALIKE = frozenset({_SAME, _NEAR})
_ANY = frozenset(_Fact)

# birth date | family name | given names | verdict
_RULES: tuple[tuple[Set[_Fact], Set[_Fact], Set[_Fact], Agreement], ...] = (
    ({_UNTOLD}, {_UNTOLD}, _ANY, Agreement.UNKNOWN),  # nothing to check by
    ({_SAME}, _ALIKE | {_UNTOLD}, _ALIKE | {_UNTOLD}, Agreement.AGREE),
    ({_SAME}, {_OTHER}, {_SAME}, Agreement.AGREE),  # a name taken on marriage
    ({_NEAR}, _ALIKE, {_SAME}, Agreement.AGREE),  # a slip in the date
    ({_UNTOLD}, _ALIKE, {_SAME}, Agreement.AGREE),
    ({_NEAR}, {_OTHER}, {_OTHER}, Agreement.CONTRADICT),
    ({_OTHER}, {_OTHER}, _ANY, Agreement.CONTRADICT),
    ({_OTHER}, _ANY, {_OTHER}, Agreement.CONTRADICT),  # a relative
    ({_OTHER}, {_UNTOLD}, {_UNTOLD}, Agreement.CONTRADICT),
    ({_UNTOLD}, {_OTHER}, {_OTHER}, Agreement.CONTRADICT),
)

_PLACEHOLDERS = frozenset(
    {"baby", "babyboy", "babygirl", "boy", "girl", "female", "infant", "male", "notknown", "unknown", "x"}
)
"""What systems write for a name that nobody has told yet. (Not ``twin``: that one must stand out.)"""

_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ı": "i", "-": " "}
)


def compare(known: Demographics, told: Demographics) -> Verdict:
    """Compare what is held with what a payload says. The order of the two does not matter."""
    birth = _birth_dates(known.birth_date, told.birth_date)
    family, given = _names(known, told)
    sex, postcode = _sex(known.sex, told.sex), _postcodes(known.postcode, told.postcode)
    agreement = _decide(birth, family, given)
    if agreement is Agreement.AGREE and sex is _OTHER and (given is not _SAME or family is _OTHER):
        agreement = Agreement.DOUBT  # a twin of the other sex, or someone else of the same birthday
    facts = {
        "birth-date": birth,
        "family-name": family,
        "given-name": given,
        "sex": sex,
        "postcode": postcode,
    }
    return Verdict(agreement, tuple(f"{name}-{fact}" for name, fact in facts.items() if fact is not _SAME))


def merged(known: Demographics, told: Demographics) -> Demographics:
    """What to hold once the two agree: the newer names and address, and never another birth date or sex."""
    only_initials = all(len(_fold(name)) <= 1 for name in known.given)
    return Demographics(
        family=told.family or known.family,
        given=told.given if told.given and only_initials else known.given,
        birth_date=known.birth_date if _date(known.birth_date) else told.birth_date or known.birth_date,
        sex=known.sex or told.sex,
        postcode=told.postcode or known.postcode,
    )


def _decide(birth: _Fact, family: _Fact, given: _Fact) -> Agreement:
    for births, families, givens, agreement in _RULES:
        if birth in births and family in families and given in givens:
            return agreement
    return Agreement.DOUBT


def _birth_dates(one: str | None, other: str | None) -> _Fact:
    """Near: day and month exchanged, one digit of day or month wrong, or the year before or after.

    Another wrong digit of the year is no slip to pass over: a parent of the same name differs so.
    """
    a, b = _date(one), _date(other)
    if a is None or b is None:
        return _partial_dates(one or "", other or "")
    if a == b:
        return _SAME
    if a.year == b.year and (a.month, a.day) == (b.day, b.month):
        return _NEAR
    if (a.month, a.day) == (b.month, b.day):
        return _NEAR if abs(a.year - b.year) == 1 else _OTHER
    wrong = sum(x != y for x, y in zip(a.isoformat()[5:], b.isoformat()[5:], strict=True))
    return _NEAR if a.year == b.year and wrong == 1 else _OTHER


def _partial_dates(one: str, other: str) -> _Fact:
    """A year or a month alone confirms nothing, but it can speak against."""
    length = min(len(one), len(other))
    told = length in {4, 7, 10} and one[:4].isdigit() and other[:4].isdigit()
    return _OTHER if told and one[:length] != other[:length] else _UNTOLD


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text and len(text) == 10 else None
    except ValueError:
        return None


def _names(known: Demographics, told: Demographics) -> tuple[_Fact, _Fact]:
    """Family and given names; the two may stand in each other's place."""
    a, b = _words(known.given), _words(told.given)
    if a and b and _fold(known.family) == b[0] and _fold(told.family) == a[0]:
        return _SAME, _SAME
    return _family(known.family, told.family), _given(a, b)


def _family(one: str | None, other: str | None) -> _Fact:
    a, b = _fold(one), _fold(other)
    if not a or not b or a in _PLACEHOLDERS or b in _PLACEHOLDERS:
        return _UNTOLD
    if a == b:
        return _SAME
    parts, others = set(_words((one or "",))), set(_words((other or "",)))
    shared = parts and others and (parts <= others or others <= parts)  # one half of a double name
    return _NEAR if shared or _slip(a, b, at_least=5) else _OTHER


def _given(a: list[str], b: list[str]) -> _Fact:
    """Same: the first of one is among the other's. Near: an initial, a short form, or a slip."""
    if not a or not b:
        return _UNTOLD
    if a[0] == b[0] or "".join(a) == "".join(b):
        return _SAME
    short, long = sorted((a[0], b[0]), key=len)
    if len(short) > 1 and (a[0] in b or b[0] in a):
        return _SAME
    if long.startswith(short) and len(short) != 2:
        return _NEAR
    return _NEAR if _slip(short, long, at_least=6) else _OTHER  # twins may be called Jane and Jade


def _slip(a: str, b: str, at_least: int) -> bool:
    """One letter wrong, missing, or exchanged with its neighbour, in a name that is not short."""
    return max(len(a), len(b)) >= at_least and DamerauLevenshtein.distance(a, b) <= 1


def _sex(one: str | None, other: str | None) -> _Fact:
    if not {one, other} <= {"male", "female"}:
        return _UNTOLD
    return _SAME if one == other else _OTHER


def _postcodes(one: str | None, other: str | None) -> _Fact:
    """People move: a postcode is a reason told to a human, and decides nothing."""
    a, b = _fold(one), _fold(other)
    if not a or not b:
        return _UNTOLD
    return _SAME if a == b else _OTHER


def _words(names: tuple[str, ...]) -> list[str]:
    """The single names, folded, without placeholders."""
    told = (name for name in names if _fold(name) not in _PLACEHOLDERS)
    words = (_fold(word) for name in told for word in name.translate(_LETTERS).split())
    return [word for word in words if word and word not in _PLACEHOLDERS]


def _fold(text: str | None) -> str:
    """Case, accents, spaces and punctuation away: ``O'Neill``, ``ONEILL`` and ``O Neill`` are one name."""
    plain = unicodedata.normalize("NFKD", (text or "").casefold().translate(_LETTERS))
    return "".join(letter for letter in plain if letter.isalnum())
