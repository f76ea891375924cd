"""``scr keys``: new encryption keys and new data keys, while the deployment goes on."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from scr.api.kept_keys import WRAPPED, encryption_text, file_of_keys, open_wrapper
from scr.api.opening import REFRESH_SECONDS, now_ms, open_database, open_keys
from scr.cli.acts import act, write_down
from scr.cli.context import console, counted_as, listing, settings_of
from scr.errors import Conflict
from scr.fhir.dates import LONDON, utc
from scr.store import turns
from scr.store.rewrap import drop_former, put_first, rewrap, wrapped_by, write_wrapped
from scr.store.turning import Standing, Turning

app = typer.Typer(help="Keys: a new one that wraps, and new ones for what people have.", no_args_is_help=True)

_WRAPPED_FILE = Path("keys/encryption.wrapped")


@app.command("list")
def list_(context: typer.Context) -> None:
    """Say which encryption keys there are, and how many data keys each wraps."""
    settings = settings_of(context)
    database = open_database(settings)
    try:
        keys = open_keys(settings)
        found = wrapped_by(database, keys)
    finally:
        database.close()
    table = listing("key", "data keys", "what it does")
    for number, name in enumerate(keys.wrapping):
        table.add_row(name, str(found[name]), "opens what it wrapped" if number else "wraps")
    console.print(table)


@app.command()
def new(context: typer.Context) -> None:
    """Make a new encryption key. It wraps from now on; the ones before it open what they wrapped."""
    settings = settings_of(context)
    path = file_of_keys(settings)
    write_down(settings, act("create", "encryption key"))
    wrapped = settings.encryption_key.startswith(f"{WRAPPED}:")
    put_first(path, open_wrapper(settings).wrap if wrapped else None)
    console.print(f"A new key stands first in {path}. Back it up, then `scr keys rewrap`.")
    console.print(f"Processes that run take it up within {REFRESH_SECONDS:.0f} seconds.")


@app.command("rewrap")
def rewrap_(context: typer.Context) -> None:
    """Wrap every data key by the first encryption key. It may be stopped, and begun again."""
    settings = settings_of(context)
    write_down(settings, act("update", "data keys", how="rewrap"))
    database = open_database(settings)
    try:
        with console.status("wrapping") as status:
            changed = rewrap(
                database, open_keys(settings), lambda table, done: status.update(f"{table}: {done}")
            )
    finally:
        database.close()
    console.print(f"{changed} data keys were wrapped anew.")


@app.command()
def retire(context: typer.Context) -> None:
    """Let go of former encryption keys, when nothing is wrapped by them any more."""
    settings = settings_of(context)
    path = file_of_keys(settings)
    age = now_ms() / 1000 - path.stat().st_mtime
    if age < 2 * REFRESH_SECONDS:  # a process may not have it yet, and wrap by the one before
        raise Conflict(f"the key is new: wait {2 * REFRESH_SECONDS - age:.0f} seconds", code="key-too-new")
    database = open_database(settings)
    try:
        keys = open_keys(settings)
        first, *former = keys.wrapping
        found = wrapped_by(database, keys)
    finally:
        database.close()
    left = sum(found[name] for name in former)
    if left:
        raise Conflict(f"{left} data keys are wrapped by a former key: `scr keys rewrap`", code="key-in-use")
    write_down(settings, act("delete", "encryption key", former=len(former)))
    drop_former(path)
    console.print(f"{first} is the only key now. Keep the former ones as long as backups from before.")


@app.command()
def turn(
    context: typer.Context,
    before: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Those that were made before this day; else a year ago."),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait between the stages; else run it again later.")] = True,
) -> None:
    """Change data keys for new ones, while all goes on. It may be stopped, and begun again."""
    settings = settings_of(context)
    day = before or datetime.now(LONDON) - timedelta(days=365)
    until = int(day.replace(tzinfo=LONDON, hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
    write_down(settings, act("update", "data keys", how="turn"))
    database = open_database(settings)
    try:
        standing = asyncio.run(_turned(Turning(database, open_keys(settings), until, now_ms), wait=wait))
    finally:
        database.close()
    if standing.done:
        console.print("No data key was made before that day.")
        return
    at = utc(standing.next or now_ms()).astimezone(LONDON)
    console.print(f"{standing.announced} are announced, {standing.turned} turned. Again from {at:%H:%M:%S}.")


async def _turned(turning: Turning, *, wait: bool) -> Standing:
    """Go on until all is done, or until the next stage has to wait; one process at a time."""
    async with turns.turn(turning.database, "data keys"):
        standing = turning.go_on()
        while wait and standing.next is not None:
            with console.status(f"{standing.announced} announced, {standing.turned} turned"):
                await asyncio.sleep(max(standing.next - now_ms(), 0) / 1000)
            standing = turning.go_on()
        return standing


@app.command()
def seal(
    context: typer.Context,
    to: Annotated[Path, typer.Option(help="The file for the wrapped keys.")] = _WRAPPED_FILE,
) -> None:
    """Wrap the encryption keys by the key management service of the setting ``kms``."""
    settings = settings_of(context)
    path = settings.path(str(to))
    write_down(settings, act("update", "encryption key", how="wrapped"))
    count = write_wrapped(path, encryption_text(settings)(), open_wrapper(settings).wrap)
    console.print(f"{path} has {counted_as(count, 'key')}, wrapped. Now set", soft_wrap=True)
    console.print(f'encryption_key = "kms:{to}"', soft_wrap=True)
    console.print("start every process anew, try a record, and destroy the plain keys and their copies.")
