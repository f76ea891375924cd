"""MESH mailboxes, on the sandbox that NHS England publishes, and on servers that do what servers do."""

from __future__ import annotations

import asyncio
import gzip
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import yaml
from sqlalchemy import select
from structlog.testing import capture_logs
from tests.functional import misbehaving
from tests.functional.mesh_sandbox import PASSWORD, SHARED_KEY, NotMade, Sandbox, Tls, make, running
from tests.functional.misbehaving import Behaviour, Request, answers
from tests.support.patience import LONG, until
from tests.unit.intake.feeder import HEADER, NOW, ROW

from scr.data import DataFiles
from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode
from scr.intake.file_unit import Desk
from scr.intake.mesh import MeshFailure, MeshPoller
from scr.intake.mesh_client import Mailbox
from scr.intake.mesh_routes import mailboxes
from scr.intake.receive import Intake
from scr.mapping.adapter import load_adapter
from scr.mapping.provider import Feed, Provider
from scr.settings import Settings
from scr.store.engine import Database
from scr.store.feeds import FeedState, feed_states
from scr.store.keys import KeyRing, create_keys
from scr.store.messages import MessageState
from scr.store.tables import MESSAGE

NUMBER = "9990001014"
OURS, COUNCIL = "X26ABC1", "X26ABC3"


@pytest.fixture(scope="session")
def sandbox_python() -> Path:
    """The Python of the sandbox's own environment."""
    try:
        return make()
    except NotMade as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def running_sandbox(sandbox_python: Path) -> Iterator[Sandbox]:
    """The sandbox, for the whole run."""
    with running(sandbox_python) as made:
        yield made


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    """The sandbox, with nothing in any mailbox."""
    running_sandbox.empty()
    return running_sandbox


class Ours:
    """A deployment that polls: its store, its secrets, and pollers as after a start."""

    def __init__(self, database: Database, keys: KeyRing, home: Path, url: str) -> None:
        self.database = database
        self.home = home
        (home / "password").write_text(PASSWORD, encoding="utf-8")
        (home / "shared").write_text(SHARED_KEY, encoding="utf-8")
        self.settings = Settings(home=home)
        self.keys = keys
        self.url = url

    def provider(self, ods: str, *workflows: str, **connection: object) -> Provider:
        """A practice that sends its list."""
        secrets = {"password": "file:password", "shared_key": "file:shared"}
        kind = {"kind": "mesh", "url": self.url, "mailbox": OURS, "workflow_ids": workflows}
        feed = {"name": "list", "adapter": "gp-registrations", "connection": kind | secrets | connection}
        made = Feed.model_validate(feed)
        return Provider(
            ods=OdsCode(ods), name="X", organisation_type="gp-practice", go_live=None, feeds=(made,)
        )

    def poller(
        self, *providers: Provider, mailbox: type[Mailbox] = Mailbox, max_bytes: int = 1_000_000
    ) -> MeshPoller:
        """A poller as it is after a start."""
        known = {each.ods: each for each in providers or [self.provider("Z9901", "GP_LIST")]}
        adapter = load_adapter(DataFiles(), "gp-registrations")
        desk = Desk(self.keys, adapter.maps)
        intake = Intake(self.database, self.keys, desk, {adapter.name: adapter}, known, lambda: NOW)
        (routes,) = mailboxes(known)
        return MeshPoller(intake, routes, lambda: mailbox(routes[0][2], self.settings), max_bytes=max_bytes)

    def stored(self) -> list[FeedState]:
        """What came of it."""
        return self.database.read_now(feed_states)

    def outcomes(self) -> list[dict[str, int]]:
        """The counts of each message that is kept."""
        return kept(self.database)


def kept(database: Database) -> list[dict[str, int]]:
    """What came of each message that is kept."""
    query = select(MESSAGE.c.outcome)
    return [orjson.loads(each) for each in database.read_now(lambda conn: conn.scalars(query).all())]


