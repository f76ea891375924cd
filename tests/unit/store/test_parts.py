"""A record's tables in parts by person, on PostgreSQL."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection
from tests.support.patience import until_now
from tests.unit.store import samples

from scr.fhir.entry import Entry
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.migrations import downgrade, migrate
from scr.store.people import erase_person
from scr.store.records import load_history, load_record
from scr.store.tables import HELD, HISTORY, PULLED, RESOURCE
from scr.store.tables.columns import PARTITIONS

PARTED = (RESOURCE.name, HISTORY.name, PULLED.name)
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
_PART = "SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass"


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_a_person_is_in_one_part_of_each_and_is_read_from_it_alone(database: Database, keys: KeyRing) -> None:
    """A dozen people are in several parts; what the record of one is read by goes to one of them."""
    people = [samples.person(database, keys, serial) for serial in range(12)]
    for number, someone in enumerate(people):
        samples.filed(database, keys, someone, [samples.note(f"a{number}"), samples.note(f"b{number}")])

    def parts(connection: Connection) -> list[tuple[str, str]]:
        query = "SELECT DISTINCT tableoid::regclass::text, person FROM resource"
        return [tuple(row) for row in connection.exec_driver_sql(query)]

    def plan(connection: Connection, table: str, key: str) -> Any:
        told = f"EXPLAIN (FORMAT JSON) SELECT * FROM {table} WHERE person = %s"
        return connection.exec_driver_sql(told, (key,)).scalar_one()[0]["Plan"]

    found = database.read_now(parts)
    assert len(found) == len(people)
    assert len({part for part, _ in found}) > 1
    for table in PARTED:
        assert database.read_now(lambda c, t=table: c.exec_driver_sql(_PART, (t,)).scalar_one()) == PARTITIONS  # type: ignore[misc]
        for someone in people[:3]:
            asked = database.read_now(partial(plan, table=table, key=someone.key))
            assert asked["Relation Name"].startswith(f"{table}_"), asked
            assert "Plans" not in asked or asked["Node Type"] == "Bitmap Heap Scan", asked


def is_alone(connection: Connection) -> bool:
    """Whether no other connection to the database is open."""
    return connection.dialect.name == "sqlite" or not connection.exec_driver_sql(_OTHERS).scalar_one()


def test_the_parts_are_made_and_put_together_again_with_what_they_hold(
    database_url: str, keys: KeyRing
) -> None:
    """Back and forth with versions in the tables: nothing is lost, an id leads to its person, and erasing
    the person leaves none of it. Backwards goes nobody while another has the database open."""
    with closing(Database.open(database_url, writers=1, readers=1)) as database:
        someone = samples.person(database, keys)
        for text in ("first", "second"):
            samples.filed(database, keys, someone, [samples.note("a", text), samples.note("b")])

    def record(connection: Connection) -> list[Entry]:
        return sorted(load_record(connection, keys, someone), key=lambda entry: entry.id)

    with closing(Database.open(database_url, writers=1, readers=1)) as database:
        before = database.read_now(record)
        history = database.read_now(lambda c: load_history(c, keys, "a"))
    assert (len(before), len(history)) == (2, 2)
    with closing(Database.open(database_url, writers=1, readers=1)) as database:
        until_now(partial(database.write_now, is_alone))  # who has closed is gone a moment later
        downgrade(database, "0030")
        assert database.read_now(record) == before
        migrate(database)
    with closing(Database.open(database_url, writers=1, readers=1)) as database:
        assert database.read_now(record) == before
        assert database.read_now(lambda c: load_history(c, keys, "a")) == history
        database.write_now(lambda c: erase_person(c, keys, someone))
        for table in (HELD, RESOURCE, HISTORY):
            assert database.read_now(lambda c, t=table: c.execute(t.select()).all()) == []  # type: ignore[misc]
