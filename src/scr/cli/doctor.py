"""``scr doctor``: what a deployment needs, looked at one by one before it serves. Nothing is changed."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import typer
from cryptography import x509

from scr import faults
from scr.api.configuration import read_configuration
from scr.api.health import LATE_MS
from scr.api.kept_keys import WRAPPED
from scr.api.opening import now_ms, open_keys
from scr.cli.context import Context, console, listing
from scr.cli.memory import swapped_to
from scr.consent.actor import ActorKind
from scr.consent.label_policy import load_labels
from scr.data import DataFiles
from scr.errors import ScrError
from scr.settings import Settings
from scr.store import alerts
from scr.store.alerts import Alert
from scr.store.audit.seals import waiting_since
from scr.store.audit.signing import SealingKey
from scr.store.backup.last import LAST, LastBackup, last_backup
from scr.store.engine import Database
from scr.store.migrations import between, revision_of, revisions, serves
from scr.terminology.release.current import current_path, folder_of

_SOON = timedelta(days=30)
_OLD = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do where it is not well."""

    what: str
    how: Literal["well", "look", "wrong"]
    told: str


def doctor(context: typer.Context) -> None:
    """Look at settings, keys, database, audit, certificates, folders and scanner; 1 where one is wrong."""
    found: Context = context.obj
    settings = found.load().settings  # one that cannot be read is told as everywhere, and ends it
    findings = [Finding("settings", "well", f"read, of {settings.home}"), *examined(settings)]
    table = listing("what", "how", "meaning", whole=("what", "how"))
    for one in findings:
        table.add_row(one.what, one.how, one.told)
    console.print(table)
    if any(one.how == "wrong" for one in findings):
        raise typer.Exit(1)


def examined(settings: Settings) -> Iterator[Finding]:
    """Every finding, in an order in which they can be mended."""
    yield _tried("providers, adapters, policy", lambda: read_configuration(DataFiles(settings.home)), "read")
    yield _tried("encryption and index key", lambda: open_keys(settings), "there")
    for name in ("encryption_key", "index_key", "signing_keys", "audit_key"):
        yield from _key(name, str(getattr(settings, name)), settings)
    yield from _database(settings)
    yield _backup(last_backup(settings.path(LAST)), now_ms())
    yield _certificate(settings)
    for name in ("drop_folder", "alert_folder"):
        folder = str(getattr(settings, name))
        if folder:
            yield _folder(name, settings.path(folder))
    yield _folder("audit_heads", settings.path(settings.audit_heads).parent)
    yield _scanner(settings.upload_scanner)
    yield _swap(swapped_to())
    yield _classified(settings)
    if faults.is_open(settings.home):
        told = f"{settings.home / faults.MARK} lets a test end processes: it belongs in no deployment"
        yield Finding(faults.MARK, "wrong", told)


def _swap(areas: list[str]) -> Finding:
    """Whether what is in memory can come onto a disk."""
    if not areas:
        return Finding("swap", "well", "none")
    told = f"{', '.join(areas)}: keys and records may come to lie there; encrypt it, or MemorySwapMax=0"
    return Finding("swap", "look", told)


def _tried(what: str, work: Callable[[], object], well: str) -> Finding:
    try:
        work()
    except ScrError as error:
        return Finding(what, "wrong", str(error))
    return Finding(what, "well", well)


def _key(name: str, reference: str, settings: Settings) -> Iterator[Finding]:
    """A file of keys is its owner's; the two that are not needed to serve are only missed."""
    kind, _, rest = reference.partition(":")
    path = settings.path(rest)
    if kind in ("file", WRAPPED) and path.is_file():
        mode = path.stat().st_mode & 0o777
        if mode & 0o007:
            yield Finding(name, "wrong", f"{path} is open to everybody ({mode:03o}): chmod 600")
        elif mode & 0o070:
            yield Finding(name, "look", f"{path} is open to its group ({mode:03o})")
        else:
            yield Finding(name, "well", f"{path}, {mode:03o}")
    elif kind == "env" and _tried(name, lambda: settings.secret(reference), "").how == "well":
        yield Finding(name, "well", "from the environment")
    elif name in ("signing_keys", "audit_key"):
        missed = "systems are given no tokens" if name == "signing_keys" else "the audit is not sealed"
        yield Finding(name, "look", f"{reference} is not there: {missed}")
    else:
        yield Finding(name, "wrong", f"{reference} is not there: `scr init` makes it, your copy has it")


