"""A record in parts: what goes out as sources answer is what an answer of one piece has."""

from __future__ import annotations

import asyncio

import httpx
import orjson
import pytest
from sqlalchemy import text
from starlette.types import Message
from tests.functional.deployment import BASE, RESTRICTED, Deployment, Tree, checked, coded, observation
from tests.support.patience import LONG, until

NDJSON, EVENTS = "application/fhir+ndjson", "text/event-stream"
BOTH = pytest.mark.parametrize("kind", [NDJSON, EVENTS])


def told(kind: str, body: str) -> list[Tree]:
    """The resources of a stream, in their order."""
    if kind == NDJSON:
        return [orjson.loads(line) for line in body.splitlines()]
    found: list[Tree] = []
    for event in body.removesuffix("\n\n").split("\n\n"):
        name, data = (line.partition(": ")[2] for line in event.split("\n"))
        sent = orjson.loads(data)
        assert name in {"entries", "ledger"}
        found += [one["resource"] for one in sent["entry"]] if name == "entries" else [sent]
    return found


async def ask(deployment: Deployment, subject: str, kind: str, query: str = "") -> httpx.Response:
    """Ask for all of a record as a stream."""
    headers = {"Authorization": deployment.bearer(), "Accept": kind}
    url = f"{BASE}/Patient/{subject}/$everything{query}"
    return await deployment.client.get(url, headers=headers)


@BOTH
@pytest.mark.asyncio(loop_scope="module")
async def test_a_stream_is_the_same_record(deployment: Deployment, kind: str) -> None:
    """Every entry once, in the version that it has in one piece, nothing that is withheld or that names it,
    the ledger last; the look in the audit before, and how it ended after. Of one source the first entries do
    not wait for the others, but for those that they name."""
    result = [{"reference": "Observation/zz"}, {"reference": "Observation/o1"}]
    late = [{"reference": "Observation/m39"}]
    many = [observation(f"m{number}", "165816005", "2025-02-02") for number in range(40)]
    deployment.neighbour.resources += [
        coded("DiagnosticReport", "s", "1", status="final", result=late, conclusion="c"),
        *many,
        observation("zz", "165816005", "2025-02-02", meta={"security": [RESTRICTED]}),
        coded("DiagnosticReport", "r", "1", status="final", result=result, conclusion="c"),
    ]
    subject = await deployment.subject()
    for query in ("", "?_type=Observation,List", "?_reconciled=false", "?_since=2026-01-01T00:00:00Z"):
        whole = await deployment.get(f"Patient/{subject}/$everything{query}")
        answer = await ask(deployment, subject, kind, query)
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] == kind
        assert answer.headers["cache-control"] == "no-store"
        *entries, ledger = told(kind, answer.text)
        assert kind == NDJSON or answer.text.count("event: entries") > (0 if query else 2)
        assert {one["id"]: one["meta"]["versionId"] for one in entries} == whole.versions
        assert len(entries) == len(whole.matches) > 0
        one_piece = whole.body["entry"][-1]["resource"]
        assert ledger["resourceType"] == one_piece["resourceType"] == "OperationOutcome"
        assert len(ledger["issue"]) == len(one_piece["issue"])
        closed, begun = [
            row for row in deployment.audit() if row.correlation == answer.headers["x-correlation-id"]
        ]
        assert (begun.details["stream"], begun.code, begun.person is None) == ("begun", "permitted", False)
        assert (closed.details["stream"], closed.person) == ("whole", None)
        assert closed.details["ledger"] == "4/4 answered"


@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_streamed_is_refused_as_ever(deployment: Deployment) -> None:
    """A person who is not there, a page, no token, another format: FHIR JSON with its status, no stream."""
    subject = await deployment.subject()
    for path, query, status in (("nobody", "", 404), (subject, "?_count=5", 400), (subject, "?x=1", 400)):
        answer = checked(await ask(deployment, path, EVENTS, query))
        assert answer.status == status
    unknown = await deployment.client.get(f"{BASE}/Patient/{subject}/$everything", headers={"Accept": EVENTS})
    assert checked(unknown).status == 401
    headers = {"Authorization": deployment.bearer(), "Accept": EVENTS}
    elsewhere = await deployment.client.get(f"{BASE}/Patient/{subject}", headers=headers)
    assert checked(elsewhere).status == 406


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_held_goes_while_a_source_has_not_answered(deployment: Deployment) -> None:
    """The hospital's part is there before the neighbour has said anything; what is made of all comes last."""
    subject = await deployment.subject()
    parts = _Parts(deployment, subject)
    async with parts:
        first = [orjson.loads(line) for line in (await parts.next()).splitlines()]
        sources = {one["meta"]["source"].partition("#")[0] for one in first}
        assert sources == {"urn:ods:A81001", "urn:ods:C99", "urn:ods:RXX"}
        parts.gate.set()
        live = [orjson.loads(line) for line in (await parts.next()).splitlines()]
        assert {one["meta"]["source"].partition("#")[0] for one in live} == {"urn:ods:QXX"}
        rest = [orjson.loads(line) for line in (await parts.rest()).splitlines()]
    kinds = [one["resourceType"] for one in rest]
    assert kinds.index("Patient") < kinds.index("Composition") < kinds.index("List")
    assert kinds[-1] == "OperationOutcome"
    assert any(one["id"] == subject for one in rest)


