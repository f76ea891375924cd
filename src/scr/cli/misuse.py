"""``scr misuse``: what the rules find in the audit, what looks are held against, and what it was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from scr.api.alerting import sends_alerts
from scr.api.misusing import judge
from scr.api.services import now_ms, open_database, open_keys
from scr.cli.context import console, counted_as, listing, settings_of
from scr.consent.misuse import MisuseRules, load_misuse
from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.errors import Invalid
from scr.fhir.dates import LONDON, utc
from scr.identity.misuse.imports import Importing
from scr.identity.misuse.told import STATUSES, evidence
from scr.identity.misuse.watch import MisuseWatch
from scr.identity.misuse.worklist import Shown, Worklist
from scr.identity.oversight import Watcher
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.misuse.findings import Status
from scr.store.misuse.lists import counts

app = typer.Typer(help="Looks that may be misuse: rules, lists, findings.", no_args_is_help=True)
staff = typer.Typer(help="The staff, as who looks is held against who is looked at.", no_args_is_help=True)
vip = typer.Typer(help="Those who are looked up by the curious.", no_args_is_help=True)
app.add_typer(staff, name="staff")
app.add_typer(vip, name="vip")
Item = Annotated[str, typer.Argument(help="Its id, from `scr misuse list`.")]
By = Annotated[str, typer.Option(help="Full name of whoever looks or decides.")]
File = Annotated[Path, typer.Argument(help="CSV with a first line that names the columns; docs/misuse.md.")]
T = TypeVar("T")


@app.command("list")
def list_(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Those that were decided on, too.")] = False,
) -> None:
    """List what waits for a decision, the one with most points first. It names nobody who was looked at."""
    rules = _rules(context)

    async def work(database: Database, keys: KeyRing) -> None:
        worklist = Worklist(database, keys, now_ms)
        found = await (worklist.latest() if every else worklist.waiting())
        if not found:
            console.print("Nothing was found so far." if every else "Nothing waits for a decision.")
            return
        table = listing("id", "when", "what", "points", "who", "state", whole=("id",), right=("points",))
        for one in found:
            rule = rules.rules.get(one.rule)
            table.add_row(
                one.id,
                _moment(one.at),
                one.rule if rule is None else rule.title,
                str(one.seen.rules[0].score),
                f"{one.actor_name or one.user_day.actor}, {one.user_day.role}, {one.user_day.organisation}",
                STATUSES[one.status],
            )
        console.print(table)
        console.print(f"{counted_as(len(found), 'finding')}. `scr misuse show ID --by NAME`.")

    _run(context, work)


@app.command()
def show(context: typer.Context, item: Item, by: By) -> None:
    """Show one: who, at whom, why it was found, and the looks. It holds personal data, and is audited."""
    shown = _run(context, lambda database, keys: Worklist(database, keys, now_ms).show(item, Watcher(by)))
    for title, value in _facts(shown):
        console.print(f"{title:<8} {value}", soft_wrap=True)
    console.print("")
    for sentence in evidence(shown.finding):
        console.print(f"- {sentence}", soft_wrap=True)
    if shown.looks:
        table = listing("looked at", "what", "answer")
        for look in shown.looks:
            table.add_row(_moment(look.at), look.what, look.outcome)
        console.print("")
        console.print(table)
    for said in shown.finding.notes:
        console.print(f"\n{_moment(said.at)}, {said.by}: {STATUSES[said.status]}: {said.note}")
    console.print(f"\n`scr misuse decide {item} explained --by NAME --note WHAT`")


@app.command()
def decide(
    context: typer.Context,
    item: Item,
    status: Annotated[Status, typer.Argument(help="What it was.")],
    by: By,
    note: Annotated[str, typer.Option(help="What you found, in a sentence.")],
) -> None:
    """Say what a finding was: explained, misuse, or not misuse."""
    _run(
        context,
        lambda database, keys: Worklist(database, keys, now_ms).decide(item, Watcher(by), status, note),
    )
    console.print("Recorded.")


@app.command()
def run(context: typer.Context) -> None:
    """Judge what is new in the audit, now; `scr serve` does it every half a minute."""
    settings = settings_of(context)
    policy = load_policy(DataFiles(settings.home))

    async def work(database: Database, keys: KeyRing) -> None:
        watch = MisuseWatch(database, keys, policy, now_ms, alerts=sends_alerts(settings))
        done = await judge(watch, database, lambda: False)
        if done is None:
            console.print("There is nothing to judge, or another process is at it.")
            return
        told = (counted_as(done.rows, "row"), counted_as(done.visits, "visit"))
        console.print(f"{told[0]} of the audit read, {told[1]} judged, {done.findings} written to the list.")

    _run(context, work)


@app.command()
def rules(context: typer.Context) -> None:
    """Print the rules in force: what leads to each, the points of each signal, and when it is raised."""
    found = _rules(context)
    table = listing("rule", "title", "leads", "points", "raised at")
    for one in found.rules.values():
        points = ", ".join(f"{code} {count}" for code, count in one.points.items())
        table.add_row(one.code, one.title, ", ".join(sorted(one.lead)), points, str(one.raise_at))
    console.print(table)
    told = [one.code for one in found.rules.values() if one.alert]
    if told:
        console.print(f"Alerts go out of: {', '.join(told)}.")
    console.print(f"Rules {found.hash}.")


@staff.command("import")
def import_staff(context: typer.Context, file: File, by: By) -> None:
    """Put in the staff list in the place of the one before: user, nhs_number, surname, postcode …"""
    content = _read(file)
    count = _run(
        context, lambda database, keys: Importing(database, keys, now_ms).staff(content, Watcher(by))
    )
    console.print(f"{counted_as(count, 'member')} of staff on the list, sealed. Delete the file.")


@vip.command("import")
def import_vips(context: typer.Context, file: File, by: By) -> None:
    """Put in the list of those who are looked up by the curious: nhs_number, why."""
    content = _read(file)
    count = _run(context, lambda database, keys: Importing(database, keys, now_ms).vips(content, Watcher(by)))
    console.print(f"{count} on the list, sealed. Delete the file.")


@app.command("lists")
def lists_(context: typer.Context) -> None:
    """Say how many are on each list."""

    async def work(database: Database, _keys: KeyRing) -> tuple[int, int]:
        return await database.read(counts)

    members, known = _run(context, work)
    console.print(
        f"{counted_as(members, 'member')} of staff; {known} on the list of those who are looked up."
    )


def _facts(shown: Shown) -> list[tuple[str, str]]:
    finding, known = shown.finding, shown.demographics
    one = finding.user_day
    about = f"{len(shown.visits)} people on that day"
    if shown.nhs_number is not None:
        name = " ".join((*known.given, known.family or "")).strip() or "name not known"
        about = f"{name}, NHS Number {shown.nhs_number.spaced}"
    return [
        ("who", f"{finding.actor_name} ({one.actor})" if finding.actor_name else one.actor),
        ("role", one.role),
        ("at", one.organisation),
        ("whom", about),
        ("when", _moment(finding.at)),
        ("rules", ", ".join(f"{each.rule} {each.score}" for each in finding.seen.rules)),
        ("row", finding.look),
        ("state", STATUSES[finding.status]),
    ]


def _rules(context: typer.Context) -> MisuseRules:
    return load_misuse(DataFiles(settings_of(context).home))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Invalid(
            f"the file cannot be read ({error.strerror})", code="bad-list", where=str(file)
        ) from None


def _moment(at: int) -> str:
    return utc(at).astimezone(LONDON).strftime("%d %b %Y %H:%M")


def _run(context: typer.Context, work: Callable[[Database, KeyRing], Awaitable[T]]) -> T:
    settings = settings_of(context)

    async def run_it() -> T:
        database = open_database(settings)
        try:
            return await work(database, open_keys(settings))
        finally:
            database.close()

    return asyncio.run(run_it())
