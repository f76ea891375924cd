"""Who may act for whom, as rows: what a carer's access rests on, sealed with the person's key.

Of a carer's subject and of an invitation's code the store has keyed hashes only. Every read is of the rows
as they are now, so that what was ended on one process holds on none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from scr.consent.proxies import Capacity, Delegation
from scr.store.driver import run, some
from scr.store.keys import KeyRing, random_id, seal, unseal
from scr.store.people import Person, person_by_key
from scr.store.tables import CAPACITY, DELEGATION

_USED_MS = 3_600_000
"""How often the use of a delegation is written."""


class State(StrEnum):
    """Where a delegation stands."""

    INVITED = "invited"
    LAPSED = "lapsed"
    IN_FORCE = "in-force"
    SUSPENDED = "suspended"
    OVER = "over"
    ENDED = "ended"


class Event(msgspec.Struct, frozen=True, array_like=True):
    """Something that was done with a delegation: when (ms UTC), what, by whom (subject and name), and why."""

    at: int
    what: str
    by: str
    name: str
    note: str = ""


class Terms(msgspec.Struct, frozen=True):
    """What is sealed of a delegation.

    ``basis`` is a code of England-NHSProxyLegalBasis. ``calls`` is what whoever made it calls the carer;
    ``carer`` and ``carer_name`` are the subject and name of who accepted. ``headings``: those that it opens,
    None for all. ``evidence`` is the document that staff have seen. ``suspended`` says why, where it is.
    """

    basis: str
    calls: str
    headings: tuple[str, ...] | None = None
    contributes: bool = False
    evidence: str = ""
    carer: str = ""
    carer_name: str = ""
    reviewed: int | None = None
    suspended: str = ""
    events: tuple[Event, ...] = ()

    def __repr__(self) -> str:
        """Without anybody's name."""
        return "Terms()"


@dataclass(frozen=True, slots=True)
class Delegated:
    """A delegation. ``person`` is an opaque key; instants are ms UTC. ``accepted``: a carer has taken it."""

    id: str
    person: str
    since: int
    until: int
    terms: Terms
    accepted: bool = False
    code_until: int | None = None
    used: int | None = None
    ended: int | None = None

    def state(self, now: int) -> State:
        """Where it stands."""
        if self.ended is not None:
            return State.ENDED
        if not self.accepted:
            return State.INVITED if (self.code_until or 0) > now else State.LAPSED
        if self.until <= now:
            return State.OVER
        return State.SUSPENDED if self.terms.suspended else State.IN_FORCE

    def rests_on(self) -> Delegation:
        """As the rules ask it."""
        terms = self.terms
        return Delegation(
            basis=terms.basis,
            since=self.since,
            until=self.until if self.ended is None else min(self.until, self.ended),
            reviewed=terms.reviewed,
            used=self.used,
            suspended=terms.suspended,
            headings=None if terms.headings is None else frozenset(terms.headings),
            contributes=terms.contributes,
        )


class Assessed(msgspec.Struct, frozen=True, array_like=True):
    """What somebody recorded of a person's capacity: when, what, by whom, and on what evidence."""

    at: int
    capacity: Capacity
    by: str
    name: str
    evidence: str


_NAMES = ("id", "person", "carer", "code_until", "since", "until", "used", "ended", "sealed")
_COLUMNS = tuple(DELEGATION.c[name] for name in _NAMES)
_OF_PEOPLE = some(
    f"SELECT {', '.join(_NAMES)} FROM delegation WHERE person IN ({{marks}}) ORDER BY since, id"  # noqa: S608
)
_CAPACITIES = some("SELECT person, id, sealed FROM capacity WHERE person IN ({marks}) ORDER BY at, id")
_encoder = msgspec.msgpack.Encoder()
_terms = msgspec.msgpack.Decoder(Terms)
_assessed = msgspec.msgpack.Decoder(Assessed)


def add(
    connection: Connection, keys: KeyRing, person: Person, made: Delegated, code: str, code_until: int
) -> Delegated:
    """Keep a new delegation, which a carer takes up with a code; gives it with its id."""
    new = replace(made, id=random_id(), person=person.key, code_until=code_until)
    row = {
        "person": person.key,
        "id": new.id,
        "code": _code(keys, code),
        "code_until": code_until,
        "since": new.since,
        "until": new.until,
        "sealed": _sealed(person, new),
    }
    connection.execute(insert(DELEGATION), row)
    return new


def of_people(connection: Connection, people: Sequence[Person]) -> list[Delegated]:
    """Every delegation of these persons, the oldest first."""
    by_key = {person.key: person for person in people}
    rows = run(connection, _OF_PEOPLE(len(by_key)), tuple(by_key)).fetchall()
    return [_opened(by_key[row[1]], row) for row in rows]


