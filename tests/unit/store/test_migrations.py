"""The migrations and the tables say the same."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from scr.store.engine import Database
from scr.store.migrations import downgrade, migrate
from scr.store.tables import metadata


def _differences(connection: Connection) -> list[object]:
    options = {"compare_type": True, "include_name": _is_no_part}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, metadata))


def _is_no_part(name: str | None, kind: str, _: object) -> bool:
    """Whether it is no part of a table that PostgreSQL keeps in parts, nor of one's."""
    return kind != "table" or name is None or name.rstrip("0123456789")[-1] != "_"


def _tables(database: Database) -> set[str]:
    return set(database.read_now(lambda connection: inspect(connection).get_table_names()))


def test_the_migrations_make_the_tables_of_the_metadata(database: Database) -> None:
    """Alembic finds no difference between what the migrations made and what the code expects."""
    assert database.read_now(_differences) == []


def test_a_table_that_the_migrations_do_not_know_is_seen(database: Database) -> None:
    """The comparison above can fail: it sees an index that is gone."""
    database.write_now(lambda connection: connection.exec_driver_sql("DROP INDEX audit_at").close())
    assert len(database.read_now(_differences)) == 1


def test_down_and_up_again(database: Database) -> None:
    """Every revision can be taken back, and applied again; applying it twice changes nothing."""
    before = _tables(database)
    downgrade(database, "base")
    assert _tables(database) == {"alembic_version"}
    migrate(database)
    migrate(database)
    assert _tables(database) == before


def test_a_record_is_clustered_by_person_on_sqlite(database: Database) -> None:
    """On SQLite the tables of a person have no rowid, so that one person's rows lie together."""
    if database.dialect != "sqlite":
        return
    sql = "SELECT name FROM pragma_table_list WHERE wr = 1 AND name NOT LIKE 'sqlite_%'"
    found = database.read_now(lambda connection: set(connection.exec_driver_sql(sql).scalars()))
    assert {"resource", "resource_history", "relationship", "person"} <= found
