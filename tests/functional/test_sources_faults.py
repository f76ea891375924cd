"""Live sources against servers that misbehave: one clear result each, and the neighbour untouched."""

from __future__ import annotations

import asyncio
import logging
import tracemalloc
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import httpx
import orjson
import pytest
import structlog
from tests.functional import misbehaving as server
from tests.unit.sources import given
from tests.unit.sources.people import BEN, BIRTH, MARGARET

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, OdsCode
from scr.mapping.provider import FhirR4Connection, GpConnectConnection
from scr.sources.asking import source_breaker
from scr.sources.fhir_rest import FhirRestSource
from scr.sources.gpconnect import AREAS, GpConnectSource
from scr.sources.http import open_client
from scr.sources.nrl import NrlSource
from scr.sources.protocol import Outcome, Source, SourceResult

MAX_BYTES = 2 * 2**20
SECRETS = (MARGARET.value, BEN.value, "Okafor", "Margaret", BIRTH)
THERE = OdsCode("QXX")


def record(*resources: given.Tree) -> bytes:
    """A whole GP Connect answer, with these resources in it."""
    lists = [given.gp_list(area.lists[0]) for area in AREAS]
    return given.bundle(*resources, *lists)


GOOD = record(given.patient(), given.problem())
R4_GOOD = given.bundle(given.patient(), given.problem("R4"), kind="searchset")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """The process's client, over the real network."""
    async with open_client() as opened:
        yield opened


def practice(home: Path, client: httpx.AsyncClient, url: str) -> GpConnectSource:
    """A GP practice at an address."""
    connection = GpConnectConnection(kind="gpconnect", url=url, from_asid="1", to_asid="2")
    limits = given.limits(max_bytes=MAX_BYTES)
    return GpConnectSource(
        connection, given.reader(home, "STU3"), client, limits, us="http://us", version="1"
    )


def neighbour(home: Path, client: httpx.AsyncClient, url: str, *types: str) -> FhirRestSource:
    """A neighbouring record at an address, asked for everything or for these types."""
    connection = FhirR4Connection(kind="fhir-r4", url=url, search=types or ("$everything",))
    limits = given.limits(max_bytes=MAX_BYTES)
    return FhirRestSource(connection, given.reader(home, "R4", THERE), client, limits, lambda: "token")


Make = Callable[[Path, httpx.AsyncClient, str], Source]
KINDS: dict[str, Make] = {
    "gp-connect": practice,
    "everything": neighbour,
    "by type": lambda home, client, url: neighbour(home, client, url, "Condition", "Observation"),
    "locator": lambda home, client, url: NrlSource(neighbour(home, client, url)),
}
POINTERS = given.bundle(
    {
        "resourceType": "DocumentReference",
        "id": "p1",
        "status": "current",
        "subject": {"identifier": {"system": NHS_NUMBER_SYSTEM, "value": MARGARET.value}},
    },
    kind="searchset",
)
WELL = {"gp-connect": GOOD, "everything": R4_GOOD, "by type": R4_GOOD, "locator": POINTERS}
"""What each kind of source says when it is well."""


def spoilt(kind: str, behave: server.Behaviour) -> server.Behaviour:
    """Every call misbehaves; of a source that is asked type by type, those for the types."""
    if kind != "by type":
        return behave
    return server.by_path(
        {"_search": server.answers(given.bundle(given.patient(), kind="searchset"))}, behave
    )


async def ask_beside_a_good_one(
    home: Path, client: httpx.AsyncClient, url: str, *, kind: str, seconds: float
) -> SourceResult:
    """Ask the misbehaving server and a good one at once; the good one answers all the same."""
    loop = asyncio.get_running_loop()
    async with server.serve(server.answers(GOOD)) as good:
        started = loop.time()
        bad, fine = await asyncio.gather(
            KINDS[kind](home, client, url).ask(given.question(seconds)),
            practice(home, client, good.url).ask(given.question(60)),
        )
        assert loop.time() - started < seconds + 20
    assert (fine.outcome, fine.code) == (Outcome.ANSWERED, "")
    assert {entry.type for entry in fine.entries} == {"Patient", "Condition", "List"}
    return bad


