"""What was not carried, counted by provider, adapter and day (``scr.mapping.counts``)."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from sqlalchemy import Connection, func, select

from scr.errors import ScrError
from scr.fhir.dates import LONDON, utc
from scr.fhir.identifiers import OdsCode
from scr.mapping.counts import Counted, bounded
from scr.store.driver import run_many, written
from scr.store.engine import Database
from scr.store.tables import LOSS_DAY

_ADD = written(
    "INSERT INTO loss_day (day, provider, adapter, kind, name, writer, count) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (day, provider, adapter, kind, name, writer)"
    " DO UPDATE SET count = loss_day.count + excluded.count"
)
_SECONDS = 60.0
_HOUR = 3_600_000
_thread = threading.local()


@dataclass(frozen=True, slots=True)
class Loss:
    """A count over some days; ``last_day`` is the last on which it was met."""

    provider: OdsCode
    adapter: str
    kind: str
    name: str
    count: int
    last_day: str


def day_of(now: int) -> str:
    """The date in London at an instant (ms UTC)."""
    return _day_of_hour(now // _HOUR)


@lru_cache(maxsize=256)
def _day_of_hour(hour: int) -> str:
    """No day ends within an hour of UTC."""
    return utc(hour * _HOUR).astimezone(LONDON).date().isoformat()


def add(
    connection: Connection, provider: OdsCode, adapter: str, now: int, counts: Mapping[Counted, int]
) -> None:
    """Add counts to those of the day, in one statement."""
    if not counts:
        return
    day, writer = day_of(now), writer_of_thread()
    told = bounded(Counter(counts)).items()
    run_many(
        connection,
        _ADD,
        [(day, provider.value, adapter, c.kind, c.name, writer, n) for c, n in told],
        apart=True,
    )


def read(connection: Connection, since: str, provider: OdsCode | None = None) -> list[Loss]:
    """The counts since a day, by provider, adapter and kind, the most frequent first."""
    groups = (LOSS_DAY.c.provider, LOSS_DAY.c.adapter, LOSS_DAY.c.kind, LOSS_DAY.c.name)
    total = func.sum(LOSS_DAY.c.count)
    query = select(*groups, total, func.max(LOSS_DAY.c.day)).where(LOSS_DAY.c.day >= since).group_by(*groups)
    if provider is not None:
        query = query.where(LOSS_DAY.c.provider == provider.value)
    rows = connection.execute(query.order_by(*groups[:3], total.desc(), LOSS_DAY.c.name))
    return [Loss(OdsCode(ods), a, kind, name, int(n), last) for ods, a, kind, name, n, last in rows]


class LossTally:
    """Counts in memory, from any thread, until they are flushed: for what is read and not stored."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[OdsCode, str, int], Counter[Counted]] = {}

    def add(self, provider: OdsCode, adapter: str, now: int, counted: Iterable[Counted]) -> None:
        """Count some things; ``now`` in ms UTC."""
        hour = now // _HOUR * _HOUR  # no day ends within an hour
        with self._lock:
            self._counts.setdefault((provider, adapter, hour), Counter()).update(counted)

    async def flush(self, database: Database) -> None:
        """Write what was counted; it is kept for the next time where the database is down."""
        with self._lock:
            taken, self._counts = self._counts, {}
        if not taken:
            return

        def write(connection: Connection) -> None:
            for (provider, adapter, hour), counts in taken.items():
                add(connection, provider, adapter, hour, counts)

        try:
            await database.write(write)
        except ScrError:
            for (provider, adapter, hour), counts in taken.items():
                self.add(provider, adapter, hour, counts.elements())


class Tally(Protocol):
    """What counts in memory, and is written now and then."""

    async def flush(self, database: Database) -> None:
        """Write what was counted since the last time; keep it where the database is down."""


@asynccontextmanager
async def flushed(tally: Tally, database: Database, seconds: float = _SECONDS) -> AsyncIterator[None]:
    """Write what is counted every so many seconds, and once more at the end."""

    async def now_and_then() -> None:
        while True:
            await asyncio.sleep(seconds)
            await tally.flush(database)

    task = asyncio.create_task(now_and_then())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await tally.flush(database)


def writer_of_thread() -> str:
    """A name for the thread that writes, so that no two wait for one row of counts."""
    known: str | None = getattr(_thread, "name", None)
    if known is None:
        known = _thread.name = secrets.token_hex(4)
    return known
