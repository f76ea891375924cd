"""Persons of whom it is in doubt who they are, until that is over or somebody has seen to it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, bindparam, delete, select, text

from scr.fhir.identifiers import OdsCode
from scr.store.people import Person
from scr.store.tables import PERSON, PERSON_DOUBT

DoubtCode = Literal[
    "nhs-number-invalidated", "nhs-number-not-known", "nhs-number-disputed", "demographics-differ",
    "source-differs", "source-contradicts",
]  # fmt: skip
"""The register took the number out of use, or has nobody with it; it gave way to another and that cannot be
taken up; or whom the register knows by it is not as the person who is known here. Or a source that is asked
live tells of somebody who may not be the person, or cannot be."""
BY_REGISTER: tuple[DoubtCode, ...] = (
    "nhs-number-invalidated", "nhs-number-not-known", "nhs-number-disputed", "demographics-differ",
)  # fmt: skip
BY_SOURCE: tuple[DoubtCode, ...] = ("source-differs", "source-contradicts")

_NOTE = text(
    "INSERT INTO person_doubt (person, code, since) VALUES (:person, :code, :since)"
    " ON CONFLICT (person, code) DO NOTHING"
)
_SETTLE = delete(PERSON_DOUBT).where(PERSON_DOUBT.c.person == bindparam("whose"))
_LATEST = (
    select(PERSON_DOUBT.c.person, PERSON.c.patient_id, PERSON_DOUBT.c.code, PERSON_DOUBT.c.since)
    .join(PERSON, PERSON.c.key == PERSON_DOUBT.c.person)
    .order_by(PERSON_DOUBT.c.since, PERSON_DOUBT.c.person, PERSON_DOUBT.c.code)
)


@dataclass(frozen=True, slots=True)
class PersonDoubt:
    """One doubt. ``person`` is the opaque key, ``patient_id`` that of the Patient; ``since`` is ms UTC.
    ``sources`` are the ODS codes of those who told it, where that was asked for."""

    person: str
    patient_id: str
    code: DoubtCode
    since: int
    sources: tuple[OdsCode, ...] = ()


def note(connection: Connection, person: Person, code: DoubtCode, now: int) -> bool:
    """Note a doubt; False where it stood already."""
    values = {"person": person.key, "code": code, "since": now}
    return bool(connection.execute(_NOTE, values).rowcount)


def settle(connection: Connection, person: Person, codes: Collection[DoubtCode] = BY_REGISTER) -> bool:
    """Forget doubts about a person; whether there was one."""
    query = _SETTLE.where(PERSON_DOUBT.c.code.in_(codes))
    return bool(connection.execute(query, {"whose": person.key}).rowcount)


def standing(connection: Connection, limit: int = 1000) -> list[PersonDoubt]:
    """The doubts that stand, the oldest first."""
    return [PersonDoubt(*row) for row in connection.execute(_LATEST.limit(limit))]


def about(connection: Connection, person: Person) -> list[PersonDoubt]:
    """Those about one person."""
    query = _LATEST.where(PERSON_DOUBT.c.person == person.key)
    return [PersonDoubt(*row) for row in connection.execute(query)]
