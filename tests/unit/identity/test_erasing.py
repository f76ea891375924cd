"""Somebody is erased: asked by one, confirmed by another, and nothing of theirs opens or stands anywhere."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, make_url, select
from tests.unit.store.samples import FAMILY, NOW, nhs_number, note
from tests.unit.store.whole import TRUST, WHY, Whole, Words, fill, read_all

from scr.errors import Conflict, Fault, Forbidden, NotFound, Unavailable
from scr.fhir.demographics import Demographics
from scr.identity import index
from scr.identity.erasing import Erasing
from scr.store import erasures, messages, quarantine, trail
from scr.store.engine import Database
from scr.store.filing import file_entries
from scr.store.keys import KeyRing
from scr.store.messages import MessageState
from scr.store.people import person_by_key
from scr.store.records import load_record
from scr.store.sealed import SEALED
from scr.store.shared import names
from scr.store.tables import ERASURE, MESSAGE, PERSON, QUARANTINE, metadata

OTHERS = b"what a row says of somebody else"


def erasing(database: Database, keys: KeyRing, folder: Path, now: int = NOW) -> Erasing:
    """The desk."""
    return Erasing(database, keys, folder / "lists" / "erased.jsonl", lambda: now)


def bystander(database: Database, keys: KeyRing) -> tuple[str, str]:
    """Somebody else, who is in a file with them, and of whom a row is in quarantine."""

    def work(connection: Connection) -> tuple[str, str]:
        someone = index.register(connection, keys, nhs_number(2), Demographics("Other"), NOW)
        file_entries(connection, keys, someone, [note("theirs")], NOW)
        raw = f"NHSNo\n{nhs_number(0).spaced}\n{nhs_number(2).value}\n".encode()
        message = messages.keep(connection, keys, TRUST, "csv", raw, NOW).id
        item = quarantine.quarantine(connection, keys, message, "a", "row 2", "c", "s", OTHERS, NOW)
        messages.finish(connection, keys, message, MessageState.FILED, {"filed": 1})
        return someone.key, item

    return database.write_now(work)


def sealed_of(database: Database, whole: Whole) -> list[bytes]:
    """Every sealed value of theirs, and their wrapped keys, as they stand."""

    def work(connection: Connection) -> list[bytes]:
        found = [
            value.sealed
            for key in (whole.key, whole.other)
            for one in SEALED
            for value in one.every(connection, key)
        ]
        own = MESSAGE.c.id.in_([whole.message, whole.long, whole.shared])
        mine = PERSON.c.key.in_([whole.key, whole.other])
        found += connection.execute(select(PERSON.c.wrapped_key).where(mine)).scalars()
        found += connection.execute(select(MESSAGE.c.wrapped_key).where(own)).scalars()
        found += connection.execute(select(MESSAGE.c.sealed).where(own, MESSAGE.c.sealed != b"")).scalars()
        found += connection.execute(
            select(QUARANTINE.c.sealed).where(QUARANTINE.c.id == whole.item)
        ).scalars()
        return [bytes(value) for value in found]

    return database.read_now(work)


def every_value(database: Database) -> Iterator[tuple[str, object]]:
    """Every value of every row, and its table."""
    for table in metadata.sorted_tables:
        rows = database.read_now(lambda connection, table=table: connection.execute(select(table)).all())  # type: ignore[misc]
        for row in rows:
            yield from ((table.name, value) for value in row)


def files_of(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()


def test_it_takes_two_and_leaves_nothing_that_opens(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    """Who asks cannot confirm; then no row of theirs is left but in the audit, and that messages came; no
    sealed value of theirs stands in any row or file, and nobody else lost anything."""
    whole = fill(database, keys)
    other, item = bystander(database, keys)
    read_all(database, keys, whole)
    before = sealed_of(database, whole)
    desk = erasing(database, keys, tmp_path)
    [asked] = desk.waiting()
    assert (asked.by, asked.reason) == ("Ann", WHY)
    with pytest.raises(Forbidden):
        desk.confirm(asked.id, " aNN ")
    with pytest.raises(Forbidden):
        erasing(database, keys, tmp_path, asked.until).confirm(asked.id, "Bo")
    read_all(database, keys, whole)
    with pytest.raises(NotFound):
        desk.confirm("another", "Bo")
    erased = desk.confirm(asked.id, "Bo")
    assert (erased.people, erased.payloads) == (2, 2)
    gone = {whole.key, whole.other}
    for table, value in every_value(database):
        assert table in {"audit", "message"} or value not in gone, table
        assert not isinstance(value, bytes | memoryview) or bytes(value) not in before, table
    opens = (
        lambda c: messages.open_raw(c, keys, whole.message),
        lambda c: messages.open_raw(c, keys, whole.long),
        lambda c: messages.open_raw(c, keys, whole.shared),
        lambda c: quarantine.open_quarantined(c, keys, whole.item),
    )
    for one in opens:
        with pytest.raises(Fault, match="cannot be opened"):
            database.read_now(one)
    assert database.read_now(lambda c: index.find(c, keys, nhs_number(0))) is None
    assert database.read_now(lambda c: quarantine.open_quarantined(c, keys, item))[1] == OTHERS
    bystanding = database.read_now(lambda c: person_by_key(c, keys, other))
    assert bystanding is not None
    assert len(database.read_now(lambda c: load_record(c, keys, bystanding))) == 1
    rows = database.read_now(lambda c: trail.recent(c, 100))
    [told] = [row for row in rows if row.what == "identity erasure erased"]
    assert (told.actor, told.person) == ("Bo", whole.key)
    assert told.details["why"] == WHY
    assert sorted(erasures.erased(desk.erased)) == sorted(gone)
    if database.dialect == "sqlite":
        for path, content in files_of(tmp_path):
            assert not [value for value in before if value in content and len(value) > 40], path.name


def test_nothing_of_a_person_can_be_read_where_the_database_keeps_it(
    database: Database, keys: KeyRing, tmp_path: Path, database_url: str
) -> None:
    """Neither name, number, postcode nor text stands in the file, its log or beside it; nor anywhere in
    PostgreSQL's own folder, its write-ahead log and its statements' log among it."""
    whole = fill(database, keys, Words.fresh())
    read_all(database, keys, whole)
    for table, value in every_value(database):
        if isinstance(value, bytes | memoryview | str):
            content = value.encode() if isinstance(value, str) else bytes(value)
            assert not [secret for secret in whole.words.secrets if secret in content], table
    folder = tmp_path
    if database.dialect == "postgresql":
        with psycopg.connect(make_url(database_url).render_as_string(hide_password=False)) as connection:
            folder = Path(connection.execute("SHOW data_directory").fetchone()[0])  # type: ignore[index]
    database.close()
    looked = 0
    for path, content in files_of(folder):
        looked += len(content)
        assert not [secret for secret in whole.words.secrets if secret in content], path
    assert looked > 1_000_000


def test_who_is_on_the_list_is_erased_again(database: Database, keys: KeyRing, tmp_path: Path) -> None:
    """As after an older backup was restored: whoever the list names, and nobody else, once."""
    whole = fill(database, keys)
    other, _ = bystander(database, keys)
    desk = erasing(database, keys, tmp_path)
    assert desk.again() == 0
    erasures.remember(desk.erased, [whole.key, "somebody who is not held"], NOW)
    desk.erased.write_bytes(desk.erased.read_bytes() + b"half a li")
    assert desk.again() == 2
    assert desk.again() == 0
    held = database.read_now(lambda c: list(c.execute(select(PERSON.c.key)).scalars()))
    assert held == [other]
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable):
        erasures.remember(tmp_path / "file" / "erased.jsonl", [whole.key], NOW)


def test_it_is_asked_for_once_and_can_be_withdrawn(database: Database, keys: KeyRing, tmp_path: Path) -> None:
    """A second request is refused while the first stands, and taken when that has lapsed."""
    desk = erasing(database, keys, tmp_path)
    with pytest.raises(NotFound):
        desk.ask("nobody", "Ann", "why")
    known = Demographics(FAMILY)
    someone = database.write_now(lambda c: index.register(c, keys, nhs_number(3), known, NOW))
    first = desk.ask(someone.patient_id, "Ann", "she asked for it")
    with pytest.raises(Conflict):
        desk.ask(someone.patient_id, "Bo", "he asked for it")
    later = erasing(database, keys, tmp_path, first.until)
    again = later.ask(someone.patient_id, "Bo", "he asked for it")
    later.withdraw(again.id, "Bo")
    assert later.waiting() == []
    assert database.read_now(lambda c: c.execute(select(ERASURE)).all()) == []
    rows = database.read_now(lambda c: trail.recent(c, 3))
    told = {(row.what.split()[-1], row.actor, row.person) for row in rows}
    assert told == {
        ("asked", "Ann", someone.key),
        ("asked", "Bo", someone.key),
        ("withdrawn", "Bo", someone.key),
    }
    assert database.read_now(lambda c: person_by_key(c, keys, someone.key)) is not None


def test_a_number_is_seen_in_whatever_a_payload_is() -> None:
    """With spaces, in UTF-16, in a workbook; not as a part of a longer number, and not another's."""
    mine, other = nhs_number(5), nhs_number(6)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/sharedStrings.xml", "<t>" + "x" * 3_000_000 + f"{mine.spaced}</t>")
    there = (
        f"PID|||{mine.value}^^^NHS".encode(),
        mine.spaced.encode(),
        mine.value.encode("utf-16"),
        archive.getvalue(),
        f"<v>{mine.value[:3]}-{mine.value[3:6]}-{mine.value[6:]}</v>".encode(),
    )
    for raw in there:
        assert names(raw, [other, mine])
        assert not names(raw, [other])
    assert not names(f"1{mine.value}".encode(), [mine])
    assert not names(f"{mine.value}1".encode(), [mine])
