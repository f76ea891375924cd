"""The calls that are made to a FHIR server for one question: searches, and their pages.

Pages are followed on the same origin only. A search is all or nothing: one that lost a page is not told
from a whole one by whoever reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM
from scr.fhir.pages import Page, Part, read_page
from scr.mapping.provider import FhirR4Connection
from scr.sources.asking import Limits
from scr.sources.first import EVERYTHING
from scr.sources.http import Fetched, SourceFailure, bad_status, fetch, origin, retry_after
from scr.sources.neighbour import Admission, Pass
from scr.sources.pace import fetch_paced
from scr.sources.protocol import Question

MAX_PAGES = 100
"""Pages of one search at most: at a server's usual 50 a page more than any record holds."""
_PAGE_SIZE = 500


@dataclass(frozen=True, slots=True)
class Call:
    """The requests of one question to one server."""

    connection: FhirR4Connection
    client: httpx.AsyncClient
    limits: Limits
    question: Question
    carried: Pass
    admission: Admission | None = None
    base: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", self.connection.url.rstrip("/"))

    def search_for_person(self) -> httpx.Request:
        """By POST the number stands in the body, and so in no access log on the way."""
        return self.search("Patient", {"identifier": f"{NHS_NUMBER_SYSTEM}|{self.question.nhs_number.value}"})

    def search(self, kind: str, query: dict[str, str]) -> httpx.Request:
        """A search in a type by what may not stand in a log."""
        if self.connection.number_in == "address":
            return self._request("GET", f"{self.base}/{kind}", params=query)
        return self._request("POST", f"{self.base}/{kind}/_search", data=query)

    def record_of(self, logical: str, kind: str) -> httpx.Request:
        """The request for everything, or for one type."""
        if kind == EVERYTHING:
            made = {"_reconciled": "false"} if self.connection.neighbour else {}
            return self._get(f"Patient/{logical}/$everything", made)
        return self._get(kind, {"patient": logical})

    def _get(self, path: str, query: dict[str, str]) -> httpx.Request:
        return self._request("GET", f"{self.base}/{path}", params={**query, "_count": str(_PAGE_SIZE)})

    def _request(
        self,
        method: str,
        url: str | httpx.URL,
        *,
        params: dict[str, str] | None = None,
        data: dict[str, str] | None = None,
    ) -> httpx.Request:
        return self.client.build_request(
            method,
            url,
            params=params,
            data=data,
            headers={**self.carried.headers},
            extensions={**self.carried.extensions},
        )

    async def pages(self, request: httpx.Request, max_bytes: int | None = None) -> list[Part]:
        """The entries of every page, from ``request`` on; SourceFailure if one of them fails."""
        room = max_bytes or self.limits.max_bytes
        place = origin(request.url)
        seen: set[httpx.URL] = set()
        parts: list[Part] = []
        for _ in range(MAX_PAGES):
            fetched = await self._fetch(request, room)
            room = max(room - len(fetched.body), 0)
            page = _page(fetched, place)
            parts += page.parts
            if not page.next:
                return parts
            url = _next(request.url, page.next, place)
            if url in seen:
                raise SourceFailure(f"{place}: its pages go round in a circle", code="endless")
            seen.add(url)
            request = self._request("GET", url)
        raise SourceFailure(f"{place}: more than {MAX_PAGES} pages", code="endless")

    async def _fetch(self, request: httpx.Request, room: int) -> Fetched:
        limits = self.limits
        try:
            fetched = await fetch(
                self.client,
                request,
                max_bytes=room,
                deadline=self.question.deadline,
                attempts=limits.attempts,
                once=self._once,
            )
        except SourceFailure as failure:
            raise _with_remedy(failure, request) from None
        return fetched

    async def _once(
        self, client: httpx.AsyncClient, request: httpx.Request, max_bytes: int, deadline: float
    ) -> Fetched:
        fetched = await fetch_paced(self.limits.pace, client, request, max_bytes, deadline)
        if fetched.status >= 400:
            place, admission = origin(request.url), self.admission
            refusal = None if admission is None else admission.refusal(fetched.status, place)
            raise refusal or bad_status(fetched.status, place, retry_after(fetched.headers))
        return fetched


def _with_remedy(failure: SourceFailure, request: httpx.Request) -> SourceFailure:
    """What to change in the provider's file, where a server does not know the operation that it names."""
    if failure.code not in {"http-404", "http-405", "http-501"}:
        return failure
    if request.method == "POST":
        remedy = "it may know search by GET only: set `number_in: address` in the provider's file"
    elif request.url.path.endswith("/$everything"):
        remedy = "it may not know $everything: list the types under `search` in the provider's file"
    else:
        return failure
    return SourceFailure(f"{failure.message}; {remedy}", code=failure.code)


def _page(fetched: Fetched, place: str) -> Page:
    try:
        return read_page(fetched.body)
    except ValueError:
        raise SourceFailure(
            f"{place}: a page of its answer is not a FHIR Bundle", code="unreadable"
        ) from None


def _next(here: httpx.URL, link: str, place: str) -> httpx.URL:
    """The address of the next page: on the same origin, so that token and question go nowhere else."""
    try:
        url = here.join(link)
    except (httpx.InvalidURL, ValueError):
        raise SourceFailure(f"{place}: the link to its next page cannot be read", code="unreadable") from None
    if origin(url) != origin(here) or url.userinfo:
        raise SourceFailure(f"{place}: its next page is at another address", code="redirect")
    return url
