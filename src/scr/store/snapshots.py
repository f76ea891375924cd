"""Answers pinned for paging: a page neither repeats nor skips while the record changes."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from scr.store.keys import KeyRing, random_id, seal, unseal
from scr.store.people import Person, person_by_key
from scr.store.tables import SNAPSHOT


def save(
    connection: Connection,
    keys: KeyRing,
    person: Person,
    subject: str,
    blob: bytes,
    now: int,
    lifetime_ms: int,
) -> str:
    """Pin an answer about a person for the subject that asked; gives an id that cannot be guessed."""
    snapshot = random_id()
    row = {
        "id": snapshot,
        "person": person.key,
        "subject": keys.blind("snapshot", subject),
        "created": now,
        "expires": now + lifetime_ms,
        "sealed": seal(person.data_key, blob, _place(snapshot)),
    }
    connection.execute(insert(SNAPSHOT), row)
    return snapshot


def load(
    connection: Connection, keys: KeyRing, snapshot: str, subject: str, now: int
) -> tuple[Person, bytes] | None:
    """A pinned answer and whose it is; None where it is unknown, expired, or another subject's."""
    query = select(SNAPSHOT.c.person, SNAPSHOT.c.sealed).where(
        SNAPSHOT.c.id == snapshot,
        SNAPSHOT.c.subject == keys.blind("snapshot", subject),
        SNAPSHOT.c.expires > now,
    )
    row = connection.execute(query).one_or_none()
    person = person_by_key(connection, keys, row.person) if row is not None else None
    if row is None or person is None:
        return None
    return person, unseal(person.data_key, row.sealed, _place(snapshot))


def expire(connection: Connection, now: int) -> int:
    """Delete the snapshots whose time is over; how many."""
    return connection.execute(delete(SNAPSHOT).where(SNAPSHOT.c.expires <= now)).rowcount


def _place(snapshot: str) -> bytes:
    return f"snapshot/{snapshot}".encode()
