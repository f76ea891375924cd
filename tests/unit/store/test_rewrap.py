"""A new encryption key: all is wrapped by it in parts, stopped at whatever step, and nothing is lost."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect
from tests.unit.sources import given
from tests.unit.sources.people import MARGARET

from scr.errors import Conflict, Fault, Invalid
from scr.fhir.identifiers import OdsCode
from scr.store import sessions
from scr.store.engine import Database
from scr.store.keys import DataKey, KeyRing, create_keys
from scr.store.messages import keep, open_raw
from scr.store.people import add_person, person_by_key
from scr.store.rewrap import drop_former, put_first, rewrap, wrapped_by
from scr.store.wrapped import WRAPPED

PAYLOAD = b"what came"


def ring(folder: Path) -> KeyRing:
    """The keys of a folder, read again where they are others."""
    read = (folder / "encryption.key").read_bytes
    return KeyRing.from_text(read(), (folder / "index.key").read_bytes(), read)


def fill(database: Database, keys: KeyRing) -> tuple[str, str]:
    """A person, a message that is nobody's yet, and a session."""

    def work(connection: Connection) -> tuple[str, str]:
        person = add_person(connection, keys, MARGARET, given.KNOWN, given.NOW)
        receipt = keep(connection, keys, OdsCode("RX1"), "f", PAYLOAD, given.NOW)
        sessions.begin(connection, keys, "cookie", b"content", given.NOW, given.NOW + 1000)
        return person.key, receipt.id

    return database.write_now(work)


def readable(database: Database, keys: KeyRing, person: str, message: str) -> None:
    """Each of them opens."""

    def work(connection: Connection) -> None:
        found = person_by_key(connection, keys, person)
        assert found is not None
        assert found.nhs_number == MARGARET
        assert open_raw(connection, keys, message) == PAYLOAD
        kept = sessions.find(connection, keys, "cookie", given.NOW, given.NOW)
        assert kept is not None

    database.read_now(work)


def test_every_table_with_a_wrapped_key_is_gone_over(database: Database) -> None:
    """One that is added and not named here would keep the former key for ever."""

    def tables(connection: Connection) -> set[str]:
        look = inspect(connection)
        return {
            name
            for name in look.get_table_names()
            if any(column["name"] == "wrapped_key" for column in look.get_columns(name))
        }

    assert database.read_now(tables) == {one.table.name for one in WRAPPED}


def test_a_new_key_takes_over_while_the_old_one_is_in_use(database: Database, tmp_path: Path) -> None:
    """A process that has the former key alone reads what the new one wrapped; then the former one goes."""
    create_keys(tmp_path)
    running = ring(tmp_path)
    person, message = fill(database, running)
    put_first(tmp_path / "encryption.key")
    keys = ring(tmp_path)
    assert [*wrapped_by(database, keys).values()] == [0, 3]
    readable(database, keys, person, message)
    assert rewrap(database, keys) == 3
    assert rewrap(database, keys) == 0
    assert [*wrapped_by(database, keys).values()] == [3, 0]
    running.forget()
    readable(database, running, person, message)
    drop_former(tmp_path / "encryption.key")
    alone = ring(tmp_path)
    assert alone.wrapping == keys.wrapping[:1]
    readable(database, alone, person, message)
    assert (tmp_path / "encryption.key").stat().st_mode & 0o777 == 0o600


def test_it_is_stopped_anywhere_and_begun_again(database: Database, tmp_path: Path) -> None:
    """After each part: everything opens with both keys, and what is left is done the next time."""
    create_keys(tmp_path)
    person, message = fill(database, ring(tmp_path))
    put_first(tmp_path / "encryption.key")

    class Stopped(Exception):
        """The process ends."""

    def stop(after: str, table: str, _done: int) -> None:
        if table == after:
            raise Stopped

    for one in WRAPPED:
        with pytest.raises(Stopped):
            rewrap(database, ring(tmp_path), partial(stop, one.table.name))
        readable(database, ring(tmp_path), person, message)
    assert rewrap(database, ring(tmp_path)) == 0


def test_keys_are_told_apart_and_a_missing_one_opens_nothing(tmp_path: Path) -> None:
    """The same key twice is refused; a file that is away leaves the keys that are known."""
    create_keys(tmp_path)
    path, index = tmp_path / "encryption.key", (tmp_path / "index.key").read_bytes()
    one = path.read_bytes()
    for wrong in (one + one, one + index, b"", b"short"):
        with pytest.raises(Invalid):
            KeyRing.from_text(wrong, index)
    keys = ring(tmp_path)
    other = KeyRing(os.urandom(32), os.urandom(32))
    wrapped = other.wrap(DataKey.new(), b"place")
    path.rename(tmp_path / "away")
    for ask in (keys.unwrap, keys.wrapped_by):
        with pytest.raises(Fault):
            ask(wrapped, b"place")
    with pytest.raises(Invalid):
        put_first(path)
    (tmp_path / "away").rename(path)
    with pytest.raises(Conflict):
        create_keys(tmp_path)
