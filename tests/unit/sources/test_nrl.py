"""A record locator: pointers about the person, and of nobody else."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from tests.unit.sources import given
from tests.unit.sources.people import BEN, MARGARET

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, OdsCode
from scr.fhir.pointers import Custodian, custodian
from scr.mapping.provider import FhirR4Connection
from scr.sources.fhir_rest import FhirRestSource
from scr.sources.http import open_client
from scr.sources.nrl import NrlSource
from scr.sources.protocol import Outcome, SourceResult

ODS_SYSTEM = "https://fhir.nhs.uk/Id/ods-organization-code"


def pointer(logical: str, kept_by: str, number: NHSNumber | None = MARGARET, **more: object) -> given.Tree:
    """A pointer, as a locator has it."""
    about = {"system": NHS_NUMBER_SYSTEM, "value": number.value} if number else {"value": "L-1"}
    return {
        "resourceType": "DocumentReference",
        "id": logical,
        "status": "current",
        "subject": {"identifier": about},
        "custodian": {"identifier": {"system": ODS_SYSTEM, "value": kept_by}, "display": f"Place {kept_by}"},
        "content": [{"attachment": {"contentType": "application/pdf", "url": "https://kept.example/1"}}],
        **more,
    }


async def ask(
    home: Path, *resources: given.Tree, address: bool = False
) -> tuple[SourceResult, httpx.Request]:
    """Ask a locator that has these pointers, and hear how it was asked."""
    asked: list[httpx.Request] = []

    def there(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        body = given.bundle(*resources, kind="searchset")
        return httpx.Response(200, content=body, headers={"content-type": "application/fhir+json"})

    connection = FhirR4Connection(
        kind="fhir-r4",
        url="http://nrl.example",
        pointers=True,
        number_in="address" if address else "body",
    )
    async with open_client(httpx.MockTransport(there)) as client:
        server = FhirRestSource(connection, given.reader(home, "R4"), client, given.limits(), lambda: "t")
        result = await NrlSource(server).ask(given.question())
    return result, asked[0]


@pytest.mark.parametrize("address", [False, True])
async def test_pointers_come_as_entries(tmp_path: Path, address: bool) -> None:
    """They are the person's, name who keeps what they point at, and bring no Patient of their own."""
    two = (pointer("p1", "ZZX01"), pointer("p2", "Z99001"))
    result, request = await ask(tmp_path, *two, address=address)
    assert (result.outcome, result.code) == (Outcome.ANSWERED, "")
    assert [entry.type for entry in result.entries] == ["DocumentReference"] * 2
    assert all(f"Patient/{given.SUBJECT}" in entry.references for entry in result.entries)
    assert [custodian(entry) for entry in result.entries] == [
        Custodian(OdsCode("ZZX01"), "Place ZZX01"),
        Custodian(OdsCode("Z99001"), "Place Z99001"),
    ]
    asked = dict(httpx.QueryParams(request.content.decode() if not address else request.url.query))
    assert asked == {"subject:identifier": f"{NHS_NUMBER_SYSTEM}|{MARGARET.value}"}
    assert (MARGARET.value in str(request.url)) == address
    assert request.headers["nhsd-end-user-organisation-ods"] == "RX1"


@pytest.mark.parametrize("number", [BEN, None])
async def test_a_pointer_about_anybody_else_refuses_the_whole(
    tmp_path: Path, number: NHSNumber | None
) -> None:
    """Another person's, or one that does not say whose it is: nothing of the answer is used."""
    result, _ = await ask(tmp_path, pointer("p1", "ZZX01"), pointer("p2", "ZZX01", number))
    assert (result.outcome, result.code, result.entries) == (Outcome.DOWN, "wrong-person", ())


async def test_no_pointer_is_empty_and_a_gap_is_told(tmp_path: Path) -> None:
    """None is known; unless the locator itself says that it could not look everywhere."""
    assert (await ask(tmp_path))[0].outcome is Outcome.EMPTY
    issue = {"severity": "warning", "code": "incomplete"}
    result, _ = await ask(tmp_path, given.outcome(issue))
    assert result.outcome is Outcome.ANSWERED
    assert set(result.headings.values()) == {Outcome.INCOMPLETE}


@pytest.mark.parametrize(
    "change",
    [
        {"status": "superseded"},
        {"custodian": {"display": "Somewhere"}},
        {"custodian": {"identifier": {"value": "not a code!"}}},
        {"custodian": None},
    ],
)
async def test_whom_a_pointer_does_not_name_is_nobody(tmp_path: Path, change: given.Tree) -> None:
    """One that is not in force, or has no code of an organisation, makes nobody asked."""
    result, _ = await ask(tmp_path, pointer("p1", "ZZX01", **change))
    assert [custodian(entry) for entry in result.entries] == [None]