@pytest.mark.asyncio(loop_scope="module")
async def test_who_goes_away_ends_the_asking(deployment: Deployment) -> None:
    """The neighbour is not asked any longer, and the audit says how it ended."""
    subject = await deployment.subject()
    parts = _Parts(deployment, subject)
    async with parts:
        await parts.next()
    assert parts.asked.cancelled()
    await until(lambda: deployment.audit()[0].details["stream"] == "gone")  # it is on its way to the store


async def test_without_the_audit_not_a_byte_is_shown(fresh: Deployment) -> None:
    """503, and the neighbour is not even asked."""
    subject = await fresh.subject()
    asked = []

    def heard(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return fresh.neighbour.respond(request)

    fresh.services.client._transport = httpx.MockTransport(heard)
    await fresh.services.database.write(lambda conn: conn.execute(text("DROP TABLE audit")))
    said = checked(await ask(fresh, subject, NDJSON))
    assert (said.status, said.code, asked) == (503, "no-audit", [])


async def test_a_stream_that_breaks_says_so(fresh: Deployment) -> None:
    """What has gone out stands; an error is the last event, and the audit has its code."""
    subject = await fresh.subject()
    fresh.neighbour.resources.append(observation("new", "1", "2025-01-01"))
    await fresh.services.database.write(lambda conn: conn.execute(text("DROP TABLE locator")))
    answer = await ask(fresh, subject, EVENTS)
    last = answer.text.removesuffix("\n\n").rpartition("\n\n")[2]
    assert answer.text.startswith("event: entries\n")
    assert last.startswith("event: error\ndata: ")
    assert orjson.loads(last.partition("data: ")[2])["issue"][0]["severity"] == "error"
    assert fresh.audit()[0].details["stream"] == "broken"
    assert fresh.audit()[0].outcome == "failed"


class _Parts:
    """A stream whose parts are taken one by one, from a neighbour that answers when a gate is opened."""

    def __init__(self, deployment: Deployment, subject: str) -> None:
        self.gate = asyncio.Event()
        self.asked: asyncio.Task[object]
        self._deployment, self._subject = deployment, subject
        self._bodies: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._network = deployment.services.client._transport

    async def __aenter__(self) -> _Parts:
        async def held(request: httpx.Request) -> httpx.Response:
            self.asked = asyncio.current_task()  # type: ignore[assignment]
            await self.gate.wait()
            return self._deployment.neighbour.respond(request)

        self._deployment.services.client._transport = httpx.MockTransport(held)
        self._gone = asyncio.Event()
        self._task = asyncio.create_task(self._run())
        return self

    async def _run(self) -> None:
        path = f"/fhir/Patient/{self._subject}/$everything"
        headers = [(b"authorization", self._deployment.bearer().encode()), (b"accept", NDJSON.encode())]
        scope: Tree = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
            "method": "GET", "scheme": "https", "path": path, "raw_path": path.encode(), "query_string": b"",
            "root_path": "", "headers": headers, "client": ("192.0.2.1", 1), "server": ("record.test", 443),
        }  # fmt: skip
        given = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            if given:
                return given.pop()
            await self._gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message.get("body"):
                self._bodies.put_nowait(message["body"])

        await self._deployment.app(scope, receive, send)
        self._bodies.put_nowait(None)

    async def next(self) -> bytes:
        """The next part."""
        return await asyncio.wait_for(self._bodies.get(), LONG) or b""

    async def rest(self) -> bytes:
        """All the other parts."""
        found = b""
        while part := await self.next():
            found += part
        return found

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        await asyncio.wait_for(self._task, LONG)
        self._deployment.services.client._transport = self._network
