"""Terminology questions, answered by the release here, by a terminology server behind it, or by both in turn.

By default the server is asked for what the release does not have; by a setting it is asked first. It is sent
codes and expressions only (``terminology.operations.forward``). When it is down, slow or makes no sense, the
release answers, and the answer says so in a parameter ``warning``. https://hl7.org/fhir/R4/terminology-service.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import orjson

from scr.breaker import Breaker
from scr.errors import NotFound, Unavailable
from scr.fhir.dates import instant_text
from scr.fhir.entry import Resource
from scr.settings import Settings
from scr.sources.http import Fetched, SourceFailure, fetch, retry_after
from scr.terminology.operations.answer import Answered, answer
from scr.terminology.operations.forward import forwarded, names_left_out
from scr.terminology.operations.library import Libraries
from scr.terminology.operations.question import Question
from scr.terminology.operations.resources import warned

_MAX_BYTES = 8 * 1024 * 1024
_ATTEMPTS = 2
_AT_ONCE = 2
"""Expansions under way together: a wide expression has some hundreds of megabytes in hand."""
_THREADED = frozenset({"ValueSet/$expand", "ValueSet/$validate-code", "ConceptMap/$translate"})
_SAYS_NO = frozenset({400, 404, 410, 422})
_RESULTS = {"ValueSet/$expand": "ValueSet"}


@dataclass(slots=True)
class TerminologyServer:
    """One terminology server. ``token`` gives the bearer token of each call; None: none is sent."""

    client: httpx.AsyncClient
    base_url: str
    seconds: float
    clock: Callable[[], float]
    token: Callable[[], str] | None = None
    breaker: Breaker = field(init=False)

    def __post_init__(self) -> None:
        self.breaker = Breaker(self.clock)

    async def ask(self, operation: str, parameters: Resource) -> Resource | None:
        """Its answer, or None where it says that it has none. Raises Unavailable where it cannot be had."""
        if not self.breaker.admit():
            raise Unavailable("the terminology server failed before and is left alone for a while")
        try:
            fetched = await self._post(operation, parameters)
            found = None if fetched.status in _SAYS_NO else _read(operation, fetched)
        except Unavailable as error:
            self.breaker.failed(error.retry_after if isinstance(error, SourceFailure) else None)
            raise
        self.breaker.succeeded()
        return found

    async def _post(self, operation: str, parameters: Resource) -> Fetched:
        headers = {"content-type": "application/fhir+json"}
        if self.token is not None:
            headers["authorization"] = f"Bearer {self.token()}"
        url = f"{self.base_url}/{operation}"
        request = self.client.build_request("POST", url, content=orjson.dumps(parameters), headers=headers)
        deadline = asyncio.get_running_loop().time() + self.seconds
        return await fetch(self.client, request, max_bytes=_MAX_BYTES, deadline=deadline, attempts=_ATTEMPTS)


def _read(operation: str, fetched: Fetched) -> Resource:
    """The resource of an answer. Raises Unavailable for anything else."""
    try:
        found = orjson.loads(fetched.body)
    except orjson.JSONDecodeError:
        found = None
    wanted = _RESULTS.get(operation, "Parameters")
    if fetched.status != 200 or not isinstance(found, dict) or found.get("resourceType") != wanted:
        raise SourceFailure(
            f"the terminology server did not answer with {wanted} (status {fetched.status})",
            code="unreadable",
            retry_after=retry_after(fetched.headers),
        )
    return found


@dataclass(slots=True)
class TerminologyService:
    """Answers the operations. ``first``: the server is asked before the release."""

    libraries: Libraries
    now: Callable[[], int]
    server: TerminologyServer | None = None
    first: bool = False
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE), init=False)

    async def answer(self, question: Question) -> Resource:
        """The answer of an operation. Raises as ``operations.answer`` does."""
        sent = None if self.server is None else forwarded(question)
        if self.server is None:
            return (await self._embedded(question, ())).resource
        if sent is None:
            held_back = "the terminology server was not asked: the question may hold somebody's data"
            return (await self._embedded(question, (held_back,))).resource
        if self.first:
            return await self._server_first(self.server, question, sent)
        return await self._embedded_first(self.server, question, sent)

    async def _server_first(self, server: TerminologyServer, question: Question, sent: Resource) -> Resource:
        try:
            found = await server.ask(question.operation, sent)
        except Unavailable as error:
            return (await self._embedded(question, (_not_asked(error),))).resource
        if found is not None:
            return _of_server(question, found)
        return (await self._embedded(question, ("the terminology server has no answer",))).resource

    async def _embedded_first(
        self, server: TerminologyServer, question: Question, sent: Resource
    ) -> Resource:
        try:
            here = await self._embedded(question, ())
        except NotFound as error:
            return await self._elsewhere(server, question, sent, error)
        if not here.lacking:
            return here.resource
        try:
            found = await server.ask(question.operation, sent)
        except Unavailable as error:
            return warned(here.resource, _not_asked(error))
        return here.resource if found is None else _of_server(question, found)

    async def _elsewhere(
        self, server: TerminologyServer, question: Question, sent: Resource, missing: NotFound
    ) -> Resource:
        """What the release does not have: the server's answer, or the release's error."""
        try:
            found = await server.ask(question.operation, sent)
        except Unavailable as error:
            raise _with(missing, _not_asked(error)) from None
        if found is None:
            raise _with(missing, "the terminology server has no answer either")
        return _of_server(question, found)

    async def _embedded(self, question: Question, warnings: tuple[str, ...]) -> Answered:
        library, at = self.libraries.current(), instant_text(self.now())
        if question.operation not in _THREADED:
            return answer(library, question, at=at, warnings=warnings)
        async with self._turns:
            return await asyncio.to_thread(answer, library, question, at=at, warnings=warnings)


def _of_server(question: Question, found: Resource) -> Resource:
    if names_left_out(question):
        return warned(found, "the display was not compared: names are not sent to the terminology server")
    return found


def _not_asked(error: Unavailable) -> str:
    return f"the terminology server did not answer, so this is from the release here: {error.message}"


def _with(error: NotFound, more: str) -> NotFound:
    """The same error, saying more."""
    return type(error)(f"{error.message}; {more}", code=error.code, where=error.where)


def open_terminology(
    settings: Settings,
    libraries: Libraries,
    client: httpx.AsyncClient,
    *,
    now: Callable[[], int],
    clock: Callable[[], float],
) -> TerminologyService:
    """The service of a deployment. Raises Invalid where the server's token is not there."""
    if not settings.terminology_server:
        return TerminologyService(libraries, now)
    reference = settings.terminology_server_token
    if reference:
        settings.secret(reference)  # one that is not there is told now, and not by a question
    server = TerminologyServer(
        client,
        settings.terminology_server,
        settings.terminology_server_seconds,
        clock,
        (lambda: settings.secret(reference).decode()) if reference else None,
    )
    return TerminologyService(libraries, now, server, settings.terminology_server_first)
