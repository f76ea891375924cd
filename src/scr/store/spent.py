"""What counts once: the ids of assertions and tokens that were used, or are not to count any more.

A row is unique, so that of several processes which are shown one id at the same moment one alone takes it.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from scr.store.keys import KeyRing
from scr.store.tables import SPENT

Kind = Literal["assertion", "token", "revoked", "logout", "requester"]


def spend(connection: Connection, keys: KeyRing, kind: Kind, issuer: str, value: str, until: int) -> bool:
    """Note an issuer's id as used, to be known until an instant; False where it was noted before."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = {"kind": kind, "digest": _digest(keys, issuer, value), "until": until}
    statement = make(SPENT).values(row).on_conflict_do_nothing().returning(SPENT.c.digest)
    return connection.execute(statement).first() is not None


def is_spent(connection: Connection, keys: KeyRing, kind: Kind, issuer: str, value: str) -> bool:
    """Whether an issuer's id was noted."""
    query = select(SPENT.c.until).where(SPENT.c.kind == kind, SPENT.c.digest == _digest(keys, issuer, value))
    return connection.execute(query).first() is not None


def forget(connection: Connection, now: int) -> int:
    """Delete what has to be known no more; how many."""
    return connection.execute(delete(SPENT).where(SPENT.c.until <= now)).rowcount


def _digest(keys: KeyRing, issuer: str, value: str) -> str:
    return keys.blind("spent", f"{issuer}\x1f{value}")
