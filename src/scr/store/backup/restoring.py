"""A database out of a backup: nothing stands in its place before it was found to be whole.

The hashes of the files are compared, then the whole audit is verified, against the heads outside as well. A
backup that is older than those heads is told as that: what came after it is lost, and said to be so.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from scr.errors import Conflict, Invalid, Unavailable
from scr.store.audit.chain import rows_of
from scr.store.audit.check import Report, check
from scr.store.audit.heads import SignedHead, standing
from scr.store.backup.making import DATABASE
from scr.store.backup.manifest import AuditEnd, Manifest, end_of_audit, sync
from scr.store.backup.tools import program, run_tool
from scr.store.engine import Database
from scr.store.migrations import migrate, revisions


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found of the audit of what was put back, and where it ends.

    ``lost``: how many seals came after it, by the heads outside; the last of them ``until`` (ms UTC).
    """

    report: Report
    end: AuditEnd
    lost: int
    until: int


def put_back(folder: Path, manifest: Manifest, url: str, *, replace: bool, now: int) -> Path | None:
    """Put a backup's database beside where it belongs (SQLite), or into an empty database (PostgreSQL).

    Gives the file, on SQLite: ``take_place`` puts it in its place. Of a whole server of PostgreSQL nothing is
    put anywhere: it has been started from the backup, at the point in time that was wanted. Raises Conflict
    where something is there and ``replace`` is not said, or it is in use; Invalid for a backup that this
    version cannot take.
    """
    parsed = make_url(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite != (manifest.kind == "sqlite"):
        raise Invalid(f"this backup is no {parsed.get_backend_name()}: {manifest.kind}", code="bad-backup")
    if manifest.revision not in revisions():
        raise Invalid("a newer version of this program made the backup", code="bad-backup")
    if manifest.kind == "base":
        return None
    if not sqlite:
        _into_postgresql(folder / DATABASE["dump"], url)
        return None
    target = Path(parsed.database or "").absolute()
    _check_free(target, replace=replace)
    beside = target.with_name(f".{target.name}.restored")
    try:
        beside.unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / DATABASE["sqlite"], beside)
        beside.chmod(0o600)
    except OSError as error:
        raise Unavailable(
            f"cannot be written: {error.strerror}", code="no-place", where=str(beside)
        ) from None
    return beside


def examine(database: Database, public: bytes, manifest: Manifest, written: Sequence[SignedHead]) -> Examined:
    """Bring the tables up to this version, and verify the audit of what was put back.

    Raises Conflict where it does not end as the manifest says; of a whole server, where it does not go on
    from there.
    """
    end = database.read_now(end_of_audit)
    whole = manifest.kind == "base" and database.read_now(lambda conn: _goes_on(conn, manifest.audit))
    if end != manifest.audit and not whole:
        raise Conflict("the audit does not end where the manifest says", code="backup-changed")
    migrate(database)
    counted, _ = standing(written, public)
    later = [one for one in counted if one.head.size > end.seals]
    kept = [one for one in written if one not in later]
    report = database.read_now(lambda connection: check(connection, public, kept))
    last = max((one.head.size for one in kept), default=0)  # what was sealed last may not have been written
    report.problems = [one for one in report.problems if one.code != "heads-missing" or one.seal <= last]
    return Examined(report, end, len(later), max((one.head.at for one in later), default=0))


def _goes_on(connection: Connection, before: AuditEnd) -> bool:
    """Whether each chain has the row that was its last, or had none."""
    return all(
        next((row.hash.hex() for row in rows_of(connection, chain, seq - 1, seq)), "") == last
        for chain, (seq, last) in before.chains.items()
        if seq
    )


def take_place(beside: Path, target: Path, now: int) -> Path | None:
    """Put a restored file where it belongs; where the former one is kept, if there was one."""
    former = None
    if target.exists():
        former = target.with_name(f"{target.name}.before-{now}")
        target.rename(former)
    for ending in ("-wal", "-shm"):
        target.with_name(target.name + ending).unlink(missing_ok=True)
    os.replace(beside, target)
    sync(target.parent)
    return former


def _check_free(target: Path, *, replace: bool) -> None:
    """Raises Conflict where a database stands there, and is to stay or is in use."""
    if not target.exists() or not _has_tables(target):
        return
    if not replace:
        raise Conflict(
            "a database is there already: `--replace` keeps it aside", code="not-empty", where=str(target)
        )
    connection = sqlite3.connect(target, timeout=0, isolation_level=None)
    try:  # nobody else has it open, and nothing of it is in its log
        if connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0] != "delete":
            raise _in_use(target)
    except sqlite3.OperationalError:
        raise _in_use(target) from None
    finally:
        connection.close()


def _in_use(target: Path) -> Conflict:
    return Conflict("the database is in use: stop every process first", code="in-use", where=str(target))


def _has_tables(path: Path) -> bool:
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error:
        return True  # whatever it is, it is something


def _into_postgresql(dump: Path, url: str) -> None:
    address = make_url(url).set(drivername="postgresql+psycopg")
    engine = create_engine(address, poolclass=NullPool, hide_parameters=True)
    try:
        with engine.connect() as connection:
            if _tables(connection):
                raise Conflict(
                    "the database is not empty: make a new one, and let database_url name it",
                    code="not-empty",
                )
            tool = program(connection, "pg_restore")
    except SQLAlchemyError:
        raise Unavailable("the database did not serve", code="database-unavailable") from None
    words = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    run_tool(tool, (*words, str(dump)), url)
    with engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()


def _tables(connection: Connection) -> list[str]:
    return inspect(connection).get_table_names()
