"""Whoever is refused again and again where tokens and sign-ins are asked for has to wait: 429, by address.

Only refusals are counted, and in the store, so that all processes count as one. Before anybody has signed
in there is nobody to count by but the address that the call came from, which the proxy in front may tell.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scr.api.limits import Limits
from scr.api.pages.render import Site, page
from scr.errors import ScrError, TooMany
from scr.store.keys import random_id
from scr.store.limits import Limit
from scr.store.trail import AuditRow, append

_TOKENS = re.compile(r"/fhir/auth/(token|authorize|introspect|revoke|register|launch)(/|\Z)")
_PAGES = re.compile(r"/(signin)(/|\Z)|/[a-z]+/session\Z")
_SEE_OTHER = 303
_QUIET = frozenset({"login_required", "consent_required"})
_EVERY_MS = 10_000
_LONGEST_ADDRESS = 64


@dataclass(frozen=True, slots=True)
class Refusals:
    """How many refused calls an address may make at once, one more each ten seconds.

    ``header`` is where the proxy in front writes whom it was asked by; empty where there is none.
    """

    limits: Limits
    at_once: int
    header: str = ""

    @property
    def limit(self) -> Limit:
        """The limit."""
        return Limit("refusals", self.at_once, _EVERY_MS)

    def address(self, request: Request) -> str:
        """Whom it came from: the last address of the header is the one that our own proxy wrote."""
        told = request.headers.getlist(self.header)[-1:] if self.header else []
        if told:
            return told[0].rpartition(",")[2].strip()[:_LONGEST_ADDRESS]
        return request.client.host if request.client else ""


class Throttle:
    """Stands around the application. ``app.state.refusals`` is a ``Refusals``, once it is mounted."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call, or refuse it."""
        if scope["type"] != "http" or not _is_sign_in(scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusals: Refusals = scope["app"].state.refusals
        who, refused = refusals.address(request), False

        async def watched(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                refused = 400 <= message["status"] < 500 or sends_back(message)
            await send(message)

        try:
            await refusals.limits.check(
                refusals.limit, who, "too many refused calls from your address: wait", "too-many-refusals"
            )
        except TooMany as error:
            await (await _told(request, refusals, error))(scope, receive, send)
            return
        except ScrError:
            pass  # the store is down: the application says so
        await self._app(scope, receive, watched)
        if refused:
            with suppress(ScrError):
                await refusals.limits.count(refusals.limit, who)


def sends_back(answer: Message) -> bool:
    """Whether an app is told of a refusal by where the browser is sent.

    That somebody has to sign in, or to be asked, is what an app that asks quietly is told every day: it
    counts for nothing.
    """
    told = (value for name, value in answer.get("headers", ()) if name.lower() == b"location")
    pairs = (
        parse_qs(urlsplit(next(told, b"").decode("latin-1")).query) if answer["status"] == _SEE_OTHER else {}
    )
    return bool(set(pairs.get("error", ())) - _QUIET)


def _is_sign_in(scope: Scope) -> bool:
    path = scope["path"]
    return _TOKENS.match(path) is not None or (scope["method"] == "POST" and _PAGES.match(path) is not None)


async def _told(request: Request, refusals: Refusals, error: TooMany) -> Response:
    correlation = random_id()
    row = AuditRow(
        at=refusals.limits.now(),
        actor="",
        action="execute",
        what="token" if _TOKENS.match(request.url.path) else "sign-in",
        outcome="refused",
        code=error.code,
        correlation=correlation,
    )
    with suppress(ScrError):  # nothing is shown either way
        await refusals.limits.database.write(lambda conn: append(conn, row))
    answer = _json(error) if _TOKENS.match(request.url.path) else _page(request, error, correlation)
    answer.headers["Retry-After"] = str(error.retry_after)
    answer.headers["X-Correlation-ID"] = correlation
    return answer


def _json(error: TooMany) -> Response:
    body = orjson.dumps({"error": "temporarily_unavailable", "error_description": error.message})
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(body, error.status, headers=headers, media_type="application/json")


def _page(request: Request, error: TooMany, correlation: str) -> Response:
    home = "/" + request.url.path.split("/")[1]
    site = Site(home, "", "Back", "")
    return page("error.html", error.status, site=site, session=None, error=error, correlation=correlation)
