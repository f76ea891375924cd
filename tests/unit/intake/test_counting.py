"""What the intake counts: once a message, with its end, and never a value."""

from __future__ import annotations

import asyncio

import pytest

from scr.data import DataFiles, packaged_root
from scr.fhir.identifiers import OdsCode
from scr.intake.file_unit import Desk
from scr.intake.receive import Intake
from scr.mapping.adapter import load_adapter
from scr.mapping.provider import DropFolderConnection, Feed, Provider
from scr.store import losses
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.messages import MessageState

NOW = 1_772_020_800_000
FEED = Feed(name="list", adapter="gp-registrations", connection=DropFolderConnection(kind="drop-folder"))
PROVIDER = Provider(
    ods=OdsCode("Z9901"), name="Example", organisation_type="gp-practice", go_live=None, feeds=(FEED,)
)
HEADER = "NHS_Number,Family_Name,Given_Name,Date_of_Birth,Sex,Postcode,Practice_Code,Registered_On,Extra"


def payload(units: int) -> bytes:
    """Rows of one person, each with a column that nothing reads, the last one with a sex in no map."""
    rows = [f"9990001014,Sample,Ada,1941-07-05,F,ZZ99 1AA,A81001,1999-03-02,{n}" for n in range(units)]
    rows[-1] = rows[-1].replace(",F,", ",Sample's,")
    return "\n".join([HEADER, *rows, "1,Sample,Bert,1941-07-05,F,ZZ99 1AA,A81001,,"]).encode()


@pytest.mark.parametrize("units", [1, 90])
def test_a_payload_is_counted_once(database: Database, keys: KeyRing, units: int) -> None:
    """Units, resources, lost fields and codes of all of it, in several transactions, and sent twice."""
    adapter = load_adapter(DataFiles(), "gp-registrations")
    desk = Desk(keys, adapter.maps)
    intake = Intake(database, keys, desk, {adapter.name: adapter}, {PROVIDER.ods: PROVIDER}, lambda: NOW)

    async def send_twice() -> None:
        for _ in range(2):
            await intake.receive(PROVIDER, FEED, payload(units))

    asyncio.run(send_twice())
    found = database.read_now(lambda conn: losses.read(conn, "2026-02-25"))
    assert {(each.kind, each.name): each.count for each in found} == {
        ("unit", "filed"): units,
        ("unit", "bad-nhs-number"): 1,
        ("resource", "Patient"): units,
        ("field", "Extra"): units,
        ("code", "sex"): 1,
    }


def test_an_acknowledgement_is_counted_and_nothing_of_it_filed(database: Database, keys: KeyRing) -> None:
    """Beside a report in the same file: one unit filed, one counted, none in quarantine."""
    adapter = load_adapter(DataFiles(), "pathology-edifact")
    feed = FEED.model_copy(update={"adapter": adapter.name})
    desk = Desk(keys, adapter.maps)
    intake = Intake(database, keys, desk, {adapter.name: adapter}, {PROVIDER.ods: PROVIDER}, lambda: NOW)
    raw = (packaged_root() / "adapters" / adapter.name / "samples" / "radiology.edi").read_bytes()
    receipt = asyncio.run(intake.receive(PROVIDER, feed, raw))
    assert (receipt.filed, receipt.problems, receipt.state) == (1, (), MessageState.FILED)
    found = database.read_now(lambda conn: losses.read(conn, "2000-01-01"))
    counted = {each.name: each.count for each in found if each.kind == "unit"}
    assert counted == {"filed": 1, "acknowledgement": 1}
