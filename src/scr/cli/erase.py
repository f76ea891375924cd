"""``scr erase``: somebody's data are destroyed for good, asked by one and confirmed by another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from scr.api.opening import now_ms, open_database, open_keys
from scr.cli.context import console, counted_as, listing, settings_of
from scr.fhir.dates import LONDON, utc
from scr.identity.erasing import Erasing

app = typer.Typer(help="Destroy somebody's data for good: one asks, another confirms.", no_args_is_help=True)
By = Annotated[str, typer.Option("--by", help="Your full name: it stands in the audit.")]
Asked = Annotated[str, typer.Argument(help="The id of what was asked for, from `scr erase list`.")]


@app.command()
def ask(
    context: typer.Context,
    patient: Annotated[str, typer.Argument(help="The id of their Patient.")],
    by: By,
    reason: Annotated[str, typer.Option(help="Why: it stands in the audit. No person's data.")],
) -> None:
    """Ask for the erasure of somebody. Nothing is erased before somebody else confirms it."""
    with _desk(context) as desk:
        one = desk.ask(patient, by, reason)
    console.print(f"Asked for: {one.id}. Somebody else confirms it: `scr erase confirm {one.id} --by NAME`,")
    console.print(
        f"until {_moment(one.until)}. First tell the sources: what they send again is a new record."
    )


@app.command("list")
def list_(context: typer.Context) -> None:
    """List what was asked for and not done."""
    with _desk(context) as desk:
        found = desk.waiting()
    if not found:
        console.print("Nobody has asked for an erasure.")
        return
    table = listing("id", "asked", "by", "why", "until", whole=("id",))
    for one in found:
        table.add_row(one.id, _moment(one.at), one.by, one.reason, _moment(one.until))
    console.print(table)


@app.command()
def confirm(context: typer.Context, erasure: Asked, by: By) -> None:
    """Erase. It cannot be undone; it may be stopped, and confirmed again."""
    with _desk(context) as desk:
        done = desk.confirm(erasure, by)
    people, payloads = counted_as(done.people, "row"), counted_as(done.payloads, "payload")
    console.print(f"Erased: {people} of a person, and {payloads} about several people that named them.")
    console.print("Backups from before still have them: `scr restore` erases them again, by the list of the")
    console.print("setting `erased`. To make those backups unreadable: `scr keys new`, `rewrap`, `retire`.")


@app.command()
def withdraw(context: typer.Context, erasure: Asked, by: By) -> None:
    """Do not do it."""
    with _desk(context) as desk:
        desk.withdraw(erasure, by)
    console.print("Withdrawn.")


@contextmanager
def _desk(context: typer.Context) -> Iterator[Erasing]:
    settings = settings_of(context)
    keys, database = open_keys(settings), open_database(settings)
    try:
        yield Erasing(database, keys, settings.path(settings.erased), now_ms)
    finally:
        database.close()


def _moment(at: int) -> str:
    return utc(at).astimezone(LONDON).strftime("%d %b %Y %H:%M")
