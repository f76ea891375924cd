"""``scr audit``: who looked."""

from __future__ import annotations

from typing import Annotated

import typer

from scr.api.services import open_database
from scr.cli.context import console, listing, settings_of
from scr.fhir.dates import LONDON, utc
from scr.store.trail import recent


def audit(
    context: typer.Context,
    limit: Annotated[int, typer.Option(help="How many rows.", min=1, max=10_000)] = 30,
) -> None:
    """Print the latest audit rows, the newest first."""
    database = open_database(settings_of(context))
    try:
        rows = database.read_now(lambda connection: recent(connection, limit))
    finally:
        database.close()
    if not rows:
        console.print("Nobody has looked yet.")
        return
    table = listing("when", "who", "role", "at", "what", "outcome", "why", "sources")
    for row in rows:
        table.add_row(
            utc(row.at).astimezone(LONDON).strftime("%d %b %H:%M:%S"),
            row.actor_name or row.actor or "nobody known",
            row.role,
            row.organisation,
            f"{row.action} {row.what}",
            row.outcome,
            row.code,
            str(row.details.get("ledger", "")),
        )
    console.print(table)
