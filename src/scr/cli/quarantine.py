"""``scr quarantine``: what could not be filed, why, and another try."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from scr.api.opening import open_database, open_keys
from scr.cli.acts import act, noted
from scr.cli.context import console, listing, settings_of
from scr.fhir.dates import LONDON, utc
from scr.settings import Settings
from scr.store import messages, quarantine
from scr.store.quarantine import Quarantined
from scr.store.trail import append

if TYPE_CHECKING:
    from scr.intake.receive import Receipt

app = typer.Typer(help="What could not be filed, why, and another try.", no_args_is_help=True)
_WIDE = 110
"""Columns of a screen from which on a list shows the adapter and the place too."""
Item = Annotated[str, typer.Argument(help="Its id, from `scr quarantine list`.")]


@app.command("list")
def list_(context: typer.Context) -> None:
    """List what is in quarantine, the oldest first."""
    database = open_database(settings_of(context))
    try:
        found = database.read_now(quarantine.quarantined)
        waiting = len(database.read_now(messages.waiting))
    finally:
        database.close()
    if not found:
        console.print("Nothing is in quarantine.")
        _print_how_many_wait(waiting)
        return
    _print_quarantined(found)
    console.print(f"{len(found)} in quarantine. `scr quarantine show ID`, `scr quarantine retry ID`.")
    _print_how_many_wait(waiting)


def _print_quarantined(found: Sequence[Quarantined]) -> None:
    """A line of each. On a narrow screen `show` tells the rest: an id is copied, and a reason looked up."""
    more = ("adapter", "place") if console.width >= _WIDE else ()
    table = listing("id", "since", "from", "why", "tries", *more, whole=("id", "since", "from", "why"))
    for item in found:
        since = _local(item.created).strftime("%d %b %H:%M")
        rest = (item.adapter, item.place) if more else ()
        table.add_row(item.id, since, str(item.provider), item.code, str(item.attempts), *rest)
    console.print(table)


@app.command()
def waiting(context: typer.Context) -> None:
    """List the messages that wait for PDS to say whose they are, the oldest first."""
    database = open_database(settings_of(context))
    try:
        found = database.read_now(messages.waiting)
    finally:
        database.close()
    if not found:
        console.print("Nothing waits.")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("message", no_wrap=True, min_width=max(len(message.id) for message, _ in found))
    for title in ("since", "provider", "feed", "tries", "not trusted", "next try"):
        table.add_column(title, overflow="fold")
    for message, wait in found:
        since = _local(message.received).strftime("%d %b %Y %H:%M:%S")
        again = _local(wait.again).strftime("%H:%M:%S")
        table.add_row(
            message.id, since, str(message.provider), message.feed, str(wait.tries), str(wait.refusals), again
        )
    console.print(table)
    _print_how_many_wait(len(found))


@app.command()
def show(
    context: typer.Context,
    item: Item,
    raw: Annotated[
        bool, typer.Option("--raw", help="Also print the payload: it holds personal data.")
    ] = False,
) -> None:
    """Say why something is in quarantine, and with --raw what it is."""
    settings = settings_of(context)
    keys, database = open_keys(settings), open_database(settings)
    try:
        row = act("read", "quarantine", item=item, payload=raw)
        found, payload = database.write_now(
            noted(row, lambda conn: quarantine.open_quarantined(conn, keys, item))
        )
    finally:
        database.close()
    for name, value in (
        ("provider", str(found.provider)),
        ("adapter", found.adapter),
        ("message", found.message),
        ("place", found.place),
        ("why", f"{found.code}: {found.sentence}"),
        ("since", _local(found.created).strftime("%d %b %Y %H:%M:%S")),
        ("state", found.state.value),
        ("tries", str(found.attempts)),
    ):
        console.print(f"{name:10}{value}", markup=False, soft_wrap=True)
    if raw:
        console.print()
        console.print(payload.decode("utf-8", "replace").replace("\r", "\n"), markup=False, soft_wrap=True)


@app.command()
def retry(context: typer.Context, item: Item) -> None:
    """Try to file it again, with the adapter and the record as they are now."""
    receipt = asyncio.run(_retry(settings_of(context), item))
    if receipt.problems:
        problem = receipt.problems[0]
        console.print(
            f"It stays in quarantine. {problem.place}: {problem.code}: {problem.sentence}", markup=False
        )
        raise typer.Exit(1)
    console.print("Filed, and released from quarantine.")


async def _retry(settings: Settings, item: str) -> Receipt:
    from scr.api.services import open_services  # all of a deployment: to list some rows nobody waits for it

    async with open_services(settings) as services:
        row = act("update", "quarantine", item=item, policy=services.policy.hash)
        await services.database.write(lambda connection: append(connection, row))
        return await services.intake.retry(item)


def _print_how_many_wait(count: int) -> None:
    if count:
        kind = "message waits" if count == 1 else "messages wait"
        text = f"{count} {kind} for PDS; the server tries again by itself: `scr quarantine waiting`."
        console.print(text, soft_wrap=True)


def _local(ms: int) -> datetime:
    return utc(ms).astimezone(LONDON)
