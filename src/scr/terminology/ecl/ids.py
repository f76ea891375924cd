"""Sets of SNOMED CT concepts by their numbers, fetched from a release within a budget.

A concept's number in the release is its identifier. A set is fetched in statements of a few hundred numbers,
and each counts against the budget, so that no expression takes time or memory without end.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from scr.errors import TooCostly
from scr.terminology.release.reader import Release

Ids = set[int]
_Id = TypeVar("_Id")
_CHUNK = 500
_FEW = 16
"""Of so many concepts the closure is read; of more, the hierarchy is walked, each concept once."""
_STEPS = 50_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one expression may cost: rows read in all, and seconds."""

    rows: int = 6_000_000
    seconds: float = 10.0


LIMITS = Limits()


class Store:
    """One release, asked for sets within the budget of one expression."""

    def __init__(self, release: Release, limits: Limits) -> None:
        self._connection = release.connection()
        self._left = limits.rows
        self._until = time.monotonic() + limits.seconds

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Break off a statement that runs past the time. Not for statements within each other."""
        self._connection.set_progress_handler(self._late, _STEPS)
        try:
            yield
        except sqlite3.OperationalError as error:
            if "interrupt" in str(error):
                raise _costly() from None
            raise
        finally:
            self._connection.set_progress_handler(None, 0)

    def _late(self) -> bool:
        return time.monotonic() > self._until

    def rows(self, sql: str, values: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
        """The rows of one statement. Raises TooCostly where they are more than the budget has left."""
        cursor = self._connection.execute(sql, values)
        found: list[tuple[int, ...]] = cursor.fetchmany(self._left + 1)
        self.spend(len(found))
        return found

    def spend(self, rows: int) -> None:
        """Count work against the budget. Raises TooCostly."""
        self._left -= rows
        if self._left < 0 or self._late():
            raise _costly()

    def column(self, sql: str, values: tuple[int, ...] = ()) -> Ids:
        """The first column of a statement's rows."""
        return {row[0] for row in self.rows(sql, values)}

    def of(self, sql: str, ids: Iterable[int]) -> Ids:
        """The first column over all ids; the statement has ``IN ({})`` where they go."""
        return {row[0] for row in self.rows_of(sql, ids)}

    def rows_of(self, sql: str, ids: Iterable[int]) -> Iterator[tuple[int, ...]]:
        """The rows over all ids, some hundreds of ids a statement."""
        for chunk in chunks(ids):
            yield from self.rows(sql.format(",".join("?" * len(chunk))), chunk)

    def texts_of(self, sql: str, ids: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
        """The rows over ids that one statement takes, of columns that are not all numbers."""
        yield from self.rows(sql.format(",".join("?" * len(ids))), ids)

    def searched(self, sql: str, text: str) -> Ids:
        """The first column of a statement that asks by one text."""
        found = {row[0] for row in self._connection.execute(sql, (text,))}
        self.spend(len(found))
        return found

    def one(self, sql: str, values: tuple[int, ...]) -> bool:
        """Whether a statement has a row."""
        self.spend(1)
        return self._connection.execute(sql, values).fetchone() is not None

    # -- the hierarchy

    def everything(self) -> Ids:
        """All active concepts."""
        return self.column("SELECT id FROM concept WHERE id > 0 AND active")

    def all_states(self) -> Ids:
        """All concepts, in use or not."""
        return self.column("SELECT id FROM concept WHERE id > 0")

    def active(self, one: int) -> bool:
        """Whether there is an active concept of this number."""
        return self.one("SELECT 1 FROM concept WHERE id = ? AND active", (one,))

    def known(self, one: int) -> bool:
        """Whether the release has the concept, or a reference set of this number."""
        return self.one("SELECT 1 FROM concept WHERE id = ?", (one,)) or self.has_members(one)

    def children(self, ids: Collection[int]) -> Ids:
        """What is directly below any of these."""
        return self.of("SELECT child FROM parent WHERE parent IN ({})", ids)

    def parents(self, ids: Collection[int]) -> Ids:
        """What is directly above any of these."""
        return self.of("SELECT parent FROM parent WHERE child IN ({})", ids)

    def descendants(self, ids: Collection[int]) -> Ids:
        """What is below any of these, at any depth."""
        if len(ids) <= _FEW:
            return self.of("SELECT descendant FROM closure WHERE ancestor IN ({})", ids)
        return self._walk(ids, "SELECT child FROM parent WHERE parent IN ({})")

    def ancestors(self, ids: Collection[int]) -> Ids:
        """What is above any of these, at any height."""
        return self._walk(ids, "SELECT parent FROM parent WHERE child IN ({})")

    def _walk(self, ids: Collection[int], sql: str) -> Ids:
        found: Ids = set()
        edge: Iterable[int] = ids
        while edge:
            edge = self.of(sql, edge) - found
            found |= edge
        return found

    def below(self, ancestor: int, one: int) -> bool:
        """Whether a concept is properly below another."""
        return self.one("SELECT 1 FROM closure WHERE ancestor = ? AND descendant = ?", (ancestor, one))

    def members(self, refsets: Collection[int]) -> Ids:
        """The members of any of these simple reference sets."""
        return self.of("SELECT concept FROM member WHERE refset IN ({})", refsets)

    def has_members(self, refset: int) -> bool:
        """Whether this is a simple reference set with members."""
        return self.one("SELECT 1 FROM member WHERE refset = ?", (refset,))

    def refsets_of(self, one: int) -> Ids:
        """The simple reference sets that a concept is in."""
        return self.column("SELECT refset FROM member WHERE concept = ?", (one,))


def chunks(ids: Iterable[_Id]) -> Iterator[tuple[_Id, ...]]:
    """The ids in tuples that one statement takes."""
    each = iter(ids)
    while chunk := tuple(islice(each, _CHUNK)):
        yield chunk


def _costly() -> TooCostly:
    return TooCostly("the expression costs more than is allowed here: make it narrower", code="too-costly")
