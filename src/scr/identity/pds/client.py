"""PDS, asked: by number, by demographics, and for related persons.

https://digital.nhs.uk/developer/api-catalogue/personal-demographics-service-fhir

Nothing is raised for what PDS does: every outcome is one of ``facts``. A number stands in the address
of a call, as the API has it, and in no log: see ``scr.sources.http``. A 404 says that nobody has a number
only with the code that PDS has for it; from a gateway it says nothing of anybody.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import httpx

from scr.breaker import Breaker
from scr.errors import Invalid
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.pds import PdsRelated
from scr.fhir.pds_answers import read_matches, read_patient, read_problem, read_related
from scr.identity.pds.access import AccessTokens
from scr.identity.pds.facts import (
    Found,
    Invalidated,
    NotKnown,
    NumberAnswer,
    Refused,
    SearchAnswer,
    Several,
    Superseded,
    Unreachable,
    Waiting,
)
from scr.identity.pds.remembered import Remembered
from scr.identity.pds.search import Search
from scr.sources.http import Fetched, SourceFailure, fetch, retry_after

T = TypeVar("T")

_MAX_BYTES = 2 * 1024 * 1024
_ATTEMPTS = 2
_DENIED = frozenset({401, 403})
_ABOUT_THE_QUESTION = frozenset({200, 400, 422})
"""What a status of these says is said of the question; a 404 as well, where PDS has a code for it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What asking may cost: ``seconds`` for one answer, ``at_once`` calls together."""

    seconds: float = 5.0
    at_once: int = 8


class PdsClient:
    """One client for a process. ``clock`` gives seconds and never goes back.

    ``tokens`` is None where PDS asks for none (its sandbox); ``organisation`` is the one we ask for.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        base_url: str,
        organisation: OdsCode,
        tokens: AccessTokens | None,
        *,
        clock: Callable[[], float],
        limits: Limits = Limits(),
        remember_seconds: float = 600.0,
    ) -> None:
        self.breaker = Breaker(clock)
        self._client = client
        self._base = base_url.rstrip("/")
        self._organisation = organisation
        self._tokens = tokens
        self._seconds = limits.seconds
        self._slots = asyncio.Semaphore(limits.at_once)
        self._remembered = Remembered(clock, remember_seconds)

    async def number(self, number: NHSNumber, *, session: str = "", fresh: bool = False) -> NumberAnswer:
        """Whose a number is. ``session`` is the URID of the user's role, where a user asks.

        ``fresh`` asks even where PDS told it a short while ago. A number that gave way to another is asked
        for twice: an answer that got into the wrong hands on its way is not likely to do so again.
        """
        known = None if fresh else self._remembered.get(number)
        if known is not None:
            return known
        answer = await self._number(number, session)
        if isinstance(answer, Superseded):
            again = await self._number(number, session)
            if isinstance(again, Unreachable):
                return again
            if not isinstance(again, Superseded) or again.person.number != answer.person.number:
                return Refused("other-person")
        if not isinstance(answer, Unreachable | Refused):
            self._remembered.put(number, answer)
        return answer

    async def search(self, search: Search, *, session: str = "") -> SearchAnswer:
        """The one person who is as described; several are nobody. Raises Invalid for too few facts."""
        fetched = await self._get("/Patient", search.parameters(), session)
        if not isinstance(fetched, Fetched):
            return fetched
        if fetched.status != 200:
            return _refused(fetched)
        if read_problem(fetched.body) == "TOO_MANY_MATCHES":
            return Several()
        matches = _trusted(read_matches, fetched.body)
        if isinstance(matches, Refused):
            return matches
        if len(matches) != 1:
            return Several() if matches else NotKnown()
        person = matches[0].person
        born = person.birth_date
        if born and search.birth_date and born != search.birth_date and not search.fuzzy:
            return Refused("other-person")
        return Found(person, matches[0].score)

    async def related(
        self, number: NHSNumber, *, session: str = ""
    ) -> tuple[PdsRelated, ...] | Invalidated | NotKnown | Waiting:
        """Who is related to a person: parents, guardians, next of kin."""
        fetched = await self._get(f"/Patient/{number.value}/RelatedPerson", {}, session)
        if not isinstance(fetched, Fetched):
            return fetched
        if fetched.status != 200:
            return _nobody(number, fetched)
        return _trusted(read_related, fetched.body)

    async def _number(self, number: NHSNumber, session: str) -> NumberAnswer:
        fetched = await self._get(f"/Patient/{number.value}", {}, session)
        if not isinstance(fetched, Fetched):
            return fetched
        if fetched.status != 200:
            return _nobody(number, fetched)
        person = _trusted(read_patient, fetched.body)
        if isinstance(person, Refused):
            return person
        if person.confidentiality == "REDACTED":  # marked as invalid: nothing of it is to be used
            return Invalidated(number)
        return Found(person) if person.number == number else Superseded(number, person)

    async def _get(
        self, path: str, parameters: Mapping[str, str | Sequence[str]], session: str
    ) -> Fetched | Waiting:
        """An answer to this very question, good or bad, or why there is none. Time counts from its turn."""
        async with self._slots:
            if not self.breaker.admit():
                return Unreachable("left-alone", self.breaker.wait)
            deadline = asyncio.get_running_loop().time() + self._seconds
            try:
                async with asyncio.timeout_at(deadline):
                    answer = await self._call(path, parameters, session, deadline)
            except TimeoutError:
                answer = Unreachable("timed-out")
            return self._noted(answer)

    def _noted(self, answer: Fetched | Waiting) -> Fetched | Waiting:
        """The answer, after the breaker was told of it."""
        if isinstance(answer, Unreachable):
            self.breaker.failed(answer.retry_after)
            return replace(answer, retry_after=max(answer.retry_after or 0.0, self.breaker.wait) or None)
        self.breaker.succeeded()
        return answer

    async def _call(
        self, path: str, parameters: Mapping[str, str | Sequence[str]], session: str, deadline: float
    ) -> Fetched | Waiting:
        """One call, and another one with a new token where the token is the trouble."""
        try:
            fetched = await self._send(path, parameters, session, deadline)
            if isinstance(fetched, Fetched) and fetched.status == 401 and self._tokens is not None:
                fetched = await self._send(path, parameters, session, deadline)
        except SourceFailure as failure:
            denied = failure.code in {"http-401", "http-403"}
            return Unreachable("denied" if denied else failure.code, failure.retry_after)
        except Invalid as error:  # our own key cannot be read
            return Unreachable(error.code)
        return _unreachable(fetched) or fetched if isinstance(fetched, Fetched) else fetched

    async def _send(
        self, path: str, parameters: Mapping[str, str | Sequence[str]], session: str, deadline: float
    ) -> Fetched | Refused:
        request_id = str(uuid.uuid4())
        headers = {
            "X-Request-ID": request_id,
            "X-Correlation-ID": str(uuid.uuid4()),
            "NHSD-End-User-Organisation-ODS": self._organisation.value,
        }
        if session:
            headers["NHSD-Session-URID"] = session
        token = "" if self._tokens is None else await self._tokens.token(deadline)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = self._client.build_request(
            "GET", f"{self._base}{path}", params=parameters or None, headers=headers
        )
        fetched = await fetch(
            self._client, request, max_bytes=_MAX_BYTES, deadline=deadline, attempts=_ATTEMPTS
        )
        if fetched.status == 401 and self._tokens is not None:
            self._tokens.forget(token)
        mirrored = fetched.headers.get("x-request-id", request_id)
        return fetched if mirrored.casefold() == request_id else Refused("other-answer")


def _unreachable(fetched: Fetched) -> Unreachable | None:
    """What an answer says where it says nothing about the question: that we are not heard."""
    status = fetched.status
    if status in _ABOUT_THE_QUESTION or (status == 404 and read_problem(fetched.body)):
        return None
    code = "denied" if status in _DENIED else f"http-{status}"
    return Unreachable(code, retry_after(fetched.headers))


def _nobody(number: NHSNumber, fetched: Fetched) -> Invalidated | NotKnown | Refused:
    """An answer that nobody has the number, in the words that PDS has for it."""
    problem = read_problem(fetched.body) if fetched.status == 404 else ""
    if problem == "INVALIDATED_RESOURCE":
        return Invalidated(number)
    return NotKnown() if problem == "RESOURCE_NOT_FOUND" else _refused(fetched)


def _refused(fetched: Fetched) -> Refused:
    return Refused(f"http-{fetched.status}")


def _trusted(read: Callable[[bytes], T], body: bytes) -> T | Refused:
    try:
        return read(body)
    except Invalid as error:
        return Refused(error.code)
