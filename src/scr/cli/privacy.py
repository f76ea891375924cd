"""``scr privacy``: who broke the glass or claimed a relationship, what they looked at, and what it was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from scr.api.opening import now_ms, open_database, open_keys
from scr.cli.context import console, settings_of
from scr.fhir.dates import LONDON, utc
from scr.identity.oversight import Case, Oversight, Watcher
from scr.store.alerts import Alert
from scr.store.claims import Claim, ClaimKind, Verdict

app = typer.Typer(help="Broken glasses and claimed relationships, and their review.", no_args_is_help=True)
Item = Annotated[str, typer.Argument(help="Its id, from `scr privacy list`.")]
By = Annotated[str, typer.Option(help="Full name of whoever looks or decides.")]
T = TypeVar("T")

_KINDS = {ClaimKind.GLASS: "broken glass", ClaimKind.RELATIONSHIP: "claimed relationship"}


@app.command("list")
def list_(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Those that were reviewed, too.")] = False,
) -> None:
    """List what waits for a review, the oldest first."""

    async def work(oversight: Oversight) -> tuple[list[Claim], list[Alert]]:
        return await (oversight.latest() if every else oversight.waiting()), await oversight.undelivered()

    found, stuck = _run(context, work)
    for alert in stuck:
        told = f"The alert of {_moment(alert.at)} ({alert.id}) has not gone out: {alert.problem}."
        console.print(told, style="red", markup=False, soft_wrap=True)
    if not found:
        console.print("Nothing waits for a review." if not every else "Nothing was claimed so far.")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("id", no_wrap=True, min_width=max(len(claim.id) for claim in found))
    for title in ("when", "what", "who"):
        table.add_column(title, overflow="fold")
    table.add_column("state", no_wrap=True, min_width=11)
    for claim in found:
        table.add_row(
            claim.id,
            _moment(claim.since),
            _KINDS[claim.kind],
            f"{claim.name or claim.subject}, {claim.role}, {claim.organisation}",
            claim.verdict or "to review",
        )
    console.print(table)
    console.print(f"{len(found)} claims. `scr privacy show ID --by NAME`.")


@app.command()
def show(context: typer.Context, item: Item, by: By) -> None:
    """Show one: who, whom, why, and what was looked at under it. It holds personal data, and is audited."""
    case = _run(context, lambda oversight: oversight.show(item, Watcher(by)))
    claim = case.claim
    for title, value in _facts(case):
        console.print(f"{title:<8} {value}", markup=False, soft_wrap=True)
    if not case.looks:
        console.print("\nNothing was looked at under it.")
    else:
        table = Table(box=None, pad_edge=False)
        for title in ("looked at", "what", "answer"):
            table.add_column(title, overflow="fold")
        for look in case.looks:
            table.add_row(_moment(look.at), look.what, look.outcome)
        console.print("")
        console.print(table)
    for said in case.reviews:
        console.print(f"\n{_moment(said.at)}, {said.by}: {said.verdict.value}: {said.note}", markup=False)
    console.print(f"\n`scr privacy review {claim.id} appropriate --by NAME --note WHAT`", markup=False)


@app.command()
def review(
    context: typer.Context,
    item: Item,
    verdict: Annotated[Verdict, typer.Argument(help="What it was.")],
    by: By,
    note: Annotated[str, typer.Option(help="What you found, in a sentence.")],
) -> None:
    """Say what it was: appropriate, or to be followed up."""
    _run(context, lambda oversight: oversight.review(item, Watcher(by), verdict, note))
    console.print("Recorded.")


@app.command()
def withdraw(context: typer.Context, item: Item, by: By) -> None:
    """End it now, on every process."""
    _run(context, lambda oversight: oversight.withdraw(item, Watcher(by)))
    console.print("Withdrawn. It opens nothing any more.")


def _facts(case: Case) -> list[tuple[str, str]]:
    claim, known = case.claim, case.demographics
    ended = f", withdrawn by {claim.withdrawn_by}" if claim.withdrawn is not None else ""
    name = " ".join((*known.given, known.family or "")).strip() or "name not known"
    return [
        ("what", _KINDS[claim.kind]),
        ("who", claim.name or claim.subject),
        ("role", f"{claim.role_name} ({claim.role})" if claim.role_name else claim.role),
        ("at", f"{claim.organisation_name} ({claim.organisation})".strip()),
        ("about", f"{name}, NHS Number {case.nhs_number.spaced}"),
        ("reason", case.reason),
        ("from", _moment(claim.since)),
        ("until", _moment(claim.over) + (", open" if case.is_open else ended)),
        ("state", _state(claim)),
    ]


def _state(claim: Claim) -> str:
    return f"{claim.verdict}, {claim.reviewed_by}" if claim.verdict else "to be reviewed"


def _moment(at: int) -> str:
    return utc(at).astimezone(LONDON).strftime("%d %b %Y %H:%M")


def _run(context: typer.Context, work: Callable[[Oversight], Awaitable[T]]) -> T:
    settings = settings_of(context)

    async def run() -> T:
        database = open_database(settings)
        try:
            return await work(Oversight(database, open_keys(settings), now_ms))
        finally:
            database.close()

    return asyncio.run(run())
