"""``scr tables``: at which revision they are, what is to come, and whether everything may go on meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from scr.cli.acts import act
from scr.cli.context import console, listing, settings_of
from scr.errors import Invalid, NotFound
from scr.settings import Settings
from scr.store.engine import Database
from scr.store.migrations import Revision, between, downgrade, migrate, revision_of, revisions
from scr.store.migrations.others import others
from scr.store.trail import append

app = typer.Typer(help="The tables: their revision, and the next ones.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context) -> None:
    """Say at which revision the tables are, and of each that is to come whether it needs a stop."""
    with _opened(settings_of(context)) as database:
        at, there = database.read_now(lambda connection: (revision_of(connection), others(connection)))
    newest = revisions()[0]
    if at not in revisions():
        console.print(f"The tables are at {at}, which a newer version made; this one knows {newest}.")
        return
    console.print(f"The tables are at {at}; this version is for {newest}.")
    found = between(at, newest)
    if found:
        _listed(found)
        told = "others have the database open" if there else "nobody else has the database open"
        console.print(f"Just now {told}.")


@app.command()
def up(context: typer.Context) -> None:
    """Bring the tables up to this version, as its first start would."""
    with _opened(settings_of(context)) as database:
        before = database.read_now(revision_of)
        migrate(database)
        after = database.read_now(revision_of)
        if before != after:
            row = act("update", "tables", before=before, now=after)
            database.write_now(lambda connection: append(connection, row))
    console.print(f"The tables are at {after}.")


@app.command()
def back(
    context: typer.Context,
    revision: Annotated[str, typer.Argument(help="The one to go back to: `scr tables list`.")],
    yes: Annotated[bool, typer.Option("--yes", help="What only the later ones hold is lost.")] = False,
) -> None:
    """Take the tables back, for a former version that does not take them as they are."""
    if revision not in revisions():
        raise NotFound("this version knows no such revision", code="no-revision")
    with _opened(settings_of(context)) as database:
        at = database.read_now(revision_of)
        if revision >= at or at != revisions()[0]:
            raise Invalid(f"the tables are at {at}: this is not to be taken back", code="no-revision")
        lost = between(revision, at)
        _listed(lost[::-1])
        if not yes:
            raise typer.BadParameter("what only these hold is lost: take a backup, and say --yes")
        row = act("update", "tables", before=at, now=revision)
        database.write_now(lambda connection: append(connection, row))
        downgrade(database, revision)
    console.print(f"The tables are at {revision}.")


def _listed(found: list[Revision]) -> None:
    table = listing("revision", "what for", "how", whole=("revision",))
    for one in found:
        table.add_row(
            one.number, one.about, f"needs a stop: {one.needs_stop}" if one.needs_stop else "rolling"
        )
    console.print(table)


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    """The database as it is. A SQLite file that is not there is not made."""
    if not settings.database_url and not (settings.home / "scr.db").exists():
        raise NotFound("there is no database yet: the first start makes it", code="no-database")
    database = Database.open(settings.resolved_database_url, 1, 1)
    try:
        yield database
    finally:
        database.close()
