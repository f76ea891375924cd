"""A person in the store: an opaque key, a random patient id, a data key, and the sealed facts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from msgspec import structs
from sqlalchemy import Connection, bindparam, delete, select, update

from scr.consent.lifts import Lift
from scr.fhir.demographics import Demographics, ToldOtherwise
from scr.fhir.identifiers import NHSNumber
from scr.fhir.standing import Standing
from scr.store import groups
from scr.store.driver import Statement, held, run, send, written
from scr.store.keys import DataKey, KeyRing, random_id, seal, unseal
from scr.store.tables import HELD, LONG_PAYLOAD, MESSAGE, PERSON, QUARANTINE, RESOURCE, SNAPSHOT


@dataclass(frozen=True, slots=True)
class Person:
    """A person, opened. ``key`` is internal; ``patient_id`` is the logical id of their Patient.

    ``demographics``, ``standing`` and ``revision`` (of the record) are as they were when it was read. It
    prints without number, key and facts. ``view`` is the key of the person retained, where this one is
    linked with others. ``also`` are other demographics that a reviewer said are theirs. ``lifts`` are the
    labels that somebody said are wrong, those that were put back among them. ``otherwise`` is what sources
    that are asked live tell of somebody who may be another.
    """

    key: str
    patient_id: str
    nhs_number: NHSNumber = field(repr=False)
    data_key: DataKey = field(repr=False)
    demographics: Demographics = field(repr=False)
    revision: int = 0
    standing: Standing = field(default=Standing(), repr=False)
    view: str | None = None
    also: tuple[Demographics, ...] = field(default=(), repr=False)
    lifts: tuple[Lift, ...] = field(default=(), repr=False)
    otherwise: tuple[ToldOtherwise, ...] = field(default=(), repr=False)

    @property
    def known_as(self) -> tuple[Demographics, ...]:
        """Everything that they may be told by."""
        return (self.demographics, *self.also)

    @property
    def without_home(self) -> Person:
        """The same, and nothing of where they live."""
        return replace(
            self,
            demographics=without_postcode(self.demographics),
            also=tuple(map(without_postcode, self.also)),
            otherwise=tuple(
                structs.replace(one, demographics=without_postcode(one.demographics))
                for one in self.otherwise
            ),
        )


def without_postcode(demographics: Demographics) -> Demographics:
    """Demographics without the postcode: those of somebody whose whereabouts are restricted."""
    return structs.replace(demographics, postcode=None)


class _Facts(msgspec.Struct, frozen=True, array_like=True):
    """What the person's row seals."""

    nhs_number: str
    demographics: Demographics
    standing: Standing = Standing()  # rows of before have none, and nothing after it
    also: tuple[Demographics, ...] = ()
    lifts: tuple[Lift, ...] = ()
    otherwise: tuple[ToldOtherwise, ...] = ()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Facts)
_COLUMNS = (
    PERSON.c.key,
    PERSON.c.patient_id,
    PERSON.c.wrapped_key,
    PERSON.c.sealed,
    PERSON.c.revision,
    PERSON.c.view,
)
_BY_KEY = written("SELECT key, patient_id, wrapped_key, sealed, revision, view FROM person WHERE key = ?")
_LOCK = {
    "sqlite": "SELECT 1 FROM person WHERE key = ?",  # its one writer holds everything
    "postgresql": "SELECT 1 FROM person WHERE key = %s FOR UPDATE",
}
_REVISED = written("UPDATE person SET revision = revision + 1 WHERE key = ?")
_BY_TOKEN = written(
    "SELECT p.key, p.patient_id, p.wrapped_key, p.sealed, p.revision, p.view"
    " FROM person_index i JOIN person p ON p.key = i.person WHERE i.token = ?"
)
_ADD = written("INSERT INTO person (key, patient_id, wrapped_key, created, sealed) VALUES (?, ?, ?, ?, ?)")
_BY_PATIENT_ID = written(
    "SELECT key, patient_id, wrapped_key, sealed, revision, view FROM person WHERE patient_id = ?"
)
_OF_VIEW = (
    select(*_COLUMNS).where(PERSON.c.view == bindparam("value")).order_by(PERSON.c.created, PERSON.c.key)
)


def person_by_key(connection: Connection, keys: KeyRing, key: str) -> Person | None:
    """The person with this opaque key; Fault ``unreadable`` where their key was destroyed."""
    return _read(connection, keys, _BY_KEY, key)


def patient_ids(connection: Connection, people: Collection[str]) -> dict[str, str]:
    """The logical ids of the Patients of persons, by opaque key; without those who were erased."""
    if not people:
        return {}
    query = select(PERSON.c.key, PERSON.c.patient_id).where(PERSON.c.key.in_(people))
    return {row.key: row.patient_id for row in connection.execute(query)}


