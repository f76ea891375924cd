"""Is the person that a payload speaks of the person that its NHS Number names?

A number may be mistyped, or picked from the wrong line of a list: a twin's, a parent's of the same
name. So the demographics must agree as well. Each fact is compared and weighed by the policy
(``identity/matching.py``); what is neither certain nor impossible is a doubt, and a doubt goes to a
human, never onto a record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from scr.fhir.demographics import Demographics
from scr.identity.matching import Fact, Matching, shipped_matching
from scr.identity.names import Level, compare_names, fold


class Agreement(StrEnum):
    """What the comparison says."""

    AGREE = "agree"
    DOUBT = "doubt"
    CONTRADICT = "contradict"
    UNKNOWN = "unknown"


BEST_LAST = (Agreement.CONTRADICT, Agreement.DOUBT, Agreement.UNKNOWN, Agreement.AGREE)
"""The order in which agreement grows."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The comparison, its sum of weights, and its reasons: codes such as ``birth-date-near``, never data."""

    agreement: Agreement
    score: float
    levels: tuple[tuple[Fact, Level], ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Each fact that is not the same on both sides, and how it compares."""
        return tuple(f"{fact}-{level}" for fact, level in self.levels if level is not Level.SAME)


def compare(known: Demographics, told: Demographics, policy: Matching | None = None) -> Verdict:
    """Compare what is held with what a payload says. The order of the two does not matter."""
    policy = policy or shipped_matching()
    family, given = compare_names(known, told, policy.names)
    levels: dict[Fact, Level] = {
        "birth-date": _birth_dates(known.birth_date, told.birth_date, policy),
        "family-name": family,
        "given-name": given,
        "sex": _sex(known.sex, told.sex),
        "postcode": _postcodes(known.postcode, told.postcode, policy),
    }
    score = sum(policy.weights.get((fact, level), 0.0) for fact, level in levels.items())
    return Verdict(_agreement(levels, score, policy), score, tuple(levels.items()))


def compare_any(known: Iterable[Demographics], told: Demographics, policy: Matching | None = None) -> Verdict:
    """The best comparison: a person may be known by several names. ``known`` holds at least one."""
    verdicts = (compare(one, told, policy) for one in known)
    return max(verdicts, key=lambda one: (BEST_LAST.index(one.agreement), one.score))


def merged(known: Demographics, told: Demographics) -> Demographics:
    """What to hold once the two agree: the newer names and address, and never another birth date or sex."""
    only_initials = all(len(fold(name)) <= 1 for name in known.given)
    return Demographics(
        family=told.family or known.family,
        given=told.given if told.given and only_initials else known.given,
        birth_date=known.birth_date if _date(known.birth_date) else told.birth_date or known.birth_date,
        sex=known.sex or told.sex,
        postcode=told.postcode or known.postcode,
    )


def _agreement(levels: dict[Fact, Level], score: float, policy: Matching) -> Agreement:
    if levels["birth-date"] is Level.UNTOLD and levels["family-name"] is Level.UNTOLD:
        return Agreement.UNKNOWN  # nothing to check by
    if score <= policy.contradict:
        return Agreement.CONTRADICT
    if score < policy.agree:
        return Agreement.DOUBT
    for row in policy.never_agree:
        if all(levels[fact] in some for fact, some in row.items()):
            return Agreement.DOUBT
    return Agreement.AGREE


def _birth_dates(one: str | None, other: str | None, policy: Matching) -> Level:
    """Near: day and month exchanged, one digit of day or month wrong, or the year before or after.

    Another wrong digit of the year is no slip to pass over: a parent of the same name differs so.
    """
    if one in policy.no_birth_dates or other in policy.no_birth_dates:
        return Level.UNTOLD
    a, b = _date(one), _date(other)
    if a is None or b is None:
        return _partial_dates(one or "", other or "")
    if a == b:
        return Level.SAME
    if a.year == b.year and (a.month, a.day) == (b.day, b.month):
        return Level.NEAR
    if (a.month, a.day) == (b.month, b.day):
        return Level.NEAR if abs(a.year - b.year) == 1 else Level.OTHER
    wrong = sum(x != y for x, y in zip(a.isoformat()[5:], b.isoformat()[5:], strict=True))
    return Level.NEAR if a.year == b.year and wrong == 1 else Level.OTHER


def _partial_dates(one: str, other: str) -> Level:
    """A year or a month alone confirms nothing, but it can speak against."""
    length = min(len(one), len(other))
    told = length in {4, 7, 10} and one[:4].isdigit() and other[:4].isdigit()
    return Level.OTHER if told and one[:length] != other[:length] else Level.UNTOLD


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text and len(text) == 10 else None
    except ValueError:
        return None


def _sex(one: str | None, other: str | None) -> Level:
    if not {one, other} <= {"male", "female"}:
        return Level.UNTOLD
    return Level.SAME if one == other else Level.OTHER


def _postcodes(one: str | None, other: str | None, policy: Matching) -> Level:
    """People move: another postcode is a reason told to a human, and decides nothing by itself."""
    a, b = fold(one), fold(other)
    if not a or not b or a in policy.no_postcodes or b in policy.no_postcodes:
        return Level.UNTOLD
    return Level.SAME if a == b else Level.OTHER
