"""Who is to be erased: asked by one, confirmed by another; and the list of who was, outside the database.

A backup from before an erasure still has the person. The list names who was erased, by opaque key, so that
``scr restore`` erases them again: keep it with the keys, and as long as the oldest backup.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from sqlalchemy import Connection, delete, insert, select

from scr.errors import Conflict, NotFound, Unavailable
from scr.store.keys import KeyRing, random_id, seal, unseal
from scr.store.people import Person, person_by_key
from scr.store.tables import ERASURE

OPEN_MS = 30 * 24 * 3600 * 1000
"""How long somebody else may confirm it."""


class _Why(msgspec.Struct, frozen=True, array_like=True):
    by: str
    reason: str


class _Line(msgspec.Struct):
    person: str
    at: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """That a person is to be erased. ``person`` is an opaque key; instants are ms UTC."""

    id: str
    person: str
    at: int
    until: int
    by: str
    reason: str


def ask(connection: Connection, person: Person, by: str, reason: str, now: int) -> Erasure:
    """Note that somebody asks for it. Raises Conflict where somebody has before, and it stands still."""
    mine = ERASURE.c.person == person.key
    connection.execute(delete(ERASURE).where(mine, ERASURE.c.until <= now))
    if connection.execute(select(ERASURE.c.id).where(mine)).first() is not None:
        raise Conflict("that was asked for already: `scr erase list`", code="erasure-asked")
    one = Erasure(random_id(), person.key, now, now + OPEN_MS, by, reason)
    sealed = seal(person.data_key, msgspec.msgpack.encode(_Why(by, reason)), _place(person.key))
    row = {"person": person.key, "id": one.id, "at": now, "until": one.until, "sealed": sealed}
    connection.execute(insert(ERASURE), row)
    return one


def of_person(connection: Connection, person: Person) -> Erasure | None:
    """What was asked for of a person."""
    row = connection.execute(select(ERASURE).where(ERASURE.c.person == person.key)).one_or_none()
    if row is None:
        return None
    plain = unseal(person.data_key, bytes(row.sealed), _place(person.key))
    why = msgspec.msgpack.decode(plain, type=_Why)
    return Erasure(row.id, row.person, row.at, row.until, why.by, why.reason)


def read(connection: Connection, keys: KeyRing, erasure: str) -> tuple[Person, Erasure]:
    """What was asked for under an id, and of whom. Raises NotFound."""
    key = connection.execute(select(ERASURE.c.person).where(ERASURE.c.id == erasure)).scalar_one_or_none()
    person = person_by_key(connection, keys, key) if key is not None else None
    one = of_person(connection, person) if person is not None else None
    if person is None or one is None:
        raise NotFound("nobody has asked for an erasure of this id; `scr erase list`", code="no-erasure")
    return person, one


def waiting(connection: Connection, keys: KeyRing) -> list[Erasure]:
    """What was asked for, the oldest first."""
    ids = connection.execute(select(ERASURE.c.id).order_by(ERASURE.c.at, ERASURE.c.id)).scalars().all()
    return [read(connection, keys, one)[1] for one in ids]


def withdraw(connection: Connection, erasure: str) -> None:
    """Do not do it."""
    connection.execute(delete(ERASURE).where(ERASURE.c.id == erasure))


def remember(path: Path, people: list[str], now: int) -> None:
    """Add persons (opaque keys) to the list of those who are erased, durable. Raises Unavailable."""
    lines = b"".join(msgspec.json.encode(_Line(one, now)) + b"\n" for one in people)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unavailable(
            f"the list of who was erased cannot be written: {error.strerror}",
            code="no-erasures",
            where=str(path),
        ) from None


def erased(path: Path) -> Iterator[str]:
    """Who is on the list, by opaque key. What is no whole line of it is passed over."""
    if path.is_file():
        for line in path.read_bytes().splitlines():
            try:
                yield msgspec.json.decode(line, type=_Line).person
            except msgspec.MsgspecError:
                continue


def _place(person: str) -> bytes:
    return f"erasure/{person}".encode()
