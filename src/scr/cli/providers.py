"""``scr providers``: where each provider stands, and the gates that it passes on its way to being live."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.table import Table
from rich.text import Text

from scr.api.logs import set_up_logs
from scr.api.services import open_services
from scr.cli.acts import OPERATOR, act
from scr.cli.context import console, settings_of
from scr.errors import Invalid
from scr.fhir.dates import LONDON, utc
from scr.fhir.identifiers import OdsCode
from scr.onboarding.gates import GATES, TITLES, Clock, Evidence
from scr.onboarding.programme import Programme, Standing, pressing
from scr.store.onboarding import Event, Stage
from scr.store.trail import append

app = typer.Typer(
    help="The providers: their gates, their evidence, and the six months.", no_args_is_help=True
)
Ods = Annotated[str, typer.Argument(help="ODS code of the provider.", metavar="ODS")]
By = Annotated[str, typer.Option(help="Full name of the person who stands for it.")]
GateName = Annotated[Stage | None, typer.Option(help="The gate.", case_sensitive=False)]

_SOON_DAYS = 30
T = TypeVar("T")


@app.command("list")
def list_(context: typer.Context) -> None:
    """List the providers by code, each with the gates that it has passed and the time that is left."""
    found = _run(context, lambda programme: programme.overview())
    table = _table("provider", "name", "progress", "stage", "time")
    for one in found:
        bar = _bar(one.state.gates_passed)
        table.add_row(one.ods.value, one.name, bar, one.state.stage.value, _time(one.clock))
    console.print(table)
    if not found:
        console.print("No provider has a file below adapters/providers.")


@app.command()
def show(context: typer.Context, ods: Ods) -> None:
    """Show a provider's gates with their evidence, and everything that was ever done to them."""
    _print(_run(context, lambda programme: programme.show(_code(ods))))


@app.command()
def promote(
    context: typer.Context,
    ods: Ods,
    by: By,
    evidence: Annotated[
        str, typer.Option(help="A file (its name and SHA-256 are kept), or the name of a document.")
    ] = "",
    note: Annotated[str, typer.Option(help="A remark.")] = "",
    tester: Annotated[
        list[str] | None, typer.Option(help="Subject or user id of a tester's token; may be repeated.")
    ] = None,
    gate: GateName = None,
) -> None:
    """Take a provider through its next gate (or the one named, if that is the next).

    Configured, samples-passed and connected check themselves; the others are somebody's to pass.
    """
    code = _code(ods)
    reference, digest = _evidence(evidence)

    async def work(programme: Programme) -> Standing:
        following = (await programme.show(code)).state.next_gate
        told = Evidence(
            gate or (following.stage if following else Stage.LIVE),
            by,
            reference=reference,
            digest=digest,
            note=note,
            testers=frozenset(tester or ()),
        )
        return await programme.promote(code, told, OPERATOR)

    standing = _run(context, work, action="promote", provider=code)
    console.print(f"{code} is now {standing.state.stage.value}.")
    gate_now = standing.state.next_gate
    if gate_now:
        console.print(f"Next: {gate_now.stage.value}. {gate_now.needs}", soft_wrap=True)


@app.command()
def undo(
    context: typer.Context,
    ods: Ods,
    reason: Annotated[str, typer.Option(help="Why: it stays in the history.")],
    by: By = "operator at the command line",
    gate: GateName = None,
) -> None:
    """Undo a provider's last gate, or the one named and all that stand on it, at once for every answer."""
    code = _code(ods)
    standing = _run(
        context,
        lambda programme: programme.undo(code, reason, by, OPERATOR, gate=gate),
        action="undo",
        provider=code,
    )
    console.print(f"{code} is back at {standing.state.stage.value}.")


@app.command()
def clock(context: typer.Context) -> None:
    """Show how much is left of each provider's six months, the most pressing first."""
    found = _run(context, lambda programme: programme.overview())
    table = _table("provider", "name", "its go-live", "live here by", "time", "progress")
    overdue = 0
    for one in sorted(found, key=pressing):
        if one.clock:
            overdue += one.clock.overdue
            dates = (one.clock.go_live.isoformat(), one.clock.deadline.isoformat())
            table.add_row(one.ods.value, one.name, *dates, _time(one.clock), _bar(one.state.gates_passed))
    console.print(table)
    console.print(f"{overdue} overdue.", style="bold red" if overdue else "")


def _run(
    context: typer.Context,
    work: Callable[[Programme], Awaitable[T]],
    *,
    action: str = "",
    provider: OdsCode | None = None,
) -> T:
    """Do something with a deployment's programme; what changes it goes into the audit."""
    settings = settings_of(context)
    set_up_logs("error")

    async def inside() -> T:
        async with open_services(settings) as services:
            result = await work(services.programme)
            if provider is not None:
                row = act(action, "onboarding", policy=services.policy.hash, provider=provider.value)
                await services.database.write(lambda connection: append(connection, row))
            return result

    return asyncio.run(inside())


def _print(standing: Standing) -> None:
    state = standing.state
    console.print(f"{standing.ods} {standing.name}", style="bold", markup=False)
    console.print(f"stage     {TITLES[state.stage]}")
    if standing.clock:
        console.print(Text.assemble("time      ", _time(standing.clock), f" (by {standing.clock.deadline})"))
    if state.testers:
        console.print(f"testers   {', '.join(sorted(state.testers))}", markup=False, soft_wrap=True)
    console.print()
    for gate in GATES:
        event = state.passed.get(gate.stage)
        mark, style = ("✓", "green") if event else ("·", "dim")
        console.print(f"{mark} {gate.stage.value}", style=style)
        if event:
            _print_event(event)
        elif gate is state.next_gate:
            console.print(f"    next: {gate.needs}", soft_wrap=True)
    console.print("\nHistory", style="bold")
    for event in standing.history:
        console.print(
            f"{_moment(event.at)}  {event.gate.value} {event.kind.value} by {event.by}", markup=False
        )
        if event.kind != "passed":
            console.print(f"    {event.note}", markup=False, soft_wrap=True)


def _print_event(event: Event) -> None:
    console.print(f"    {event.by}, {_moment(event.at)}: {event.reference}", markup=False, soft_wrap=True)
    if event.note:
        console.print(f"    {event.note}", markup=False, soft_wrap=True)
    for line in event.report.splitlines():
        console.print(f"    | {line}", markup=False, soft_wrap=True, style="dim")
    if event.digest:
        console.print(f"    sha256 {event.digest}", style="dim")


def _time(found: Clock | None) -> Text:
    if found is None:
        return Text("no go-live", style="dim")
    soon = found.live_on is None and found.days_left <= _SOON_DAYS
    style = "bold red" if found.overdue else "yellow" if soon else "green" if found.in_time else ""
    return Text(found.sentence, style=style)


def _table(*columns: str) -> Table:
    """A table in which a name may take several lines, and nothing else may."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column != "name")
    return table


def _bar(passed: int) -> Text:
    return Text.assemble(("■" * passed, "green"), ("□" * (len(GATES) - passed), "dim"))


def _moment(ms: int) -> str:
    return utc(ms).astimezone(LONDON).strftime("%d %b %Y %H:%M")


def _evidence(text: str) -> tuple[str, str]:
    """The reference and the digest of what was named: a file that is there, or a document elsewhere."""
    path = Path(text)
    if not text or not path.is_file():
        return text, ""
    return path.name, hashlib.sha256(path.read_bytes()).hexdigest()


def _code(text: str) -> OdsCode:
    try:
        return OdsCode.parse(text)
    except ValueError as error:
        raise Invalid(str(error), code="bad-organisation", where="ODS") from None
