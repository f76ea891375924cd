"""Whatever a source answers, asking it gives one result, and no entry that is not the person's own."""

from __future__ import annotations

import asyncio
import zlib
from pathlib import Path

import httpx
import orjson
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from tests.unit.sources import given
from tests.unit.sources.people import BEN

from scr.mapping.provider import FhirR4Connection, GpConnectConnection
from scr.sources.fhir_rest import FhirRestSource
from scr.sources.gpconnect import GpConnectSource
from scr.sources.http import open_client
from scr.sources.pipeline import Reader
from scr.sources.protocol import Outcome, SourceResult

_KEYS = ["resourceType", "entry", "resource", "id", "subject", "identifier", "issue", "link", "code", "meta"]
_SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=6)
_JSON = st.recursive(
    _SCALARS | st.sampled_from(["Bundle", "Patient", "Patient/pat-1", "Patient/pat-2", "OperationOutcome"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=12,
)
_GOOD = given.bundle(given.patient(), given.problem("R4"))
_OTHER = given.bundle(given.patient(BEN), given.problem("R4"))


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A good answer or another person's, with something in it replaced."""
    whole = orjson.loads(draw(st.sampled_from([_GOOD, _OTHER])))
    resource = draw(st.sampled_from([entry["resource"] for entry in whole["entry"]]))
    resource[draw(st.sampled_from([*resource, "contained", "extension"]))] = draw(_JSON)
    return orjson.dumps(whole)


@st.composite
def answers(draw: st.DrawFn) -> httpx.Response:
    """Any status, any content type, any body, compressed or saying so."""
    body = draw(st.binary(max_size=120) | _JSON.map(orjson.dumps) | spoilt() | st.just(_GOOD))
    headers = {
        "content-type": draw(st.sampled_from(["application/fhir+json", "application/json", "text/html", ""]))
    }
    packing = draw(st.sampled_from(["", "gzip", "said only"]))
    if packing:
        headers["content-encoding"] = "gzip"
    if packing == "gzip":
        packer = zlib.compressobj(wbits=31)
        body = packer.compress(body) + packer.flush()
    status = draw(st.sampled_from([200, 200, 200, 200, 201, 204, 301, 400, 403, 404, 500, 503]))
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    """A reader for each version of FHIR."""
    home: Path = tmp_path_factory.mktemp("home")
    return {version: given.reader(home, version) for version in ("STU3", "R4")}


async def _ask(readers: dict[str, Reader], got: list[httpx.Response], rest: bool) -> SourceResult:
    left = list(got)
    transport = httpx.MockTransport(lambda _: left.pop(0) if left else httpx.Response(500))
    async with open_client(transport) as client:
        if rest:
            connection = FhirR4Connection(kind="fhir-r4", url="https://there.example/fhir")
            source = FhirRestSource(connection, readers["R4"], client, given.limits(), lambda: "token")
            return await source.ask(given.question())
        practice = GpConnectConnection(kind="gpconnect", url="https://gp.example", from_asid="1", to_asid="2")
        gp = GpConnectSource(practice, readers["STU3"], client, given.limits(), us="https://us", version="1")
        return await gp.ask(given.question())


@settings(max_examples=150, deadline=None)
@for_all(st.lists(answers(), min_size=1, max_size=3), st.booleans())
def test_any_answer_gives_one_result_and_nobody_elses_entry(
    readers: dict[str, Reader], got: list[httpx.Response], rest: bool
) -> None:
    """No exception, no fault of our own, entries only from an answer, each tied to the person asked for."""
    result = asyncio.run(_ask(readers, got, rest))
    assert result.source == given.ODS
    assert result.code != "fault"
    assert (result.outcome is Outcome.ANSWERED) or result.entries == ()
    for entry in result.entries:
        assert BEN.value.encode() not in entry.body
        assert not [r for r in entry.references if r.endswith("Patient/pat-2")]
