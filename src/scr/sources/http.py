"""One call to another system, held in from every side.

What comes back is FHIR JSON of a bounded size within a deadline, or a ``SourceFailure`` that says
what went wrong and at which origin. No redirect is followed, no cookie is kept, and no address is
logged, because an identifier may stand in its query.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from scr.errors import Unavailable
from scr.sources.protocol import Outcome

FHIR_JSON = "application/fhir+json"
_JSON_TYPES = frozenset({FHIR_JSON, "application/json", "text/json", "application/jwk-set+json"})
_ERROR_BYTES = 256 * 1024
"""Of an error's body no more than this is read: it holds an OperationOutcome or nothing of use."""
RENEWED = "scr.renewed"
"""The extension of a request that makes of it what is sent, each time that it is sent."""
_PASSING = frozenset({502, 503, 504})
_AILING = frozenset(
    {
        "refused", "unreachable", "dns", "tls", "reset", "timed-out", "truncated", "redirect", "wrong-type",
        "http-429",
    }
)  # fmt: skip
_PAUSE = 0.05
"""Seconds between two attempts."""
_KEEP_IDLE = 15.0
"""Seconds that an idle connection is kept."""
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,40}\Z")


class SourceFailure(Unavailable):
    """A source did not give what was asked for.

    ``code`` is one of refused, unreachable, dns, tls, reset, timed-out, too-large, redirect,
    wrong-type, http-NNN, truncated, unreadable, or one that belongs to the source's own protocol.
    ``outcome`` is what the ledger says; ``passing`` tells that another attempt may do better;
    ``retry_after`` is the pause in seconds that it asked for, if it did. ``ailing`` tells that the system
    itself is not well, whoever is asked about; by default that is seen from the code.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        outcome: Outcome = Outcome.DOWN,
        passing: bool = False,
        retry_after: float | None = None,
        ailing: bool | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.outcome = outcome
        self.passing = passing
        self.retry_after = retry_after
        self.ailing = is_ailing(code) if ailing is None else ailing


def is_ailing(code: str) -> bool:
    """Whether a failure is the system's own, and not one of the person or the question."""
    return code in _AILING or (code.startswith("http-5") and code != "http-501")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole answer: its body decompressed, its header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Once = Callable[[httpx.AsyncClient, httpx.Request, int, float], Awaitable[Fetched]]
"""One attempt: the client, the request, the most bytes, and the deadline."""


def open_client(
    transport: httpx.AsyncBaseTransport | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    connections: int = 200,
) -> httpx.AsyncClient:
    """The one client of a process, which keeps its connections; whoever opens it closes it.

    ``transport`` takes the place of the network (``httpx.MockTransport`` in a test); ``tls`` holds
    the authorities that are trusted and, where a partner asks for one, the client's certificate.
    """
    logging.getLogger("httpx").addFilter(_only_warnings)
    return httpx.AsyncClient(
        transport=transport or _network(tls or ssl.create_default_context(), connections),
        timeout=None,  # noqa: S113 - the deadline of each call is the only clock: see fetch
        follow_redirects=False,
        trust_env=False,
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
        headers={"accept": FHIR_JSON, "accept-encoding": "gzip", "user-agent": "scr"},
    )


def _network(tls: ssl.SSLContext, connections: int) -> AiohttpTransport:
    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=connections, keepalive_timeout=_KEEP_IDLE, ssl=tls, ttl_dns_cache=30
        )
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return AiohttpTransport(client=session, verify=tls)


def _only_warnings(record: logging.LogRecord) -> bool:
    """httpx writes each address, query and all, at level info: that must not reach a log."""
    return record.levelno >= logging.WARNING


def origin(url: httpx.URL) -> str:
    """Scheme, host and port: the part of an address that may be told."""
    return f"{url.scheme}://{url.netloc.decode('ascii').rpartition('@')[2]}"


async def fetch(
    client: httpx.AsyncClient,
    request: httpx.Request,
    *,
    max_bytes: int,
    deadline: float,
    attempts: int = 1,
    once: Once | None = None,
) -> Fetched:
    """Send a request that only reads, and take in its whole answer.

    ``deadline`` (the event loop's clock, seconds) covers connecting, headers and body; ``max_bytes``
    counts the decompressed body. A status of 400 and above is returned where its body is FHIR JSON.
    Failures to connect and 502, 503, 504 are tried again, ``attempts`` in all, while there is time, and
    after the pause that the other end asked for, if it did; a kept connection that the other end had just
    closed costs no attempt, once. ``once`` is how a single call is made. Raises SourceFailure.
    """
    idle_lost = False
    attempt = 1
    while True:
        try:
            return await (once or fetch_once)(client, request, max_bytes, deadline)
        except SourceFailure as failure:
            if failure.code == "reset" and not idle_lost:
                idle_lost = True
                continue
            pause = _PAUSE if failure.retry_after is None else failure.retry_after
            in_time = asyncio.get_running_loop().time() + pause < deadline
            if not failure.passing or attempt >= attempts or not in_time:
                raise
        attempt += 1
        await asyncio.sleep(pause)


async def fetch_once(
    client: httpx.AsyncClient, request: httpx.Request, max_bytes: int, deadline: float
) -> Fetched:
    """One attempt of ``fetch``."""
    place = origin(request.url)
    try:
        async with asyncio.timeout_at(deadline):
            response = await _send(client, request, place)
            try:
                return await _take(response, place, max_bytes)
            finally:
                await response.aclose()
    except TimeoutError:
        raise timed_out(place) from None


