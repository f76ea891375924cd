"""A system that speaks FHIR R4 over REST: a neighbouring shared care record, a hospital's own server.

First the person is found by NHS Number, then their record is taken: ``Patient/[id]/$everything``, or a
search for each type that the provider's file lists. Pages are followed on the same origin only, and
what they hold is put together into one payload for the pipeline. A search is all or nothing: one that
lost a page is not told from a whole one by whoever reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import httpx

from scr.fhir.gaps import Issue, issues_in
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, OdsCode
from scr.fhir.pages import Page, Part, collection, read_page
from scr.mapping.provider import FhirR4Connection
from scr.sources.asking import Limits, ask_guarded
from scr.sources.first import (
    EVERYTHING,
    PARTLY_LATE,
    SAFETY_TYPES,
    Came,
    all_that_come,
    calls_end,
    missing,
    whole_or_safety,
    worsen,
)
from scr.sources.http import Fetched, SourceFailure, bad_status, fetch, origin, retry_after
from scr.sources.neighbour import Admission, Pass, not_asked
from scr.sources.pace import fetch_paced
from scr.sources.pipeline import Reader, read_payload
from scr.sources.protocol import Outcome, Question, SourceResult

MAX_PAGES = 100
"""Pages of one search at most: at a server's usual 50 a page more than any record holds."""
_PAGE_SIZE = 500
_LOGICAL_ID = re.compile(r"[A-Za-z0-9.-]{1,64}\Z")

_GAP_TYPES = frozenset(
    {
        "exception", "expired", "forbidden", "incomplete", "lock-error", "no-store", "security",
        "suppressed", "throttled", "timeout", "too-costly", "transient",
    }
)  # fmt: skip
"""Issue types that tell of something missing even where they are a mere warning."""

_THEIRS = {
    "withheld": Outcome.WITHHELD,
    "late": Outcome.INCOMPLETE,
    "down": Outcome.INCOMPLETE,
    "stale": Outcome.STALE,
    "incomplete": Outcome.INCOMPLETE,
    "not-asked": Outcome.INCOMPLETE,
    "answered": Outcome.ANSWERED,
    "empty": Outcome.EMPTY,
}
"""An outcome in the ledger of another shared care record, and what it means for us who asked that one."""
_GAPS = frozenset({Outcome.STALE, Outcome.INCOMPLETE, Outcome.WITHHELD})


