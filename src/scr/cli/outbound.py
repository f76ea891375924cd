"""``scr outbound``: what goes out of the house and has not arrived, and another try."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from scr.api.opening import now_ms, open_database
from scr.cli.acts import act, noted
from scr.cli.context import console, counted_as, listing, settings_of
from scr.errors import NotFound
from scr.fhir.dates import LONDON, utc
from scr.store import alerts

app = typer.Typer(help="What goes out of the house and has not arrived.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context) -> None:
    """List what has not arrived, the oldest first: what waits, what could not be sent, what was given up."""
    database = open_database(settings_of(context))
    try:
        found = database.read_now(alerts.waiting)
    finally:
        database.close()
    if not found:
        console.print("All that went out has arrived.")
        return
    table = listing("id", "kind", "since", "tries", "next", "problem", whole=("id",), right=("tries",))
    for one in found:
        following = "given up" if one.given_up else _told(one.next)
        table.add_row(one.id, one.kind, _told(one.at), str(one.tries), following, one.problem)
    console.print(table)
    console.print(f"{counted_as(len(found), 'message')}. `scr outbound retry ID`, or `--all`.")


@app.command()
def retry(
    context: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="ID", help="From `scr outbound list`.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Every one that has not arrived.")] = False,
) -> None:
    """Let one be tried again now, or all, what was given up too; whoever sends takes it up within seconds."""
    if bool(identity) == every:
        raise typer.BadParameter("name one, or say --all")
    database = open_database(settings_of(context))
    try:
        row = act("update", "outbound", alert=identity or "all", how="retry")
        count = database.write_now(noted(row, lambda conn: alerts.again(conn, now_ms(), identity)))
    finally:
        database.close()
    if not count and not every:
        raise NotFound("nothing that could not be sent has this id: `scr outbound list`", code="no-outbound")
    console.print(f"{counted_as(count, 'message')} will be tried again.")


def _told(at: int) -> str:
    shown: datetime = utc(at).astimezone(LONDON)
    return shown.strftime("%d %b %Y %H:%M")
