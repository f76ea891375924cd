"""What each column is, by its content first and by its name, with how sure that is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from scr.onboarding.draft import shapes, times, words
from scr.onboarding.draft.columns import Column
from scr.onboarding.draft.kinds import MOSTLY, Confidence, Guess, Kind, coded
from scr.onboarding.draft.times import Times

MOST_VALUES = 30
"""A column with more distinct values is no list of codes."""
_LONGEST = 70
_FEW_WORDS = 3
_SOME = 0.6


_DAYS = frozenset({"birth", "death", "date", "time", "start", "end", "due"})
_ABOUT_TEXT = "Free text, which may be about anybody: should others see it?"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a column was taken for.

    ``words`` are its name's, ``about`` and ``part`` as in ``words``. ``times`` are of dates, ``unit`` of
    quantities; ``values`` the distinct ones of a closed list that may be written down.
    """

    column: Column
    kind: Kind
    confidence: Confidence
    words: str
    about: str
    part: str
    question: str = ""
    times: Times | None = None
    unit: str = ""
    values: tuple[str, ...] = ()

    @property
    def is_dated(self) -> bool:
        """A date, with or without its time."""
        return self.kind in {Kind.DATE, Kind.DATETIME}


def recognise(column: Column) -> Finding:
    """What a column is. Its own name may say more than the path to it, or less."""
    told, whole = (words.words_of(" ".join(path)) for path in (column.path[-1:], column.path))
    who, what = words.about(whole), words.part(told) or words.part(whole)
    filled = column.filled
    told_values = shapes.said(filled)
    found_times = times.times_of(told_values) if told_values else None
    kind, confidence, question = _kind(column, whole, what, found_times)
    unit = _unit(column, filled) if kind in {Kind.QUANTITY, Kind.NUMBER} else ""
    closed = kind in {Kind.CODES, Kind.SEX, Kind.YES_NO}
    return Finding(
        column, kind, confidence, whole, who, what, question,
        found_times if kind in {Kind.DATE, Kind.DATETIME} else None,
        unit, tuple(sorted(set(filled))) if closed else (),
    )  # fmt: skip


def _kind(column: Column, told: str, what: str, found_times: Times | None) -> Guess:
    filled = column.filled
    if not filled:
        return Kind.EMPTY, "low", "Empty in every row of the sample: what may stand here?"
    for step in (_numbered, _dated(found_times), _contact, _named, coded, _listed):
        guess = step(filled, told, what)
        if guess is not None:
            return guess
    return _otherwise(column, what)


def _numbered(filled: tuple[str, ...], told: str, what: str) -> Guess | None:
    """NHS Numbers, by their check digit."""
    right = shapes.share(filled, shapes.is_nhs)
    if what == "nhs" and right >= 0.5:
        odd = round((1 - right) * len(filled))
        question = (
            f"{odd} of {len(filled)} are no NHS Numbers by their check digit: those go to quarantine."
            if odd
            else ""
        )
        return Kind.NHS_NUMBER, "high", question
    if right >= MOSTLY:
        sure: Confidence = "high" if len(set(filled)) >= 3 and right == 1 else "medium"
        return (
            Kind.NHS_NUMBER,
            sure,
            "" if sure == "high" else "Ten digits with the right check digit: are they NHS Numbers?",
        )
    return None


def _dated(found: Times | None) -> Callable[[tuple[str, ...], str, str], Guess | None]:
    def step(filled: tuple[str, ...], told: str, what: str) -> Guess | None:
        if found is not None:
            sure: Confidence = "high" if found.certain and not found.doubt else "medium"
            return (Kind.DATETIME if found.clock else Kind.DATE), sure, found.doubt
        if what in _DAYS and times.looks_like_serials(filled):
            return Kind.NUMBER, "low", "Day numbers of a spreadsheet: export the column as a date."
        if shapes.share(filled, times.is_clock) >= MOSTLY:
            return Kind.TIME, "high", ""
        return None

    return step


def _contact(filled: tuple[str, ...], told: str, what: str) -> Guess | None:
    for kind, test in (
        (Kind.EMAIL, shapes.is_email),
        (Kind.POSTCODE, shapes.is_postcode),
        (Kind.PHONE, shapes.is_phone),
    ):
        if shapes.share(filled, test) >= (_SOME if what == kind.name.lower() else MOSTLY):
            return kind, "high", ""
    for kind in (Kind.EMAIL, Kind.POSTCODE, Kind.PHONE, Kind.ADDRESS):
        if what == kind.name.lower() and not shapes.share(filled, shapes.is_yes_no):
            return kind, "high" if kind is Kind.ADDRESS else "medium", ""
    return None


_PEOPLE = {"family", "given", "preferred"}
_WHO = re.compile(
    r"((full|patient|client|resident|person|service user|member|contact|next of kin|carer) )*(full )?name|"
    r"patient|client|resident|person|service user"
)
_PEOPLE_HERE = "These look like names of people: are they?"