@dataclass(frozen=True, slots=True)
class FhirRestSource:
    """One server. ``token`` gives the bearer token when it is needed; an empty one sends none.

    Where there is an ``admission``, that lets us in.
    """

    connection: FhirR4Connection
    reader: Reader
    client: httpx.AsyncClient
    limits: Limits
    token: Callable[[], str]
    admission: Admission | None = None

    @property
    def ods(self) -> OdsCode:
        """The organisation that runs it."""
        return self.reader.ods

    @property
    def name(self) -> str:
        """The organisation's name."""
        return self.reader.name

    @property
    def headings(self) -> frozenset[str]:
        """The headings that its adapter fills."""
        return self.reader.headings

    async def ask(self, question: Question) -> SourceResult:
        """The person's record there."""
        if self.admission is not None and not self.admission.may_ask(question):
            return not_asked(self.ods, self.name, question)
        return await ask_guarded(self._read, question, ods=self.ods, name=self.name, limits=self.limits)

    async def _read(self, question: Question) -> SourceResult:
        asked = replace(question, deadline=calls_end(question.deadline))
        call = _Call(self, asked, await self._pass(asked))
        found = await call.pages(call.search_for_person())
        persons = {part.id: part for part in found if part.type == "Patient" and part.mode != "outcome"}
        if len(persons) > 1:
            raise SourceFailure(
                "It holds several persons under this NHS Number; nothing of them is used.",
                code="several-persons",
            )
        if not persons:
            return self._nobody(found)
        came, instead = await self._record(call, *persons)
        parts = [*found, *(part for some in came.answers.values() for part in some)]
        if self.admission is not None:
            parts = self.admission.taken(parts, *persons)
        reading = read_payload(collection(parts), question, self.reader)
        headings = gaps(reading.issues)
        for heading in reading.unread:
            worsen(headings, heading, Outcome.INCOMPLETE)
        lost = missing(came, self.headings, instead)
        for heading, outcome in lost.items():
            worsen(headings, heading, outcome)
        return SourceResult(
            self.ods,
            self.name,
            Outcome.ANSWERED,
            entries=reading.entries,
            headings=headings,
            code=PARTLY_LATE if lost else "",
            detail="A part of its record did not come in time." if lost else "",
            demographics=reading.demographics,
        )

    async def _pass(self, question: Question) -> Pass:
        if self.admission is not None:
            return await self.admission.for_question(question)
        token = self.token()
        return Pass({"Authorization": f"Bearer {token}"} if token else {})

    def _nobody(self, found: Iterable[Part]) -> SourceResult:
        """Nobody is there: said only where the search did not tell of a failure of its own."""
        if gaps(issue for part in found for issue in issues_in(part.body) or ()):
            raise SourceFailure("It could not search its whole index of persons.", code="gaps-at-source")
        return SourceResult(self.ods, self.name, Outcome.EMPTY)

    async def _record(self, call: _Call, logical: str) -> tuple[Came[list[Part]], SourceFailure | None]:
        """What came of the person's record; with the failure of the whole, where it is but a part."""
        if not _LOGICAL_ID.match(logical):
            raise SourceFailure("The id that it gives the person is not a FHIR id.", code="unreadable")
        kinds = self.connection.search
        if kinds != (EVERYTHING,):
            ordered = sorted(kinds, key=lambda kind: kind not in SAFETY_TYPES)
            return await self._searched(call, logical, ordered), None
        return await whole_or_safety(
            lambda: self._searched(call, logical, kinds),
            lambda: self._searched(call, logical, SAFETY_TYPES),
            call.question.deadline,
        )

    async def _searched(self, call: _Call, logical: str, kinds: Sequence[str]) -> Came[list[Part]]:
        share = self.limits.max_bytes // len(kinds)
        return await all_that_come({kind: call.pages(call.record_of(logical, kind), share) for kind in kinds})


@dataclass(frozen=True, slots=True)
class _Call:
    """The requests of one question to one server."""

    source: FhirRestSource
    question: Question
    carried: Pass
    base: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", self.source.connection.url.rstrip("/"))

    def search_for_person(self) -> httpx.Request:
        """By POST the number stands in the body, and so in no access log on the way."""
        query = {"identifier": f"{NHS_NUMBER_SYSTEM}|{self.question.nhs_number.value}"}
        if self.source.connection.number_in == "address":
            return self._request("GET", f"{self.base}/Patient", params=query)
        return self._request("POST", f"{self.base}/Patient/_search", data=query)

    def record_of(self, logical: str, kind: str) -> httpx.Request:
        """The request for everything, or for one type."""
        if kind == EVERYTHING:
            made = {"_reconciled": "false"} if self.source.connection.neighbour else {}
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
        return self.source.client.build_request(
            method,
            url,
            params=params,
            data=data,
            headers={**self.carried.headers},
            extensions={**self.carried.extensions},
        )

    async def pages(self, request: httpx.Request, max_bytes: int | None = None) -> list[Part]:
        """The entries of every page, from ``request`` on; SourceFailure if one of them fails."""
        room = max_bytes or self.source.limits.max_bytes
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
        limits = self.source.limits
        try:
            fetched = await fetch(
                self.source.client,
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
        fetched = await fetch_paced(self.source.limits.pace, client, request, max_bytes, deadline)
        if fetched.status >= 400:
            place, admission = origin(request.url), self.source.admission
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


def gaps(issues: Iterable[Issue]) -> dict[str, Outcome]:
    """The headings that a server's own OperationOutcomes say are not whole.

    Another shared care record names headings in its ledger; an issue that names none bears on all.
    """
    found: dict[str, Outcome] = {}
    for issue in issues:
        outcome = _THEIRS.get(issue.outcome)
        if outcome is None and (issue.is_error or (issue.severity == "warning" and issue.type in _GAP_TYPES)):
            outcome = Outcome.INCOMPLETE
        if outcome not in _GAPS:
            continue
        named = [heading for heading in issue.headings if heading in HEADINGS]
        if not named and outcome is Outcome.WITHHELD:
            outcome = Outcome.INCOMPLETE
        for heading in named or HEADINGS:
            worsen(found, heading, outcome)
    return found
