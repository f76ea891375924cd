"""``scr backup`` and ``scr restore``: the database, while all goes on, and back again once it is verified."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.engine import make_url

from scr.api.opening import now_ms, open_keys
from scr.api.sealing import Sealer
from scr.cli.context import console, settings_of
from scr.errors import Conflict, Invalid, ScrError
from scr.fhir.dates import LONDON, utc
from scr.identity.erasing import Erasing
from scr.settings import Settings
from scr.store.audit.heads import give_up, heads
from scr.store.audit.signing import SealingKey
from scr.store.backup.last import LAST, note_backup
from scr.store.backup.making import LISTS, make_backup
from scr.store.backup.manifest import MANIFEST, Manifest, read_manifest
from scr.store.backup.restoring import Examined, examine, put_back, take_place
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.migrations import revision_of, revisions
from scr.store.trail import AuditRow, append


def backup(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where to: a folder of its own is made there.")],
    base: Annotated[
        bool, typer.Option("--base", help="A whole server of PostgreSQL, for any later point in time.")
    ] = False,
) -> None:
    """Make a backup while all goes on. The keys are not in it: keep them elsewhere."""
    settings = settings_of(context)
    key, now = _signing(settings), now_ms()
    made = make_backup(
        settings.resolved_database_url,
        folder.absolute(),
        now=now,
        keys=open_keys(settings).wrapping,
        key=key,
        lists=_lists(settings),
        base=base,
    )
    size = sum(one.stat().st_size for one in made.iterdir())
    note_backup(settings.path(LAST), made, now)
    _tell(settings, made.name)
    console.print(f"{made}, {size / 1e6:.1f} MB.", soft_wrap=True)
    if key is None:
        console.print("There is no audit key, so nothing signs it: `scr audit key`.", style="yellow")
    console.print("The keys are not in it. Without them it opens nothing: keep them elsewhere.")


def restore(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The backup: the folder with the manifest.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="A database that is there (SQLite) is kept aside.")
    ] = False,
) -> None:
    """Put a backup in place: hashes and the whole audit are verified first. Stop every process before."""
    settings = settings_of(context)
    keys, key = open_keys(settings), _signing(settings)
    if key is None:
        raise Invalid(
            "there is no audit key: put the keys of the deployment in their place first", code="no-secret"
        )
    manifest, signed = read_manifest(folder, key.public)
    if not {*manifest.keys} & {*keys.wrapping}:
        raise Conflict(f"the backup needs the encryption key {manifest.keys[0]}", code="other-key")
    url, now = settings.resolved_database_url, now_ms()
    beside = put_back(folder, manifest, url, replace=replace, now=now)
    found = _filled(settings, folder, manifest, keys, key, url if beside is None else f"sqlite:///{beside}")
    former = None if beside is None else take_place(beside, Path(make_url(url).database or ""), now)
    _lists_after(settings, folder, found, key)
    console.print(f"Restored, of {_moment(manifest.made)}. The audit stands as it was written.")
    if not signed:
        console.print("Nothing had signed the manifest.", style="yellow")
    if found.lost:
        console.print(
            f"It is older than the audit's last head: {found.lost} seals came after it, the last of "
            f"{_moment(found.until)}. What they are over is lost here; the heads outside say so.",
            style="yellow",
            soft_wrap=True,
        )
    if former is not None:
        console.print(f"What was there is {former}.", soft_wrap=True)


def _filled(
    settings: Settings, folder: Path, manifest: Manifest, keys: KeyRing, key: SealingKey, url: str
) -> Examined:
    """Verify what was put back, erase again who is on the list, and say in the audit that it was restored."""
    heads_file, erased = (
        _present(path, folder / name) for path, name in zip(_lists(settings), LISTS, strict=True)
    )
    database = Database.open(url, 1, 1)
    try:
        found = examine(database, key.public, manifest, list(heads(heads_file)))
        if not found.report.stands:
            first = found.report.problems[0]
            raise Conflict(
                f"the audit of the backup is not as it was written: {first.code}, {first.sentence}; "
                "nothing was put in place, and on PostgreSQL the new database is not to be used",
                code="backup-changed",
            )
        again = Erasing(database, keys, erased, now_ms).again()
        details = {"backup": folder.name, "lost": found.lost, "erased": again}
        database.write_now(lambda connection: append(connection, _row("restore", details)))
    finally:
        database.close()
    return found


def _lists_after(settings: Settings, folder: Path, found: Examined, key: SealingKey) -> None:
    """The lists of the backup where this machine has none; then the heads say what was given up."""
    for path, name in zip(_lists(settings), LISTS, strict=True):
        if not path.is_file() and (folder / name).is_file():
            shutil.copyfile(folder / name, path)
            path.chmod(0o600)
    written = settings.path(settings.audit_heads)
    give_up(written, key, found.end.seals, bytes.fromhex(found.end.root), now_ms())
    database = Database.open(settings.resolved_database_url, 1, 1)
    try:
        asyncio.run(Sealer(database, key, written, now_ms).seal())
    finally:
        database.close()


def _tell(settings: Settings, name: str) -> None:
    """Say it in the audit, where the tables are of this version: before an upgrade they are not."""
    database = Database.open(settings.resolved_database_url, 1, 1)
    try:
        if database.read_now(revision_of) == revisions()[0]:
            row = _row("backup", {"backup": name, "manifest": MANIFEST})
            database.write_now(lambda connection: append(connection, row))
    finally:
        database.close()


def _row(what: str, details: dict[str, object]) -> AuditRow:
    return AuditRow(
        at=now_ms(), actor="operator", action="execute", what=what, outcome="success", details=details
    )


def _lists(settings: Settings) -> tuple[Path, Path]:
    return settings.path(settings.audit_heads), settings.path(settings.erased)


def _present(path: Path, copy: Path) -> Path:
    return path if path.is_file() else copy


def _signing(settings: Settings) -> SealingKey | None:
    try:
        return SealingKey.from_text(settings.secret(settings.audit_key))
    except ScrError:
        return None


def _moment(at: int) -> str:
    return utc(at).astimezone(LONDON).strftime("%d %b %Y %H:%M:%S")