FAULTS = [
    pytest.param(server.hangs, Outcome.LATE, "timed-out", id="hangs before the headers"),
    pytest.param(server.hangs_in_the_body, Outcome.LATE, "timed-out", id="hangs in the body"),
    pytest.param(server.drips, Outcome.LATE, "timed-out", id="drips"),
    pytest.param(server.answers(GOOD, after=60), Outcome.LATE, "timed-out", id="is slow"),
    pytest.param(server.closes_late, Outcome.LATE, "timed-out", id="closes late"),
    pytest.param(server.announces_too_little(GOOD), Outcome.DOWN, "unreadable", id="announces half of it"),
    pytest.param(server.breaks_off, Outcome.DOWN, "truncated", id="breaks off"),
    pytest.param(server.resets, Outcome.DOWN, "reset", id="resets"),
    pytest.param(server.endless, Outcome.DOWN, "too-large", id="sends ten gigabytes"),
    pytest.param(server.announces_too_much, Outcome.DOWN, "too-large", id="announces ten gigabytes"),
    pytest.param(server.gzip_bomb(64 * 2**20), Outcome.DOWN, "too-large", id="sends a gzip bomb"),
    pytest.param(server.redirects, Outcome.DOWN, "redirect", id="redirects for ever"),
    pytest.param(
        server.answers(b"<html>Margaret</html>", content_type="text/html"),
        Outcome.DOWN,
        "wrong-type",
        id="answers HTML",
    ),
    pytest.param(
        server.answers(b"<html>Margaret</html>"), Outcome.DOWN, "unreadable", id="calls its HTML FHIR"
    ),
    pytest.param(server.answers(b'{"resourceType":"Bundle"'), Outcome.DOWN, "unreadable", id="malformed"),
    pytest.param(
        server.answers(GOOD.replace(b"Okafor", b"Ok\xff")), Outcome.DOWN, "unreadable", id="no UTF-8"
    ),
    pytest.param(server.answers(b"[" * 100_000), Outcome.DOWN, "unreadable", id="nests without end"),
    pytest.param(server.speaks_no_http, Outcome.DOWN, "unreadable", id="speaks no HTTP"),
    *(
        pytest.param(
            server.answers(b"", status, "text/plain"), Outcome.DOWN, f"http-{status}", id=str(status)
        )
        for status in (400, 401, 403, 404, 429, 500, 501, 502, 503, 504)
    ),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("behave", "outcome", "code"), FAULTS)
async def test_a_source_that_misbehaves_gives_one_clear_result(
    tmp_path: Path,
    client: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    behave: server.Behaviour,
    outcome: Outcome,
    code: str,
    kind: str,
) -> None:
    """Whatever a server does: a result in time, with its code, and no person's data in it or in a log."""
    caplog.set_level(logging.DEBUG)
    async with server.serve(spoilt(kind, behave)) as there:
        seconds = 0.2 if outcome is Outcome.LATE else 60.0
        result = await ask_beside_a_good_one(tmp_path, client, there.url, kind=kind, seconds=seconds)
    assert (result.outcome, result.code, result.entries) == (outcome, code, ())
    assert result.elapsed > 0
    told = result.detail + caplog.text + "".join(capsys.readouterr())
    assert not [secret for secret in SECRETS if secret in told]
    assert result.detail


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(record(given.patient(BEN), given.problem()), "wrong-person", id="another person"),
        pytest.param(
            record(given.patient(), given.patient(BEN, "pat-2")), "several-persons", id="two persons"
        ),
        pytest.param(
            record(given.patient(), given.problem(about="Patient/pat-2")),
            "wrong-person",
            id="one stray entry",
        ),
        pytest.param(
            record(given.patient(name=[{"family": "X"}], birthDate="1999-09-09"), given.problem()),
            "demographics-contradict",
            id="other facts",
        ),
    ],
)
@pytest.mark.parametrize("rest", [False, True], ids=["gp-connect", "fhir-rest"])
async def test_another_persons_record_never_gets_in(
    tmp_path: Path, client: httpx.AsyncClient, body: bytes, code: str, rest: bool
) -> None:
    """Nothing of an answer is used in which somebody else occurs."""
    ours = given.bundle(given.patient(), kind="searchset")
    behave = server.in_turn(server.answers(ours), server.answers(body)) if rest else server.answers(body)
    async with server.serve(behave) as there:
        kind = "everything" if rest else "gp-connect"
        result = await ask_beside_a_good_one(tmp_path, client, there.url, kind=kind, seconds=60)
    accepted = {code, "several-persons"} if rest and code == "wrong-person" else {code}
    assert (result.outcome, result.entries) == (Outcome.DOWN, ())
    assert result.code in accepted
    assert not [secret for secret in SECRETS if secret in result.detail]


async def test_fhir_of_another_version_gives_no_wrong_entry(
    tmp_path: Path, client: httpx.AsyncClient
) -> None:
    """R4 where STU3 was meant: what comes of it is the person's, or nothing; it does not raise."""
    body = record(given.patient(), given.problem("R4"))
    async with server.serve(server.answers(body)) as there:
        result = await practice(tmp_path, client, there.url).ask(given.question())
    assert result.outcome in {Outcome.ANSWERED, Outcome.DOWN}
    assert result.code != "fault"
    own = f"Patient/{given.SUBJECT}"
    assert all(own in entry.references for entry in result.entries if entry.type == "Condition")


async def test_what_cannot_be_reached_is_down(tmp_path: Path, client: httpx.AsyncClient) -> None:
    """A closed port and an unknown host each have their own code."""
    async with server.serve(server.hangs) as there:
        closed = there.url
    for url, code in ((closed, "refused"), ("http://nobody.invalid", "dns")):
        for kind in KINDS:
            result = await ask_beside_a_good_one(tmp_path, client, url, kind=kind, seconds=60)
            assert (result.outcome, result.code) == (Outcome.DOWN, code)