def as_sent(request: httpx.Request) -> httpx.Request:
    """The request as it goes out this time: what counts once is put on it anew (``requester``)."""
    renew = request.extensions.get(RENEWED)
    return renew(request) if callable(renew) else request


async def _send(client: httpx.AsyncClient, request: httpx.Request, place: str) -> httpx.Response:
    try:
        return await client.send(as_sent(request), stream=True)
    except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
        raise _not_reached(error, place) from None


def _not_reached(error: Exception, place: str) -> Exception:
    """What kept a request from an answer. The transport's own error is the cause of httpx's."""
    match error if isinstance(error, aiohttp.ClientError) else error.__cause__ or error:
        case aiohttp.ClientConnectorDNSError():
            code, text = "dns", "its name is not known; check the host in the provider's file"
        case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch() | ssl.SSLError():
            code, text = "tls", "its certificate or TLS handshake is not trusted; check the authority"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()) | ConnectionRefusedError():
            code, text = "refused", "nothing listens there; check the port, or whether it is running"
        case aiohttp.ServerTimeoutError() | httpx.TimeoutException() | TimeoutError():
            return TimeoutError()
        case aiohttp.ClientConnectorError() | httpx.ConnectError():
            code, text = "unreachable", "no connection could be made; check the network in between"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | ConnectionError():
            code, text = "reset", "the connection was closed before any answer came"
        case aiohttp.ClientResponseError():
            code, text = "unreadable", "what came back is not HTTP"
        case _:
            code, text = "unreachable", "the request could not be sent"
    return SourceFailure(f"{place}: {text}", code=code, passing=code in {"refused", "unreachable", "reset"})


def timed_out(place: str) -> SourceFailure:
    """No whole answer within the time that there was."""
    return SourceFailure(f"{place}: no whole answer came in time", code="timed-out", outcome=Outcome.LATE)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The pause in seconds that an answer asks for; None where it asks for none, or names a date."""
    value = headers.get("retry-after", "").strip()
    return float(value) if value.isascii() and value.isdigit() and len(value) <= 6 else None


def bad_status(status: int, place: str, pause: float | None = None) -> SourceFailure:
    """An answer whose status is an error, and whose body tells no more; ``pause`` is what it asked for."""
    why = {
        401: ": it does not accept our credentials",
        403: ": it does not let us in",
        429: ": too many calls",
    }
    return SourceFailure(
        f"{place}: it answered with status {status}{why.get(status, '')}",
        code=f"http-{status}",
        passing=status in _PASSING or pause is not None,
        retry_after=pause,
    )


async def _take(response: httpx.Response, place: str, max_bytes: int) -> Fetched:
    status = response.status_code
    if 300 <= status < 400:
        raise SourceFailure(
            f"{place}: it sent us elsewhere ({status}); no redirect is followed", code="redirect"
        )
    if status in _PASSING:
        raise bad_status(status, place, retry_after(response.headers))
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _JSON_TYPES:
        if status >= 400:
            raise bad_status(status, place, retry_after(response.headers))
        shown = media_type if _MEDIA_TYPE.match(media_type) else "no readable content type"
        raise SourceFailure(f"{place}: it answered with {shown}, not with FHIR JSON", code="wrong-type")
    limit = min(max_bytes, _ERROR_BYTES) if status >= 400 else max_bytes
    try:
        body = await _body(response, place, limit)
    except (httpx.HTTPError, aiohttp.ClientError, ConnectionError) as error:
        if isinstance(error, httpx.TimeoutException):
            raise TimeoutError from None
        raise SourceFailure(f"{place}: its answer broke off", code="truncated", passing=False) from None
    return Fetched(status, dict(response.headers), body)


async def _body(response: httpx.Response, place: str, limit: int) -> bytes:
    """The body, decompressed here and not by httpx, so that a small one cannot unfold into gigabytes."""
    length = response.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:18]) > limit:
        raise _too_large(place, limit)
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip", ""}:
        raise SourceFailure(
            f"{place}: its answer is compressed in a way that was not asked for", code="wrong-type"
        )
    unzip = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
    body = bytearray()
    async for chunk in stream:
        if unzip is None:
            body += chunk
        else:
            _inflate(unzip, chunk, body, limit, place)
        if len(body) > limit:
            raise _too_large(place, limit)
    if unzip is not None and not unzip.eof:
        raise SourceFailure(f"{place}: its answer broke off", code="truncated")
    return bytes(body)


def _inflate(unzip: zlib._Decompress, chunk: bytes, body: bytearray, limit: int, place: str) -> None:
    """Add to ``body`` what ``chunk`` unfolds into, and at most one byte over the limit."""
    try:
        while chunk and len(body) <= limit:
            body += unzip.decompress(chunk, limit - len(body) + 1)
            chunk = unzip.unconsumed_tail
    except zlib.error:
        raise SourceFailure(f"{place}: its answer cannot be decompressed", code="unreadable") from None
    if unzip.unused_data:
        raise SourceFailure(f"{place}: something follows its compressed answer", code="unreadable")


def _too_large(place: str, limit: int) -> SourceFailure:
    return SourceFailure(f"{place}: its answer is over the limit of {limit} bytes", code="too-large")