def _database(settings: Settings) -> Iterator[Finding]:
    """The database, its tables and the audit's seals. A SQLite file that is not there is not made."""
    default = settings.home / "scr.db"
    if not settings.database_url and not default.exists():
        yield Finding("database", "look", f"{default} is not there yet: the first start makes it")
        return
    try:
        database = Database.open(settings.resolved_database_url, 1, 1)
    except ScrError as error:
        yield Finding("database", "wrong", str(error))
        return
    try:
        revision, serving = database.read_now(lambda conn: (at := revision_of(conn), serves(conn, at)))
        yield Finding("database", "well", f"{database.dialect}, reached")
        yield _migrations(revision, serving=serving)
        yield _seals(settings, database.read_now(waiting_since))
        yield _outbound(database.read_now(alerts.waiting))
    except ScrError as error:
        yield Finding("database", "wrong", str(error))
    finally:
        database.close()


def _migrations(revision: str, *, serving: bool) -> Finding:
    known = revisions()
    if revision == known[0]:
        return Finding("migrations", "well", f"at {revision}")
    if revision in known:
        later = [one.number for one in between(revision, known[0]) if one.needs_stop]
        how = "; stop every process before: `scr tables list`" if later else ""
        return Finding("migrations", "look", f"at {revision}: the next start brings them to {known[0]}{how}")
    if serving:
        return Finding("migrations", "look", f"at {revision}, which a newer version made")
    return Finding("migrations", "wrong", f"at {revision}: only a newer version can use them")


def _outbound(left: list[Alert]) -> Finding:
    given_up = sum(one.given_up for one in left)
    if given_up:
        return Finding("outbound", "wrong", f"{given_up} given up: `scr outbound list`")
    failed = sum(one.tries > 0 for one in left)
    if failed:
        return Finding("outbound", "look", f"{failed} could not be sent, and will be again")
    return Finding("outbound", "well", "nothing that could not be sent")


def _seals(settings: Settings, since: int | None) -> Finding:
    try:
        SealingKey.from_text(settings.secret(settings.audit_key))
    except ScrError:
        return Finding("audit seals", "look", "there is no audit key: `scr audit key` makes one")
    if since is not None and now_ms() - since > LATE_MS:
        return Finding("audit seals", "wrong", "rows wait for longer than they should: `scr audit seal`")
    return Finding("audit seals", "well", "no row waits for long")


def _backup(last: LastBackup | None, now: int) -> Finding:
    """How old the last one is; on another machine there may be a later one."""
    if last is None:
        return Finding("backup", "look", "none was made from here: `scr backup`")
    age = timedelta(milliseconds=now - last.at)
    told = f"{age.days} days, {age.seconds // 3600} hours old: {last.path}"
    return Finding("backup", "well" if age < _OLD else "look", told)


def _certificate(settings: Settings) -> Finding:
    if not settings.mllp_certificate:
        return Finding("mllp_certificate", "look", "none is set: MLLP is not encrypted")
    path = settings.path(settings.mllp_certificate)
    try:
        ends = min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError):
        return Finding("mllp_certificate", "wrong", f"no PEM certificate could be read from {path}")
    left = ends - datetime.now(UTC)
    how: Literal["well", "look", "wrong"] = "well" if left > _SOON else "look"
    return Finding("mllp_certificate", how if left > timedelta() else "wrong", f"until {ends:%Y-%m-%d}")


def _folder(name: str, path: Path) -> Finding:
    if path.is_dir() and os.access(path, os.W_OK | os.X_OK):
        return Finding(name, "well", f"{path} can be written")
    return Finding(name, "wrong", f"{path} is no folder that can be written")


def _classified(settings: Settings) -> Finding:
    """What nothing here can classify is kept from people online: without a release, most of a record."""
    what = "what people see online"
    try:
        labels = load_labels(DataFiles(settings.home))
        release = current_path(folder_of(settings.home))
    except ScrError as error:
        return Finding(what, "wrong", str(error))
    if release is not None:
        return Finding(what, "well", "a release of the terminologies classifies their codes")
    if not {ActorKind.CITIZEN, ActorKind.CARER} & labels.withheld_unclassified:
        told = "no terminologies are loaded, and the policy shows what is unclassified: labels may be missed"
        return Finding(what, "look", told)
    told = "citizens and carers see little: without terminologies most codes are unclassified, and withheld"
    return Finding(what, "look", f"{told}; `scr terminology load`")


def _scanner(setting: str) -> Finding:
    kind, _, rest = setting.partition(":")
    if not kind:
        return Finding("upload_scanner", "look", "nothing scans what citizens send for viruses")
    there = shutil.which(shlex.split(rest)[0]) if kind == "command" else Path(rest).is_socket()
    if not there:
        return Finding("upload_scanner", "wrong", f"{rest} is not there")
    return Finding("upload_scanner", "well", rest)
