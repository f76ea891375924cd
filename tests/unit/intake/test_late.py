"""A message that comes after a newer one, or is tried again after it, takes nothing of it away."""

from __future__ import annotations

import orjson
from tests.functional.deployment import ADA, message, pid, visit
from tests.unit.intake.feeder import Feeder

from scr.data import DataFiles
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index
from scr.intake.file_unit import Desk, FiledUnit
from scr.intake.review import Review
from scr.mapping.adapter import load_adapter
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.quarantine import quarantined
from scr.store.records import load_record

HOSPITAL = OdsCode("ZZH01")
ADAPTER = load_adapter(DataFiles(), "pas-adt")
WHO = pid(ADA, "O'Sample", "Ada^Mary", "19410705")


def _file(database: Database, keys: KeyRing, event: str, at: str, place: str) -> FiledUnit:
    raw = message(event, f"M{at}", WHO, visit("V1").replace("W1^B1^1", place))
    [unit] = ADAPTER.units(raw.replace(b"20260105101500||ADT", f"{at}||ADT".encode()))
    desk = Desk(keys, ADAPTER.maps)
    outcome = database.write_now(lambda conn: desk.file(conn, HOSPITAL, ADAPTER, unit, 2_000_000_000_000))
    assert isinstance(outcome, FiledUnit)
    return outcome


def test_a_transfer_that_was_held_up_moves_nobody_back(database: Database, keys: KeyRing) -> None:
    """The discharge came first: the visit stays finished, and the late message says so in the counts."""
    _file(database, keys, "A01", "20260105100000", "W1^B1^1")
    finished = _file(database, keys, "A03", "20260107120000", "W2^B2^2")
    late = _file(database, keys, "A02", "20260106090000", "W3^B3^3")
    assert late.filed.older >= 1
    held = database.read_now(lambda conn: load_record(conn, keys, finished.person))
    [encounter] = [entry for entry in held if entry.type == "Encounter"]
    assert orjson.loads(encounter.body)["status"] == "finished"


async def test_a_row_from_quarantine_is_older_than_what_came_since(database: Database, keys: KeyRing) -> None:
    """Yesterday's row in doubt, decided on today, does not replace today's."""
    now = [1_772_020_800_000]
    feeder = Feeder(database, keys, "warn", lambda: now[0])
    adapter = load_adapter(DataFiles(), "gp-registrations")
    review = Review(database, keys, {adapter.name: adapter}, feeder.intake, lambda: now[0])
    row = "9990001014,{},1941-07-05,F,{},A81001,1999-03-02,{{}}"
    assert not (await feeder.send(row.format("Sample,Susan", "ZZ1 1AA"))).problems
    assert (await feeder.send(row.format("Example,Sue", "ZZ2 2BB"))).problems
    [item] = database.read_now(quarantined)
    now[0] += 86_400_000
    assert not (await feeder.send(row.format("Sample,Susan", "ZZ3 3CC"))).problems
    receipt = await review.same(item.id, by="Robin Reviewer", reason="Rang the practice.")
    assert receipt is not None
    assert not receipt.problems
    person = database.read_now(lambda conn: index.find(conn, keys, NHSNumber("9990001014")))
    assert person is not None
    [patient] = database.read_now(lambda conn: load_record(conn, keys, person))
    assert orjson.loads(patient.body)["address"][0]["postalCode"] == "ZZ3 3CC"
