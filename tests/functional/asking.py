"""Requests of every kind, put to two worlds, and the comparison of what they answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
from hypothesis import strategies as st
from tests.functional.worlds import PEOPLE, Pair, Request, Somebody, two_worlds

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber
from scr.identity import index

ROLES = ("R8000", "R8014", "R1460", "R8009", "R9999")
"""A clinician, a social worker, somebody who sees a summary, a receptionist, and a role that nobody knows."""
_PLACES = ("A81001", "A81001", "A81001", "RZZ")
_SCOPES = (
    None,
    None,
    None,
    "user/*.rs",
    "user/Observation.rs user/Patient.rs",
    "user/Condition.read",
    "launch",
)
_VARIES = re.compile(
    rb'"id":"[a-z2-7]{26}"(?=,"meta":\{"lastUpdated")|"lastUpdated":"[^"]*"|_page=[A-Za-z0-9_-]+'
    rb'|(?<="url":"elapsedMilliseconds","valueUnsignedInt":)\d+|(?<="url":"ageSeconds","valueUnsignedInt":)\d+'
)
"""Ids of answers, times and cursors."""
_HEADERS_VARY = frozenset({"x-correlation-id", "last-modified", "content-length"})
_TYPES = (
    "Observation", "Condition", "Encounter", "DiagnosticReport", "List", "Provenance", "MedicationRequest",
    "DocumentReference", "Procedure", "Practitioner", "AllergyIntolerance", "RelatedPerson", "Medication",
    "Patient", "Immunization", "Account", "nothing",
)  # fmt: skip


class Worlds:
    """Both deployments, asked from tests that are not asynchronous, and the ids that there are."""

    def __init__(self, runner: asyncio.Runner, pair: Pair) -> None:
        self._runner = runner
        self.pair = pair
        self.subjects = {p.number: pair.withheld.person(p).patient_id for p in PEOPLE}
        self.ids: dict[str, list[str]] = {}
        for somebody in PEOPLE:
            every = runner.run(pair.withheld.everything(somebody))
            self.ids[somebody.number.value] = sorted(set(every))

    def patient_id(self, number: NHSNumber) -> str:
        """The id of the Patient of somebody whom the first world knows."""
        services = self.pair.withheld.services
        person = services.database.read_now(lambda conn: index.find(conn, services.keys, number))
        assert person is not None
        return person.patient_id

    def more(self, somebody: Somebody) -> set[str]:
        """What there is of a person in the first world only: references."""
        without = self._runner.run(self.pair.without.everything(somebody))
        return set(self.ids[somebody.number.value]) - set(without)

    def ask(self, request: Request, other: Request | None = None) -> tuple[httpx.Response, httpx.Response]:
        """The answers of both worlds, to one request or to one for each."""
        return (
            self._runner.run(self.pair.withheld.ask(request)),
            self._runner.run(self.pair.without.ask(other or request)),
        )


@contextmanager
def opened_worlds(folder: Path, template: Path) -> Iterator[Worlds]:
    """Both worlds, built in a folder; ``template`` is a SQLite file with the tables."""
    with asyncio.Runner() as runner:
        opened = two_worlds(folder, template)
        pair = runner.run(opened.__aenter__())
        try:
            yield Worlds(runner, pair)
        finally:
            runner.run(opened.__aexit__(None, None, None))


def same(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """An answer without its ids and times."""
    headers = {name: value for name, value in response.headers.items() if name not in _HEADERS_VARY}
    return response.status_code, _VARIES.sub(b"*", response.content), headers


@st.composite
def requests(draw: st.DrawFn, worlds: Worlds) -> Request:
    """A request about somebody of whom something is withheld from whoever asks."""
    return replace(draw(_requests(worlds)), scope=draw(st.sampled_from(_SCOPES)))


@st.composite
def _requests(draw: st.DrawFn, worlds: Worlds) -> Request:
    policy = worlds.pair.withheld.services.policy
    somebody = draw(st.sampled_from(PEOPLE))
    role = draw(st.sampled_from([role for role in ROLES if somebody.kept_from(policy, role)]))
    at = draw(st.sampled_from(_PLACES))
    subject = worlds.subjects[somebody.number]
    known = worlds.ids[somebody.number.value]
    form = draw(st.sampled_from(["read", "search", "search", "search", "everything", "patient"]))
    if form == "read":
        kind = draw(st.sampled_from(_TYPES))
        path = draw(
            st.sampled_from([*known, f"Patient/{subject}", f"{kind}/{'y' * 26}", f"{kind}/{known[0][-26:]}"])
        )
        return Request(path, role=role, at=at)
    if form == "patient":
        token = draw(st.sampled_from([f"{NHS_NUMBER_SYSTEM}|{somebody.number.value}", somebody.number.value]))
        asked = draw(st.sampled_from([("identifier", token), ("_id", subject)]))
        if draw(st.booleans()):
            return Request("Patient/_search", role=role, at=at, form=(asked,))
        return Request("Patient", (asked,), role=role, at=at)
    if form == "everything":
        return Request(f"Patient/{subject}/$everything", draw(_everything()), role=role, at=at)
    kind = draw(st.sampled_from(_TYPES))
    query = draw(_search(known, subject))
    if draw(st.integers(0, 9)) == 0:
        return Request(f"{kind}/_search", role=role, at=at, form=query)
    return Request(kind, query, role=role, at=at)


_counts = st.sampled_from(["0", "1", "1", "2", "3", "100", "-1"])


@st.composite
def _everything(draw: st.DrawFn) -> tuple[tuple[str, str], ...]:
    parts = {
        "_type": st.sampled_from(
            ["Observation", "Encounter,List", "Patient", "Provenance,Condition", "nothing"]
        ),
        "_since": st.sampled_from(
            ["2024-05-05T05:05:05Z", "2025-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "x"]
        ),
        "_count": _counts,
    }
    names = draw(st.lists(st.sampled_from(sorted(parts)), unique=True, max_size=3))
    return tuple((name, draw(parts[name])) for name in names)


@st.composite
def _search(draw: st.DrawFn, known: list[str], subject: str) -> tuple[tuple[str, str], ...]:
    codes = [
        "86406008", "http://snomed.info/sct|27113001", "38341003", "1", "http://snomed.info/sct|", "|", "R",
        "N", "HIV", "hfe-act",
    ]  # fmt: skip
    tokens = st.lists(st.sampled_from(codes), min_size=1, max_size=2).map(",".join)
    dates = st.builds(
        "{}{}".format,
        st.sampled_from(["", "ge", "le", "gt", "lt", "ne", "sa", "eb", "ap"]),
        st.sampled_from(["2025-01-10", "2025-02-02", "2024", "2011", "2024-05-05T05:05:05Z", "2025"]),
    )
    statuses = st.sampled_from(["final", "finished", "active", "current", "completed"])
    ids = st.sampled_from([one.partition("/")[2] for one in known] + ["y" * 26])
    keys = ["date", "-date", "_lastUpdated", "-_lastUpdated", "_id", "-_id", "code", "-status", "category"]
    parts = {
        "code": tokens, "code:not": tokens, "category": tokens, "_security": tokens, "_security:not": tokens,
        "status": statuses, "status:not": statuses, "clinical-status": statuses, "date": dates,
        "_lastUpdated": dates, "_id": st.lists(ids, min_size=1, max_size=3).map(",".join), "_id:not": ids,
        "_sort": st.lists(st.sampled_from(keys), min_size=1, max_size=2).map(",".join), "_count": _counts,
        "_format": st.sampled_from(["json", "xml"]), "_include": st.just("*"), "encounter": ids,
    }  # fmt: skip
    names = draw(st.lists(st.sampled_from(sorted(parts)), max_size=3))
    who = draw(
        st.sampled_from([("patient", subject), ("subject", f"Patient/{subject}"), ("patient", "y" * 26)])
    )
    return (who, *((name, draw(parts[name])) for name in names))


def _next(response: httpx.Response) -> str | None:
    links = response.json().get("link", ()) if response.status_code == 200 else ()
    return next((str(link["url"]) for link in links if link.get("relation") == "next"), None)


def holds_for(worlds: Worlds, request: Request) -> int:
    """Both worlds answer a request alike, and each page of the answer; how many were asked."""
    asked = 0
    one, other = worlds.ask(request)
    while True:
        asked += 1
        assert same(one) == same(other), request
        assert one.status_code < 500, request
        links = _next(one), _next(other)
        if links[0] is None or links[1] is None or asked > 12:
            return asked
        pages = (replace(request, path=link, query=(), form=None) for link in (links[0], links[1]))
        one, other = worlds.ask(*pages)
        assert one.status_code == 200, request
