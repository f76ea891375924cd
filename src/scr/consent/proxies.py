"""Citizens and carers: what they open, and on what a carer's access rests.

``proxies.yaml`` says it. The codes of what an access rests on are those of England-NHSProxyLegalBasis
(https://fhir.nhs.uk/England/CodeSystem/England-NHSProxyLegalBasis). Ages change at midnight of the
birthday, Europe/London. What is not known denies.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from scr.data import DataFiles, Document, load_yaml
from scr.fhir.dates import milliseconds
from scr.fhir.headings import ADDED_TYPES, HEADINGS

PROXIES_FILE = "proxies.yaml"
_LONDON = ZoneInfo("Europe/London")
_YEAR_MS = 31_557_600_000
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?\Z")

Basis = Literal[
    "parental-responsibility",
    "consent",
    "best-interest",
    "health-and-welfare-lasting-power-of-attorney",
    "court-appointed-personal-welfare-deputy",
]
_WHILE_ABSENT: tuple[Basis, ...] = (
    "health-and-welfare-lasting-power-of-attorney",
    "court-appointed-personal-welfare-deputy",
)
Capacity = Literal["", "present", "absent"]
"""Whether somebody can decide for themselves on their record; empty: nobody told."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """What a carer's access rests on. Instants are ms UTC.

    ``reviewed`` and ``used`` are the last times, None for never. ``suspended`` says why, where it is: a
    coded change of parental responsibility, of being looked after, an adoption. ``headings`` are those that
    it opens, None for all that the policy opens; ``contributes``: the carer may add to the record too.
    """

    basis: str
    since: int
    until: int | None = None
    reviewed: int | None = None
    used: int | None = None
    suspended: str = ""
    headings: frozenset[str] | None = None
    contributes: bool = False


@dataclass(frozen=True, slots=True)
class Online:
    """What is known of whoever asks online, beside the person asked about.

    ``own``: the token is this very person's. ``born`` is the person's birth date (FHIR, parts may lack),
    ``capacity`` the person's.
    """

    own: bool = False
    born: str = ""
    capacity: Capacity = ""
    delegation: Delegation | None = None


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Opens(_Model):
    """What a kind of actor opens. ``adds``: types that they add to the record themselves, and correct."""

    purposes: tuple[str, ...] = Field(min_length=1)
    headings: tuple[str, ...] | Literal["all"]
    interactions: tuple[Literal["r", "s"], ...]
    clearance: Literal["U", "L", "M", "N", "R", "V"] = "N"
    adds: tuple[str, ...] = ()


class Citizens(Opens):
    """The same of citizens, from their age in years on."""

    from_age: int = Field(ge=0, le=18)


class BasisRule(_Model):
    """What holds for one legal basis.

    ``until_age``: it ends at that birthday. ``review_age``: it rests from that birthday on, until it has
    been reviewed since. ``capacity``: it holds only while the person's capacity is this.
    """

    name: str
    until_age: int | None = Field(default=None, ge=1, le=16)
    review_age: int | None = Field(default=None, ge=0, le=13)
    capacity: Literal["any", "absent", "present"] = "any"


class Carers(Opens):
    """The same of carers. ``unused_years``: an access that nobody used for so long has ended.

    ``longest_days``: no access is given for longer at once. ``by_sign_in``: on these a carer has access where
    the sign-in says so, unless it was ended here.
    """

    unused_years: int = Field(ge=1, le=5)
    longest_days: int = Field(default=730, ge=1, le=1830)
    by_sign_in: tuple[Basis, ...] = ()
    bases: dict[Basis, BasisRule]


class _File(_Model):
    citizen: Citizens
    carer: Carers


@dataclass(frozen=True, slots=True)
class ProxyPolicy:
    """The file as it is; without one, neither citizens nor carers have anything."""

    citizen: Citizens | None = None
    carer: Carers | None = None


Denial = tuple[str, str]
"""A stable code and a sentence."""
NOT_OWN: Denial = ("not-own-record", "This is not the record of whoever signed in.")
_NO_AGE: Denial = ("no-birth-date", "The birth date is not known, so nobody can say who may decide.")
_TOO_YOUNG: Denial = ("too-young", "Whoever is this young has no access of their own.")
_NONE: Denial = ("no-delegation", "Nothing says that this carer may see the record.")
_BASIS: Denial = ("unknown-basis", "The policy knows no access on this legal basis.")
_SUSPENDED: Denial = ("delegation-suspended", "The access is suspended until somebody has looked at it.")
_OPEN_ENDED: Denial = ("delegation-open-ended", "An access for a carer needs an end.")
_OVER: Denial = ("delegation-over", "The access is not in force now.")
_UNUSED: Denial = ("delegation-unused", "Nobody used the access for years, so it has ended.")
_BIRTHDAY: Denial = ("birthday", "The person has reached the age at which they decide for themselves.")
_REVIEW: Denial = ("review-due", "The person has reached an age at which the access has to be reviewed.")
_CAPACITY: Denial = ("capacity", "The access holds only for a capacity to decide that is not known here.")


def citizen_denial(online: Online, citizens: Citizens, now: datetime) -> Denial | None:
    """Why a citizen may not see a record, None where they may."""
    if not online.own or online.delegation is not None:
        return NOT_OWN
    born = _span(online.born)
    if born is None:
        return _NO_AGE
    return None if now >= _birthday(born[1], citizens.from_age) else _TOO_YOUNG


def carer_denial(online: Online, carers: Carers, now: datetime) -> Denial | None:
    """Why a carer may not see a record, None where they may."""
    delegation = online.delegation
    if delegation is None or online.own:
        return _NONE
    basis = {str(code): rule for code, rule in carers.bases.items()}.get(delegation.basis)
    if basis is None:
        return _BASIS
    if delegation.suspended:
        return _SUSPENDED
    return (
        _time_denial(delegation, carers, milliseconds(now))
        or _age_denial(online.born, delegation, basis, now)
        or (None if basis.capacity in ("any", online.capacity) else _CAPACITY)
    )


def _time_denial(delegation: Delegation, carers: Carers, now: int) -> Denial | None:
    if delegation.until is None:
        return _OPEN_ENDED
    if not delegation.since <= now < delegation.until:
        return _OVER
    used = delegation.since if delegation.used is None else max(delegation.used, delegation.since)
    return _UNUSED if now - used >= carers.unused_years * _YEAR_MS else None


def _age_denial(born: str, delegation: Delegation, basis: BasisRule, now: datetime) -> Denial | None:
    if basis.until_age is None and basis.review_age is None:
        return None
    span = _span(born)
    if span is None or now < _birthday(span[0], 0):  # one in the future is a slip
        return _NO_AGE
    if basis.until_age is not None and now >= _birthday(span[0], basis.until_age):
        return _BIRTHDAY
    if basis.review_age is None:
        return None
    due = _birthday(span[0], basis.review_age)
    reviewed = delegation.reviewed is not None and delegation.reviewed >= milliseconds(due)
    return None if now < due or reviewed else _REVIEW


def _span(born: str) -> tuple[date, date] | None:
    """The first and the last day that a birth date, parts of which may lack, can mean."""
    match = _DATE.match(born)
    if match is None:
        return None
    year, month, day = match.groups()
    try:
        first = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    if day is not None:
        return first, first
    if month is not None:
        return first, first.replace(day=monthrange(first.year, first.month)[1])
    return first, first.replace(month=12, day=31)


def _birthday(born: date, age: int) -> datetime:
    """Midnight of a birthday, Europe/London; of one on 29 February, of 28 February where there is none."""
    try:
        day = born.replace(year=born.year + age)
    except ValueError:
        day = born.replace(year=born.year + age, day=28)
    return datetime(day.year, day.month, day.day, tzinfo=_LONDON)


def load_proxies(files: DataFiles) -> ProxyPolicy:
    """Read ``proxies.yaml``. Raises Invalid with file, line and key."""
    document = load_yaml(files.find("consent", PROXIES_FILE))
    parsed = document.parse(_File)
    for key, opens in (("citizen", parsed.citizen), ("carer", parsed.carer)):
        _check(document, key, opens)
    _check_bases(document, parsed.carer.bases)
    return ProxyPolicy(parsed.citizen, parsed.carer)


def _check(document: Document, key: str, opens: Opens) -> None:
    unknown = () if opens.headings == "all" else sorted(set(opens.headings) - set(HEADINGS))
    if unknown:
        message = f"unknown headings: {', '.join(unknown)}; known: {', '.join(HEADINGS)}"
        raise document.error(message, key, "headings", code="bad-policy")
    strange = sorted(set(opens.adds) - ADDED_TYPES)
    if strange:
        message = f"nobody adds {', '.join(strange)} here; these are: {', '.join(sorted(ADDED_TYPES))}"
        raise document.error(message, key, "adds", code="bad-policy")


def _check_bases(document: Document, bases: Mapping[Basis, BasisRule]) -> None:
    """What the law says of a basis cannot be written otherwise."""
    child = bases.get("parental-responsibility")
    if child is not None and (child.until_age is None or child.review_age is None):
        message = "needs until_age (at most 16) and review_age (at most 13)"
        raise document.error(message, "carer", "bases", "parental-responsibility", code="bad-policy")
    for basis in _WHILE_ABSENT:
        if basis in bases and bases[basis].capacity != "absent":
            message = "holds only while capacity is absent: write capacity: absent"
            raise document.error(message, "carer", "bases", basis, code="bad-policy")
