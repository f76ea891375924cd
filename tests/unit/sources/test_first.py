"""Allergies, medications and problems first, and kept where the rest is late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import orjson
import pytest
from tests.unit.sources import given

from scr.mapping.provider import FhirR4Connection, GpConnectConnection
from scr.sources.fhir_rest import FhirRestSource
from scr.sources.first import EVERYTHING, PARTLY_LATE, SAFETY_TYPES
from scr.sources.gpconnect import AREAS, SAFETY_AREAS, GpConnectSource
from scr.sources.http import open_client
from scr.sources.protocol import Outcome, SourceResult

FHIR = {"content-type": "application/fhir+json"}
SECONDS = 4.0
pytestmark = pytest.mark.leaping
What = Callable[[str], bytes | int | None]
"""What a server says to a call by its name: a body, a status, or nothing for ever."""


async def said(what: bytes | int | None) -> httpx.Response:
    """An answer, or none."""
    if what is None:
        await asyncio.sleep(3600)
    if isinstance(what, int):
        return httpx.Response(what, content=b"", headers={"content-type": "text/plain"})
    return httpx.Response(200, content=what or b"", headers=FHIR)


async def ask_server(home: Path, kinds: tuple[str, ...], what: What) -> tuple[SourceResult, list[str]]:
    """Ask a FHIR server, and hear what it was asked in which order."""
    asked: list[str] = []

    async def there(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        if name == "_search":
            return await said(given.bundle(given.patient(), kind="searchset"))
        asked.append(name)
        return await said(what(name))

    connection = FhirR4Connection(kind="fhir-r4", url="http://there.example/fhir", search=kinds)
    async with open_client(httpx.MockTransport(there)) as client:
        source = FhirRestSource(connection, given.reader(home, "R4"), client, given.limits(), lambda: "")
        result = await source.ask(given.question(SECONDS))
    return result, asked


async def ask_practice(home: Path, what: What) -> tuple[SourceResult, list[str]]:
    """Ask a GP practice, likewise; the name of a call tells which areas it is about."""
    asked: list[str] = []
    traces: set[str] = set()

    async def there(request: httpx.Request) -> httpx.Response:
        areas = [one["name"] for one in orjson.loads(request.content)["parameter"][1:]]
        whole = areas == [area.parameter for area in AREAS]
        assert whole or areas == [area.parameter for area in SAFETY_AREAS]
        asked.append("whole" if whole else "safety")
        traces.add(request.headers["ssp-traceid"])
        return await said(what(asked[-1]))

    connection = GpConnectConnection(kind="gpconnect", url="http://gp.example", from_asid="1", to_asid="2")
    async with open_client(httpx.MockTransport(there)) as client:
        reader = given.reader(home, "STU3")
        source = GpConnectSource(connection, reader, client, given.limits(), us="http://us", version="1")
        result = await source.ask(given.question(SECONDS))
    assert len(traces) == len(asked)  # none is taken for a repeated one
    return result, asked


def of_type(kind: str) -> bytes:
    """A page of what a server has of a type."""
    return given.bundle(*([given.problem("R4")] if kind == "Condition" else []), kind="searchset")


SAFE = given.bundle(
    given.patient(), given.problem(), *(given.gp_list(code) for area in SAFETY_AREAS for code in area.lists)
)
LATE = dict.fromkeys(("contacts", "documents", "findings", "results"), Outcome.LATE)


async def test_of_a_practice_that_is_too_slow_the_safety_headings_are_kept(tmp_path: Path) -> None:
    """The whole does not come: what was asked for beside it stands, and each other heading is late."""
    result, asked = await ask_practice(tmp_path, lambda name: SAFE if name == "safety" else None)
    assert asked == ["whole", "safety"]
    assert (result.outcome, result.code) == (Outcome.ANSWERED, PARTLY_LATE)
    assert {entry.type for entry in result.entries} == {"Patient", "Condition", "List"}
    assert result.headings == {a.heading: Outcome.LATE for a in AREAS if a not in SAFETY_AREAS}


async def test_of_a_server_that_is_too_slow_the_safety_headings_are_kept(tmp_path: Path) -> None:
    """Of $everything likewise; of the medications it is told that not all their types were asked for."""
    result, asked = await ask_server(
        tmp_path, (EVERYTHING,), lambda name: None if name == EVERYTHING else of_type(name)
    )
    assert asked == [EVERYTHING, *SAFETY_TYPES]
    assert {entry.type for entry in result.entries} == {"Patient", "Condition"}
    assert result.headings == LATE | {"medications": Outcome.INCOMPLETE}


async def test_types_are_asked_for_safety_first_and_each_is_kept(tmp_path: Path) -> None:
    """However the file lists them; what is late or fails is told under its headings alone."""
    kinds = ("Encounter", "Observation", "DocumentReference", *SAFETY_TYPES)
    bad: dict[str, bytes | int | None] = {"Observation": None, "Encounter": 503, "AllergyIntolerance": None}
    result, asked = await ask_server(tmp_path, kinds, lambda name: bad.get(name, of_type(name)))
    assert asked[:4] == list(SAFETY_TYPES)
    assert result.code == PARTLY_LATE
    assert result.headings == {
        "allergies": Outcome.LATE,
        "findings": Outcome.LATE,
        "results": Outcome.LATE,
        "contacts": Outcome.DOWN,
    }


@pytest.mark.parametrize("status", [403, 404])
async def test_a_refusal_is_not_made_up_for(tmp_path: Path, status: int) -> None:
    """One call that is refused, or answers of somebody else: nothing of the source is used."""
    result, _ = await ask_server(
        tmp_path, SAFETY_TYPES, lambda name: status if name == "Condition" else of_type(name)
    )
    assert (result.code, result.entries) == (f"http-{status}", ())


async def test_where_nothing_comes_it_is_late(tmp_path: Path) -> None:
    """Neither the whole nor the part beside it: late, as a source that was asked once."""
    for result, _ in (
        await ask_practice(tmp_path, lambda _: None),
        await ask_server(tmp_path, (EVERYTHING,), lambda _: None),
        await ask_server(tmp_path, SAFETY_TYPES, lambda _: None),
    ):
        assert (result.outcome, result.code, result.entries) == (Outcome.LATE, "timed-out", ())
        assert SECONDS / 3 < result.elapsed <= SECONDS


async def test_a_source_in_time_is_asked_once(tmp_path: Path) -> None:
    """Within a third of the time nothing is asked beside the whole."""
    whole = given.bundle(given.patient(), *(given.gp_list(area.lists[0]) for area in AREAS))
    result, asked = await ask_practice(tmp_path, lambda _: whole)
    assert (asked, result.headings, result.code) == (["whole"], {}, "")
    result, asked = await ask_server(tmp_path, (EVERYTHING,), of_type)
    assert (asked, result.headings, result.code) == ([EVERYTHING], {}, "")
