"""Revisions are undone and done again with data: what stays is as it was, what is lost is lost by design."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, MetaData, text
from tests.unit.store.samples import NOW
from tests.unit.store.whole import TRUST, Whole, fill

from scr.errors import Conflict
from scr.identity import index
from scr.store import messages
from scr.store.audit.check import check
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.messages import open_raw
from scr.store.migrations import downgrade, migrate, revision_of, revisions
from scr.store.people import person_by_key
from scr.store.records import load_history, load_record
from scr.store.turning import Turning

OLDEST, DECLARED = "0020", "0034"
LOST = {
    "alert.about", "audit_chain", "audit_seal", "audit.chain", "audit.seq", "audit.hash", "capacity",
    "challenge", "client.issuer", "client.roles", "client.speaks_for", "delegation", "erasure", "held",
    "in_force", "job", "key_turn", "last_look",
    "long_payload", "look_question", "message.adapter", "misuse_cursor", "misuse_day", "misuse_finding",
    "misuse_staff", "misuse_vip", "misuse_visit", "notice", "notice_choice", "person.keyed", "person_trace",
    "pulled", "resource.message", "resource_history.message",
}  # fmt: skip
"""What of the one revision is not there at the oldest: the code of then has no use for it. The audit's rows
stand, what is held is found by an index instead, and a long payload is with its message again."""

Rows = dict[str, dict[str, list[object]]]


def opened(url: str) -> Database:
    """A database of its own, with nothing else open."""
    return Database.open(url, writers=1, readers=1)


def rows_of(database: Database) -> Rows:
    """What stands in every column of every table, each in the order of the rows."""

    def work(connection: Connection) -> Rows:
        found: Rows = {}
        metadata = MetaData()
        metadata.reflect(connection)
        parts = {name for name in metadata.tables if name[-3:-2] == "_" and name[-2:].isdigit()}
        for name, table in metadata.tables.items():
            if name in parts or name == "alembic_version":
                continue
            rows = sorted(map(tuple, connection.execute(table.select())), key=repr)
            found[name] = {
                column: sorted((row[at] for row in rows), key=repr)
                for at, column in enumerate(table.c.keys())
            }
        return found

    return database.read_now(work)


def changed(before: Rows, after: Rows) -> set[str]:
    """The tables and columns that are not in the later, or say something else there."""
    found: set[str] = set()
    for table, columns in before.items():
        if table not in after:
            found.add(table)
        else:
            found |= {
                f"{table}.{name}" for name, values in columns.items() if after[table].get(name) != values
            }
    return found


def stepped(url: str, *steps: str) -> None:
    """Go some steps, each a transaction, with nobody else there."""
    database = opened(url)
    try:
        for revision in steps:
            (downgrade if revision == "-1" else migrate)(database, revision)
    finally:
        database.close()


def down_to(url: str, revision: str, start: str = "") -> None:
    """Undo revisions down to one, one after the other."""
    known = revisions()
    stepped(url, *["-1"] * (known.index(revision) - (known.index(start) if start else 0)))


@pytest.fixture
def whole(database_url: str, keys: KeyRing) -> Whole:
    """Somebody of whom something is everywhere."""
    database = opened(database_url)
    try:
        return fill(database, keys)
    finally:
        database.close()


@contextmanager
def looking(url: str) -> Iterator[Database]:
    """A database, open for a moment."""
    database = opened(url)
    try:
        yield database
    finally:
        database.close()


@pytest.mark.parametrize(
    "database_url",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.long])],
    indirect=True,
)
def test_down_and_up_again_with_data(database_url: str, keys: KeyRing, whole: Whole) -> None:
    """Step by step down to the oldest, and up again: but for what is named, each value is as it was; record,
    history and messages open, and the audit verifies as one chain."""

    def read() -> Rows:
        with looking(database_url) as database:
            return rows_of(database)

    newest = read()
    down_to(database_url, DECLARED)
    before = read()
    down_to(database_url, OLDEST, DECLARED)
    oldest = read()
    stays = {f"{table}.{name}" for table, columns in oldest.items() for name in columns}
    again = {"message.sealed"} if database_url.startswith("sqlite") else set()  # a long payload stood apart
    assert changed(newest, oldest) & stays == again
    assert changed(before, oldest) == LOST | again
    assert max(len(bytes(one)) for one in oldest["message"]["sealed"]) > 1_000_000  # type: ignore[call-overload]
    stepped(database_url, *revisions()[: revisions().index(OLDEST)][::-1])
    hidden = {"audit_closed"}  # by what rows were, until it is put back
    assert changed(oldest, read()) <= again | hidden
    with looking(database_url) as database:
        _opens(database, keys, whole)
        report = database.read_now(lambda c: check(c, b"", []))
        assert report.stands
        assert (report.rows, report.chains) == (len(newest["audit"]["id"]), 1)


def _opens(database: Database, keys: KeyRing, whole: Whole) -> None:
    """What every revision keeps opens again."""

    def work(connection: Connection) -> None:
        person = person_by_key(connection, keys, whole.key)
        assert person is not None
        assert index.find(connection, keys, person.nhs_number) == person
        assert {entry.id for entry in load_record(connection, keys, person)} >= {"observed"}
        assert len(load_history(connection, keys, "observed")) == 3
        for message in (whole.message, whole.long, whole.shared):
            assert open_raw(connection, keys, message)

    database.read_now(work)


def test_reads_and_messages_go_on_while_the_tables_are_brought_up(
    database_url: str, keys: KeyRing, whole: Whole
) -> None:
    """From the last revision that moves rows: whoever reads meanwhile sees all of the record each time, and
    what arrives is kept."""
    down_to(database_url, "0031")
    stop, begun = threading.Event(), threading.Event()
    seen: list[int] = []
    wrong: list[Exception] = []

    def read(connection: Connection) -> int:
        person = person_by_key(connection, keys, whole.key)
        assert person is not None
        return len(load_record(connection, keys, person))

    def arrive(connection: Connection) -> None:
        messages.keep(connection, keys, TRUST, "stream", f"arrived {len(seen)}".encode(), NOW)

    def serve() -> None:
        try:
            with looking(database_url) as database:
                while not stop.is_set():
                    seen.append(database.read_now(read))
                    database.write_now(arrive)
                    begun.set()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
            wrong.append(error)
            begun.set()

    thread = threading.Thread(target=serve)
    thread.start()
    begun.wait()
    stepped(database_url, "head")
    stop.set()
    thread.join()
    assert wrong == []
    assert len(set(seen)) == 1
    with looking(database_url) as database:
        assert database.read_now(revision_of) == revisions()[0]
        kept = text("SELECT count(*) FROM message WHERE feed = 'stream'")
        assert database.read_now(lambda c: c.execute(kept).scalar_one()) == len(seen)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_key_that_was_changed_keeps_its_revision(database_url: str, keys: KeyRing, whole: Whole) -> None:
    """The code before could not read it: undoing is refused, and nothing is undone."""
    with looking(database_url) as database:
        Turning(database, keys, NOW + 1, lambda: NOW).go_on()
    down_to(database_url, "0032")
    with pytest.raises(Conflict, match="changed"):
        stepped(database_url, "-1", "head")
    with looking(database_url) as database:
        _opens(database, keys, whole)
