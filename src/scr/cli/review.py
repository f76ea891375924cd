"""``scr identity review``: what is in doubt, both sides of it, and what is decided."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from scr.api.services import open_services
from scr.cli.context import console, settings_of
from scr.fhir.dates import LONDON, utc
from scr.fhir.demographics import Demographics
from scr.identity.heard import SENTENCES
from scr.intake.receive import Receipt
from scr.intake.review import Case, Review
from scr.store.doubts import PersonDoubt
from scr.store.quarantine import Quarantined

app = typer.Typer(help="What is in doubt: whose is it? Look at both sides, and decide.", no_args_is_help=True)
Item = Annotated[str, typer.Argument(help="Its id, from `scr identity review list`.")]
By = Annotated[str, typer.Option(help="Full name of whoever decides.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence.")]
T = TypeVar("T")

FACTS = ("family-name", "given-name", "birth-date", "sex", "postcode")
"""The facts of a side, in the order in which they are shown."""


@app.command("list")
def list_(context: typer.Context) -> None:
    """List what waits for a decision, the oldest first."""
    found, persons = _run(context, _waiting)
    if not found and not persons:
        console.print("Nothing waits for a decision.")
        return
    if found:
        _print_items(found)
    if persons:
        _print_persons(persons)


async def _waiting(review: Review) -> tuple[list[Quarantined], list[PersonDoubt]]:
    return await review.queue(), await review.persons()


def _print_items(found: list[Quarantined]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("id", no_wrap=True, min_width=max(len(item.id) for item in found))
    for title in ("since", "provider", "adapter", "why"):
        table.add_column(title, overflow="fold")
    for item in found:
        since = utc(item.created).astimezone(LONDON).strftime("%d %b %Y %H:%M")
        table.add_row(item.id, since, str(item.provider), item.adapter, item.code)
    console.print(table)
    console.print(f"{len(found)} to decide. `scr identity review show ID`.")


def _print_persons(persons: list[PersonDoubt]) -> None:
    """Who is in doubt, and is not decided on here: by the id of their Patient."""
    for one in persons:
        since = utc(one.since).astimezone(LONDON).strftime("%d %b %Y %H:%M")
        told = " ".join((SENTENCES[one.code], *(f"It is {source}." for source in one.sources)))
        console.print(f"\n{one.patient_id}  {since}  {one.code}\n  {told}", soft_wrap=True)
    console.print(f"\n{len(persons)} to look into. `scr identity show ID`.")


@app.command()
def show(context: typer.Context, item: Item) -> None:
    """Show both sides of one: who is known, and what was told. It holds personal data."""
    case = _run(context, lambda review: review.show(item))
    console.print(f"{case.item.provider}, {case.item.adapter}, {case.item.place}", markup=False)
    console.print(f"{case.item.code}: {case.item.sentence}\n", markup=False)
    console.print(_sides(case))
    if case.verdict is not None:
        console.print(f"\nSum of the weights: {case.verdict.score:g} ({case.verdict.agreement.value}).")
    if case.hidden:
        console.print("Their whereabouts are restricted: no postcode is shown.")
    verbs = "merge, other" if case.is_merge else "same, other"
    console.print(f"\nDecide: `scr identity review {{{verbs}}} {item} --by NAME --reason WHY`.", markup=False)


@app.command()
def same(context: typer.Context, item: Item, by: By, reason: Reason) -> None:
    """It is the person whom it names: file it, and know them by what it tells from now on."""
    receipt = _run(context, lambda review: review.same(item, by=by, reason=reason))
    if receipt is None:
        console.print("They are known by that from now on: what the source answers next is used.")
        return
    _tell(receipt)


@app.command()
def other(context: typer.Context, item: Item, by: By, reason: Reason) -> None:
    """It is somebody else's, or the merge is wrong: never file it. Its sender has to correct it."""
    _run(context, lambda review: review.other(item, by=by, reason=reason))
    console.print("Dismissed. Tell its source, which has to correct it, and to send what it sent again.")


@app.command()
def merge(
    context: typer.Context,
    item: Item,
    by: By,
    reason: Reason,
    one_person: Annotated[
        bool, typer.Option("--one-person", help="Both NHS Numbers are one human being's: read them as one.")
    ] = False,
) -> None:
    """The sender's two records are one person's: what it filed under the prior one moves to the other."""
    _tell(_run(context, lambda review: review.merge(item, one_person=one_person, by=by, reason=reason)))


def _tell(receipt: Receipt) -> None:
    if receipt.problems:
        problem = receipt.problems[0]
        console.print(
            f"Decided, and it stays in quarantine: {problem.code}: {problem.sentence}", markup=False
        )
        raise typer.Exit(1)
    console.print("Filed, and released from quarantine.")


def _sides(case: Case) -> Table:
    """A row for each fact: what was told, whom it names, and how the two compare."""
    table = Table(box=None, pad_edge=False)
    columns = [case.told, *case.known, *([case.prior] if case.prior else [])]
    titles = ["told", "known", *["also known as"] * (len(case.known) - 1)] if case.known else ["told"]
    titles += ["the other person"] if case.prior else []
    for title in ("", *titles, "compares"):
        table.add_column(title, overflow="fold")
    levels = {str(fact): level.value for fact, level in case.verdict.levels} if case.verdict else {}
    for fact in FACTS[:-1] if case.hidden else FACTS:
        table.add_row(fact, *(fact_of(one, fact) for one in columns), levels.get(fact, ""))
    return table


def fact_of(side: Demographics, fact: str) -> str:
    """One fact of a side as people read it; a dash where it was not told."""
    values = {
        "family-name": side.family,
        "given-name": " ".join(side.given),
        "birth-date": side.birth_date,
        "sex": side.sex,
        "postcode": side.postcode,
    }
    return values[fact] or "-"


def _run(context: typer.Context, work: Callable[[Review], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_services(settings_of(context)) as services:
            return await work(services.review)

    return asyncio.run(run())
