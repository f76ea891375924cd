"""``scr consent lift``, ``put-back`` and ``lifts``: a label that is wrong for a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from scr.api.opening import now_ms, open_database, open_keys
from scr.cli.context import console, settings_of
from scr.cli.decisions import asked_number
from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.fhir.dates import LONDON, utc
from scr.intake.lifting import Lifting

Label = Annotated[str, typer.Argument(help="The label's key, from `scr consent labels`.")]
Of = Annotated[
    str,
    typer.Argument(metavar="OF", help="An entry as it is served, Condition/ID; or a code, SYSTEM|CODE."),
]
By = Annotated[str, typer.Option(help="Full name of whoever decides.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence. It is sealed with the record.")]


def lift(context: typer.Context, label: Label, of: Of, by: By, reason: Reason) -> None:
    """Lift a label that is wrong for a person: of one entry, or of whatever on their record has a code.

    The person's NHS Number is read from standard input. What the label brought to other entries goes with
    it. What a law keeps back, and what the source itself has marked, is corrected at its source.
    """
    number = asked_number()
    with _opened(context) as lifting:
        changed = lifting.lift(number, label, of, by=by, reason=reason)
    console.print(f"Lifted. {changed} entries that are held have a new version.", markup=False)


def put_back(context: typer.Context, label: Label, of: Of, by: By, reason: Reason) -> None:
    """Put a label back that was lifted. The person's NHS Number is read from standard input."""
    number = asked_number()
    with _opened(context) as lifting:
        changed = lifting.put_back(number, label, of, by=by, reason=reason)
    console.print(f"Put back. {changed} entries that are held have a new version.", markup=False)


def lifts(context: typer.Context, by: Annotated[str, typer.Option(help="Your full name.")]) -> None:
    """List what was lifted for a person, by whom and why; the reasons may tell of them. It is audited.

    The person's NHS Number is read from standard input.
    """
    number = asked_number()
    with _opened(context) as lifting:
        found = lifting.lifts(number, by=by)
    if not found:
        console.print("No label was lifted for this person.")
        return
    table = Table("label", "of", "lifted", "why", "put back", "why then", box=None, pad_edge=False)
    for one in found:
        back = f"{_moment(one.ended)}, {one.ended_by}" if one.ended else "no"
        lifted = f"{_moment(one.at)}, {one.by}"
        table.add_row(*map(escape, (one.label, one.of, lifted, one.reason, back, one.ended_reason)))
    console.print(table)


def _moment(at: int) -> str:
    return utc(at).astimezone(LONDON).strftime("%d %b %Y %H:%M")


@contextmanager
def _opened(context: typer.Context) -> Iterator[Lifting]:
    settings = settings_of(context)
    policy = load_policy(DataFiles(settings.home))
    database = open_database(settings)
    try:
        yield Lifting(database, open_keys(settings), policy, now_ms)
    finally:
        database.close()
