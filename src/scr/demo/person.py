"""What is true of one synthetic person, and which source knows of it.

Every item names its holders (``held_by``: ``gp``, ``hospital``, ``council``, ``neighbour``). An item with
two holders is a duplicate on purpose; two items that contradict each other have different holders.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol, TypeVar

from scr.demo.clinical import Coded
from scr.demo.laboratory import Profile
from scr.demo.places import Address

GP, HOSPITAL, COUNCIL, NEIGHBOUR = "gp", "hospital", "council", "neighbour"
SOURCES = (GP, HOSPITAL, COUNCIL, NEIGHBOUR)
Holders = frozenset[str]


@dataclass(frozen=True, slots=True)
class Problem:
    """A condition. ``held_by`` others than the GP hold it as they were told of it."""

    what: Coded
    icd10: str
    read: str
    onset: date
    held_by: Holders
    ended: date | None = None
    major: bool = True


@dataclass(frozen=True, slots=True)
class Medicine:
    """Something prescribed. ``repeat`` or acute; ``issues`` are the dates of its prescriptions."""

    what: Coded
    dosage: str
    quantity: int
    unit: str
    repeat: bool
    started: date
    issues: tuple[date, ...]
    held_by: Holders
    ended: date | None = None


@dataclass(frozen=True, slots=True)
class Allergy:
    """An allergy, or the statement that none is known (716186003)."""

    what: Coded
    reaction: Coded | None
    severity: str
    recorded: date
    held_by: Holders
    ended: date | None = None


@dataclass(frozen=True, slots=True)
class Immunisation:
    """A vaccine given, or offered and declined."""

    what: Coded
    on: date
    lot: str
    held_by: Holders
    given: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """A laboratory report: the values stand in the order of the profile's analytes."""

    profile: Profile
    taken: datetime
    values: tuple[float, ...]
    order: str
    held_by: Holders


@dataclass(frozen=True, slots=True)
class Measurement:
    """Something measured or noted in the surgery; ``values`` are mmHg for a blood pressure."""

    what: Coded
    on: date
    values: tuple[float, ...]
    unit: str
    held_by: Holders


@dataclass(frozen=True, slots=True)
class Visit:
    """An attendance: ``kind`` is ``admission``, ``emergency`` or ``outpatient``."""

    kind: str
    number: str
    start: datetime
    end: datetime
    ward: str
    reason: Coded
    icd10: str
    clinician: int
    held_by: Holders


@dataclass(frozen=True, slots=True)
class Consultation:
    """A contact with the practice, about one of the person's problems or about something short."""

    at: datetime
    kind: str
    about: Coded
    note: str
    clinician: int
    problem: int | None


@dataclass(frozen=True, slots=True)
class CareEvent:
    """An event of adult social care, in the words of Client Level Data (empty where it has none)."""

    kind: str
    reference: str
    start: date
    end: date | None
    description: str
    outcome: str
    route: str = ""
    assessment: str = ""
    needs: str = ""
    method: str = ""
    service: str = ""
    component: str = ""
    delivery: str = ""
    provider: str = ""
    reason: str = ""
    achieved: str = ""
    cost: str = ""
    cost_unit: str = ""
    units: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """One synthetic person. ``persona`` is empty except for the handful that are documented."""

    nhs_number: str
    family: str
    given: str
    prefix: str
    female: bool
    birth_date: date
    phone: str
    address: Address
    practice: str
    registered: date
    sources: Holders
    persona: str = ""
    old_address: Address | None = None
    old_family: str = ""
    behind: str = ""
    """The source that has not heard of the move or of the marriage."""
    died: date | None = None
    dissents: bool = False
    list_warning: str = ""
    """The warning that the GP system puts on its lists: `confidential-items` or `data-in-transit`."""
    carer: str = ""
    support_reason: str = ""
    problems: tuple[Problem, ...] = ()
    medicines: tuple[Medicine, ...] = ()
    allergies: tuple[Allergy, ...] = ()
    immunisations: tuple[Immunisation, ...] = ()
    reports: tuple[Report, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    visits: tuple[Visit, ...] = ()
    consultations: tuple[Consultation, ...] = ()
    care: tuple[CareEvent, ...] = field(default=())

    def family_at(self, source: str) -> str:
        """The family name that a source knows."""
        return self.old_family if self.behind == source and self.old_family else self.family

    def address_at(self, source: str) -> Address:
        """The address that a source knows."""
        return self.old_address if self.behind == source and self.old_address else self.address

    def local_id(self, source: str) -> str:
        """The source's own identifier of the person."""
        return identifier(self.nhs_number, source)[:8].upper()


class _Held(Protocol):
    @property
    def held_by(self) -> Holders: ...


_Item = TypeVar("_Item", bound=_Held)


def held(items: Iterable[_Item], source: str) -> list[_Item]:
    """The items that a source holds."""
    return [item for item in items if source in item.held_by]


def identifier(*parts: object) -> str:
    """A UUID made from its parts alone: the same in every process and at every start, and telling nothing."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16, key=b"demonstration")
    return str(uuid.UUID(bytes=digest.digest(), version=4))