async def test_a_certificate_that_nobody_vouches_for_is_down(
    tmp_path: Path, client: httpx.AsyncClient
) -> None:
    """No question is put to a server whose certificate is not trusted."""
    tls = server.server_tls(server.certificate(tmp_path))
    async with server.serve(server.answers(GOOD), tls=tls) as there:
        for kind in KINDS:
            result = await ask_beside_a_good_one(tmp_path, client, there.url, kind=kind, seconds=60)
            assert (result.outcome, result.code) == (Outcome.DOWN, "tls")
        assert there.requests == []


RECOVERING = {
    "silence": server.hangs,
    "a body that does not end": server.closes_late,
    "resets": server.resets,
    "breaking off": server.breaks_off,
    "redirects": server.redirects,
    "HTML": server.answers(b"<html>", content_type="text/html"),
    "too much": server.announces_too_much,
    "another person": server.answers(record(given.patient(BEN), given.problem())),
    "401": server.answers(b"", 401, "text/plain"),
    "429": server.answers(b"", 429, "text/plain", Retry_After="600"),
    "503": server.answers(b"", 503, "text/plain"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", RECOVERING)
async def test_it_is_well_again_within_half_a_minute_of_its_recovery(
    tmp_path: Path, client: httpx.AsyncClient, kind: str, fault: str
) -> None:
    """However it failed, and though it asked for ten minutes: half a minute later it answers."""
    now = 1000.0
    ill = True
    fine = server.answers(WELL[kind])

    async def behave(request: server.Request, writer: asyncio.StreamWriter) -> None:
        await (spoilt(kind, RECOVERING[fault]) if ill else fine)(request, writer)

    async with server.serve(behave) as there:
        source = KINDS[kind](tmp_path, client, there.url)
        server_of = source.server if isinstance(source, NrlSource) else source
        assert isinstance(server_of, FhirRestSource | GpConnectSource)
        breaker = source_breaker(4.0, lambda: now)
        limits = replace(server_of.limits, patience_seconds=0.01, breaker=breaker)
        server_of = replace(server_of, limits=limits)
        source = NrlSource(server_of) if isinstance(source, NrlSource) else server_of  # type: ignore[arg-type]
        for _ in range(4):
            assert not (await source.ask(given.question(0.05))).entries
        ill, now = False, now + 30.0
        assert (await source.ask(given.question())).outcome is Outcome.ANSWERED


async def test_ten_gigabytes_from_eight_sources_stay_within_their_limits(
    tmp_path: Path, client: httpx.AsyncClient
) -> None:
    """Eight endless answers at once cost eight times the limit at most, and a little."""
    async with server.serve(server.endless) as there:
        sources = [practice(tmp_path, client, there.url) for _ in range(8)]
        tracemalloc.start()
        try:
            results = await asyncio.gather(*(source.ask(given.question(20)) for source in sources))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert {result.code for result in results} == {"too-large"}
    assert peak < 8 * MAX_BYTES * 3


async def test_a_question_that_is_called_off_leaves_nothing_behind(
    tmp_path: Path, client: httpx.AsyncClient
) -> None:
    """Cancelling goes through to the socket, and the next question is answered."""
    async with server.serve(server.in_turn(server.hangs, server.answers(GOOD))) as there:
        source = practice(tmp_path, client, there.url)
        task = asyncio.create_task(source.ask(given.question()))
        await there.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await source.ask(given.question())).outcome is Outcome.ANSWERED


async def test_a_retry_brings_an_answer_within_the_same_deadline(
    tmp_path: Path, client: httpx.AsyncClient
) -> None:
    """A practice that is briefly unavailable is asked again where its file allows it."""
    behave = server.in_turn(server.answers(b"", 503), server.answers(GOOD))
    async with server.serve(behave) as there:
        source = practice(tmp_path, client, there.url)
        again = replace(source, limits=given.limits(attempts=2))
        assert (await again.ask(given.question())).outcome is Outcome.ANSWERED
        assert len(there.requests) == 2


async def test_faults_are_logged_without_an_address(
    tmp_path: Path, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """With every logger at its chattiest, a search by address leaves no number in a log."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "aiohttp", "asyncio"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    async with server.serve(server.answers(R4_GOOD)) as there:
        connection = FhirR4Connection(kind="fhir-r4", url=there.url, number_in="address")
        source = replace(neighbour(tmp_path, client, there.url), connection=connection)
        with structlog.testing.capture_logs() as logged:
            result = await source.ask(given.question())
        assert result.outcome is Outcome.ANSWERED
        assert MARGARET.value in there.requests[0].target
    assert MARGARET.value not in caplog.text + str(orjson.dumps(logged))
