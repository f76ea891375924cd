"""The history of the tables: one Alembic revision a change, applied by ``migrate``.

A revision that only adds (a table, an index, a column that may be empty or has a default) is *rolling*: the
version before it goes on with the new tables, and may be started on them again. Any other says in its module,
as ``needs_stop``, why it is not: it is applied where no process of another version is there, and from then on
the versions before it refuse the tables.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text

from scr.errors import Conflict
from scr.store.dialects import known_revisions
from scr.store.engine import Database
from scr.store.migrations.others import alone

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

_LOCK = 0x5C_52  # any number, the same in every process
_PATIENCE = "500ms"
"""How long a change of the tables waits for a lock: all who come after it wait as long. It is less than
PostgreSQL's ``deadlock_timeout`` (1 s), so that nobody else is ended for it."""
_TRIES, _PAUSE_SECONDS = 60, 0.25
_SINCE = "0035"
"""The revision from which the tables say which versions they serve."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision, what it is for in a sentence, and why it needs a stop; empty where it is rolling."""

    number: str
    about: str
    needs_stop: str


def migrate(database: Database, revision: str = "head") -> None:
    """Bring the tables up to a revision; does nothing where they are there already, or beyond it.

    Several processes may start at once: on PostgreSQL a lock lets one go first. Each revision is a
    transaction, which gives up and is tried again where somebody is at work on its tables: two that wait for
    each other would else be ended by PostgreSQL, and it may be the question that fails.

    Raises Conflict ``not-alone`` where a revision needs a stop and other processes are there,
    ``newer-tables`` where a newer version has made the tables into what this one cannot use,
    ``tables-held`` where somebody holds one for too long.
    """
    if not database.read_now(lambda connection: _is_wanted(connection, revision)):
        return
    _scripts().get_revisions("heads")  # all are loaded before anybody has to wait
    tries = _TRIES
    while tries:
        try:
            if not database.write_now(lambda connection: _up(connection, revision)):
                return
        except Conflict as error:
            if error.code != Conflict.default_code:
                raise
            tries -= 1
            time.sleep(_PAUSE_SECONDS)
    raise Conflict("somebody holds a table: nothing more was changed, try it again", code="tables-held")


def downgrade(database: Database, revision: str) -> None:
    """Take the tables back to an older revision; ``base`` drops them all, with what they hold.

    Raises Conflict ``not-alone`` where other processes are there: they need what is taken away.
    """
    database.write_now(lambda connection: _down(connection, revision))


def _is_wanted(connection: Connection, revision: str) -> bool:
    """Whether there is anything to be done. Raises Conflict ``newer-tables``."""
    before = _revision_if_any(connection)
    if before is None or before in revisions():
        return before is None or before < min(revision, revisions()[0])
    if not serves(connection, before):
        raise Conflict(
            f"the tables are at {before}, and serve this version no more: start the newer one,"
            " or restore a backup from before",
            code="newer-tables",
        )
    return False


def _up(connection: Connection, revision: str) -> bool:
    """Apply the next revision, or all to an empty database; whether there are more."""
    _lock(connection)
    if not _is_wanted(connection, revision):
        return False
    before = _revision_if_any(connection)
    following = [] if before is None else between(before, revision)
    for one in following:
        if one.needs_stop and not alone(connection):
            raise Conflict(
                f"revision {one.number} cannot be applied while others are at work ({one.needs_stop}):"
                " stop every other process first",
                code="not-alone",
            )
    _apply(connection, following[0].number if following else revision)
    _note(connection)
    return len(following) > 1


def _down(connection: Connection, revision: str) -> None:
    from alembic import command

    _lock(connection)
    if not alone(connection):
        raise Conflict("tables are taken back: stop every other process first", code="not-alone")
    command.downgrade(_config(connection), revision)
    _note(connection)


def _apply(connection: Connection, revision: str) -> None:
    """As Alembic's ``upgrade``, which would load all revisions anew while others wait for the tables."""
    from alembic.runtime.environment import EnvironmentContext

    scripts = _scripts()

    def steps(before: Any, _: object) -> Any:
        return scripts._upgrade_revs(revision, before)  # as its cookbook does

    with EnvironmentContext(_config(connection), scripts, fn=steps, destination_rev=revision):
        scripts.run_env()


def _lock(connection: Connection) -> None:
    """Let others who would change the tables wait, however long it takes; wait for nobody's work on them."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        connection.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))


def _note(connection: Connection) -> None:
    """Write down the oldest version that the tables serve: that of the last revision that needed a stop."""
    at = _revision_if_any(connection)
    if at is not None and at >= _SINCE:
        least = [one.number for one in between("base", at) if one.needs_stop][-1]
        connection.execute(text("UPDATE alembic_version SET least = :least"), {"least": least})


def serves(connection: Connection, at: str) -> bool:
    """Whether tables at a revision serve this version; of one that it does not know, they say it."""
    known = revisions()
    if at in known:
        return at == known[0]
    least = connection.execute(text("SELECT least FROM alembic_version")).scalar_one()
    return least is not None and least in known


def between(lower: str, upper: str) -> list[Revision]:
    """The revisions after one up to another, the oldest first. ``base`` and ``head`` are known."""
    found = list(_scripts().iterate_revisions(upper, lower))
    return [Revision(one.revision, one.doc, getattr(one.module, "needs_stop", "")) for one in found[::-1]]


def revisions() -> tuple[str, ...]:
    """The revisions that this version knows, the newest first."""
    return known_revisions()


def revision_of(connection: Connection) -> str:
    """The revision that the tables are at. Raises what the database raises where there are none."""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def _revision_if_any(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


@cache
def _scripts() -> ScriptDirectory:
    """The revisions. They are loaded once: of a process that starts, few have anything to do with them."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())


def _config(connection: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
