"""Counts of what was not carried: added up over writers and days, bounded, and without values."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.identifiers import OdsCode
from scr.mapping.counts import MOST_NAMES, Counted, bounded, filed
from scr.mapping.functions import UnmappedCode
from scr.mapping.run import Mapped
from scr.store import losses
from scr.store.engine import Database

ODS, OTHER = OdsCode("Z9901"), OdsCode("Z9902")
NOON = 1_772_020_800_000  # 2026-02-25T12:00:00Z
DAY = 86_400_000
FIELD, CODE = Counted("field", "PID-23"), Counted("code", "sex")


def test_counts_add_up_over_writers_and_days(database: Database) -> None:
    """What two threads count is told as one sum, with the last day on which it was met."""
    writes = [
        partial(losses.add, provider=ODS, adapter="pas-adt", now=now, counts={FIELD: 2, CODE: 1})
        for now in (NOON, NOON, NOON - DAY)
    ]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(database.write_now, writes))
    database.write_now(partial(losses.add, provider=OTHER, adapter="pas-adt", now=NOON, counts={FIELD: 5}))
    found = database.read_now(lambda conn: losses.read(conn, "2026-02-24"))
    assert [(each.provider, each.name, each.count, each.last_day) for each in found] == [
        (ODS, "sex", 3, "2026-02-25"),
        (ODS, "PID-23", 6, "2026-02-25"),
        (OTHER, "PID-23", 5, "2026-02-25"),
    ]
    assert [each.count for each in database.read_now(lambda c: losses.read(c, "2026-02-25", ODS))] == [2, 4]


def test_a_tally_is_written_when_it_is_flushed(database: Database) -> None:
    """Nothing is written before, nothing is counted twice, and the end flushes what is left."""

    async def count() -> None:
        tally = losses.LossTally()
        async with losses.flushed(tally, database):
            tally.add(ODS, "gp-connect", NOON, [FIELD, FIELD, CODE])
            assert database.read_now(lambda conn: losses.read(conn, "2026-01-01")) == []
            await tally.flush(database)
            await tally.flush(database)
            tally.add(ODS, "gp-connect", NOON + 1, [FIELD])

    asyncio.run(count())
    found = database.read_now(lambda conn: losses.read(conn, "2026-01-01"))
    assert {each.name: each.count for each in found} == {"PID-23": 3, "sex": 1}


def test_what_cannot_be_written_is_kept(database: Database, tmp_path: Path) -> None:
    """The database is away for a flush: the next one writes it all."""
    tally = losses.LossTally()
    away = Database.open(f"sqlite:///{tmp_path}/away.db")
    away.close()
    tally.add(ODS, "gp-connect", NOON, [FIELD])

    async def flush_both() -> None:
        await tally.flush(away)
        tally.add(ODS, "gp-connect", NOON, [FIELD])
        await tally.flush(database)

    asyncio.run(flush_both())
    assert [each.count for each in database.read_now(lambda conn: losses.read(conn, "2026-01-01"))] == [2]


@given(st.lists(st.tuples(st.sampled_from(["field", "code"]), st.integers(0, 900)), max_size=2000))
def test_names_are_bounded_and_no_count_is_lost(met: list[tuple[str, int]]) -> None:
    """However many names a source uses, so many are told apart, and the total stands."""
    counts = Counter(Counted(kind, str(number)) for kind, number in met)
    kept = bounded(counts)
    assert len(kept) <= MOST_NAMES + 2
    assert kept.total() == counts.total()


def test_no_value_and_no_number_is_counted_by() -> None:
    """A code is counted by its map only; a field that is named by a number loses it."""
    mapped = Mapped(
        (), (UnmappedCode("sex", "Sample's own words"),), ("people.9990001030.note",), ("DOB: date",)
    )
    assert filed(mapped) == [
        Counted("unit", "filed"),
        Counted("field", "people.#.note"),
        Counted("code", "sex"),
        Counted("unread", "DOB: date"),
    ]
