"""``scr identity``: who is linked with whom, why, and how to take it back."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import Connection

from scr.api.opening import now_ms, open_database, open_keys
from scr.cli import standing
from scr.cli.context import console, settings_of
from scr.errors import Invalid, NotFound
from scr.fhir.dates import LONDON, utc
from scr.fhir.identifiers import NHSNumber
from scr.identity import bars, index, links, recall
from scr.store import links as kept
from scr.store.keys import KeyRing
from scr.store.links import Grounds, Link
from scr.store.trail import AuditRow

LinkArgument = Annotated[str, typer.Argument(help="Its id, from `scr identity links`.", metavar="LINK")]
LinkOrPerson = Annotated[
    str,
    typer.Argument(
        help="A link's id, or that of a person's Patient (`scr identity review list`).", metavar="ID"
    ),
]
By = Annotated[str, typer.Option("--by", help="Your name: it stands in the audit.")]
Reason = Annotated[str, typer.Option("--reason", help="Why: it stands in the audit. No person's data.")]
Numbers = Annotated[
    Path,
    typer.Option(
        "--file", help="File with an NHS Number on each line; - is the standard input.", allow_dash=True
    ),
]


def list_links(
    context: typer.Context,
    undone: Annotated[bool, typer.Option("--undone", help="Also those that were undone.")] = False,
) -> None:
    """List the links in force, the newest first, without anybody's number."""
    database = open_database(settings_of(context))
    try:
        found = database.read_now(lambda conn: kept.latest(conn, undone=undone))
    finally:
        database.close()
    if not found:
        console.print("Nobody is linked.")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("id", no_wrap=True, min_width=26)  # `show` and `unlink` take it as it is
    for title in ("kind", "since", "by", "provider", "undone"):
        table.add_column(title, overflow="fold")
    for link in found:
        ended = "" if link.undone_at is None else f"{_local(link.undone_at):%d %b %Y %H:%M} {link.undone_by}"
        table.add_row(link.id, link.kind, f"{_local(link.at):%d %b %Y %H:%M}", link.by, link.provider, ended)
    console.print(table)


def show(
    context: typer.Context,
    link: LinkOrPerson,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Also whom it is about, and by what: personal data.")
    ] = False,
) -> None:
    """Say why two persons are linked, and how often that was looked at; or how a person stands.

    A person is named by the id of their Patient: what the register said of their number, and of what it does
    not confirm since when.
    """
    settings = settings_of(context)
    keys, database = open_keys(settings), open_database(settings)
    try:
        person = database.write_now(lambda conn: standing.read(conn, keys, link))
        if person is not None:
            standing.tell(person, evidence=evidence)
            return
        found, grounds, looks, numbers = database.read_now(lambda conn: _read(conn, keys, link))
    finally:
        database.close()
    lines = {
        "kind": found.kind,
        "state": found.state,
        "since": f"{_local(found.at):%d %b %Y %H:%M:%S}",
        "by": found.by,
        "provider": found.provider,
        "reasons": ", ".join(grounds.reasons),
        "looks": f"{looks} were answered with it in force: `scr identity unlink {link} --recall` lists them",
    }
    if evidence:
        lines["former"], lines["retained"] = (number.spaced for number in numbers)
        lines |= {f"  {name}": value for name, value in grounds.evidence.items()}
        lines["prior"] = ", ".join(value for _, value in grounds.prior)
        lines["surviving"] = ", ".join(value for _, value in grounds.surviving)
    for name, value in lines.items():
        if value:
            console.print(f"{name:12}{value}", markup=False, soft_wrap=True)


