"""Codes without a translation in the store: added up over writers, bounded, and not counted twice."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from scr.fhir.identifiers import OdsCode
from scr.store import gaps
from scr.store.engine import Database
from scr.store.gaps import MOST_CODES, GapTally
from scr.store.losses import flushed
from scr.terminology.coding import Untranslated
from scr.terminology.gapwords import HIDDEN, Met
from scr.terminology.systems import READ_V2

ODS, OTHER = OdsCode("Z9901"), OdsCode("Z9902")
NOON = 1_772_020_800_000  # 2026-02-25T12:00:00Z
DAY = 86_400_000
ASTHMA = Met(READ_V2, "H33..", "no-map", "Asthma")
LOCAL = Met("urn:example:local", "B1", "no-map", "")


def test_counts_add_up_over_writers_and_days(database: Database) -> None:
    """One sum, the first and the last day, the text once it is known, the most frequent first."""
    writes = [
        partial(gaps.add, provider=ODS, now=now, met={ASTHMA._replace(text=text): 2, LOCAL: 5})
        for now, text in ((NOON, ""), (NOON - DAY, "Asthma"), (NOON + DAY, ""))
    ]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(database.write_now, writes))
    database.write_now(partial(gaps.add, provider=OTHER, now=NOON, met={ASTHMA: 1}))
    found = database.read_now(gaps.read)
    assert [(g.provider, g.code, g.text, g.count, g.first, g.last) for g in found] == [
        (ODS, "B1", "", 15, "2026-02-24", "2026-02-26"),
        (ODS, "H33..", "Asthma", 6, "2026-02-24", "2026-02-26"),
        (OTHER, "H33..", "Asthma", 1, "2026-02-25", "2026-02-25"),
    ]
    assert len(database.read_now(partial(gaps.read, provider=OTHER))) == 1
    assert len(database.read_now(partial(gaps.read, system=READ_V2))) == 2


def test_a_source_cannot_fill_the_table(database: Database) -> None:
    """Codes beyond a bound are counted together, and none is lost from the sum."""
    many = {LOCAL._replace(code=f"C{n}"): 2 if n < MOST_CODES else 1 for n in range(MOST_CODES + 50)}
    database.write_now(partial(gaps.add, provider=ODS, now=NOON, met=many))
    found = database.read_now(gaps.read)
    assert len(found) == MOST_CODES + 1
    assert {g.code: g.count for g in found}[HIDDEN] == 50
    assert sum(g.count for g in found) == sum(many.values())


def test_a_tally_is_written_when_it_is_flushed(database: Database, tmp_path: Path) -> None:
    """Nothing is written before, nothing twice, the end flushes the rest; what cannot be written is kept."""
    away = Database.open(f"sqlite:///{tmp_path}/away.db")
    away.close()

    async def count() -> None:
        tally = GapTally()
        met = Untranslated(READ_V2, "H33..", "Asthma")
        async with flushed(tally, database):
            tally.add(ODS, NOON, [met, met], "p1")
            assert database.read_now(gaps.read) == []
            await tally.flush(away)
            await tally.flush(database)
            await tally.flush(database)
            tally.add(ODS, NOON, [met], "p1")
            tally.add(ODS, NOON, [], "p1")

    asyncio.run(count())
    assert [(g.code, g.text, g.count) for g in database.read_now(gaps.read)] == [("H33..", "Asthma", 3)]
