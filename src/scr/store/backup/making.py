"""A backup is made: of one instant, while others read and write, and complete or not there at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from scr import __version__
from scr.errors import Invalid, Unavailable
from scr.store.audit.signing import SealingKey
from scr.store.backup.manifest import AuditEnd, Manifest, Piece, piece, state, sync, write_manifest
from scr.store.backup.tools import program, run_tool

DATABASE = {"sqlite": "scr.db", "dump": "scr.dump"}
LISTS = ("audit-heads.jsonl", "erased.jsonl")
"""What stands beside the database: the heads of the audit, and who was erased."""
_PERMISSION = 0o700


def make_backup(
    url: str,
    folder: Path,
    *,
    now: int,
    keys: tuple[str, ...],
    key: SealingKey | None,
    lists: tuple[Path, Path],
    base: bool = False,
) -> Path:
    """Make a backup of a database in a new folder below ``folder``; where it is.

    ``lists`` are the files of the audit's heads and of who was erased; ``key`` signs the manifest. ``base``
    takes a whole server of PostgreSQL, for a restoration to any later point in time. Raises Invalid where
    that is asked of SQLite, Unavailable where the database or the place does not serve.
    """
    parsed = make_url(url)
    kind = "sqlite" if parsed.get_backend_name() == "sqlite" else "base" if base else "dump"
    if base and kind == "sqlite":
        raise Invalid("a point in time is for PostgreSQL; SQLite has backups alone", code="bad-backup")
    made = folder / f"scr-{datetime.fromtimestamp(now / 1000, UTC):%Y%m%dT%H%M%SZ}"
    part = made.with_name(f".{made.name}.part")
    try:
        if made.exists():
            raise Unavailable("a backup of this second is there", code="no-backup", where=str(made))
        shutil.rmtree(part, ignore_errors=True)  # of one that was broken off
        part.mkdir(parents=True, mode=_PERMISSION)
        revision, audit = _TAKEN[kind](url, part)
        for path, name in zip(lists, LISTS, strict=True):  # after it: they say no less than the database
            if path.is_file():
                shutil.copyfile(path, part / name)
        files = {one.name: _kept(one) for one in sorted(part.iterdir())}
        write_manifest(part, Manifest(kind, now, __version__, revision, keys, audit, files), key)
        part.rename(made)
        sync(folder)
    except OSError as error:
        raise Unavailable(
            f"the backup cannot be written: {error.strerror}", code="no-backup", where=str(folder)
        ) from None
    return made


def _sqlite(url: str, part: Path) -> tuple[str, AuditEnd]:
    """By SQLite's own backup, in one step: what it reads is one instant, and no writer waits for it."""
    source = make_url(url).database or ""
    if not Path(source).is_file():
        raise Unavailable("the database is not there", code="database-unavailable", where=source)
    target = part / DATABASE["sqlite"]
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        reading = sqlite3.connect(f"file:{quote(source)}?mode=ro", uri=True, timeout=30)
        writing = sqlite3.connect(target)
        try:
            reading.backup(writing)
            writing.execute("PRAGMA journal_mode = DELETE").fetchall()
            if writing.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise Unavailable("the database's file is damaged", code="database-damaged", where=source)
        finally:
            writing.close()
            reading.close()
    except sqlite3.Error as error:
        raise Unavailable(f"SQLite did not serve: {error}", code="database-unavailable") from None
    return state_of_file(target)


def state_of_file(path: Path) -> tuple[str, AuditEnd]:
    """The state of a SQLite file."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        return state(connection)


def _dump(url: str, part: Path) -> tuple[str, AuditEnd]:
    """By pg_dump, on the snapshot in which the state is read."""
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        poolclass=NullPool, isolation_level="REPEATABLE READ", hide_parameters=True,
    )  # fmt: skip
    try:
        with engine.connect() as connection:
            snapshot = str(connection.execute(text("SELECT pg_export_snapshot()")).scalar_one())
            found = state(connection)
            words = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
            target = f"--file={part / DATABASE['dump']}"
            run_tool(program(connection, "pg_dump"), (*words, target), url)
    except SQLAlchemyError:
        raise Unavailable("the database did not serve", code="database-unavailable") from None
    return found


def _base(url: str, part: Path) -> tuple[str, AuditEnd]:
    """By pg_basebackup, with the log that it needs. The state is that of just before: a lower bound."""
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool, hide_parameters=True
    )
    try:
        with engine.connect() as connection:
            found = state(connection)
            tool = program(connection, "pg_basebackup")
    except SQLAlchemyError:
        raise Unavailable("the database did not serve", code="database-unavailable") from None
    words = ("--format=tar", "--wal-method=stream", "--checkpoint=fast", "--manifest-checksums=SHA256")
    run_tool(tool, (*words, f"--pgdata={part / 'base'}"), url)
    for one in sorted((part / "base").iterdir()):
        one.rename(part / one.name)
    (part / "base").rmdir()
    return found


_TAKEN = {"sqlite": _sqlite, "dump": _dump, "base": _base}


def _kept(path: Path) -> Piece:
    """A file, durable, and its owner's alone."""
    path.chmod(0o600)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return piece(path)