def join(context: typer.Context, file: Numbers, by: By, reason: Reason) -> None:
    """Link two numbers that are one human being's: the first gives way to the second."""
    numbers = _numbers(file)
    if len(numbers) != 2:
        raise Invalid("two NHS Numbers are needed: the former, and the one retained", code="two-numbers")
    settings = settings_of(context)
    keys, database = open_keys(settings), open_database(settings)

    def link(conn: Connection) -> str:
        one, other = (index.find(conn, keys, number) for number in numbers)
        if one is None or other is None:
            raise NotFound("nobody is held under one of the two numbers", code="no-person")
        return links.link(
            conn, keys, one, other,
            kind="reviewed", reasons=["operator"], evidence={"reason": reason}, by=by, now=now_ms(),
        )  # fmt: skip

    try:
        made = database.write_now(link)
    finally:
        database.close()
    console.print(f"Linked: {made}. `scr identity unlink {made}` takes it back.")


def unlink(
    context: typer.Context,
    link: LinkArgument,
    by: By = "",
    reason: Reason = "",
    recalled: Annotated[
        bool, typer.Option("--recall", help="List every answer that was given with it in force.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="List them as CSV.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Undo nothing.")] = False,
) -> None:
    """Undo a link or a merge: what it joined is apart, what it moved goes back."""
    settings = settings_of(context)
    keys, database = open_keys(settings), open_database(settings)
    try:
        if not dry_run:
            if not by or not reason:
                raise Invalid("say who undoes it, and why: --by and --reason", code="reason-needed")
            undone = database.write_now(
                lambda conn: links.unlink(conn, keys, link, by=by, reason=reason, now=now_ms())
            )
            _tell(undone, quiet=as_csv)
        rows = database.read_now(lambda conn: recall.recall(conn, link)) if recalled else []
    finally:
        database.close()
    if as_csv:
        typer.echo(recall.as_csv(rows), nl=False)
    elif recalled:
        _print_looks(rows)


def bar(
    context: typer.Context,
    file: Numbers,
    by: By,
    reason: Reason,
    lift: Annotated[bool, typer.Option("--lift", help="Take away one that was declared by mistake.")] = False,
) -> None:
    """Never link two numbers, or one with any other (adoption, gender recognition); undo what links them.

    Which numbers it is about is kept so that nobody can read it, here neither.
    """
    settings = settings_of(context)
    keys, database = open_keys(settings), open_database(settings)
    named = _numbers(file)
    try:
        if lift:
            database.write_now(lambda conn: bars.lift(conn, keys, named, reason=reason, by=by, now=now_ms()))
            console.print("The bar is lifted.")
            return
        made, undone = database.write_now(
            lambda conn: links.bar(conn, keys, named, reason=reason, by=by, now=now_ms())
        )
    finally:
        database.close()
    console.print(f"Barred: {made}.")
    for one in undone:
        _tell(one, quiet=False)


def _read(conn: Connection, keys: KeyRing, link: str) -> tuple[Link, Grounds, int, tuple[NHSNumber, ...]]:
    found = kept.read(conn, link)
    numbers = tuple(person.nhs_number for person in kept.ends(conn, keys, found))
    return found, kept.grounds_of(conn, keys, found), len(recall.recall(conn, link)), numbers


def _tell(undone: links.Undone, *, quiet: bool) -> None:
    if quiet:
        return
    console.print(f"Undone: {undone.link.id} ({undone.link.kind}).")
    if undone.moved:
        console.print(f"{undone.moved} resources went back.")
    if undone.left:
        console.print(
            f"{undone.left} came under the same identifier since, with the other number: look at them."
        )


def _print_looks(rows: list[AuditRow]) -> None:
    table = Table(*recall.COLUMNS, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*recall.line_of(row))
    console.print(table)
    console.print(f"{len(rows)} answers were given with it in force.")


def _numbers(file: Path) -> list[NHSNumber]:
    """The numbers of a file: on the command line they would stand in the shell's history."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        return [NHSNumber.parse(line) for line in text.splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        raise Invalid("the file cannot be read", code="bad-file", where=str(file)) from None
    except ValueError as error:
        raise Invalid(str(error), code="bad-nhs-number") from None


def _local(ms: int) -> datetime:
    return utc(ms).astimezone(LONDON)
