"""The history of the tables: one Alembic revision a change, applied by ``migrate``."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from scr.store.engine import Database

_LOCK = 0x5C_52  # any number, the same in every process


def migrate(database: Database, revision: str = "head") -> None:
    """Bring the tables up to a revision; does nothing where they are there already.

    Several processes may start at once: on PostgreSQL a lock lets one go first.
    """
    database.write_now(lambda connection: _run(connection, revision, up=True))


def downgrade(database: Database, revision: str) -> None:
    """Take the tables back to an older revision; ``base`` drops them all, with what they hold."""
    database.write_now(lambda connection: _run(connection, revision, up=False))


def _run(connection: Connection, revision: str, *, up: bool) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
    config = _config()
    config.attributes["connection"] = connection
    (command.upgrade if up else command.downgrade)(config, revision)


def revisions() -> tuple[str, ...]:
    """The revisions that this version knows, the newest first."""
    return tuple(one.revision for one in ScriptDirectory.from_config(_config()).walk_revisions())


def revision_of(connection: Connection) -> str:
    """The revision that the tables are at. Raises what the database raises where there are none."""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
