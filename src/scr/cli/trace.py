"""``scr identity trace``: what PDS says of a number, or who is as described."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from scr.api.services import Services, open_services
from scr.cli.acts import act
from scr.cli.context import console, settings_of
from scr.errors import Invalid
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.pds import PdsPerson, PdsRelated
from scr.identity.pds.client import PdsClient
from scr.identity.pds.facts import (
    Found,
    Invalidated,
    NotKnown,
    NumberAnswer,
    Refused,
    SearchAnswer,
    Several,
    Superseded,
    Unreachable,
    Waiting,
)
from scr.identity.pds.search import Search
from scr.settings import Settings
from scr.store.trail import append

VERIFICATIONS = {
    "01": "present and verified",
    "02": "present and not traced",
    "03": "trace required",
    "04": "trace attempted, no match or several",
    "05": "trace needs to be resolved",
    "06": "trace in progress",
    "07": "not present, and no trace required",
    "08": "trace postponed",
}
"""NHS Data Dictionary, NHS NUMBER STATUS INDICATOR CODE."""
_LEVELS = {"U": "no", "R": "yes: where they live is told to nobody"}
_NOTHING = "PDS keeps everything but the number back"


def trace(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Option(
            help="File whose first line is the NHS Number; - is the standard input.", allow_dash=True
        ),
    ] = None,
    family: Annotated[str, typer.Option(help="Family name; the end may be `*`.")] = "",
    given: Annotated[list[str] | None, typer.Option(help="Given name; may be repeated.")] = None,
    birth_date: Annotated[str, typer.Option(help="YYYY-MM-DD.")] = "",
    gender: Annotated[str, typer.Option(help="male, female, other or unknown.")] = "",
    postcode: Annotated[str, typer.Option(help="A restricted person is not found by it.")] = "",
    practice: Annotated[str, typer.Option(help="ODS code of the practice.")] = "",
    phone: Annotated[str, typer.Option()] = "",
    exact: Annotated[bool, typer.Option("--exact", help="Every fact has to match.")] = False,
    fuzzy: Annotated[bool, typer.Option("--fuzzy", help="Also names that sound alike.")] = False,
    history: Annotated[bool, typer.Option("--history", help="Also former names and addresses.")] = False,
    related: Annotated[bool, typer.Option("--related", help="Also who is related to the person.")] = False,
) -> None:
    """Ask PDS whose an NHS Number is, or, with a name and a birth date, who is as described.

    The number is typed when it is asked for, or read from a file or a pipe: on the command line it would
    stay in the shell's history.
    """
    settings = settings_of(context)
    if settings.pds_mode == "off":
        raise Invalid("PDS is not connected: see `pds_mode` in the settings", code="pds-off")
    answer: NumberAnswer | SearchAnswer
    if family or birth_date or given or fuzzy:
        search = Search(
            family, tuple(given or ()), birth_date, gender, postcode, _practice(practice), phone,
            exact=exact, fuzzy=fuzzy, history=history,
        )  # fmt: skip
        answer, others = asyncio.run(_searched(settings, search, related=related))
    else:
        answer, others = asyncio.run(_asked(settings, _number(file), related=related))
    if not _print(answer):
        raise typer.Exit(1)
    for other in others:
        _print_related(other)


async def _asked(
    settings: Settings, number: NHSNumber, *, related: bool
) -> tuple[NumberAnswer, tuple[PdsRelated, ...]]:
    async with open_services(settings) as services:
        pds = _pds(services)
        answer = await pds.number(number)
        return answer, await _told(services, pds, answer, related=related)


async def _searched(
    settings: Settings, search: Search, *, related: bool
) -> tuple[SearchAnswer, tuple[PdsRelated, ...]]:
    async with open_services(settings) as services:
        pds = _pds(services)
        answer = await pds.search(search)
        return answer, await _told(services, pds, answer, related=related)


async def _told(
    services: Services, pds: PdsClient, answer: NumberAnswer | SearchAnswer, *, related: bool
) -> tuple[PdsRelated, ...]:
    """Who is related, if that is wanted, after it is written down that somebody asked."""
    found: object = ()
    if related and isinstance(answer, Found | Superseded):
        found = await pds.related(answer.person.number)
    outcome = "failed" if isinstance(answer, Waiting) else "success"
    row = act("read", "trace in PDS", outcome=outcome, code=_code(answer))
    await services.database.write(lambda connection: append(connection, row))
    return found if isinstance(found, tuple) else ()


def _pds(services: Services) -> PdsClient:
    assert services.pds is not None
    return services.pds


def _code(answer: NumberAnswer | SearchAnswer) -> str:
    return answer.code if isinstance(answer, Waiting) else type(answer).__name__.casefold()


def _number(file: Path | None) -> NHSNumber:
    if file is None:
        text = str(typer.prompt("NHS Number", hide_input=True))
    else:
        text = (typer.get_text_stream("stdin").readline() if str(file) == "-" else _first_line(file)).strip()
    try:
        return NHSNumber.parse(text)
    except ValueError as error:
        raise Invalid(str(error), code="bad-nhs-number") from None


def _first_line(file: Path) -> str:
    try:
        return next(iter(file.read_text(encoding="utf-8").splitlines()), "")
    except (OSError, UnicodeDecodeError):
        raise Invalid("this file cannot be read", code="bad-file", where=str(file)) from None


def _practice(text: str) -> OdsCode | None:
    try:
        return OdsCode.parse(text) if text else None
    except ValueError as error:
        raise Invalid(str(error), code="bad-organisation", where="--practice") from None


def _print(answer: NumberAnswer | SearchAnswer) -> bool:
    """Say what PDS says; whether that is a person."""
    match answer:
        case Found(person, score):
            _print_person(person)
            if score < 1:
                console.print(f"\nFound by what resembles them only: the score is {score:g} of 1.")
            return True
        case Superseded(_, person):
            console.print("This number gave way to another; it is the same person.\n", style="bold")
            _print_person(person)
            return True
        case Invalidated():
            console.print("This number was taken out of use: nothing is to be filed under it.")
        case NotKnown():
            console.print("PDS knows nobody like that.")
        case Several():
            console.print("Several people match: give more facts. None of them is shown.")
        case Unreachable(code, pause):
            again = f"; it asks for {pause:.0f} s of patience" if pause else ""
            console.print(f"PDS does not answer ({code}){again}.", style="red")
        case Refused(code):
            console.print(f"The answer of PDS cannot be trusted ({code}), and is not shown.", style="red")
    return False


def _print_person(person: PdsPerson) -> None:
    status = VERIFICATIONS.get(person.verification, "not told")
    table = _table()
    table.add_row("NHS Number", person.number.spaced)
    table.add_row("status", f"{person.verification} {status}".strip())
    table.add_row("restricted", _LEVELS.get(person.confidentiality, _NOTHING))
    for name in person.names:
        parts = (*name.prefix, *name.given, name.family, *name.suffix)
        table.add_row(f"name, {name.use or 'use not told'}", " ".join(part for part in parts if part))
    table.add_row("born", person.birth_date)
    table.add_row("gender", person.gender)
    for address in person.addresses:
        text = ", ".join((*address.line, address.postal_code))
        table.add_row(f"address, {address.use or 'use not told'}", text)
    for telecom in person.telecoms:
        table.add_row(f"{telecom.system}, {telecom.use}", telecom.value)
    table.add_row("practice", person.practice.value if person.practice else "")
    if person.deceased:
        table.add_row("died", f"{person.deceased_on} ({person.deceased} notice)".strip())
    table.add_row("version", person.version)
    console.print(table)


def _print_related(other: PdsRelated) -> None:
    table = _table()
    table.add_row("related", ", ".join(other.relationships))
    if other.number is not None:
        table.add_row("NHS Number", other.number.spaced)
    for name in other.names:
        table.add_row("name", " ".join((*name.given, name.family)))
    console.print()
    console.print(table)


def _table() -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table
