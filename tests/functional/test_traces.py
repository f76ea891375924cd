"""Traces, sent to a real collector: what was done, part by part, and nothing of anybody."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from tests.functional.collector import Collector, collecting
from tests.functional.deployment import ADA, BASE, SECRETS, Deployment
from tests.functional.tour import Tour, touring

from scr.api.traces import Traces
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM

pytestmark = pytest.mark.asyncio(loop_scope="module")
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
SECRET = "a token of the collector"
SAID = {
    "http.request.method", "http.route", "http.response.status_code", "scr.correlation", "scr.source",
    "scr.outcome", "scr.code",
}  # fmt: skip
NAMES = re.compile(
    r"(GET|POST|PUT|DELETE|PATCH|_OTHER) (none|/[a-z/.{}$:A-Z_-]*)"
    r"|gather|source|decide|decide entries|reconcile|audit"
)
PEOPLE = (*SECRETS, "Sample Ada", "O'Sample", "Mary", "1941-07-05", "19410705", "A note of mine", "Dr Dee")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def traced_tour(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Tour, Collector, list[httpx.Request]]]:
    """A deployment that is traced, with what its neighbour was asked."""
    folder = tmp_path_factory.mktemp("traces")
    database = shutil.copy(sqlite_template, folder / "scr.db")
    (folder / "token").write_text(SECRET, "utf-8")
    with collecting() as collector:
        told = {"traces_url": collector.url, "traces_token": f"file:{folder / 'token'}"}
        async with touring(folder / "home", f"sqlite:///{database}", **told) as tour:
            asked: list[httpx.Request] = []
            neighbour, respond = tour.place.deployment.neighbour, tour.place.deployment.neighbour.respond

            def noted(request: httpx.Request) -> httpx.Response:
                asked.append(request)
                return respond(request)

            neighbour.__dict__["respond"] = noted
            yield tour, collector, asked


async def _sent(tour: Tour) -> None:
    traces: Traces = tour.place.deployment.app.state.traces
    await asyncio.to_thread(traces.flush)


async def _everything(deployment: Deployment, **headers: str) -> httpx.Response:
    subject = await deployment.subject()
    bearer = {"authorization": deployment.bearer(), **headers}
    return await deployment.client.get(f"{BASE}/Patient/{subject}/$everything", headers=bearer)


async def test_a_trace_goes_on_through_the_parts_of_a_question(
    traced_tour: tuple[Tour, Collector, list[httpx.Request]],
) -> None:
    """The trace of whoever asks goes on here: the decision, each source and how it ended, what was made of it
    and the audit, each in its place. A source that is not to be told of it is not."""
    tour, collector, asked = traced_tour
    said = await _everything(tour.place.deployment, traceparent=PARENT)
    assert said.status_code == 200
    await _sent(tour)
    found = collector.trace(bytes.fromhex(TRACE))
    root = "GET /fhir/Patient/{logical}/$everything"
    assert found[""] == {root}
    assert found[root] >= {"decide", "gather", "decide entries", "reconcile", "audit"}
    assert found["gather"] == {"source"}
    [source] = [one for one in collector.named("source") if one.trace_id == bytes.fromhex(TRACE)]
    assert collector.said(source) == {"scr.source": "QXX", "scr.outcome": "answered", "scr.code": ""}
    [request] = [one for one in collector.named(root) if one.trace_id == bytes.fromhex(TRACE)]
    assert request.parent_span_id == bytes.fromhex(PARENT.split("-")[2])
    assert collector.said(request)["scr.correlation"] == said.headers["x-correlation-id"]
    assert asked
    assert not [one for one in asked if "traceparent" in one.headers]
    assert collector.tokens == {f"Bearer {SECRET}"}


async def test_what_is_no_parent_begins_a_trace_of_its_own(
    traced_tour: tuple[Tour, Collector, list[httpx.Request]],
) -> None:
    """Zeros, another version, too long, in capitals: nothing is made of them."""
    tour, collector, _ = traced_tour
    for wrong in (f"00-{'0' * 32}-{'1' * 16}-01", PARENT.upper(), f"{PARENT}-x", "01" + PARENT[2:], "x"):
        collector.spans.clear()
        client = tour.place.deployment.client
        assert (await client.get(f"{BASE}/metadata", headers={"traceparent": wrong})).status_code == 200
        await _sent(tour)
        [request] = collector.spans
        assert request.parent_span_id == b""
        assert request.trace_id != bytes.fromhex(TRACE)


async def test_nothing_of_anybody_is_told(traced_tour: tuple[Tour, Collector, list[httpx.Request]]) -> None:
    """Through all that there is for citizens and clinicians, refusals, and addresses that are none: names of
    parts and templates of addresses, in the attributes that are allowed; no number, no name, no id."""
    tour, collector, _ = traced_tour
    deployment = tour.place.deployment
    assert len(await tour.walk(tour.ada)) > 40
    for path in (
        f"Patient?identifier={NHS_NUMBER_SYSTEM}|{ADA.value}", f"Nothing/{ADA.value}", "Condition?patient=x",
        f"Patient/{tour.names['patient']}", f"Observation?patient={tour.names['patient']}&code=27113001",
    ):  # fmt: skip
        await deployment.client.get(f"{BASE}/{path}", headers={"authorization": deployment.bearer()})
    await deployment.client.request("O'SAMPLE", f"{BASE}/{ADA.value}")
    await deployment.send("adt", f"MSH|^~\\&|{ADA.value}".encode())
    await _sent(tour)
    assert len(collector.spans) > 200
    ids = {value for value in tour.names.values() if len(value) > 10}
    for one in collector.spans:
        said = collector.said(one)
        assert NAMES.fullmatch(one.name), one.name
        assert set(said) <= SAID
        assert not one.events
        assert not one.status.message
        assert not [value for value in said.values() if value in ids]
    everything = b"".join(collector.raw).decode("latin-1")
    assert not [word for word in (*PEOPLE, *ids) if word in everything]
