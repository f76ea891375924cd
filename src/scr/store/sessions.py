"""Signed-in browsers, and those that are signing in: rows that any process can serve.

What names a session in the browser is not in the database: a keyed hash of it finds the row. What the
session holds is sealed with a key of its own, wrapped by the key ring. One that began through an upstream
is found by who signed in there, and by the session there, so that it can be ended from there.
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


@dataclass(frozen=True, slots=True)
class Upstream:
    """Through whom a session began: the issuer, its id of who signed in, and its session, where it told."""

    issuer: str
    login: str
    session: str = ""


def begin(
    connection: Connection,
    keys: KeyRing,
    name: str,
    content: bytes,
    now: int,
    ends: int,
    upstream: Upstream | None = None,
) -> None:
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
        "login": _login(keys, upstream) if upstream else None,
        "upstream_session": _session(keys, upstream) if upstream and upstream.session else None,
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


def take(connection: Connection, keys: KeyRing, name: str, now: int) -> bytes | None:
    """What a session holds that counts once, and no more of it: of several who ask, one is given it.

    Raises Fault as ``find`` does.
    """
    key = keys.blind("session", name)
    gone = delete(SESSION).where(SESSION.c.key == key, SESSION.c.ends > now)
    row = connection.execute(gone.returning(SESSION.c.wrapped_key, SESSION.c.sealed)).one_or_none()
    if row is None:
        return None
    return unseal(keys.unwrap(row.wrapped_key, _place(key)), row.sealed, _place(key))


def end_upstream(connection: Connection, keys: KeyRing, upstream: Upstream) -> int:
    """End what began in a session of an upstream, or, where none is named, with a sign-in there; how many."""
    if upstream.session:
        there = SESSION.c.upstream_session == _session(keys, upstream)
        if upstream.login:
            there &= SESSION.c.login == _login(keys, upstream)
    else:
        there = SESSION.c.login == _login(keys, upstream)
    return connection.execute(delete(SESSION).where(there)).rowcount


def sweep(connection: Connection, now: int, idle_since: int) -> int:
    """Delete the sessions that are over; how many."""
    over = (SESSION.c.ends <= now) | (SESSION.c.used < idle_since)
    return connection.execute(delete(SESSION).where(over)).rowcount


def _place(key: str) -> bytes:
    return f"session/{key}".encode()


def _login(keys: KeyRing, upstream: Upstream) -> str:
    return keys.blind("session login", f"{upstream.issuer}\x1f{upstream.login}")


def _session(keys: KeyRing, upstream: Upstream) -> str:
    return keys.blind("session upstream", f"{upstream.issuer}\x1f{upstream.session}")
