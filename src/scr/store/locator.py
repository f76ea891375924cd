"""Where a resource is that was served: every id that has been served can be read again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import structs
from sqlalchemy import Connection, bindparam, delete, insert, select

from scr.errors import Conflict
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.fhir.person import PERSON_SOURCE
from scr.store.driver import run, written
from scr.store.keys import seal, unseal
from scr.store.people import Person
from scr.store.tables import HELD, LOCATOR

_CHUNK = 500
_FEW = 50
"""Entries that are looked for by their ids; for more, all that is known of the person is read at once."""
_MADE = "made"
_OF_PERSON = select(LOCATOR.c.id, LOCATOR.c.head).where(LOCATOR.c.person == bindparam("person"))
_OF_THESE = select(LOCATOR.c.id, LOCATOR.c.head).where(
    LOCATOR.c.person == bindparam("person"), LOCATOR.c.id.in_(bindparam("ids", expanding=True))
)
_FORGET = delete(LOCATOR).where(
    LOCATOR.c.person == bindparam("whose"), LOCATOR.c.id.in_(bindparam("ids", expanding=True))
)
_REMEMBERED = select(LOCATOR.c.id, LOCATOR.c.person).where(LOCATOR.c.id.in_(bindparam("ids", expanding=True)))
_HELD = select(HELD.c.id, HELD.c.person).where(HELD.c.id.in_(bindparam("ids", expanding=True)))
_ROOM = written("SELECT person FROM locator WHERE id = ? AND type = ?")


@dataclass(frozen=True, slots=True)
class Located:
    """Whose a resource is (the opaque key), which source has it, and whether a copy is held here.

    ``head``: sealed, what is decided by, of one that is not held; None where that is not known.
    """

    person: str
    source: OdsCode
    held: bool
    head: bytes | None = None


def as_served(located: Located, person: Person, logical: str) -> Entry | None:
    """What a live resource was when it was served last: without its bytes, enough to decide on it."""
    if located.head is None or located.person != person.key:
        return None
    return msgspec.msgpack.decode(unseal(person.data_key, located.head, _place(logical)), type=Entry)


def not_remembered(
    connection: Connection, person: Person, entries: Sequence[Entry], linked: Collection[str] = ()
) -> list[Entry]:
    """The entries that neither the locator nor the store knows, or that the locator knows as something
    else than they are now: a cheap read before a needless write.

    Raises Conflict ``other-person`` where an id is known as another person's, and not one of those who are
    ``linked`` with the person (opaque keys): of them, each stays with whom it was first served for.
    """
    if len(entries) <= _FEW:
        found = connection.execute(_OF_THESE, {"person": person.key, "ids": [entry.id for entry in entries]})
    else:
        found = connection.execute(_OF_PERSON, {"person": person.key})
    heads = {row.id: row.head for row in found}
    unknown = [entry.id for entry in entries if entry.id not in heads]  # mostly none, but the first time
    known = {entry.id for entry in entries if entry.id in heads and _is_so(entry, heads[entry.id], person)}
    for start in range(0, len(unknown), _CHUNK):
        chunk = {"ids": unknown[start : start + _CHUNK]}
        for query in (_REMEMBERED, _HELD):
            for logical, owner in connection.execute(query, chunk):
                if owner != person.key and owner not in linked:
                    raise Conflict("the resource is on another person's record", code="other-person")
                known.add(logical)
    return [entry for entry in entries if entry.id not in known]


def remember_served(
    connection: Connection, person: Person, entries: Sequence[Entry], linked: Collection[str] = ()
) -> int:
    """Remember entries that a live source gave and that are not held; how many were new or have changed.

    Raises Conflict ``other-person``, and remembers nothing, where one is known as another person's;
    Conflict where another writer remembered one at the same moment (try again).
    """
    rows = {
        entry.id: {
            "id": entry.id,
            "type": entry.type,
            "person": person.key,
            "source": entry.source,
            "head": seal(person.data_key, _head(entry), _place(entry.id)),
        }
        for entry in not_remembered(connection, person, entries, linked)
    }
    names = list(rows)
    for start in range(0, len(names), _CHUNK):  # those that have changed
        connection.execute(_FORGET, {"whose": person.key, "ids": names[start : start + _CHUNK]})
    if rows:
        connection.execute(insert(LOCATOR), list(rows.values()))
    return len(rows)


def room_known(connection: Connection, room: str) -> bool:
    """Whether it is noted whose what is made for a person is (``room``: how its ids begin)."""
    return whose_room(connection, room) is not None


def know_room(connection: Connection, room: str, person: Person) -> None:
    """Note it. Raises Conflict where another writer did at the same moment."""
    if not room_known(connection, room):
        row = {"id": room, "type": _MADE, "person": person.key, "source": PERSON_SOURCE, "head": None}
        connection.execute(insert(LOCATOR), row)


def whose_room(connection: Connection, room: str) -> str | None:
    """Whose what is made for a person is (the opaque key), by how its ids begin."""
    row = run(connection, _ROOM, (room, _MADE)).fetchone()
    return None if row is None else str(row[0])


def _head(entry: Entry) -> bytes:
    """What a decision asks of an entry."""
    bare = structs.replace(entry, body=b"", version="", last_updated=0, references=())
    return msgspec.msgpack.encode(bare)


def _is_so(entry: Entry, sealed: bytes | None, person: Person) -> bool:
    return sealed is not None and unseal(person.data_key, sealed, _place(entry.id)) == _head(entry)


def _place(logical: str) -> bytes:
    return f"locator/{logical}".encode()
