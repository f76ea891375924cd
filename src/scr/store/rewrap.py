"""A new encryption key: every data key is wrapped by it, a few at a time, while everything goes on.

The new key is put before the one in force (``put_first``); whoever meets what it wrapped reads the keys anew.
``rewrap`` then goes over the tables in parts, each a transaction: it may be stopped at any step, and begun
again. Former keys go (``drop_former``) when nothing is wrapped by them any more. What is sealed by a data key
is not touched: that a wrapping key was seen does not open it without the database, and the other way round.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, select, update

from scr.errors import Conflict, Invalid
from scr.faults import reach
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.tables import MESSAGE
from scr.store.wrapped import WRAPPED, Wrapped

AT_ONCE = 500


def rewrap(database: Database, keys: KeyRing, told: Callable[[str, int], None] | None = None) -> int:
    """Wrap by the first key whatever another one wrapped; how many were. ``told`` hears of each part: the
    table, and how many of it are done."""
    changed = 0
    for one in WRAPPED:
        after: str | None = ""
        done = 0
        while after is not None:
            following, seen, anew = database.write_now(
                lambda connection, one=one, after=after: _part(connection, keys, one, after)  # type: ignore[misc]
            )
            after, done, changed = following, done + seen, changed + anew
            if told is not None:
                told(one.table.name, done)
    return changed


def wrapped_by(database: Database, keys: KeyRing) -> Counter[str]:
    """How many data keys each encryption key wraps, by what names it."""
    found: Counter[str] = Counter(dict.fromkeys(keys.wrapping, 0))
    for one in WRAPPED:
        after: str | None = ""
        while after is not None:
            rows = database.read_now(
                lambda connection, one=one, after=after: _rows(connection, one, after)  # type: ignore[misc]
            )
            for own, wrapped in rows:
                found[keys.wrapping[keys.wrapped_by(wrapped, one.place(own))]] += 1
            after = rows[-1][0] if len(rows) == AT_ONCE else None
    return found


def _part(connection: Connection, keys: KeyRing, one: Wrapped, after: str) -> tuple[str | None, int, int]:
    rows = _rows(connection, one, after)
    anew = 0
    for own, wrapped in rows:
        place = one.place(own)
        if keys.wrapped_by(wrapped, place) == 0:
            continue
        values = {"wrapped_key": keys.wrap(keys.unwrap(wrapped, place), place)}
        same = (one.table.c[one.column] == own, one.table.c.wrapped_key == wrapped)
        anew += connection.execute(update(one.table).where(*same).values(**values)).rowcount
        reach("keys.part")
    return (rows[-1][0] if len(rows) == AT_ONCE else None), len(rows), anew


def _rows(connection: Connection, one: Wrapped, after: str) -> list[tuple[str, bytes]]:
    """A part of a table, without what was erased, and messages whose key the person's own seals."""
    own = one.table.c[one.column]
    query = select(own, one.table.c.wrapped_key).where(own > after, one.table.c.wrapped_key != b"")
    if one.table is MESSAGE:
        query = query.where(MESSAGE.c.person.is_(None))
    return [(row[0], bytes(row[1])) for row in connection.execute(query.order_by(own).limit(AT_ONCE))]


def put_first(path: Path, wrap: Callable[[bytes], str] | None = None) -> None:
    """Make a new encryption key and put it before those of a file, wrapped as they are (``scr.store.kms``).

    Raises Invalid where none is there.
    """
    if not path.is_file():
        raise Invalid("there is no key: `scr init` makes those of a deployment", code="no-secret")
    key = secrets.token_bytes(32)
    new = base64.b64encode(key) if wrap is None else wrap(key).encode("ascii")
    reach("keys.put-first")
    _switch(path, [new, *path.read_bytes().split()])


def drop_former(path: Path) -> None:
    """Leave the first key of a file alone in it."""
    _switch(path, path.read_bytes().split()[:1])


def write_wrapped(path: Path, keys: bytes, wrap: Callable[[bytes], str]) -> int:
    """Write keys, one a line in base64, as a file of wrapped ones; how many. Raises Conflict where one is."""
    if path.exists():
        raise Conflict("wrapped keys are there already, and are kept", code="key-exists", where=str(path))
    lines = [wrap(base64.b64decode(line, validate=True)).encode("ascii") for line in keys.split()]
    _switch(path, lines)
    return len(lines)


def _switch(path: Path, lines: list[bytes]) -> None:
    """Mode 0600, and switched whole: whoever reads it meanwhile has the old file or the new one."""
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"\n".join(lines) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    reach("keys.switching")
    beside.replace(path)
