"""Signed-in browsers: rows that any process can serve.

What names a session in the browser is not in the database: a keyed hash of it finds the row. What the
session holds is sealed with a key of its own, wrapped by the key ring.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from scr.store.keys import DataKey, KeyRing, seal, unseal
from scr.store.tables import SESSION


@dataclass(frozen=True, slots=True)
class Kept:
    """A session as it is kept: what it holds, and when it began and was used last (milliseconds UTC)."""

    content: bytes
    began: int
    used: int


def begin(connection: Connection, keys: KeyRing, name: str, content: bytes, now: int, ends: int) -> None:
    """Keep a new session. ``name`` is what the browser will show; ``ends`` is when it is over in any case."""
    key = keys.blind("session", name)
    data_key = DataKey.new()
    row = {
        "key": key,
        "began": now,
        "used": now,
        "ends": ends,
        "wrapped_key": keys.wrap(data_key, _place(key)),
        "sealed": seal(data_key, content, _place(key)),
    }
    connection.execute(insert(SESSION), row)


def find(connection: Connection, keys: KeyRing, name: str, now: int, idle_since: int) -> Kept | None:
    """The session of a name, unless it is over or was not used since an instant.

    Raises Fault ``unreadable`` where its row was changed, or the keys are others.
    """
    key = keys.blind("session", name)
    query = select(SESSION).where(SESSION.c.key == key, SESSION.c.ends > now, SESSION.c.used >= idle_since)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    data_key = keys.unwrap(row.wrapped_key, _place(key))
    return Kept(unseal(data_key, row.sealed, _place(key)), row.began, row.used)


def touch(connection: Connection, keys: KeyRing, name: str, now: int) -> None:
    """Note that a session was used."""
    connection.execute(update(SESSION).where(SESSION.c.key == keys.blind("session", name)).values(used=now))


def end(connection: Connection, keys: KeyRing, name: str) -> None:
    """End a session, if there is one."""
    connection.execute(delete(SESSION).where(SESSION.c.key == keys.blind("session", name)))


def sweep(connection: Connection, now: int, idle_since: int) -> int:
    """Delete the sessions that are over; how many."""
    over = (SESSION.c.ends <= now) | (SESSION.c.used < idle_since)
    return connection.execute(delete(SESSION).where(over)).rowcount


def _place(key: str) -> bytes:
    return f"session/{key}".encode()
