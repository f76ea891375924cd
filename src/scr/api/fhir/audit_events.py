"""``AuditEvent``: the audit, searched by privacy officers (https://hl7.org/fhir/R4/auditevent.html#search).

The newest first, a page at a time. Whoever looks at the audit is in it as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from scr.api.auth import authorization_of
from scr.api.desk import Desk
from scr.api.fhir.routes import parameters, posted_query
from scr.api.look import Answer, refused, respond
from scr.api.routing import Router
from scr.api.services import now_ms
from scr.consent.actor import Actor
from scr.errors import NotFound, ScrError
from scr.fhir.audit_event import TYPE, Act, audit_event
from scr.fhir.bundle import Links, searchset
from scr.fhir.entry import Entry, Resource
from scr.fhir.search import Pairs, once, parameters_of, parse_count
from scr.fhir.search.predicate import Test, predicate
from scr.store.engine import Database
from scr.store.keys import KeyRing, random_id
from scr.store.people import patient_ids, person_by_patient_id, view_of
from scr.store.trail import AuditRow, before_row, row_by_id

_DEFAULT = 50
_SCANNED = 20_000
"""Rows that are looked at for one page: of a question that hardly anything answers, the page ends there."""
_AT_ONCE = 1_000
_ONCE = frozenset({"_count", "_before", "_format", "_pretty"})
_ITS_OWN = _ONCE | {"patient"}

_Work = Callable[[Actor, str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class _Page:
    found: list[Entry]
    before: str


class AuditEvents:
    """The routes, below the FHIR base."""

    def __init__(self, desk: Desk, database: Database, keys: KeyRing, base_url: str) -> None:
        self._desk = desk
        self._database = database
        self._keys = keys
        self._base_url = base_url

    def router(self) -> Router:
        """The routes."""
        router = Router(include_in_schema=False)
        router.add_api_route(f"/{TYPE}", self.search, methods=["GET"])
        router.add_api_route(f"/{TYPE}/_search", self.search, methods=["POST"])
        router.add_api_route(f"/{TYPE}/{{logical}}", self.read, methods=["GET"])
        return router

    async def search(self, request: Request) -> Response:
        """A page of what answers; a Bundle."""

        async def work(_actor: Actor, correlation: str) -> bytes:
            query = request.url.query if request.method == "GET" else await posted_query(request)
            pairs = parameters(query)
            page = await self._database.read(lambda connection: self._page(connection, pairs))
            following = [(name, value) for name, value in pairs if name != "_before"]
            onward = f"{self._base_url}/{TYPE}?{urlencode([*following, ('_before', page.before)])}"
            links = Links(f"{self._base_url}/{TYPE}", onward if page.before else None)
            return searchset(
                page.found,
                bundle_id=correlation,
                base_url=self._base_url,
                links=links,
                now=now_ms(),
                total=None,
            )

        return await self._serve(request, "query", work)

    async def read(self, request: Request, logical: str) -> Response:
        """One, by the id of its row."""

        async def work(_actor: Actor, _correlation: str) -> bytes:
            def one(connection: Connection) -> bytes:
                row = row_by_id(connection, logical)
                if row is None:
                    raise NotFound("no such row is in the audit")
                (entry,) = self._events(connection, [row])
                return entry.body

            return await self._database.read(one)

        return await self._serve(request, "read", work)

    def _page(self, connection: Connection, pairs: Pairs) -> _Page:
        test = predicate(TYPE, [(name, value) for name, value in pairs if name not in _ITS_OWN])
        people = self._people(connection, [value for name, value in pairs if name == "patient"])
        own = dict(once([pair for pair in pairs if pair[0] in _ONCE], _ONCE))
        count = max(1, parse_count(own.get("_count", str(_DEFAULT))))
        return self._scan(connection, people, own.get("_before", ""), test, count)

    def _scan(
        self, connection: Connection, people: Sequence[str] | None, before: str, test: Test, count: int
    ) -> _Page:
        found: list[Entry] = []
        for _ in range(_SCANNED // _AT_ONCE):
            rows = before_row(connection, before, _AT_ONCE, people)
            for entry in self._events(connection, rows):
                before = entry.id
                if test(entry):
                    found.append(entry)
                    if len(found) == count:
                        return _Page(found, before)
            if len(rows) < _AT_ONCE:
                return _Page(found, "")
        return _Page(found, before)

    def _people(self, connection: Connection, asked: Sequence[str]) -> Sequence[str] | None:
        """The opaque keys of everybody who is read as one with the patients; None where all are asked for."""
        if not asked:
            return None
        found: set[str] = set()
        for number, value in enumerate(asked):
            keys: set[str] = set()
            for one in value.split(","):
                person = person_by_patient_id(connection, self._keys, one.rpartition("/")[2])
                if person is not None:
                    keys |= {each.key for each in view_of(connection, self._keys, person)}
            found = keys if number == 0 else found & keys
        return sorted(found)

    def _events(self, connection: Connection, rows: Sequence[AuditRow]) -> Iterator[Entry]:
        patients = patient_ids(connection, {row.person for row in rows if row.person})
        for row in rows:
            yield audit_event(act_of(row, patients.get(row.person or "", ""), self._base_url))

    async def _serve(self, request: Request, action: str, work: _Work) -> Response:
        correlation = random_id()
        try:
            body = await self._desk.call(
                authorization_of(request),
                action,
                lambda actor: work(actor, correlation),
                details={"type": TYPE},
                correlation=correlation,
            )
        except ScrError as error:
            return respond(refused(error), correlation, request)
        return respond(Answer(body), correlation, request)


def audit_resources() -> list[Resource]:
    """What the capability statement says of it."""
    told = [{"name": name, "type": one.type} for name, one in sorted(parameters_of(TYPE).items())]
    return [
        {
            "type": TYPE,
            "documentation": "The audit, for privacy officers.",
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchParam": told,
        }
    ]


def act_of(row: AuditRow, patient: str, here: str) -> Act:
    """A row as an act about a Patient (its logical id, where there is one)."""
    return Act(
        id=row.id,
        at=row.at,
        action=row.action,
        what=row.what,
        outcome=row.outcome,
        here=here,
        actor=row.actor,
        name=row.actor_name,
        role=row.role,
        organisation=row.organisation,
        patient=patient,
        purpose=row.purpose,
        code=row.code,
        policy=row.policy,
        correlation=row.correlation,
        details={name: str(value) for name, value in row.details.items()},
    )