def person_by_patient_id(connection: Connection, keys: KeyRing, patient_id: str) -> Person | None:
    """The person whose Patient has this logical id."""
    return _read(connection, keys, _BY_PATIENT_ID, patient_id)


def view_of(connection: Connection, keys: KeyRing, person: Person) -> tuple[Person, ...]:
    """The person and whoever is linked with them, the one retained first; mostly the person alone.

    ``person`` must have been read in this transaction.
    """
    if person.view is None:
        return (person,)
    found = [open_person(keys, row) for row in connection.execute(_OF_VIEW, {"value": person.view})]
    return tuple(sorted(found, key=lambda each: each.key != person.view))


def person_by_token(connection: Connection, keys: KeyRing, token: str) -> Person | None:
    """The person whom a token of the blind index finds."""
    return _read(connection, keys, _BY_TOKEN, token)


def _read(connection: Connection, keys: KeyRing, query: Statement, value: str) -> Person | None:
    row = run(connection, query, (value,)).fetchone()
    return None if row is None else open_person(keys, row)


def open_person(keys: KeyRing, row: Iterable[Any]) -> Person:
    """The person of a row (key, patient_id, wrapped_key, sealed, revision, view). Raises Fault."""
    key, patient_id, wrapped, sealed, revision, view = row
    data_key = keys.unwrap(wrapped, _key_place(key))
    facts = _decoder.decode(unseal(data_key, sealed, _facts_place(key)))
    number = NHSNumber(facts.nhs_number)
    return Person(
        key,
        patient_id,
        number,
        data_key,
        facts.demographics,
        revision,
        facts.standing,
        view,
        facts.also,
        facts.lifts,
        facts.otherwise,
    )


def add_person(
    connection: Connection,
    keys: KeyRing,
    nhs_number: NHSNumber,
    demographics: Demographics,
    now: int,
    patient_id: str | None = None,
) -> Person:
    """A new person with a new data key. That the number is new is for ``scr.identity`` to see to.

    ``patient_id`` is a random id that was made for them before.
    """
    person = Person(random_id(), patient_id or random_id(), nhs_number, DataKey.new(), demographics)
    wrapped = keys.wrap(person.data_key, _key_place(person.key))
    row = (person.key, person.patient_id, wrapped, now, _sealed(person))
    send(connection, _ADD, row)
    return person


def keep_facts(connection: Connection, person: Person) -> None:
    """Put the person's number, demographics, standing and lifts in the place of those held."""
    connection.execute(update(PERSON).where(PERSON.c.key == person.key).values(sealed=_sealed(person)))


def lock_person(connection: Connection, person: Person) -> bool:
    """Let one writer at a time change the person's record; False where the person was erased."""
    if person.key in held(connection):
        return True
    return run(connection, _LOCK, (person.key,)).fetchone() is not None


def revise(connection: Connection, person: Person) -> None:
    """Mark that the person's record is another than it was: whatever changes one calls this."""
    send(connection, _REVISED, (person.key,))


def erase_person(connection: Connection, keys: KeyRing, person: Person) -> None:
    """Erase: destroy the person's key, and with it all that it sealed; delete what stood under it.

    Messages that were about this person alone stay as rows (that one came is no secret), and cannot
    be opened by anyone. The audit trail stays. Whoever is linked with them is not any more.
    """
    near = groups.beside(connection, person.key)
    theirs = select(MESSAGE.c.id).where(MESSAGE.c.person == person.key)
    connection.execute(delete(LONG_PAYLOAD).where(LONG_PAYLOAD.c.message.in_(theirs)))
    connection.execute(
        update(MESSAGE).where(MESSAGE.c.person == person.key).values(wrapped_key=b"", sealed=b"")
    )
    parts = update(QUARANTINE).where(QUARANTINE.c.message.in_(theirs))
    connection.execute(parts.values(sealed=b"", state="dismissed"))
    connection.execute(delete(SNAPSHOT).where(SNAPSHOT.c.person == person.key))
    held_here = select(RESOURCE.c.id).where(RESOURCE.c.person == person.key)
    connection.execute(delete(HELD).where(HELD.c.id.in_(held_here)))
    connection.execute(delete(PERSON).where(PERSON.c.key == person.key))  # the rest goes by its foreign key
    groups.regroup(connection, near)
    keys.forget()


def _sealed(person: Person) -> bytes:
    facts = _Facts(
        person.nhs_number.value,
        person.demographics,
        person.standing,
        person.also,
        person.lifts,
        person.otherwise,
    )
    return seal(person.data_key, _encoder.encode(facts), _facts_place(person.key))


def _key_place(key: str) -> bytes:
    return f"person/{key}/key".encode()


def _facts_place(key: str) -> bytes:
    return f"person/{key}/facts".encode()
