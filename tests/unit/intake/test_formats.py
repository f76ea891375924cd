"""The samples of every format through the intake: each part is filed or held back, and can be tried again."""

from __future__ import annotations

import asyncio

import pytest

from scr.data import DataFiles, packaged_root
from scr.fhir.identifiers import OdsCode
from scr.intake.file_unit import Desk
from scr.intake.receive import Intake, Receipt
from scr.mapping.adapter import load_adapter
from scr.mapping.provider import DropFolderConnection, Feed, Provider
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.quarantine import quarantined

NOW = 1_772_461_000_000

SAMPLES = [
    ("care-home-record", "residents.json", 2, ["merged-record"]),
    ("care-home-record", "broken.json", 0, ["bad-nhs-number", "bad-record", "bad-record", "home-not-named"]),
    ("care-home-workbook", "export.xlsx", 9, []),
    (
        "care-home-workbook",
        "broken-rows.xlsx",
        2,
        ["bad-nhs-number", *["bad-row"] * 6, "home-not-named", "unmappable"],
    ),
    ("home-care", "clients.json", 1, ["test-record"]),
    ("community-equipment", "orders.csv", 4, ["transferred-order"]),
    ("mental-health", "extract.xlsx", 15, ["unclear-restriction", "unknown-record-type"]),
    ("mental-health", "broken.xlsx", 0, ["bad-nhs-number", "bad-row", "bad-row", "unmappable"]),
    ("pathology-edifact", "radiology.edi", 1, []),
    ("ambulance", "999.json", 1, []),
    ("ambulance", "needs-review.json", 0, ["identity-not-confirmed"]),
    ("end-of-life", "register.xml", 1, ["died", "sharing-refused"]),
    ("end-of-life", "broken-records.xml", 0, ["bad-nhs-number", "bad-record", "unmappable"]),
    ("gp-flat-extract", "extract.tsv", 13, ["deleted-entry", "unknown-record-type"]),
    ("fhir-r4-hospital", "admission.json", 1, []),
]


@pytest.mark.parametrize(("name", "sample", "filed", "held"), SAMPLES)
def test_every_part_is_filed_or_held_back_and_comes_again_as_itself(
    database: Database, keys: KeyRing, name: str, sample: str, filed: int, held: list[str]
) -> None:
    """Sent twice it is stored once; tried again by itself, a part is held back for the same reason."""
    adapter = load_adapter(DataFiles(), name)
    feed = Feed(name="feed", adapter=name, connection=DropFolderConnection(kind="drop-folder"))
    provider = Provider(
        ods=OdsCode("Z9901"), name="X", organisation_type="provider", go_live=None, feeds=(feed,)
    )
    desk = Desk(keys, adapter.maps)
    intake = Intake(database, keys, desk, {name: adapter}, {provider.ods: provider}, lambda: NOW)
    raw = (packaged_root() / "adapters" / name / "samples" / sample).read_bytes()

    async def send() -> tuple[Receipt, Receipt, list[str]]:
        first, second = await intake.receive(provider, feed, raw), await intake.receive(provider, feed, raw)
        again = [await intake.retry(item.id) for item in await database.read(quarantined)]
        return first, second, sorted(problem.code for receipt in again for problem in receipt.problems)

    first, second, again = asyncio.run(send())
    assert (first.filed, sorted(problem.code for problem in first.problems)) == (filed, held)
    assert second.duplicate
    assert again == held
