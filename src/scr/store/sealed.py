"""Every value that a person's data key seals: where it stands, and what it is bound to.

The modules that write these values say the same of each; a test fills every table and opens all of it by
what is said here. Whoever adds a table for a person adds a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, select, tuple_, update

from scr.store.tables import (
    CAPACITY,
    CHALLENGE,
    CLAIM,
    DELEGATION,
    ERASURE,
    HISTORY,
    JOB,
    LAST_LOOK,
    LOCATOR,
    LOOK_QUESTION,
    MESSAGE,
    NOTICE,
    PERSON,
    PULLED,
    RESOURCE,
    SHARING,
    SNAPSHOT,
)


@dataclass(frozen=True, slots=True)
class Value:
    """One sealed value. ``key`` is the primary key of its row, by column."""

    key: Mapping[str, object]
    place: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column of sealed values: what each is bound to, made of its row, and the column that says whose."""

    table: Table
    column: str
    place: str
    whose: str = "person"

    def values(self, connection: Connection, person: str, after: Value | None, most: int) -> list[Value]:
        """A person's next values (by opaque key) after one, in the order of the primary key."""
        table, own = self.table, self._own
        wanted = [*own, *(table.c[name] for name in self._named if table.c[name] not in own)]
        query = select(*wanted, table.c[self.column].label("_sealed")).where(
            table.c[self.whose] == person, table.c[self.column].is_not(None), table.c[self.column] != b""
        )
        if after is not None:
            query = query.where(tuple_(*own) > tuple_(*(after.key[one.name] for one in own)))
        return [self._value(row._asdict()) for row in connection.execute(query.order_by(*own).limit(most))]

    def every(self, connection: Connection, person: str) -> Iterator[Value]:
        """All of a person's values."""
        after, most = None, 500
        while found := self.values(connection, person, after, most):
            yield from found
            after = found[-1]

    def put(self, connection: Connection, before: Value, sealed: bytes) -> bool:
        """Put another in the place of a value; False where it is not what it was any more."""
        table = self.table
        same = [table.c[name] == value for name, value in before.key.items()]
        change = update(table).where(*same, table.c[self.column] == before.sealed)
        return bool(connection.execute(change.values({self.column: sealed})).rowcount)

    @property
    def _own(self) -> list[Column[Any]]:
        return list(self.table.primary_key.columns)

    @property
    def _named(self) -> list[str]:
        return [name for name in self.table.c.keys() if f"{{{name}}}" in self.place]  # noqa: SIM118

    def _value(self, row: Mapping[str, Any]) -> Value:
        key = {one.name: row[one.name] for one in self._own}
        place = self.place.format_map({name: row[name] for name in self._named})
        return Value(key, place.encode(), bytes(row["_sealed"]))


SEALED = (
    Sealed(PERSON, "sealed", "person/{key}/facts", whose="key"),
    Sealed(PERSON, "labelled", "person/{key}/labelled", whose="key"),
    Sealed(RESOURCE, "sealed", "resource/{person}/{id}/{version}"),
    Sealed(HISTORY, "sealed", "resource/{person}/{id}/{version}"),
    Sealed(LOCATOR, "head", "locator/{id}"),
    Sealed(PULLED, "sealed", "pulled/{person}/{source}"),
    Sealed(SNAPSHOT, "sealed", "snapshot/{id}"),
    Sealed(JOB, "sealed", "job/{id}"),
    Sealed(LAST_LOOK, "sealed", "last-look/{person}/{subject}"),
    Sealed(SHARING, "sealed", "sharing/{person}"),
    Sealed(NOTICE, "sealed", "notice/{person}/{id}"),
    Sealed(CHALLENGE, "sealed", "challenge/{person}/{id}"),
    Sealed(CLAIM, "sealed", "claim/{person}/{id}/reason"),
    Sealed(CLAIM, "review", "claim/{person}/{id}/review"),
    Sealed(DELEGATION, "sealed", "delegation/{person}/{id}"),
    Sealed(CAPACITY, "sealed", "capacity/{person}/{id}"),
    Sealed(LOOK_QUESTION, "sealed", "look-question/{person}/{id}/question"),
    Sealed(LOOK_QUESTION, "answer", "look-question/{person}/{id}/answer"),
    Sealed(ERASURE, "sealed", "erasure/{person}"),
    Sealed(MESSAGE, "wrapped_key", "message/{id}/key"),
)
"""All but the grounds of links, which two persons' keys seal (``scr.store.turning``)."""
