"""Codes that no map has a national code for, counted by provider, system and code."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text

from scr.errors import ScrError
from scr.fhir.identifiers import OdsCode
from scr.store.engine import Database
from scr.store.losses import day_of, writer_of_thread
from scr.store.tables import CODE_GAP
from scr.terminology.coding import Untranslated
from scr.terminology.gapwords import HIDDEN, Met, SharedTexts

MOST_CODES = 2_000
"""So many codes of one payload, or of a minute's answers, are told apart: a source sends what it likes."""

_ADD = text(
    "INSERT INTO code_gap (provider, system, code, writer, count, first, last, reason, display)"
    " VALUES (:provider, :system, :code, :writer, :count, :day, :day, :reason, :display)"
    " ON CONFLICT (provider, system, code, writer) DO UPDATE SET"
    " count = code_gap.count + excluded.count,"
    " first = CASE WHEN excluded.first < code_gap.first THEN excluded.first ELSE code_gap.first END,"
    " last = CASE WHEN excluded.last > code_gap.last THEN excluded.last ELSE code_gap.last END,"
    " reason = excluded.reason,"
    " display = CASE WHEN excluded.display = '' THEN code_gap.display ELSE excluded.display END"
)


@dataclass(frozen=True, slots=True)
class CodeGap:
    """A code without a translation: how often it was met, and the first and the last day (in London)."""

    provider: OdsCode
    system: str
    code: str
    text: str
    reason: str
    count: int
    first: str
    last: str


def add(connection: Connection, provider: OdsCode, now: int, met: Mapping[Met, int]) -> None:
    """Add counts, in one statement; ``now`` in ms UTC."""
    same: dict[str, str | int] = {
        "provider": provider.value,
        "writer": writer_of_thread(),
        "day": day_of(now),
    }
    rows: dict[tuple[str, str], dict[str, str | int]] = {}
    for each, count in _bounded(met).items():
        fresh: dict[str, str | int] = {
            **same,
            "system": each.system,
            "code": each.code,
            "count": 0,
            "reason": "",
            "display": "",
        }
        row = rows.setdefault((each.system, each.code), fresh)
        row["count"] = int(row["count"]) + count
        row["reason"] = each.reason
        row["display"] = each.text or row["display"]
    if rows:
        connection.execute(_ADD, [rows[key] for key in sorted(rows)])


def read(connection: Connection, provider: OdsCode | None = None, system: str | None = None) -> list[CodeGap]:
    """The codes met, the most frequent first; of one provider or one system if given."""
    groups = (CODE_GAP.c.provider, CODE_GAP.c.system, CODE_GAP.c.code)
    total = func.sum(CODE_GAP.c.count)
    told = (func.max(CODE_GAP.c.display), func.max(CODE_GAP.c.reason))
    query = select(*groups, *told, total, func.min(CODE_GAP.c.first), func.max(CODE_GAP.c.last))
    if provider is not None:
        query = query.where(CODE_GAP.c.provider == provider.value)
    if system is not None:
        query = query.where(CODE_GAP.c.system == system)
    rows = connection.execute(query.group_by(*groups).order_by(total.desc(), *groups))
    return [
        CodeGap(OdsCode(ods), s, c, t, why, int(n), first, last) for ods, s, c, t, why, n, first, last in rows
    ]


class GapTally:
    """Counts in memory, from any thread, until they are flushed: for what is read and not stored."""

    def __init__(self) -> None:
        self.texts = SharedTexts()
        self._lock = threading.Lock()
        self._counts: dict[tuple[OdsCode, int], Counter[Met]] = {}

    def add(self, provider: OdsCode, now: int, found: Iterable[Untranslated], whose: str) -> None:
        """Count codes met in the record of a person (``whose``, an opaque id); ``now`` in ms UTC."""
        met = Counter(self.texts.met(each, whose) for each in found)
        if met:
            self._put(provider, now, met)

    async def flush(self, database: Database) -> None:
        """Write what was counted; it is kept for the next time where the database is down."""
        with self._lock:
            taken, self._counts = self._counts, {}
        if not taken:
            return

        def write(connection: Connection) -> None:
            for (provider, hour), met in taken.items():
                add(connection, provider, hour, met)

        try:
            await database.write(write)
        except ScrError:
            for (provider, hour), met in taken.items():
                self._put(provider, hour, met)

    def _put(self, provider: OdsCode, now: int, met: Counter[Met]) -> None:
        hour = now // 3_600_000 * 3_600_000  # no day ends within an hour
        with self._lock:
            self._counts.setdefault((provider, hour), Counter()).update(met)


def _bounded(met: Mapping[Met, int]) -> Mapping[Met, int]:
    """The counts with the rarest codes put together, where there are too many."""
    if len(met) <= MOST_CODES:
        return met
    kept = Counter(dict(Counter(met).most_common(MOST_CODES)))
    for each, count in met.items() - kept.items():
        kept[Met(each.system, HIDDEN, each.reason, "")] += count
    return kept
