"""One call against a real server that misbehaves: always a typed failure, in time, and no more memory."""

from __future__ import annotations

import asyncio
import logging
import ssl
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.functional import misbehaving as server

from scr.sources.http import Fetched, SourceFailure, fetch, open_client

MAX_BYTES = 2 * 2**20
SECRET = "9990000000"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """The process's client, over the real network."""
    async with open_client() as opened:
        yield opened


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that no authority vouches for, and its key."""
    return server.certificate(tmp_path_factory.mktemp("certificate"))


async def call(
    client: httpx.AsyncClient,
    url: str,
    *,
    seconds: float = 60.0,
    attempts: int = 1,
    max_bytes: int = MAX_BYTES,
) -> Fetched:
    """Ask with an identifier in the query, as a FHIR search has it."""
    request = client.build_request("GET", f"{url}/Patient", params={"identifier": f"system|{SECRET}"})
    deadline = asyncio.get_running_loop().time() + seconds
    return await fetch(client, request, max_bytes=max_bytes, deadline=deadline, attempts=attempts)


async def failure_of(
    client: httpx.AsyncClient, behave: server.Behaviour, *, seconds: float = 60.0
) -> SourceFailure:
    """What a call against a behaviour fails with."""
    async with server.serve(behave) as there:
        with pytest.raises(SourceFailure) as caught:
            await call(client, there.url, seconds=seconds)
        assert SECRET not in str(caught.value)
        assert there.url in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        pytest.param(server.breaks_off, "truncated", id="breaks off"),
        pytest.param(server.resets, "reset", id="resets"),
        pytest.param(server.endless, "too-large", id="ten gigabytes"),
        pytest.param(server.announces_too_much, "too-large", id="announces ten gigabytes"),
        pytest.param(server.gzip_bomb(64 * 2**20), "too-large", id="gzip bomb"),
        pytest.param(server.answers(b"\x1f\x8bnot", Content_Encoding="gzip"), "unreadable", id="bad gzip"),
        pytest.param(server.answers(b"{}", Content_Encoding="br"), "wrong-type", id="unasked compression"),
        pytest.param(server.redirects, "redirect", id="redirects for ever"),
        pytest.param(server.answers(b"<html>", content_type="text/html"), "wrong-type", id="HTML"),
        pytest.param(server.answers(b"{}", content_type="<b>"), "wrong-type", id="no content type"),
        pytest.param(server.answers(b"<html>", 502, "text/html"), "http-502", id="HTML of a proxy"),
        pytest.param(server.answers(b"{}", 503), "http-503", id="not available"),
        pytest.param(server.answers(b"no", 401, "text/plain"), "http-401", id="not let in"),
        pytest.param(server.speaks_no_http, "unreadable", id="another protocol"),
        pytest.param(server.endless_headers, "unreadable", id="endless headers"),
    ],
)
async def test_a_misbehaving_server_gives_a_typed_failure(
    client: httpx.AsyncClient, behave: server.Behaviour, code: str
) -> None:
    """Each fault has its own stable code, and is not waited out to the deadline, which has another."""
    assert (await failure_of(client, behave)).code == code


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(server.hangs, id="before the headers"),
        pytest.param(server.hangs_in_the_body, id="in the body"),
        pytest.param(server.drips, id="drips"),
        pytest.param(server.answers(b"{}", after=30), id="slow"),
    ],
)
async def test_the_deadline_covers_headers_and_body(
    client: httpx.AsyncClient, behave: server.Behaviour
) -> None:
    """A server that hangs at any point is given up on at the deadline."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    failure = await failure_of(client, behave, seconds=0.3)
    assert failure.code == "timed-out"
    assert 0.25 < loop.time() - started < 20


async def test_ten_gigabytes_cost_no_more_memory_than_the_limit(client: httpx.AsyncClient) -> None:
    """Both an endless body and a gzip bomb stop at the limit, in memory as well."""
    for behave in (server.endless, server.gzip_bomb(64 * 2**20)):
        tracemalloc.start()
        try:
            failure = await failure_of(client, behave)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert failure.code == "too-large"
        assert peak < 6 * MAX_BYTES


async def test_a_compressed_answer_is_unfolded(client: httpx.AsyncClient) -> None:
    """What was asked for compressed arrives as it was."""
    body = b'{"resourceType":"Bundle"}' + b" " * 100_000
    async with server.serve(server.zipped(body)) as there:
        assert (await call(client, there.url)).body == body