def _named(filled: tuple[str, ...], told: str, what: str) -> Guess | None:
    if what == "sex" or (shapes.share(filled, _is_long_sex) == 1 and len(set(filled)) >= 2):
        good = shapes.share(filled, shapes.is_sex)
        if good >= 0.5 or what == "sex":
            question = "" if good == 1 else "Not all words are known for a sex or gender: fill in the map."
            return Kind.SEX, "high" if what == "sex" and good == 1 else "medium", question
    if shapes.share(filled, lambda v: v.lower().rstrip(".") in words.TITLES) >= MOSTLY:
        return Kind.TITLE, "high", ""
    if what in _PEOPLE and not any(any(c.isdigit() for c in value) for value in filled):
        return Kind.NAME, "high", ""
    if what in {"relationship", "type", "status"} or what in {"id", "date"}:
        return None
    if _WHO.fullmatch(told) and not any(any(c.isdigit() for c in value) for value in filled):
        return Kind.NAME, "medium", _PEOPLE_HERE
    people = shapes.share(filled, _is_person)
    if people >= 0.3 or (what == "name" and people > 0):
        return Kind.NAME, "medium", _PEOPLE_HERE
    who = words.about(told)
    if (
        who in {"staff", "contact"}
        and what in {"", "name"}
        and shapes.share(filled, _has_shape_of_name) >= _SOME
    ):
        return Kind.NAME, "medium", _PEOPLE_HERE
    return None


def _is_long_sex(value: str) -> bool:
    return value.lower() in {"male", "female", "other", "unknown", "m", "f", "u", "indeterminate"}


def _is_person(value: str) -> bool:
    """Whether one of its first two words is a common given name."""
    first = [word.strip(".,'").lower() for word in value.replace(",", " ").split()]
    first = [word for word in first if word not in words.TITLES][:3]
    return len(first) >= 1 and len(value.split()) <= 5 and any(word in words.GIVEN_NAMES for word in first)


_NAME = re.compile(r"[^\W\d_][\w.'’-]*,?( [^\W\d_][\w.'’-]*){1,3}\Z")


def _has_shape_of_name(value: str) -> bool:
    return _NAME.match(value) is not None


def _listed(filled: tuple[str, ...], told: str, what: str) -> Guess | None:
    """Yes or no, quantities, and lists of codes with few, short values that come again."""
    distinct = set(filled)
    plain = {value.lower() for value in distinct} - {"unknown", "not known", "n/a", ""}
    if plain and all(shapes.is_yes_no(value) for value in plain):
        return (
            Kind.YES_NO,
            "high",
            "" if len(plain) == len(distinct) else "Some values say neither yes nor no: they are left out.",
        )
    measured = _measured(filled, told)
    if measured is not None:
        return measured
    if what in {"id", "note"} or (what in {"", "name"} and words.about(told) in {"staff", "contact"}):
        return None
    said = shapes.said(filled)
    if said and shapes.share(said, shapes.is_number) >= MOSTLY:
        return Kind.NUMBER, "high", _no_number(len(filled) - len(said))
    if what in {
        "relationship",
        "type",
        "status",
        "outcome",
        "priority",
        "reason",
        "title",
        "ethnicity",
        "language",
    }:
        repeated = len(distinct) < len(filled) or len(filled) <= 3 or what == "status"
    else:
        repeated = len(distinct) * 2 <= len(filled)
    if repeated and len(distinct) <= MOST_VALUES and all(map(_may_be_code, distinct)):
        return Kind.CODES, "high", ""
    return None


def _measured(filled: tuple[str, ...], told: str) -> Guess | None:
    """Blood pressures, and numbers with their unit; words may stand where there is none."""
    said = shapes.said(filled)
    if said and shapes.share(said, shapes.is_pressure) >= MOSTLY:
        named = re.search(r"\bblood pressure\b", told) is not None
        question = "" if named else "Two numbers each: are these blood pressures?"
        return Kind.PRESSURE, "high" if named else "medium", question
    if said and shapes.share(said, lambda v: shapes.quantity_unit(v) is not None) >= MOSTLY:
        return Kind.QUANTITY, "high", _no_number(len(filled) - len(said))
    return None


def _no_number(words: int) -> str:
    return f"{words} of the values are words for none: they are left out, and counted." if words else ""


def _may_be_code(value: str) -> bool:
    """Short, no long number in it, nobody's name, number, address: a value that may be written down."""
    if len(value) > _LONGEST or not value.isprintable() or _is_person(value) or shapes.is_nhs(value):
        return False
    if re.search(r"\d{5}", re.sub(r"[\s-]", "", value)) or re.search(
        r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}", value
    ):
        return False
    return not any(test(value) for test in (shapes.is_email, shapes.is_phone, shapes.is_postcode))


def _otherwise(column: Column, what: str) -> Guess:
    filled = column.filled
    distinct = len(set(filled))
    compact = shapes.share(filled, lambda v: len(v) <= 40 and " " not in v and any(c.isdigit() for c in v))
    if compact >= MOSTLY and (what == "id" or distinct == len(filled)):
        return Kind.IDENTIFIER, "high" if what == "id" else "medium", ""
    if what == "id" and all(len(value) <= 40 for value in filled):
        return Kind.IDENTIFIER, "medium", ""
    wordy = what == "note" or shapes.share(filled, lambda v: len(v.split()) > _FEW_WORDS) >= 0.3
    return Kind.TEXT, "high", _ABOUT_TEXT if wordy else ""


def _unit(column: Column, filled: tuple[str, ...]) -> str:
    """The unit: beside each number, or in the column's name (``Weight (kg)``)."""
    found = {unit for value in filled if (unit := shapes.quantity_unit(value)) is not None}
    if found:
        return found.pop() if len(found) == 1 else ""
    match = re.search(
        r"[(\[]\s*([A-Za-z%/°]{1,10}\d?)\s*[)\]]|_(kg|cm|mm|ml|mg|g|bpm|mmhg)$", column.name, re.IGNORECASE
    )
    return (match[1] or match[2]) if match else ""
