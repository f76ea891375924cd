"""Answers that are fetched later, and what is new since the last look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
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
)
from tests.support.patience import LONG

from scr.fhir.identifiers import OdsCode, opaque_id

LATER = {"Prefer": "respond-async"}


@pytest_asyncio.fixture
async def alone(database_url: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """A deployment of the test's own, that keeps nothing of what a live source told."""
    async with running(tmp_path / "home", database_url, pulled_stale_hours=0) as made:
        yield made
        await made.app.state.jobs.close()


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
        assert (said.headers["x-progress"], said.headers["retry-after"]) == ("asking the sources", "1")
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
        row = alone.audit()[0]
        assert (row.what, row.outcome, row.person is not None) == ("job", "success", True)
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


async def test_an_answer_that_nobody_makes_any_more_has_failed(alone: Deployment) -> None:
    """A process that ended or died, and one that was told to stop: never a status that stays."""
    subject = await alone.subject()

    async def never(_request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    alone.services.client._transport = httpx.MockTransport(never)
    alone.issuer.respond(httpx.Request("GET", f"{alone.issuer.url}/jwks"))
    died, stopped, ended = [
        (await call(alone, f"{BASE}/Observation?patient={subject}")).headers["content-location"]
        for _ in range(3)
    ]
    assert (await call(alone, died)).status == 202
    over = text("UPDATE job SET lease = 0 WHERE id = :job")
    job = {"job": died.rpartition("/")[2]}
    await alone.services.database.write(lambda conn: conn.execute(over, job))
    assert (await call(alone, died)).code == "job-failed"
    assert (await call(alone, stopped, "DELETE")).status == 202
    assert (await call(alone, stopped)).code == "no-job"
    assert (await call(alone, stopped, "DELETE")).status == 404
    await alone.app.state.jobs.close()
    assert (await call(alone, ended)).code == "job-failed"


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
