"""A message of the sender's own person without a number goes on from those that had one."""

from __future__ import annotations

import orjson
from tests.functional.deployment import ADA, message, pid, visit

from scr.data import DataFiles
from scr.fhir.identifiers import OdsCode
from scr.intake.file_unit import Desk, FiledUnit, Problem, UnitOutcome
from scr.mapping.adapter import load_adapter
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.records import load_record

HOSPITAL = OdsCode("ZZH01")
ADAPTER = load_adapter(DataFiles(), "pas-adt")
WHO = pid(ADA, "O'Sample", "Ada^Mary", "19410705")
NAMELESS = WHO.replace(ADA.value, "")


def _file(database: Database, keys: KeyRing, *segments: str, event: str = "A01", now: int = 1) -> UnitOutcome:
    [unit] = ADAPTER.units(message(event, f"N{now}", *segments))
    desk = Desk(keys, ADAPTER.maps)
    return database.write_now(lambda conn: desk.file(conn, HOSPITAL, ADAPTER, unit, now))


def test_a_visit_goes_on_without_the_number(database: Database, keys: KeyRing) -> None:
    """The discharge of the same visit, by hospital number alone, is the same Encounter's next version."""
    admitted = _file(database, keys, WHO, visit("V1"))
    assert isinstance(admitted, FiledUnit)
    discharged = _file(database, keys, NAMELESS, visit("V1") + "|20260106120000", event="A03", now=2)
    assert isinstance(discharged, FiledUnit)
    assert discharged.person.key == admitted.person.key
    held = database.read_now(lambda conn: load_record(conn, keys, admitted.person))
    [encounter] = [entry for entry in held if entry.type == "Encounter"]
    assert encounter.version == "2"
    assert orjson.loads(encounter.body)["status"] == "finished"
    assert len([entry for entry in held if entry.type == "Patient"]) == 1


def test_without_a_known_identifier_it_is_nobodys(database: Database, keys: KeyRing) -> None:
    """A hospital number that was never filed under names nobody, and makes nobody new."""
    assert isinstance(_file(database, keys, WHO, visit("V1")), FiledUnit)
    outcome = _file(database, keys, NAMELESS.replace("H1^", "H9^"), visit("V2"), now=2)
    assert isinstance(outcome, Problem)
    assert outcome.code == "no-nhs-number"


def test_another_of_the_same_hospital_number_is_a_doubt(database: Database, keys: KeyRing) -> None:
    """A number that the hospital gave to somebody else meanwhile is not hers."""
    assert isinstance(_file(database, keys, WHO, visit("V1")), FiledUnit)
    other = NAMELESS.replace("O'Sample^Ada^Mary", "Wren^Oswald").replace("19410705", "19680109")
    outcome = _file(database, keys, other, visit("V2"), now=2)
    assert isinstance(outcome, Problem)
    assert outcome.code == "demographics-contradict"