@pytest.fixture
def store(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """An open store of the test's own: SQLite, because all that differs on PostgreSQL is below the intake."""
    path = tmp_path / "scr.db"
    path.write_bytes(sqlite_template.read_bytes())
    opened = Database.open(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture
def ours(store: Database, keys: KeyRing, tmp_path: Path, sandbox: Sandbox) -> Ours:
    """A deployment whose mailbox is the sandbox's."""
    return Ours(store, keys, tmp_path, sandbox.url)


def rows(count: int, note: str = "n") -> bytes:
    """A list of so many registrations."""
    return "\n".join([HEADER, *(ROW.format(f"{note}{n}") for n in range(count))]).encode()


@pytest.mark.parametrize(
    ("chunk", "compress", "packed"),
    [(0, False, False), (900, False, False), (0, True, False), (900, True, False), (90, False, True)],
    ids=["one", "chunks", "one compressed", "chunks, each compressed", "one compressed file in chunks"],
)
async def test_a_message_is_taken_whole_and_acknowledged(
    ours: Ours, sandbox: Sandbox, chunk: int, compress: bool, packed: bool
) -> None:
    """However it was cut and compressed, the same rows are filed, and the mailbox is empty."""
    raw = gzip.compress(rows(60)) if packed else rows(60)
    sandbox.send(OURS, raw, "GP_LIST", chunk=chunk, compress=compress, compressed=packed)
    assert await ours.poller().poll() == 1
    assert ours.outcomes() == [{"filed": 60, "quarantined": 0}]
    assert sandbox.inbox(OURS) == []


async def test_the_same_content_twice_is_stored_once(ours: Ours, sandbox: Sandbox) -> None:
    """Two messages with the same bytes, differently cut: both acknowledged, one kept."""
    sandbox.send(OURS, rows(40), "GP_LIST", chunk=700, compress=True)
    sandbox.send(OURS, rows(40), "GP_LIST")
    assert await ours.poller().poll() == 2
    assert ours.outcomes() == [{"filed": 40, "quarantined": 0}]
    assert sandbox.inbox(OURS) == []


class Cut(Mailbox):
    """A mailbox whose line is cut after the commit and before the acknowledgement."""

    def acknowledge(self, message: str) -> None:
        """Never arrives."""
        raise MeshFailure("cut", code="unreachable")


async def test_a_crash_before_the_acknowledgement_brings_the_message_again_and_files_it_once(
    ours: Ours, sandbox: Sandbox
) -> None:
    """Committed and not acknowledged: it waits still, and the next process finds that it has it."""
    sandbox.send(OURS, rows(5), "GP_LIST", chunk=200)
    assert await ours.poller(mailbox=Cut).poll() == 0
    assert [state.counts for state in ours.stored()] == [{MessageState.FILED: 1}]
    assert len(sandbox.inbox(OURS)) == 1
    assert await ours.poller().poll() == 1
    assert ours.outcomes() == [{"filed": 5, "quarantined": 0}]
    assert sandbox.inbox(OURS) == []


async def test_what_cannot_be_filed_is_kept_in_quarantine_and_acknowledged(
    ours: Ours, sandbox: Sandbox
) -> None:
    """It is ours now: a second look at it is here, not at the sender's."""
    sandbox.send(OURS, b"\x1f\x8b no gzip at all", "GP_LIST", compressed=True)
    assert await ours.poller().poll() == 1
    assert [state.counts for state in ours.stored()] == [{MessageState.QUARANTINED: 1}]


@pytest.mark.parametrize("secret", ["password", "shared"])
async def test_a_wrong_secret_takes_nothing_and_says_where_to_look(
    ours: Ours, sandbox: Sandbox, secret: str
) -> None:
    """403, told without the secret; put right, the same poller goes on without a restart."""
    sandbox.send(OURS, rows(1), "GP_LIST")
    right = (ours.home / secret).read_text(encoding="utf-8")
    (ours.home / secret).write_text("wrong-secret", encoding="utf-8")
    poller = ours.poller()
    with pytest.raises(MeshFailure, match="`shared_key`") as caught:
        await poller.poll()
    assert caught.value.code == "http-403"
    assert "wrong-secret" not in str(caught.value)
    (ours.home / secret).write_text(right, encoding="utf-8")
    assert await poller.poll() == 1


async def test_a_message_for_no_feed_waits_told_once_until_a_feed_takes_it(
    ours: Ours, sandbox: Sandbox
) -> None:
    """Neither its workflow nor its sender is known: left unacknowledged, while the others are taken."""
    sandbox.send(OURS, rows(1, "a"), "NEW_THING")
    sandbox.send(OURS, rows(1, "b"), "GP_LIST", sender="X26ABC2")
    sandbox.send(OURS, rows(1, "c"), "GP_LIST")
    poller = ours.poller(ours.provider("Z9901", "GP_LIST", sender=COUNCIL))
    with capture_logs() as logged:
        assert [await poller.poll(), await poller.poll()] == [1, 0]
    left = [(line["workflow"], line["sender"]) for line in logged if line.get("code") == "no-feed"]
    assert left == [("NEW_THING", COUNCIL), ("GP_LIST", "X26ABC2")]
    assert len(sandbox.inbox(OURS)) == 2
    assert await ours.poller(ours.provider("Z9901", "GP_LIST", "NEW_THING")).poll() == 2


async def test_feeds_of_one_mailbox_are_told_apart_by_workflow_and_sender(
    ours: Ours, sandbox: Sandbox
) -> None:
    """Three providers, one mailbox, one poller: each message goes to whom it belongs."""
    providers = [
        ours.provider("Z9901", "GP_LIST", sender="x26abc2"),
        ours.provider("Z9902", "GP_LIST", sender=COUNCIL),
        ours.provider("Z9903", "OTHER"),
    ]
    for sender, workflow, count in (
        ("X26ABC2", "GP_LIST", 1),
        (COUNCIL, "GP_LIST", 2),
        (COUNCIL, "OTHER", 3),
    ):
        for number in range(count):
            sandbox.send(OURS, rows(1, f"{workflow}{number}"), workflow, sender=sender)
    assert await ours.poller(*providers).poll() == 6
    assert {s.provider.value: sum(s.counts.values()) for s in ours.stored()} == {
        "Z9901": 1, "Z9902": 2, "Z9903": 3,
    }  # fmt: skip


async def test_a_report_is_told_and_acknowledged(ours: Ours, sandbox: Sandbox) -> None:
    """That a message of ours was not collected is no payload."""
    sandbox.report(OURS)
    with capture_logs() as logged:
        assert await ours.poller().poll() == 1
    assert [(line["status"], line["of"]) for line in logged] == [("14", "ABC1")]
    assert (ours.stored(), sandbox.inbox(OURS)) == ([], [])


async def test_a_message_over_the_limit_is_left_in_the_inbox(ours: Ours, sandbox: Sandbox) -> None:
    """Also one that is small only as long as it is compressed; the next one has its turn."""
    sandbox.send(OURS, b" " * 5_000_000, "GP_LIST", compress=True)
    sandbox.send(OURS, gzip.compress(b" " * 5_000_000), "GP_LIST", compressed=True)
    sandbox.send(OURS, rows(1), "GP_LIST")
    with capture_logs() as logged:
        assert await ours.poller().poll() == 1
    assert [line["code"] for line in logged if line["log_level"] == "warning"] == ["too-large"] * 2
    assert len(sandbox.inbox(OURS)) == 2


async def test_it_polls_until_it_is_told_to_stop(ours: Ours, sandbox: Sandbox) -> None:
    """What comes later is taken at a later poll, and stopping does not wait for the next one."""
    poller = ours.poller(ours.provider("Z9901", "GP_LIST", poll_seconds=0.05))
    stop = asyncio.Event()
    polling = asyncio.create_task(poller.run(stop))
    for number in range(3):
        sandbox.send(OURS, rows(1, str(number)), "GP_LIST")
        await until(lambda number=number: len(ours.outcomes()) > number)  # type: ignore[misc]
    stop.set()
    await asyncio.wait_for(polling, LONG)


async def test_mutual_tls(
    store: Database, keys: KeyRing, tmp_path: Path, sandbox_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate of the right authority gets in; an expired one, none, or a server of another authority
    (whatever the environment trusts) is told as what it is, and nothing is taken."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    tls = Tls(tmp_path)
    Tls(tmp_path / "other")
    tls.issue("client")
    tls.issue("expired", days=-1)
    with running(sandbox_python, tls) as sandbox:
        ours = Ours(store, keys, tmp_path, sandbox.url)
        sandbox.send(OURS, rows(1), "GP_LIST")
        for code, wrong in (
            ("tls", {"certificate": "expired.pem", "ca": "ca.pem"}),
            ("tls", {"certificate": "client.pem", "ca": "other/ca.pem"}),
            ("unreachable", {"ca": "ca.pem"}),
        ):
            with pytest.raises(MeshFailure, match="certificate") as caught:
                await ours.poller(ours.provider("Z9901", "GP_LIST", **wrong)).poll()
            assert caught.value.code == code
        right = {"certificate": "client.pem", "key": "client.pem", "ca": "ca.pem"}
        assert await ours.poller(ours.provider("Z9901", "GP_LIST", **right)).poll() == 1
        with pytest.raises(Invalid, match="PEM files that belong together"):
            await ours.poller(ours.provider("Z9901", "GP_LIST", **right | {"key": "ca.pem"})).poll()


def make_home(home: Path, url: str) -> Path:
    """A deployment's folder with one provider, which sends to the mailbox."""
    create_keys(home / "keys")
    (home / "adapters/providers").mkdir(parents=True)
    connection = {"kind": "mesh", "url": url, "mailbox": OURS, "workflow_ids": ["GP_LIST"]}
    connection |= {"password": "env:MESH_PASSWORD", "shared_key": "env:MESH_SHARED_KEY"}
    provider = {
        "organisation": {"ods": "Z9901", "name": "Example", "type": "gp-practice"},
        "feeds": [{"name": "list", "adapter": "gp-registrations", "connection": connection}],
    }
    (home / "adapters/providers/Z9901.yaml").write_text(yaml.safe_dump(provider), encoding="utf-8")
    return home


async def started(home: Path, *arguments: str) -> asyncio.subprocess.Process:
    """`scr poll` as its users run it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCR_")}
    environment |= {"MESH_PASSWORD": PASSWORD, "MESH_SHARED_KEY": SHARED_KEY}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scr", "--home", str(home), "poll", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=environment,
    )  # fmt: skip


async def test_the_command_takes_what_waits_and_logs_no_number(sandbox: Sandbox, tmp_path: Path) -> None:
    """`scr poll --once`: two messages wait, and one of them names its workflow by a person's number."""
    sandbox.send(OURS, rows(2), "GP_LIST", chunk=300)
    sandbox.send(OURS, rows(1), NUMBER)
    process = await started(make_home(tmp_path / "home", sandbox.url), "--once")
    said, _ = await asyncio.wait_for(process.communicate(), LONG)
    assert b"1 messages taken and acknowledged." in said
    assert b"mesh message taken" in said
    assert b"no-feed" in said
    assert NUMBER.encode() not in said
    assert len(sandbox.inbox(OURS)) == 1


async def test_a_process_that_is_killed_before_its_acknowledgement_has_committed(tmp_path: Path) -> None:
    """Killed while the acknowledgement is on its way: the rows are in the store, and not doubled by the next
    process, which is given the message again and acknowledges it."""
    listed = answers(orjson.dumps({"messages": ["M1"]}))
    on_its_way = asyncio.Event()

    async def never_answers(request: Request, writer: asyncio.StreamWriter) -> None:
        on_its_way.set()
        await misbehaving.hangs(request, writer)

    behave = mesh({}, given(rows(3)), listed=listed)
    acknowledging = misbehaving.in_turn(never_answers, answers(b""))

    async def server_of_two_lives(request: Request, writer: asyncio.StreamWriter) -> None:
        await (acknowledging if request.method == "PUT" else behave)(request, writer)

    async with misbehaving.serve(server_of_two_lives) as server:
        home = make_home(tmp_path / "home", server.url)
        process = await started(home)
        try:
            await asyncio.wait_for(on_its_way.wait(), LONG)
        finally:
            process.kill()
        await process.communicate()
        assert outcomes(home) == [{"filed": 3, "quarantined": 0}]
        again = await started(home, "--once")
        said, _ = await asyncio.wait_for(again.communicate(), LONG)
        assert b"1 messages taken and acknowledged." in said
    assert outcomes(home) == [{"filed": 3, "quarantined": 0}]
    assert len([request for request in server.requests if request.method == "PUT"]) == 2


def outcomes(home: Path) -> list[dict[str, int]]:
    """The counts of each message that a deployment keeps."""
    database = Database.open(f"sqlite:///{home / 'scr.db'}")
    try:
        return kept(database)
    finally:
        database.close()


# Servers that fail: what the sandbox does not do.

LISTED = ("M1", "M2", "M3", "M4", "M5")


def mesh(message: dict[str, Behaviour], others: Behaviour, *, listed: Behaviour | None = None) -> Behaviour:
    """A server whose inbox has ``LISTED``; ``message`` says how some chunks are given."""
    inbox = listed or answers(orjson.dumps({"messages": LISTED, "links": {}}))

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        _, _, path = request.target.partition(f"/{OURS}")
        if request.method != "GET":
            await answers(b"")(request, writer)
        elif path == "/inbox":
            await inbox(request, writer)
        else:
            await message.get(path.removeprefix("/inbox/"), others)(request, writer)

    return behave


def given(raw: bytes, at: str = "1:1", *, zipped: bool = False) -> Behaviour:
    """A chunk of a message."""
    headers = {"Mex_WorkflowID": "GP_LIST", "Mex_Chunk_Range": at}
    headers |= {"Content_Encoding": "gzip"} if zipped else {}
    return answers(raw, 200, "text/csv", 0.0, **headers)


def cut_off(raw: bytes) -> Behaviour:
    """Half a chunk: the length of all of it, and the connection closed after a half."""

    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 200 OK\r\nMex-WorkflowID: GP_LIST\r\nContent-Length: {len(raw)}\r\n\r\n"
        writer.write(head.encode() + raw[: len(raw) // 2])
        await writer.drain()
        writer.close()

    return behave


def endless(head: str) -> Behaviour:
    """A chunk that comes bit by bit, and has no end."""

    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nMex-WorkflowID: GP_LIST\r\n{head}\r\n\r\n".encode())
        while True:
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    return behave


SMALL = rows(1)
PACKED = gzip.compress(rows(20), mtime=0)


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (cut_off(SMALL), None, "truncated"),
        (given(PACKED[:-20], zipped=True), None, "truncated"),
        (given(b"not gzip", zipped=True), None, "truncated"),
        (given(SMALL, "1:2"), cut_off(SMALL), "truncated"),
        (endless("Connection: close"), None, "truncated"),
        (given(SMALL, "1:2"), given(SMALL, "1:2"), "truncated"),
        (given(SMALL, "1:2"), given(SMALL, "2:3"), "truncated"),
        (given(PACKED[:50], "1:2", zipped=True), given(b"", "2:2", zipped=True), "truncated"),
        (given(SMALL, "1:2"), answers(b"oops", 500), "http-500"),
        (given(SMALL, "1:2"), misbehaving.hangs, "timed-out"),
        (given(SMALL, "1:2"), misbehaving.resets, "unreachable"),
        (answers(b"oops", 403), None, "http-403"),
        (misbehaving.redirects, None, "redirect"),
    ],
)  # fmt: skip
async def test_a_message_that_does_not_come_whole_is_not_taken_and_the_others_are(
    store: Database, keys: KeyRing, tmp_path: Path, first: Behaviour, second: Behaviour | None, code: str
) -> None:
    """Nothing of it is kept, nothing acknowledged, and it is asked for again later."""
    one = {"M1": first} | ({} if second is None else {"M1/2": second})
    async with misbehaving.serve(mesh(one, given(SMALL))) as server:
        ours = Ours(store, keys, tmp_path, server.url)
        seconds = 2.0 if code == "timed-out" else 30.0
        poller = ours.poller(ours.provider("Z9901", "GP_LIST", timeout_seconds=seconds))
        with capture_logs() as logged:
            assert await poller.poll() == 4
    assert [line["code"] for line in logged if line["log_level"] == "warning"] == [code]
    acknowledged = [r.target.split("/")[-3] for r in server.requests if r.method == "PUT"]
    assert acknowledged == ["M2", "M3", "M4", "M5"]
    assert ours.outcomes() == [{"filed": 1, "quarantined": 0}]


async def test_one_compressed_file_cut_into_chunks_is_one_file(
    store: Database, keys: KeyRing, tmp_path: Path
) -> None:
    """Some senders compress first and cut then: the chunks do not unfold one by one."""
    chunks = {
        "M1": given(PACKED[:70], "1:2", zipped=True),
        "M1/2": given(PACKED[70:], "2:2", zipped=True),
    }
    listed = answers(orjson.dumps({"messages": ["M1"]}))
    async with misbehaving.serve(mesh(chunks, misbehaving.hangs, listed=listed)) as server:
        ours = Ours(store, keys, tmp_path, server.url)
        assert await ours.poller().poll() == 1
    assert ours.outcomes() == [{"filed": 20, "quarantined": 0}]


async def test_a_service_that_fails_message_after_message_is_left_alone(
    store: Database, keys: KeyRing, tmp_path: Path
) -> None:
    """After three in a row it is not the message: the poll ends, and the rest are not asked for."""
    async with misbehaving.serve(mesh({}, answers(b"", 503))) as server:
        ours = Ours(store, keys, tmp_path, server.url)
        with pytest.raises(MeshFailure) as caught:
            await ours.poller().poll()
    assert caught.value.code == "messages-failed"
    assert [r.target[-2:] for r in server.requests[2:]] == ["M1", "M2", "M3"]


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        (answers(b"oops", 500), "http-500"),
        (answers(b"oops", 404), "http-404"),
        (answers(b"<html>"), "unreadable"),
        (answers(b"[]"), "unreadable"),
        (answers(b'{"messages": [7]}'), "unreadable"),
        (answers(b'{"messages": ["../admin"]}'), "unreadable"),
        (misbehaving.hangs, "timed-out"),
        (misbehaving.breaks_off, "truncated"),
        (misbehaving.resets, "unreachable"),
        (misbehaving.speaks_no_http, "unreachable"),
        (misbehaving.redirects, "redirect"),
    ],
)
async def test_a_mailbox_that_cannot_be_read_is_told_without_its_address(
    store: Database, keys: KeyRing, tmp_path: Path, listed: Behaviour, code: str
) -> None:
    """Each in its own way, and none of them takes or acknowledges anything."""
    async with misbehaving.serve(mesh({}, given(SMALL), listed=listed)) as server:
        ours = Ours(store, keys, tmp_path, server.url)
        seconds = 0.3 if code == "timed-out" else 30.0
        with pytest.raises(MeshFailure) as caught:
            await ours.poller(ours.provider("Z9901", "GP_LIST", timeout_seconds=seconds)).poll()
    assert caught.value.code == code
    assert "127.0.0.1" not in str(caught.value)
    assert not any(request.method == "PUT" for request in server.requests)


async def test_a_service_that_comes_back_is_found_again(
    store: Database, keys: KeyRing, tmp_path: Path
) -> None:
    """Two polls fail, sooner and later; the third takes what waits, and says nothing of it."""
    good = answers(orjson.dumps({"messages": ["M1"]}))
    listed = misbehaving.in_turn(answers(b"", 503), misbehaving.resets, good)
    async with misbehaving.serve(mesh({}, given(SMALL), listed=listed)) as server:
        ours = Ours(store, keys, tmp_path, server.url)
        poller, stop = ours.poller(ours.provider("Z9901", "GP_LIST", poll_seconds=0.02)), asyncio.Event()
        with capture_logs() as logged:
            polling = asyncio.create_task(poller.run(stop))
            await until(lambda: bool(ours.outcomes()))
            stop.set()
            await polling
    failed = [line["code"] for line in logged if line["event"] == "mesh poll failed"]
    assert failed == ["http-503", "unreachable"]


async def test_stopping_breaks_off_a_message_that_drips(
    store: Database, keys: KeyRing, tmp_path: Path
) -> None:
    """A server that sends a byte now and then does not keep the process from ending."""
    drips = endless("Transfer-Encoding: chunked")
    async with misbehaving.serve(mesh({"M1": drips}, misbehaving.hangs)) as server:
        ours = Ours(store, keys, tmp_path, server.url)
        stop = asyncio.Event()
        polling = asyncio.create_task(ours.poller().run(stop))
        await until(lambda: any(request.target.endswith("M1") for request in server.requests))
        stop.set()
        await asyncio.wait_for(polling, 20)  # a message has fifteen minutes, an answer thirty seconds
    assert ours.stored() == []
