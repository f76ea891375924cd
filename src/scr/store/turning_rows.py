"""New data keys for what is no person's: payloads that are nobody's alone, sessions, grants, bars, misuse.

What such a key seals is in its own row, or hangs on one message, and is read together with the key. So both
are changed in one transaction, some rows or a message at a time, and nobody is waited for. A payload that is
not done with keeps its key until it is: whoever files it has that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, func, select, update

from scr.errors import Conflict
from scr.store.engine import Database
from scr.store.keys import DataKey, KeyRing, seal, unseal
from scr.store.remade import DONE, new_message_key
from scr.store.tables import MESSAGE
from scr.store.wrapped import ROWS, Wrapped

AT_ONCE = 100
_ATTEMPTS = 5
T = TypeVar("T")


def attempted(database: Database, work: Callable[[Connection], T], attempts: int = _ATTEMPTS) -> T:
    """Do a piece of work, again where somebody else writes the same rows just now. Raises Conflict."""
    try:
        return database.write_now(work)
    except Conflict:
        if attempts == 1:
            raise
    return attempted(database, work, attempts - 1)


@dataclass(frozen=True, slots=True)
class RowTurning:
    """Changes the data keys that were made before an instant. ``clock`` gives ms UTC; ``told`` hears of each
    transaction that was committed. It may be stopped at any, and begun again."""

    database: Database
    keys: KeyRing
    before: int
    clock: Callable[[], int]
    told: Callable[[str], None] = lambda _: None

    def go_on(self) -> None:
        """Do all that is to be done."""
        for one in ROWS:
            while attempted(self.database, partial(self._rows, one=one)):
                self.told(one.table.name)
        while found := self.database.read_now(self._messages):
            for message in found:
                attempted(self.database, partial(self._message, message=message))
                self.told("message")

    def left(self, connection: Connection) -> int:
        """How many are to be done."""
        queries = [select(func.count()).select_from(one.table).where(self._due(one)) for one in ROWS]
        queries.append(select(func.count()).select_from(MESSAGE).where(*self._nobodys))
        return sum(connection.execute(query).scalar_one() for query in queries)

    @property
    def _now(self) -> int:
        """What is written down as when it was done: not before the instant, or it would be done again."""
        return max(self.clock(), self.before)

    def _due(self, one: Wrapped) -> ColumnElement[bool]:
        columns = one.table.c
        made = columns[one.made] if one.made else 0
        return func.coalesce(columns.keyed, made) < self.before

    @property
    def _nobodys(self) -> tuple[ColumnElement[bool], ...]:
        return (
            MESSAGE.c.person.is_(None),
            MESSAGE.c.state.in_(DONE),
            MESSAGE.c.received < self.before,
            func.coalesce(MESSAGE.c.keyed, 0) < self.before,
            MESSAGE.c.wrapped_key != b"",
        )

    def _rows(self, connection: Connection, one: Wrapped) -> int:
        """Seal the next rows of a table anew; how many. Each is held: somebody may be changing it."""
        own, columns = one.table.c[one.column], one.table.c
        query = select(own.label("_own"), columns.wrapped_key, columns.sealed).where(self._due(one))
        found = connection.execute(query.order_by(own).limit(AT_ONCE).with_for_update()).all()
        for row in found:
            former, new = self.keys.unwrap(bytes(row.wrapped_key), one.place(row._own)), DataKey.new()
            place = one.place_of_value(row._own)
            values = {
                "wrapped_key": self.keys.wrap(new, one.place(row._own)),
                "sealed": seal(new, unseal(former, bytes(row.sealed), place), place),
                "keyed": self._now,
            }
            connection.execute(update(one.table).where(own == row._own).values(**values))
        return len(found)

    def _messages(self, connection: Connection) -> list[str]:
        query = select(MESSAGE.c.id).where(*self._nobodys).order_by(MESSAGE.c.id).limit(AT_ONCE)
        return list(connection.execute(query).scalars())

    def _message(self, connection: Connection, message: str) -> None:
        if new_message_key(connection, self.keys, message):
            change = update(MESSAGE).where(MESSAGE.c.id == message)
            connection.execute(change.values(keyed=self._now))
