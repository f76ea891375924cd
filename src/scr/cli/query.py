"""``scr query``: one person's record in the terminal, source by source as they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from scr.api.fhir.opened import Opened, Opener
from scr.api.fhir.reconciled import Reconciler
from scr.api.logs import set_up_logs
from scr.api.look import Look, audit_row
from scr.api.opening import now_ms
from scr.api.services import Services, open_services
from scr.broker.ledger import LedgerLine
from scr.broker.reconcile.rules import load_rules
from scr.cli.context import console, settings_of
from scr.cli.made import is_made, print_made
from scr.consent.actor import Actor, ActorKind
from scr.consent.decide import Interaction
from scr.consent.policy import Policy, Role
from scr.errors import Invalid, ScrError
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS, SUPPORTING
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.summary import Line, lines_of
from scr.settings import Settings
from scr.sources.protocol import Outcome, SourceResult
from scr.store.trail import append

_NOT_PRINTED = frozenset({"List", "Medication", "Specimen"})
"""They repeat or explain other entries."""

_STYLES = {Outcome.ANSWERED: "green", Outcome.EMPTY: "dim", Outcome.NOT_ASKED: "dim"}


def query(
    context: typer.Context,
    nhs_number: Annotated[str, typer.Argument(help="The person's NHS Number.", metavar="NHS_NUMBER")],
    role: Annotated[str, typer.Option("--as", help="Job role: its code (R8000), or part of its name.")],
    organisation: Annotated[str, typer.Option("--at", help="ODS code of the organisation you act for.")],
    reason: Annotated[str, typer.Option(help="Why you look: it stands in the audit.")] = "",
) -> None:
    """Print a person's record by heading, with its sources and their state.

    You see what the role at the organisation may see, and the look is in the audit like any other.
    """
    settings = settings_of(context)
    set_up_logs("error")
    asyncio.run(_query(settings, _number(nhs_number), role, _organisation(organisation), reason))


async def _query(
    settings: Settings, nhs_number: NHSNumber, role: str, organisation: OdsCode, reason: str
) -> None:
    async with open_services(settings) as services:
        found = _role(services.policy, role)
        actor = Actor(
            kind=ActorKind.PROFESSIONAL,
            subject="operator|command-line",
            name="operator at the command line",
            role=found.code,
            role_name=found.name,
            organisation=organisation,
            scopes=frozenset({"user/*.rs"}),
        )
        look = Look("query", "command line", Interaction.READ, now_ms(), actor=actor)
        if reason:
            look.details["reason"] = reason
        opened = await _look(services, look, actor, nhs_number)
        _print(opened, services)


async def _look(services: Services, look: Look, actor: Actor, nhs_number: NHSNumber) -> Opened:
    """Open the record, and write the audit row before anything of it is shown."""
    board = _Board(services)
    error: ScrError | None = None
    with Live(board.table(), console=console, refresh_per_second=12, transient=True) as live:

        def heard(result: SourceResult) -> None:
            board.results.append(result)
            live.update(board.table())

        try:
            opened = await Opener(services.broker, services.policy).by_number(
                look, actor, nhs_number, on_result=heard
            )
            reconciler = Reconciler(load_rules(services.files), services.keys.id_key, services.database)
            opened = await reconciler.add(opened, look.now)
        except ScrError as refused:
            error = refused
        row = audit_row(look, error, services.policy.hash)
        await services.database.write(lambda connection: append(connection, row))
    if error is not None:
        raise error
    return opened


class _Board:
    """The sources and their state, while they answer."""

    def __init__(self, services: Services) -> None:
        self._names = {ods: provider.name for ods, provider in services.providers.items()}
        self.results: list[SourceResult] = []

    def table(self) -> Table:
        """What is known now."""
        table = Table("source", "", "", box=None, pad_edge=False, show_header=False)
        for result in self.results:
            table.add_row(result.name, _state(result.outcome), f"{result.elapsed:.1f} s")
        table.add_row("waiting for the others …" if len(self.results) < len(self._names) else "", "", "")
        return table


def _print(opened: Opened, services: Services) -> None:
    console.print()
    lines = lines_of(opened.permitted)
    names = {ods.value: provider.name for ods, provider in services.providers.items()}
    names[PERSON_SOURCE] = "composed of these"
    print_made(opened.permitted, lines, names)
    by_heading: dict[str, list[Entry]] = {}
    for entry in opened.permitted:
        if entry.type not in _NOT_PRINTED and not is_made(entry):
            by_heading.setdefault(entry.heading, []).append(entry)
    for heading, title in HEADINGS.items():
        if heading in by_heading and heading != SUPPORTING:
            _print_heading(title, by_heading[heading], lines, names)
    _print_ledger(opened)


def _print_heading(
    title: str, entries: list[Entry], lines: Mapping[str, Line], names: Mapping[str, str]
) -> None:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("date", no_wrap=True, style="dim", min_width=10)
    table.add_column("what", ratio=3)
    table.add_column("detail", ratio=2)
    table.add_column("status", no_wrap=True)
    table.add_column("source", no_wrap=True, style="cyan")
    ordered = sorted(entries, key=lambda e: (e.when or (0, 0), e.id), reverse=True)
    for entry in ordered:
        line = lines[entry.id]
        source = names.get(entry.source, entry.source)
        table.add_row(line.date, line.text, line.detail, line.status, source)
    console.print(table)
    console.print()


def _print_ledger(opened: Opened) -> None:
    table = Table(title="Sources", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in ("source", "state", "entries", "time", "headings that are missing"):
        table.add_column(name, justify="right" if name in {"entries", "time"} else "left")
    for line in opened.ledger.lines:
        count = sum(count for _, count in line.headings.values())
        table.add_row(
            f"{line.result.name} ({line.result.source})",
            _state(line.outcome),
            str(count),
            f"{line.result.elapsed:.1f} s",
            _missing(line),
        )
    console.print(table)
    if opened.ledger.complete:
        console.print("Every source answered.", style="green")
    else:
        console.print("This record is not complete:", style="bold red")
        for line in opened.ledger.lines:
            if not line.complete:
                console.print(f"  {line.sentence}", markup=False)


def _missing(line: LedgerLine) -> str:
    gone = [h for h, (outcome, _) in line.headings.items() if outcome not in _STYLES]
    if not gone:
        return ""
    return "all" if len(gone) == len(line.headings) else ", ".join(gone)


def _state(outcome: Outcome) -> Text:
    return Text(outcome.value, style=_STYLES.get(outcome, "bold red"))


def _number(text: str) -> NHSNumber:
    try:
        return NHSNumber.parse(text)
    except ValueError as error:
        raise Invalid(str(error), code="bad-nhs-number") from None


def _organisation(text: str) -> OdsCode:
    try:
        return OdsCode.parse(text)
    except ValueError as error:
        raise Invalid(str(error), code="bad-organisation", where="--at") from None


def _role(policy: Policy, text: str) -> Role:
    wanted = text.casefold()
    found = [r for r in policy.roles.values() if r.code.casefold() == wanted or wanted in r.name.casefold()]
    exact = [r for r in found if r.code.casefold() == wanted]
    if len(exact or found) == 1:
        return (exact or found)[0]
    raise Invalid(
        f"{'several roles match' if found else 'no role matches'} {text!r}; "
        f"roles: {_listed(found or policy.roles.values())}",
        code="bad-role",
        where="--as",
    )


def _listed(roles: Iterable[Role]) -> str:
    return ", ".join(f"{role.code} {role.name}" for role in roles)
