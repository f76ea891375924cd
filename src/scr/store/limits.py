"""How often somebody may try something: counted in the store, so that every process counts the same.

A limit lets so many tries through at once, and one more each time that so long has gone by. One instant a
row says it all: when every try will be forgotten. Whom a row is of is a keyed hash.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from scr.store.keys import KeyRing
from scr.store.tables import ATTEMPTS


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit: its name, how many tries at once, and after how long (ms) each is forgotten."""

    name: str
    at_once: int
    every: int

    @property
    def room(self) -> int:
        """How far ahead (ms) the last try that is let through may find the row."""
        return (self.at_once - 1) * self.every


def wait(connection: Connection, keys: KeyRing, limit: Limit, who: str, now: int) -> int:
    """How long (ms) somebody has to wait before the next try; 0 where they need not."""
    query = select(ATTEMPTS.c.until).where(*_of(keys, limit, who))
    until = connection.execute(query).scalar_one_or_none()
    return 0 if until is None else max(0, until - now - limit.room)


def take(connection: Connection, keys: KeyRing, limit: Limit, who: str, now: int) -> int:
    """Count a try that is let through: 0; or, without counting it, how long (ms) it has to wait.

    One statement: of several processes that are asked at the same moment no more are let through.
    """
    if _until(connection, keys, limit, who, now, ATTEMPTS.c.until <= now + limit.room) is not None:
        return 0
    return max(1, wait(connection, keys, limit, who, now))


def count(connection: Connection, keys: KeyRing, limit: Limit, who: str, now: int) -> None:
    """Count a try, come what may: one that was asked about (``wait``) before it was known what it was."""
    _until(connection, keys, limit, who, now, None)


def add(connection: Connection, keys: KeyRing, name: str, who: str, ms: int, now: int) -> int:
    """Count tries that were let through already, all together for so long (ms), to the limit of a name; the
    instant when all tries of all processes are forgotten."""
    return _until(connection, keys, Limit(name, 0, ms), who, now, None) or now


def give_back(connection: Connection, keys: KeyRing, limit: Limit, who: str) -> None:
    """Let a try that was taken not have been one."""
    earlier = update(ATTEMPTS).where(*_of(keys, limit, who)).values(until=ATTEMPTS.c.until - limit.every)
    connection.execute(earlier)


def forget(connection: Connection, now: int) -> int:
    """Delete the rows of which every try is forgotten; how many."""
    return connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.until <= now)).rowcount


def _until(
    connection: Connection, keys: KeyRing, limit: Limit, who: str, now: int, only: ColumnElement[bool] | None
) -> int | None:
    """Count a try: when all are forgotten by now; None, where it was not counted."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    begun = case((ATTEMPTS.c.until > now, ATTEMPTS.c.until), else_=now)
    row = {"kind": limit.name, "digest": _digest(keys, limit, who), "until": now + limit.every}
    statement = make(ATTEMPTS).values(row)
    statement = statement.on_conflict_do_update(
        index_elements=["kind", "digest"], set_={"until": begun + limit.every}, where=only
    )
    return connection.execute(statement.returning(ATTEMPTS.c.until)).scalar_one_or_none()


def _of(keys: KeyRing, limit: Limit, who: str) -> tuple[ColumnElement[bool], ...]:
    return ATTEMPTS.c.kind == limit.name, ATTEMPTS.c.digest == _digest(keys, limit, who)


def _digest(keys: KeyRing, limit: Limit, who: str) -> str:
    return keys.blind("attempts", f"{limit.name}\x1f{who}")