async def test_an_error_with_a_fhir_body_is_returned_with_it(client: httpx.AsyncClient) -> None:
    """The caller reads the OperationOutcome of an error itself."""
    async with server.serve(server.answers(b'{"resourceType":"OperationOutcome"}', 404)) as there:
        fetched = await call(client, there.url)
    assert (fetched.status, fetched.body) == (404, b'{"resourceType":"OperationOutcome"}')


async def test_a_closed_port_is_refused_and_an_unknown_name_is_dns(client: httpx.AsyncClient) -> None:
    """What kept a connection from being made is told apart."""
    async with server.serve(server.hangs) as there:
        closed = there.url
    for url, code in ((closed, "refused"), ("http://nobody.invalid:9", "dns")):
        with pytest.raises(SourceFailure) as caught:
            await call(client, url)
        assert caught.value.code == code
        assert SECRET not in str(caught.value)


async def test_a_certificate_of_an_unknown_authority_is_tls(
    client: httpx.AsyncClient, self_signed: tuple[Path, Path]
) -> None:
    """A server whose certificate nobody vouches for gets no question; a trusted one does."""
    async with server.serve(server.answers(b"{}"), tls=server.server_tls(self_signed)) as there:
        with pytest.raises(SourceFailure) as caught:
            await call(client, there.url)
        assert caught.value.code == "tls"
        assert there.requests == []
        trusting = ssl.create_default_context(cafile=str(self_signed[0]))
        async with open_client(tls=trusting) as other:
            assert (await call(other, there.url)).status == 200


async def test_passing_failures_are_tried_again_and_others_are_not(client: httpx.AsyncClient) -> None:
    """503 is repeated up to the number of attempts; 500 is not; an answer ends it."""
    fine = server.answers(b"{}")
    busy, broken = server.answers(b"", 503), server.answers(b"", 500, "text/plain")
    for behave, attempts, asked, code in (
        (server.in_turn(busy, busy, fine), 3, 3, ""),
        (server.in_turn(busy, busy, fine), 2, 2, "http-503"),
        (server.in_turn(broken, fine), 3, 1, "http-500"),
    ):
        async with server.serve(behave) as there:
            try:
                got = str((await call(client, there.url, attempts=attempts)).status)
            except SourceFailure as failure:
                got = failure.code
            assert (got, len(there.requests)) == (code or "200", asked)


async def test_no_attempt_begins_that_has_no_time(client: httpx.AsyncClient) -> None:
    """The deadline ends the attempts, however many are left."""
    loop = asyncio.get_running_loop()
    async with server.serve(server.answers(b"", 503)) as there:
        started = loop.time()
        with pytest.raises(SourceFailure):
            await call(client, there.url, seconds=0.4, attempts=1000)
        assert loop.time() - started < 20


async def test_a_kept_connection_that_was_closed_meanwhile_costs_no_attempt(
    client: httpx.AsyncClient,
) -> None:
    """A reset before any answer is repeated once, even where one attempt is all there is."""
    async with server.serve(server.in_turn(server.resets, server.answers(b"{}"))) as there:
        request = client.build_request("POST", f"{there.url}/x", content=b"{}")
        deadline = asyncio.get_running_loop().time() + 60
        assert (await fetch(client, request, max_bytes=MAX_BYTES, deadline=deadline)).status == 200
        assert len(there.requests) == 2


async def test_no_address_is_logged_and_no_cookie_kept(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """At the chattiest level nothing names the identifier; what one answer sets, no later call sends."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.DEBUG)
    async with server.serve(server.answers(b"{}", Set_Cookie="session=abc; Path=/")) as there:
        await call(client, there.url)
        await call(client, there.url)
        assert [request.headers.get("cookie") for request in there.requests] == [None, None]
    assert SECRET not in caplog.text
    assert "Patient" not in caplog.text


async def test_many_calls_keep_their_connection(client: httpx.AsyncClient) -> None:
    """One after the other, calls to a server share a connection."""
    ports: set[int] = set()

    async def behave(request: server.Request, writer: asyncio.StreamWriter) -> None:
        ports.add(writer.get_extra_info("peername")[1])
        await server.answers(b"{}")(request, writer)

    async with server.serve(behave) as there:
        for _ in range(5):
            await call(client, there.url)
    assert len(ports) == 1
