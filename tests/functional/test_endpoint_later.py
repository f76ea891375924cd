"""Answers that are fetched later, and what is new since the last look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text
from tests.functional.deployment import (
    ADA,
    BASE,
    RESTRICTED,
    Deployment,
    Neighbour,
    Said,
    Tree,
    beside,
    checked,
    observation,
    running,
    taking_up,
)
from tests.support.patience import LONG

from scr.api.auth.token import Named
from scr.api.fhir.carrying import AGAIN_MS, Carrier
from scr.api.fhir.making import MOST_TAKES, Maker
from scr.api.fhir.questions import Still
from scr.api.look import MAKES
from scr.api.services import now_ms
from scr.consent.actor import Actor
from scr.errors import Unauthenticated, Unavailable
from scr.fhir.identifiers import OdsCode, opaque_id
from scr.sources.workflows import open_workflows
from scr.store import jobs
from scr.store.jobs import Taken

_LEASE = 10_000_000
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What is kept is the same on both, which the tests of the store show."""
LATER = {"Prefer": "respond-async"}


@pytest_asyncio.fixture
async def alone(database_url: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """A deployment of the test's own, that keeps nothing of what a live source told."""
    settings = {"pulled_stale_hours": 0, "snapshot_seconds": 1_000_000}
    async with running(tmp_path / "home", database_url, **settings) as made, taking_up(made.app):
        yield made


def carrier_of(deployment: Deployment) -> Carrier:
    """What takes up its answers for later."""
    carrier: Carrier = deployment.app.state.jobs.carrier
    return carrier


@dataclass
class Clock:
    """The time, which goes on only where a test says so (ms UTC)."""

    now: int = field(default_factory=lambda: now_ms() + 60_000)

    def __call__(self) -> int:
        """Now."""
        return self.now


@dataclass
class Elsewhere:
    """Another process, whose time is its own: it takes up what nobody makes."""

    deployment: Deployment
    clock: Clock = field(default_factory=Clock)

    def carrier(self, still: Still | None = None) -> Carrier:
        """What takes them up; ``still``: whether who asked may ask yet."""
        maker: Maker = self.deployment.app.state.jobs.maker
        maker = replace(maker, still=still or maker.still, clock=self.clock)
        return Carrier(self.deployment.services.database, lambda: maker, self.clock, _LEASE)

    async def make(self, still: Still | None = None) -> bool:
        """Take up one, and make it; False where there is none to take."""
        carrier = self.carrier(still)
        taken = await carrier.take_up()
        await carrier.settled()
        return taken

    async def dies(self) -> None:
        """Take up one, and die with it."""
        now = self.clock()
        database = self.deployment.services.database
        assert await database.write(lambda conn: jobs.take(conn, now, _LEASE)) is not None


def made(deployment: Deployment, job: str) -> list[tuple[str, str, object]]:
    """The makings of a job that the audit has, the last first: outcome, code, and the time it was taken."""
    rows = [row for row in deployment.audit() if row.action == MAKES and row.details["job"] == job]
    assert all(row.person is not None or row.outcome != "success" for row in rows)
    return [(row.outcome, row.code, row.details.get("taken", "1")) for row in rows]


async def asked(deployment: Deployment, path: str = "Observation?patient={}") -> str:
    """Ask what no process has taken, when this returns; gives the address of its status."""
    await carrier_of(deployment).close()
    begun = await call(deployment, f"{BASE}/{path.format(await deployment.subject())}")
    assert begun.status == 202
    return begun.headers["content-location"]


async def call(deployment: Deployment, url: str, method: str = "GET", **who: str) -> Said:
    """Ask as somebody, who does not wait."""
    headers = {"Authorization": deployment.bearer(**who), **LATER}
    return checked(await deployment.client.request(method, url, headers=headers))


async def fetched(deployment: Deployment, url: str) -> Said:
    """The answer, when it is there."""
    limit = time.monotonic() + LONG
    while time.monotonic() < limit:
        said = await call(deployment, url)
        if said.status != 202:
            return said
        assert said.headers["retry-after"] == "1"
        await asyncio.sleep(0.01)
    raise AssertionError("no answer")


async def test_an_answer_is_fetched_from_any_process_by_whoever_asked(alone: Deployment) -> None:
    """202 and an address; the same answer there as in one piece; another's 404; decided again each time."""
    subject = await alone.subject()
    for path in (
        f"Patient/{subject}/$everything",
        f"Observation?patient={subject}&_count=2&_include=*",
        f"?patient={subject}&_type=Observation,Condition&_summary=count",
        f"Patient?_id={subject}",
    ):
        plain = await alone.get(path.replace("&_count=2", ""))
        begun = await call(alone, f"{BASE}/{path}" if not path.startswith("?") else f"{BASE}{path}")
        assert begun.status == 202
        status = begun.headers["content-location"]
        assert subject not in status
        said = await fetched(alone, status)
        assert (said.status, said.versions, said.ledger) == (200, plain.versions, plain.ledger)
        assert said.body["total"] == plain.body["total"]
        assert said.link("next") is None
        assert made(alone, status.rpartition("/")[2]) == [("success", "permitted", "1")]
        row = next(row for row in alone.audit() if row.what == "job")
        assert (row.outcome, row.person is not None) == ("success", True)
        assert row.details["job"] == status.rpartition("/")[2]
    async with beside(alone) as other:
        assert (await fetched(other, status)).versions == plain.versions
        assert (await call(other, status, role="R8001")).code == "no-job"
    await alone.end_relationship(ADA, "A81001")
    assert (await call(alone, status)).status == 404


async def test_what_is_refused_is_refused_at_once(alone: Deployment) -> None:
    """Whoever may not ask, or asks what cannot be read, is told as if they waited."""
    subject = await alone.subject()
    for path, status in (
        ("Patient/nobody/$everything", 404),
        (f"Patient/{subject}/$everything?x=1", 400),
        ("Observation?patient=nobody", 404),
        ("$job/x", 404),
        (f"$job/{'a' * 26}", 404),
    ):
        assert (await call(alone, f"{BASE}/{path}")).status == status
    await alone.services.database.write(lambda conn: conn.execute(text("DROP TABLE audit")))
    assert (await call(alone, f"{BASE}/Observation?patient={subject}")).code == "no-audit"
    count = text("SELECT count(*) FROM job")
    assert alone.services.database.read_now(lambda conn: conn.execute(count).scalar_one()) == 0


async def test_what_a_process_that_died_was_to_make_another_makes_once(alone: Deployment) -> None:
    """By a workflow, when its time is over and not before; what the former makes after all counts for
    nothing, and the audit has one making, which says that it was taken again. Who asked and what stands
    nowhere but sealed."""
    subject, settings = await alone.subject(), alone.services.settings
    plain = await alone.get(f"Patient/{subject}/$everything")
    status = await asked(alone, "Patient/{}/$everything")
    job = status.rpartition("/")[2]
    assert (await call(alone, status)).headers["x-progress"] == "waiting for its turn"
    async with beside(alone) as other:
        one = Elsewhere(other)
        await one.dies()
        assert (await call(alone, status)).headers["x-progress"] == "asking the sources"
        carrier = one.carrier()
        async with open_workflows(settings.resolved_database_url, settings.home) as workflows:
            carrier.by(workflows)
            assert not await carrier.take_up()
            one.clock.now += _LEASE
            assert await carrier.take_up()
            await carrier.settled()
            assert not await carrier.take_up()
        late = other.app.state.jobs.maker
        assert await late.make(Taken(job, 1)) == "unwanted"
    assert made(alone, job) == [("success", "permitted", "2")]
    for _ in range(2):
        said = await call(alone, status)
        assert (said.status, said.versions, said.ledger) == (200, plain.versions, plain.ledger)
    assert len(made(alone, job)) == 1
    outbound = settings.home / "outbound.db"
    told = outbound.read_bytes() if outbound.exists() else job.encode()
    assert job.encode() in told
    assert not any(one in told for one in (b"R8000", b"Patient", b"A81001", subject.encode()))


async def _taken_back(_token: Named, _actor: Actor) -> None:
    raise Unauthenticated("the token was taken back", code="revoked")


async def _away(_token: Named, _actor: Actor) -> None:
    raise Unavailable("the database is down", code="database-unavailable")


@SQLITE
async def test_who_may_not_ask_any_more_is_made_no_answer(alone: Deployment) -> None:
    """Between asking and making their token was taken back, nobody wants it, or they have nothing to do with
    the person any more. It is as if they had never asked, and the audit says why."""
    there, status = Elsewhere(alone), await asked(alone)
    assert await there.make(_taken_back)
    assert made(alone, status.rpartition("/")[2]) == [("refused", "revoked", "1")]
    assert (await call(alone, status)).code == "no-job"

    dropped, status = await asked(alone), await asked(alone)
    assert (await call(alone, dropped, "DELETE")).status == 202
    await alone.end_relationship(ADA, "A81001")
    assert await there.make()
    assert not await there.make()
    assert made(alone, dropped.rpartition("/")[2]) == []
    [(outcome, code, _)] = made(alone, status.rpartition("/")[2])
    assert (outcome, code) == ("refused", "not-found")
    assert (await call(alone, status)).code == "no-job"


@SQLITE
async def test_what_cannot_be_made_is_tried_again_and_then_has_failed(alone: Deployment) -> None:
    """Some times, each in the audit; then its status says so, and it stays with that."""
    status, there = await asked(alone), Elsewhere(alone)
    for number in range(1, MOST_TAKES + 1):
        assert (await call(alone, status)).status == 202
        assert await there.make(_away)
        assert made(alone, status.rpartition("/")[2])[0] == ("failed", "database-unavailable", str(number))
        assert not await there.make()
        there.clock.now += 2 * AGAIN_MS
    assert (await call(alone, status)).code == "job-failed"

    status = await asked(alone)
    for _ in range(MOST_TAKES):  # a question that ends whoever makes it
        await there.dies()
        there.clock.now += _LEASE
    assert await there.make()
    assert made(alone, status.rpartition("/")[2]) == [("failed", "job-failed", str(MOST_TAKES + 1))]
    assert (await call(alone, status)).code == "job-failed"


@SQLITE
async def test_without_its_row_in_the_audit_an_answer_is_not_there(alone: Deployment) -> None:
    """Made while the audit could not be written, it is none: it is made again, and then both are there."""
    status, there, database = await asked(alone), Elsewhere(alone), alone.services.database
    away, back = text("ALTER TABLE audit RENAME TO away"), text("ALTER TABLE away RENAME TO audit")
    await database.write(lambda conn: conn.execute(away))
    assert await there.make()
    assert not await there.make()
    await database.write(lambda conn: conn.execute(back))
    assert (await call(alone, status)).status == 202
    assert made(alone, status.rpartition("/")[2]) == []
    there.clock.now += 2 * AGAIN_MS
    assert await there.make()
    assert (await call(alone, status)).status == 200
    assert made(alone, status.rpartition("/")[2]) == [("success", "permitted", "2")]


@SQLITE
async def test_what_is_being_made_can_be_stopped_and_is_given_back_by_who_stops(alone: Deployment) -> None:
    """What nobody wants is made no further; what a process that is told to stop was making, another makes."""
    subject, transport = await alone.subject(), alone.services.client._transport

    async def never(_request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    alone.services.client._transport = httpx.MockTransport(never)
    alone.issuer.respond(httpx.Request("GET", f"{alone.issuer.url}/jwks"))
    stopped, ended = [
        (await call(alone, f"{BASE}/Observation?patient={subject}")).headers["content-location"]
        for _ in range(2)
    ]
    assert (await call(alone, stopped)).headers["x-progress"] == "asking the sources"
    assert (await call(alone, stopped, "DELETE")).status == 202
    assert (await call(alone, stopped)).code == "no-job"
    assert (await call(alone, stopped, "DELETE")).status == 404
    await carrier_of(alone).close()
    assert (await call(alone, ended)).headers["x-progress"] == "waiting for its turn"
    alone.services.client._transport = transport
    assert await Elsewhere(alone).make()
    assert (await call(alone, ended)).status == 200
    assert made(alone, stopped.rpartition("/")[2]) == []
    assert made(alone, ended.rpartition("/")[2]) == [("success", "permitted", "2")]


@dataclass(frozen=True)
class Case:
    """What changes between a look and the question what is new, and what is told. Ids are the neighbour's."""

    before: Callable[[Neighbour], None] = lambda _: None
    after: Callable[[Neighbour], None] = lambda _: None
    new: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    back: bool = False
    role: str = "R8000"


def _add(**more: Any) -> Callable[[Neighbour], None]:
    return lambda neighbour: neighbour.resources.append(observation("x", "1", "2025-05-05", **more))


def _put(**more: Any) -> Callable[[Neighbour], None]:
    def change(neighbour: Neighbour) -> None:
        neighbour.resources = [one | (more if one["id"] == "o1" else {}) for one in neighbour.resources]

    return change


def _drop(neighbour: Neighbour) -> None:
    neighbour.resources = [one for one in neighbour.resources if one["id"] != "o1"]


def _down(neighbour: Neighbour) -> None:
    neighbour.status = 503


def _up(neighbour: Neighbour) -> None:
    neighbour.status = 200


CLOSED = {"meta": {"security": [RESTRICTED]}}
ALL = {"o1", "o2", "o3", "c1", "c2"}
CASES = {
    "nothing": Case(),
    "something came": Case(after=_add(), new={"x"}),
    "something was put right": Case(after=_put(status="corrected"), changed={"o1"}),
    "something was taken away": Case(after=_drop, gone={"o1"}),
    "something was withheld, which is told in the same words": Case(after=_put(**CLOSED), gone={"o1"}),
    "what came is withheld": Case(after=_add(**CLOSED)),
    "something came to be permitted": Case(before=_put(**CLOSED), after=_put(meta={}), new={"o1"}),
    "what was withheld was taken away": Case(before=_put(**CLOSED), after=_drop),
    "what was withheld has changed": Case(before=_put(**CLOSED), after=_put(**CLOSED, status="corrected")),
    "a source is missing now": Case(after=_down),
    "a source was missing then": Case(before=_down, after=_up, new=ALL, back=True),
    "a source was missing and is": Case(before=_down),
}


@pytest.fixture(scope="module")
def module_database_url(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """SQLite: what is kept is the same on both, which the tests of the store show."""
    path = tmp_path_factory.mktemp("since") / "scr.db"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def since(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployment]:
    """A deployment for the table."""
    home = tmp_path_factory.mktemp("since") / "home"
    async with running(home, module_database_url, pulled_stale_hours=0) as made:
        yield made


def _set(deployment: Deployment, change: Callable[[Neighbour], None]) -> None:
    """Let the neighbour be another, and let nobody have noticed that it was down."""
    change(deployment.neighbour)
    source = deployment.services.broker._pulls[OdsCode("QXX")]
    while (inner := getattr(source, "source", None)) is not None:
        source = inner
    source.limits.breaker.succeeded()  # type: ignore[attr-defined]


def told(said: Said, code: str) -> set[str] | None:
    """The references of an issue about what is new; None where there is no such issue."""
    for issue in said.body["entry"][-1]["resource"]["issue"]:
        if issue["details"]["coding"][0]["code"] == code:
            parts: list[Tree] = [part for one in issue.get("extension", ()) for part in one["extension"]]
            return {part["valueReference"]["reference"] for part in parts if "valueReference" in part}
    return None


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", CASES)
async def test_what_is_new_since_the_last_look(since: Deployment, name: str) -> None:
    """Of two times of what may be seen, for each change in between; asked twice, it is the same."""
    case = CASES[name]
    since.neighbour.__dict__.update(Neighbour().__dict__)
    subject = await since.subject()
    _set(since, case.before)
    await since.get(f"Patient/{subject}/$everything")
    _set(since, case.after)
    said = await since.get(f"Patient/{subject}/$since-last-look")
    key = since.services.keys.id_key

    def ids(names: set[str]) -> set[str]:
        kinds = {"c1": "Condition", "c2": "Condition"}
        found = ((kinds.get(name, "Observation"), name) for name in names)
        return {f"{kind}/{opaque_id(key, 'QXX', kind, name)}" for kind, name in found}

    patients = {f"Patient/{subject}", f"Patient/{opaque_id(key, 'QXX', 'Patient', 'n-ada')}"}
    assert (told(said, "new") or set()) - patients == ids(case.new)
    assert (told(said, "changed") or set()) - patients == ids(case.changed)
    assert told(said, "not-shown") == ids(case.gone)
    assert (told(said, "back") is not None) == case.back
    assert {one for one in said.ids if one not in patients} == ids(case.new | case.changed)
    assert ("QXX=down" in said.headers["x-scr-ledger"]) == (since.neighbour.status == 503)
    again = await since.get(f"Patient/{subject}/$since-last-look")
    assert (again.versions, told(again, "not-shown")) == (said.versions, ids(case.gone))


@pytest.mark.asyncio(loop_scope="module")
async def test_a_look_is_at_all_of_it_and_one_s_own(since: Deployment) -> None:
    """A part of it, a page of it and another's look are none; who never looked is told that all is new."""
    since.neighbour.__dict__.update(Neighbour().__dict__)
    _set(since, _up)
    subject = await since.subject()
    path = f"Patient/{subject}/$everything"
    for query in ("?_type=Observation", "?_since=2020-01-01T00:00:00Z", "?_count=3"):
        await since.get(path + query, role="R8001")
    await since.get(path)
    said = await since.get(f"Patient/{subject}/$since-last-look", role="R8001")
    assert told(said, "no-last-look") == set()
    assert set(said.ids) == set((await since.get(f"{path}?_reconciled=false", role="R8001")).ids)
    assert (await since.get(f"Patient/{subject}/$since-last-look", role="R8001")).ids == []
    url, headers = f"{BASE}/{path}", {"Authorization": since.bearer(), "Accept": "text/event-stream"}
    since.neighbour.resources.append(observation("x", "1", "2025-05-05"))
    assert len((await since.get(f"Patient/{subject}/$since-last-look")).ids) == 1
    await since.client.get(url, headers=headers)
    assert (await since.get(f"Patient/{subject}/$since-last-look")).ids == []
