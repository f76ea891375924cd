"""What a later message of an HL7 v2 feed leaves standing, and which documents it makes obsolete."""

from __future__ import annotations

from itertools import permutations

import orjson
import pytest
from sqlalchemy import Connection

from scr.data import DataFiles
from scr.decode.tree import Unit
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index
from scr.intake.file_unit import Desk, FiledUnit
from scr.mapping.adapter import load_adapter
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.records import load_some

ADA = "9990001014"
HOSPITAL = OdsCode("ZZH01")
NOW = 1_772_020_800_000
HEAD = (
    "MSH|^~\\&|X|ZZH01|SCR|SCR|20260101120000||{event}|{control}|P|2.4\rEVN||20260102120000\r"
    "PID|1||9990001014^^^NHS||SAMPLE^ADA||19410705|2\r"
)
VISIT = HEAD + "PV1|1|I|W1||||||||||||||||V1" + "|" * 25 + "{start}|{end}\r"
LETTER = HEAD + (
    "TXA|1|CN|TX|202601011200||||||||{number}^X|{parent}||||{completion}||{available}\r"
    "OBX|1|TX|L^Letter^X||Text {control}||||||F\r"
)
PAS = load_adapter(DataFiles(), "pas-adt")
MDM = load_adapter(DataFiles(), "documents-mdm")


def send(database: Database, keys: KeyRing, text: str) -> None:
    """File one message."""
    adapter = MDM if "TXA|" in text else PAS
    (unit,) = adapter.units(text.encode())
    assert isinstance(unit, Unit)
    outcome = database.write_now(
        lambda conn: Desk(keys, adapter.maps).file(conn, HOSPITAL, adapter, unit, NOW)
    )
    assert isinstance(outcome, FiledUnit), outcome


def held(database: Database, keys: KeyRing, kind: str) -> list[dict[str, object]]:
    """Ada's resources of one type, as they are held."""

    def read(conn: Connection) -> list[dict[str, object]]:
        person = index.find(conn, keys, NHSNumber(ADA))
        assert person is not None
        return [orjson.loads(entry.body) for entry in load_some(conn, person, kind)]

    return database.read_now(read)


def visit(event: str, start: str = "", end: str = "") -> str:
    """A message about the one visit."""
    return VISIT.format(event=f"ADT^{event}", control=event, start=start, end=end)


@pytest.mark.parametrize(
    ("later", "start"),
    [
        (visit("A02"), "2026-01-01T09:30:00+00:00"),
        (visit("A03", end="20260104100000"), "2026-01-01T09:30:00+00:00"),
        (visit("A08"), "2026-01-01T09:30:00+00:00"),
        (visit("A08", start="20260101080000"), "2026-01-01T08:00:00+00:00"),
    ],
)
def test_a_visit_keeps_the_start_that_it_was_told(
    database: Database, keys: KeyRing, later: str, start: str
) -> None:
    """A transfer, a discharge or an update without PV1-44 does not take it away; with one it is changed."""
    send(database, keys, visit("A01", start="20260101093000"))
    send(database, keys, later)
    (encounter,) = held(database, keys, "Encounter")
    period = encounter["period"]
    assert isinstance(period, dict)
    assert period["start"] == start
    assert period.get("end") == ("2026-01-04T10:00:00+00:00" if "A03" in later else None)


def letter(event: str, number: str, parent: str = "", available: str = "AV", completion: str = "AU") -> str:
    """A document."""
    return LETTER.format(
        event=f"MDM^{event}",
        control=f"{event}-{number}",
        number=number,
        parent=parent,
        available=available,
        completion=completion,
    )


FIRST, SECOND, THIRD = letter("T02", "D1"), letter("T10", "D2", "D1"), letter("T10", "D3", "D2")


@pytest.mark.parametrize("order", list(permutations("123")), ids="".join)
def test_a_replaced_document_is_superseded_in_whatever_order_they_come(
    database: Database, keys: KeyRing, order: tuple[str, ...]
) -> None:
    """Of three that replace each other the last is current, and says which one it replaces."""
    for which in order:
        send(database, keys, {"1": FIRST, "2": SECOND, "3": THIRD}[which])
    assert states(database, keys) == {"D1": "superseded", "D2": "superseded", "D3": "current"}
    ids = {number_of(body): body["id"] for body in held(database, keys, "DocumentReference")}
    related = {number_of(body): body.get("relatesTo") for body in held(database, keys, "DocumentReference")}
    assert related["D1"] is None
    for newer, older in (("D2", "D1"), ("D3", "D2")):
        target = {"reference": f"DocumentReference/{ids[older]}"}
        assert related[newer] == [{"code": "replaces", "target": target}]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([FIRST, letter("T06", "D2", "D1")], {"D1": "current", "D2": "current"}),
        ([FIRST, letter("T08", "D1", "D1", completion="LA")], {"D1": "current"}),
        ([FIRST, letter("T04", "D1", completion="LA")], {"D1": "current"}),
        ([FIRST, letter("T11", "D1"), SECOND], {"D1": "entered-in-error", "D2": "current"}),
        ([FIRST, letter("T11", "D2", "D1")], {"D1": "current", "D2": "entered-in-error"}),
        ([FIRST, SECOND, FIRST.replace("T02-D1", "again")], {"D1": "superseded", "D2": "current"}),
    ],
)
def test_only_a_replacement_supersedes(
    database: Database, keys: KeyRing, messages: list[str], expected: dict[str, str]
) -> None:
    """An addendum, an edit or a change of state leave it current; a cancelled document replaces none."""
    for text in messages:
        send(database, keys, text)
    assert states(database, keys) == expected


def states(database: Database, keys: KeyRing) -> dict[str, object]:
    """The documents' numbers and states."""
    return {number_of(body): body["status"] for body in held(database, keys, "DocumentReference")}


def number_of(body: dict[str, object]) -> str:
    """A document's number."""
    identifiers = body["identifier"]
    assert isinstance(identifiers, list)
    return str(identifiers[0]["value"])
