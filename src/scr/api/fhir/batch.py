"""batch: ``POST [base]``, each entry a request of its own. https://hl7.org/fhir/R4/http.html#transaction

An entry goes through the very application that the batch came to, as if it had come by itself with the
same token: it is throttled, authenticated, decided and audited alone, and knows nothing of its neighbours.
So a batch may ask about two people, and nothing of the one is in what is said of the other; of a token
that is held to one person each entry about another is refused. No entry stops another. When the time is
over no other is begun, and a read that has begun is left; a write that has begun is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Scope

from scr.api.desk import read_body
from scr.api.fhir.sent import sent
from scr.api.look import Answer, Look, Looks
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.consent.decide import AccessRequest, Decision, Interaction, Reason
from scr.consent.policy import Policy
from scr.errors import ScrError, TimedOut, TooLarge
from scr.fhir.batch import MAX_BODY, Part, Said, answered, parts_of

_AT_ONCE = 4
_MAX_ANSWER = 24 * 2**20
"""Bytes of all answers together; after them the rest are refused."""
_CARRIED = frozenset({b"authorization", b"host", b"traceparent"})
"""The headers of the batch that each entry has too."""


class Batches:
    """Serves batches. ``seconds`` is the time that one has."""

    def __init__(self, looks: Looks, base_url: str, seconds: float) -> None:
        self._looks = looks
        self._base_url = base_url
        self._seconds = seconds

    def router(self) -> Router:
        """The route: the FHIR base."""
        router = Router(include_in_schema=False)
        for path in ("", "/"):  # some clients end a base with a slash
            router.add_api_route(path, self.batch, methods=["POST"])
        return router

    async def batch(self, request: Request) -> Response:
        """Answer a batch."""

        async def handle(look: Look, _actor: Actor) -> Answer:
            bundle = sent(request, await read_body(request, MAX_BODY))
            parts = parts_of(bundle, self._base_url)
            look.details["entries"] = str(len(parts))
            said = await _Run(request, asyncio.get_running_loop().time() + self._seconds).all(parts)
            return Answer(answered(said, bundle_id=look.correlation, now=look.now))

        return await self._looks.serve(
            request,
            action="execute",
            what="batch",
            interaction=Interaction.READ,
            handler=handle,
            admit=_admit,
        )


class _Run:
    """One batch, while it runs."""

    def __init__(self, request: Request, deadline: float) -> None:
        self._app: ASGIApp = request.app
        self._outer = request.scope
        self._deadline = deadline
        self._left = _MAX_ANSWER
        self._some = asyncio.Semaphore(_AT_ONCE)

    async def all(self, parts: Sequence[Part | ScrError]) -> list[Said | ScrError]:
        """What came of each. Those that write are run first, in their order: reads see what they wrote."""
        said: dict[int, Said | ScrError] = {}
        for place, part in enumerate(parts):
            if isinstance(part, ScrError) or part.method != "GET":
                said[place] = await self._one(part)
        reads = [place for place in range(len(parts)) if place not in said]
        found = await asyncio.gather(*(self._one(parts[place]) for place in reads))
        said.update(zip(reads, found, strict=True))
        return [said[place] for place in range(len(parts))]

    async def _one(self, part: Part | ScrError) -> Said | ScrError:
        if isinstance(part, ScrError):
            return part
        async with self._some:
            if self._over():
                return TimedOut("the time of the batch was over: send this one again")
            if self._left <= 0:
                return TooLarge("the answer is too large: send this one by itself", code="answer-too-large")
            try:
                until = self._deadline if part.method == "GET" else None
                async with asyncio.timeout_at(until):
                    said = await _call(self._app, self._scope(part), part.body)
            except TimeoutError:
                return TimedOut("the time of the batch was over: send this one again")
            self._left -= len(said.body)
            return said

    def _over(self) -> bool:
        return asyncio.get_running_loop().time() >= self._deadline

    def _scope(self, part: Part) -> Scope:
        """The request that this one would have been by itself."""
        base = str(self._outer["path"]).rstrip("/")
        path = f"{base}/{part.path}" if part.path else base
        headers = [pair for pair in self._outer["headers"] if pair[0] in _CARRIED]
        headers += [(name.encode(), value.encode()) for name, value in part.headers]
        headers.append((b"accept", b"application/fhir+json"))
        kept = ("type", "asgi", "http_version", "scheme", "client", "server", "root_path", "extensions")
        return {
            **{name: self._outer[name] for name in kept if name in self._outer},
            "method": part.method,
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": quote(part.query, safe="%&=+:/?|,;$!*'()[]@~").encode(),
            "headers": headers,
            "state": {},
        }


async def _call(app: ASGIApp, scope: Scope, body: bytes) -> Said:
    """Ask the application one thing, and take its whole answer."""
    status, taken = 500, bytearray()
    headers: dict[str, str] = {}
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return unread.pop() if unread else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            headers.update((name.decode().lower(), value.decode()) for name, value in message["headers"])
        elif message["type"] == "http.response.body":
            taken.extend(message.get("body", b""))

    await app(scope, receive, send)
    return Said(status, headers, bytes(taken))


def _admit(_request: AccessRequest, policy: Policy, _now: datetime) -> Decision:
    """Whoever has a token may send one: each entry is decided by itself."""
    return Decision(True, (Reason("permitted", "Each entry is decided by itself."),), policy.hash)
