"""``scr audit``: who looked; and whether what is written of it stands."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from scr.api.opening import now_ms, open_database
from scr.api.sealing import Sealer
from scr.cli.context import console, listing, settings_of
from scr.data import DataFiles
from scr.errors import NotFound
from scr.fhir.dates import LONDON, utc
from scr.settings import Settings
from scr.store.audit.check import Report, check
from scr.store.audit.heads import heads
from scr.store.audit.proof import prove
from scr.store.audit.signing import SealingKey, create_sealing_key
from scr.store.trail import ids_of_request, recent

app = typer.Typer(help="Who looked; and whether what is written of it stands.")
_SHOWN = 20


@app.callback(invoke_without_command=True)
def latest(
    context: typer.Context,
    limit: Annotated[int, typer.Option(help="How many rows.", min=1, max=10_000)] = 30,
) -> None:
    """Print the latest audit rows, the newest first; or do what is named."""
    if context.invoked_subcommand is not None:
        return
    database = open_database(settings_of(context))
    try:
        rows = database.read_now(lambda connection: recent(connection, limit))
    finally:
        database.close()
    if not rows:
        console.print("Nobody has looked yet.")
        return
    table = listing("when", "who", "as", "what", "outcome", "sources", whole=("when",))
    for row in rows:
        table.add_row(
            utc(row.at).astimezone(LONDON).strftime("%d %b %H:%M:%S"),
            row.actor_name or row.actor or "nobody known",
            f"{row.role} {row.organisation}".strip(),
            f"{row.action} {row.what}",
            f"{row.outcome}: {row.code}" if row.code else row.outcome,
            str(row.details.get("ledger", "")),
        )
    console.print(table)


@app.command()
def verify(context: typer.Context) -> None:
    """Check every row, chain, seal and signed head; the exit code is 1 where one is not as it was written."""
    settings = settings_of(context)
    key = _key(settings)
    database = open_database(settings)
    try:
        written = heads(settings.path(settings.audit_heads))
        report = database.read_now(lambda connection: check(connection, key.public, written))
    finally:
        database.close()
    _print(report)
    if not report.stands:
        raise typer.Exit(1)


def _print(report: Report) -> None:
    console.print(
        f"{report.rows} rows in {report.chains} chains, {report.seals} seals, {report.heads} heads outside."
    )
    if report.given_up:
        console.print(f"{report.given_up} heads are of seals that were lost when a backup was restored.")
    if report.stands:
        console.print(f"All stand as they were written; {report.unsealed} rows are under no seal yet.")
        return
    console.print(f"{len(report.problems)} things are not as they were written. The first:")
    table = listing("what", "chain", "place", "row", "seal", "meaning")
    for one in report.problems[:_SHOWN]:
        places = (one.chain, str(one.seq or ""), one.row, str(one.seal or ""))
        table.add_row(one.code, *places, one.sentence)
    console.print(table)


@app.command()
def seal(context: typer.Context) -> None:
    """Seal what waits, now, and write the heads that are not written."""
    settings = settings_of(context)
    database = open_database(settings)
    try:
        sealer = Sealer(database, _key(settings), settings.path(settings.audit_heads), now_ms)
        made = asyncio.run(sealer.seal())
    finally:
        database.close()
    console.print(f"{made} seals were made." if made else "There was nothing to seal.")


@app.command()
def key(context: typer.Context) -> None:
    """Print the public key; an older deployment that has none yet is given one."""
    settings = settings_of(context)
    kind, _, path = settings.audit_key.partition(":")
    if kind == "file" and not settings.path(path).exists():
        create_sealing_key(settings.path(path))
    console.print(base64.b64encode(_key(settings).public).decode(), soft_wrap=True)


@app.command()
def proof(
    context: typer.Context,
    request: Annotated[str, typer.Argument(help="The id of the request (X-Correlation-ID).")],
    out: Annotated[Path, typer.Option(help="The file for the proof.")] = Path("audit-proof.json"),
    since: Annotated[
        int | None, typer.Option(help="Size of an older head: prove also that the tree grew from it.", min=1)
    ] = None,
    script: Annotated[bool, typer.Option(help="Write the script beside it that checks it.")] = False,
) -> None:
    """Write what proves to somebody outside that the rows of a request are in the audit, as they are."""
    settings = settings_of(context)
    public = _key(settings).public
    database = open_database(settings)

    def made(connection: Connection) -> bytes:
        ids = ids_of_request(connection, request)
        if not ids:
            raise NotFound("no request with this id is in the audit")
        return prove(connection, ids, public, since).write()

    try:
        content = database.read_now(made)
    finally:
        database.close()
    out.write_bytes(content)
    console.print(f"Wrote {out}.")
    if script:
        beside = out.with_name("verify_audit_proof.py")
        beside.write_bytes(DataFiles(settings.home).find("conformance", "verify_audit_proof.py").read_bytes())
        console.print(f"Check it anywhere: python {beside} {out}")


def _key(settings: Settings) -> SealingKey:
    """Raises Invalid where the deployment has none."""
    return SealingKey.from_text(settings.secret(settings.audit_key))