def of_carer(connection: Connection, keys: KeyRing, subject: str) -> list[tuple[Person, Delegated]]:
    """What a subject has accepted, of whomever, in force or not; with the persons."""
    query = select(*_COLUMNS).where(DELEGATION.c.carer == _carer(keys, subject))
    return list(_with_people(connection, keys, connection.execute(query.order_by(DELEGATION.c.since))))


def held_by(found: Iterable[Delegated], subject: str) -> list[Delegated]:
    """Those of some delegations that a subject has accepted."""
    return [one for one in found if one.accepted and one.terms.carer == subject]


def by_code(connection: Connection, keys: KeyRing, code: str, now: int) -> tuple[Person, Delegated] | None:
    """The invitation that a code takes up, while it can be."""
    query = select(*_COLUMNS).where(
        DELEGATION.c.code == _code(keys, code),
        DELEGATION.c.code_until > now,
        DELEGATION.c.ended.is_(None),
        DELEGATION.c.carer.is_(None),
    )
    return next(_with_people(connection, keys, connection.execute(query)), None)


def by_id(connection: Connection, keys: KeyRing, delegation: str) -> tuple[Person, Delegated] | None:
    """A delegation by its id."""
    query = select(*_COLUMNS).where(DELEGATION.c.id == delegation)
    return next(_with_people(connection, keys, connection.execute(query)), None)


def accept(
    connection: Connection, keys: KeyRing, person: Person, one: Delegated, terms: Terms, now: int
) -> Delegated | None:
    """Let the carer of the terms have an invitation, from now on; None where another one was first."""
    new = replace(one, terms=terms, since=now, accepted=True)
    change = (
        update(DELEGATION)
        .where(
            DELEGATION.c.person == person.key,
            DELEGATION.c.id == one.id,
            DELEGATION.c.carer.is_(None),
            DELEGATION.c.ended.is_(None),
            DELEGATION.c.code_until > now,
        )
        .values(carer=_carer(keys, terms.carer), code=None, since=now, sealed=_sealed(person, new))
    )
    return new if connection.execute(change).rowcount else None


def change(connection: Connection, person: Person, one: Delegated) -> None:
    """Keep a delegation as it is now: its terms, its end, and whether it was ended.

    One that was ended stays so.
    """
    values: dict[str, object] = {"until": one.until, "ended": one.ended, "sealed": _sealed(person, one)}
    if one.ended is not None:
        values["code"] = None
    where = (DELEGATION.c.person == person.key, DELEGATION.c.id == one.id, DELEGATION.c.ended.is_(None))
    connection.execute(update(DELEGATION).where(*where).values(values))


def note_use(connection: Connection, one: Delegated, now: int) -> None:
    """Note that a delegation was used, to the hour."""
    if one.used is None or now - one.used >= _USED_MS:
        where = (DELEGATION.c.person == one.person, DELEGATION.c.id == one.id)
        connection.execute(update(DELEGATION).where(*where).values(used=now))


def assess(connection: Connection, person: Person, said: Assessed) -> None:
    """Record whether a person can decide for themselves, beside what was recorded before."""
    identity = random_id()
    sealed = seal(person.data_key, _encoder.encode(said), _place("capacity", person.key, identity))
    row = {"person": person.key, "id": identity, "at": said.at, "sealed": sealed}
    connection.execute(insert(CAPACITY), row)


def assessments(connection: Connection, people: Sequence[Person]) -> list[Assessed]:
    """What was recorded of the capacity of these persons, who are one, the oldest first."""
    by_key = {person.key: person for person in people}
    rows = run(connection, _CAPACITIES(len(by_key)), tuple(by_key)).fetchall()
    found = [
        _assessed.decode(unseal(by_key[key].data_key, bytes(sealed), _place("capacity", key, identity)))
        for key, identity, sealed in rows
    ]
    return sorted(found, key=lambda one: one.at)


def _with_people(
    connection: Connection, keys: KeyRing, rows: Iterable[Any]
) -> Iterator[tuple[Person, Delegated]]:
    for row in list(rows):
        person = person_by_key(connection, keys, row[1])
        if person is not None:
            yield person, _opened(person, row)


def _opened(person: Person, row: Sequence[Any]) -> Delegated:
    identity, key, carer, code_until, since, until, used, ended, sealed = row
    terms = _terms.decode(unseal(person.data_key, bytes(sealed), _place("delegation", key, identity)))
    return Delegated(identity, key, since, until, terms, carer is not None, code_until, used, ended)


def _sealed(person: Person, one: Delegated) -> bytes:
    return seal(person.data_key, _encoder.encode(one.terms), _place("delegation", person.key, one.id))


def _carer(keys: KeyRing, subject: str) -> str:
    return keys.blind("carer", subject)


def _code(keys: KeyRing, code: str) -> str:
    return keys.blind("invitation", code)


def _place(what: str, person: str, identity: str) -> bytes:
    return f"{what}/{person}/{identity}".encode()
