"""What the watch of feeds says of coverage is what a trial says; live answers are learnt and compared."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.data import DataFiles, packaged_root
from scr.decode.tree import Unit
from scr.fhir.identifiers import OdsCode
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.coverage import Coverage
from scr.mapping.profile import LEARNT
from scr.mapping.report import report
from scr.store import coverage, profiles
from scr.store.engine import Database
from scr.store.watch import FeedWatch

ODS = OdsCode("Z9901")
NOW = 1_772_020_800_000
KEY = b"k" * 32
NAMES = st.sets(st.sampled_from("abcdefgh"))


def covered_of(mapped: set[str], ignored: set[str], unmapped: set[str]) -> Coverage:
    """Coverage by the three sets, made disjoint."""
    made = Coverage()
    made.add(Coverage(mapped, ignored, unmapped))
    return made


@given(st.lists(st.builds(covered_of, NAMES, NAMES, NAMES), min_size=1, max_size=4))
def test_coverage_adds_up_whatever_the_order(parts: list[Coverage]) -> None:
    """Each field counts once; one that any part could not place is unmapped."""
    one, other = Coverage(), Coverage()
    for part in parts:
        one.add(part)
    for part in reversed(parts):
        other.add(part)
    assert one == other
    every = set[str]().union(*(part.mapped | part.ignored | part.unmapped for part in parts))
    assert one.total == len(every)
    assert one.unmapped == set[str]().union(*(part.unmapped for part in parts))


@pytest.mark.parametrize(
    ("name", "sample"),
    [
        ("care-home-record", "residents.json"),
        ("care-home-workbook", "export.xlsx"),
        ("community-equipment", "orders.csv"),
        ("pas-adt", "admission.hl7"),
        ("pathology-edifact", "chemistry.edi"),
    ],
)
async def test_a_days_coverage_is_that_of_a_trial(database: Database, name: str, sample: str) -> None:
    """The same fields mapped, ignored and unmapped, and the same figure; a second process adds none."""
    adapter = load_adapter(DataFiles(), name)
    raw = (packaged_root() / "adapters" / name / "samples" / sample).read_bytes()
    for _ in range(2):
        watch = FeedWatch(database, KEY, lambda: NOW)
        look = await watch.look(ODS, "feed", adapter)
        for unit in adapter.units(raw):
            look.see(unit)
        await watch.end(look, "message", held=False)
        await watch.flush(database)
    (found,) = database.read_now(lambda conn: coverage.read(conn, "2026-02-25", ODS))
    tried = report(adapter, raw)
    counts = [len(found.fields.mapped), len(found.fields.ignored), len(found.fields.unmapped)]
    assert counts == [tried.count("mapped"), tried.count("ignored"), tried.count("unmapped")]
    assert found.fields.share == pytest.approx(tried.coverage)
    assert found.day == "2026-02-25"
    assert database.read_now(lambda conn: coverage.read(conn, "2026-02-26")) == []


def answer(adapter: Adapter, **more: Any) -> list[Unit]:
    """One live answer: a bundle with a condition."""
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}, **more}
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": {"resourceType": "Patient", "id": "p"}}, {"resource": condition}],
    }
    return [unit for unit in adapter.units(orjson.dumps(bundle)) if isinstance(unit, Unit)]


async def test_a_live_feed_is_learnt_and_watched(database: Database) -> None:
    """After some answers one without a field that all had, and with one that none had, is told once."""
    adapter = load_adapter(DataFiles(), "fhir-r4-record")
    now = [NOW]
    watch = FeedWatch(database, KEY, lambda: now[0])
    told = partial(database.read_now, lambda conn: profiles.events(conn, 0))

    def pulled(**more: Any) -> None:
        now[0] += 1000
        watch.glance(ODS, "record", adapter, answer(adapter, **more))

    for _ in range(LEARNT):
        pulled(recordedDate="2026-01-01")
    await watch.flush(database)
    assert told() == []
    for _ in range(2):
        pulled(onsetDateTime="2026-01-01")
        await watch.flush(database)
    events = sorted((e.kind, e.field, e.message, e.action) for e in told())
    assert events == [
        ("empty", "Condition.recordedDate", "live", "warned"),
        ("new", "Condition.onsetDateTime", "live", "warned"),
    ]
    (found,) = database.read_now(lambda conn: coverage.read(conn, "2026-02-25"))
    assert "Condition.onsetDateTime" in found.fields.mapped


def test_live_answers_are_looked_at_once_in_a_while(database: Database) -> None:
    """A hundred within a second cost what one does."""
    adapter = load_adapter(DataFiles(), "fhir-r4-record")
    watch = FeedWatch(database, KEY, lambda: NOW)
    looked: list[int] = []

    def units() -> Any:
        looked.append(1)
        yield from answer(adapter)

    for _ in range(100):
        watch.glance(ODS, "record", adapter, units())
    assert len(looked) == 1
