"""What the demonstration says once it is up: what runs where, whom to ask for, as whom, and how."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from scr.demo.deploy import HOST, Ports
from scr.demo.people import population
from scr.demo.personas import PERSONAS
from scr.demo.supervisor import Service
from scr.demo.suppliers.staff import personas
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber

_FIELD = "import json,sys; print(json.load(sys.stdin){})"


def print_welcome(
    console: Console, folder: Path, ports: Ports, services: Sequence[Service], *, seed: int, size: int
) -> None:
    """Print it. NHS Numbers stand here because nobody bears them: 999 is never issued."""
    body = Group(
        _processes(ports, services),
        _people(seed, size),
        _staff(),
        Text(f"\n{size} synthetic people; none of them exists. Logs are in {folder / 'logs'}."),
    )
    console.print(Panel(body, title="scr: one record from four suppliers", title_align="left"))
    console.print(
        "[bold]Ask for a record[/] (paste into another terminal; some history is still arriving):\n"
    )
    console.print(ready_curl(ports, seed, size), soft_wrap=True, markup=False)
    scr, home = _command(), os.path.relpath(folder / "home")
    first = population(seed, size)[0]
    console.print("\n[bold]Or read it in the terminal[/], each source as it answers:\n")
    console.print(
        f"{scr} --home {home} query {first.nhs_number} --as R8000 --at {first.practice}",
        soft_wrap=True,
        markup=False,
    )
    console.print("\n[bold]Then make it partial[/]")
    for command, effect in (
        ("demo stop gp", "the GP system goes down: the answer says so"),
        ("demo start gp", "and comes back"),
        ("demo slow neighbour 8", "over the deadline: its part is late"),
        ("demo slow neighbour 0", "no delay at all"),
        ("demo busy pds 5", "PDS refuses: what comes in waits, and `scr quarantine waiting` lists it"),
        ("demo status", "what runs, and how slow it is"),
        (f"--home {home} quarantine list", "what could not be filed, and why"),
        (f"--home {home} audit", "who looked"),
    ):
        console.print(f"  {scr} {command:<36} {effect}", soft_wrap=True)
    console.print("\n[bold]Open in a browser[/], and sign in as one of these: nobody has a password\n")
    for what, path, member in (
        ("A record, as a professional reads it", "viewer", "Dr Imogen Farrant"),
        ("How far each provider has come", "onboarding", "Halcyon Drewe"),
        ("Whose it is, where that is in doubt", "review", "Sunniva Okoro"),
        ("Who broke the glass, and what people ask", "privacy", "Tamsin Arkwright"),
        ("A person's own record, and who looked", "my", "Gwilym Prosser-Dane"),
        ("A mother's, and her children's: rules by age", "my", "Blessing Okonjo-Hart"),
        ("An attorney's, for a person with dementia", "my", "Tariq Mahmood-Ellery"),
        ("A carer's", "my", "Zofia Lindqvist-Marek"),
    ):
        address = f"{ports.base_url.removesuffix('/fhir')}/{path}"
        console.print(f"  {address:<36} {what}: as {member}", soft_wrap=True)
    console.print("\nCtrl-C ends everything.")


def _command() -> str:
    """How `scr` is called from where this was started: by its name only where that finds it."""
    called = Path(sys.argv[0])
    if shutil.which("scr") or called.name != "scr":
        return "scr"
    return os.path.relpath(called)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in columns:  # the first is what somebody copies
        table.add_column(column, overflow="fold", no_wrap=column == columns[0])
    return table


def _processes(ports: Ports, services: Sequence[Service]) -> Table:
    where = {
        "scr": f"{ports.base_url}  and MLLP {HOST}:{ports.mllp}",
        "issuer": ports.issuer_url,
        "gp": f"http://{HOST}:{ports.gp}",
        "pds": ports.pds_url,
        "neighbour": f"http://{HOST}:{ports.neighbour}",
        "hospital": f"sends to MLLP {HOST}:{ports.mllp}",
        "council": "writes to the drop folder",
    }
    table = _table("[bold]What runs[/]", "name", "what", "where")
    for service in services:
        table.add_row(service.name, service.what, where.get(service.name, ""))
    return table


def _people(seed: int, size: int) -> Table:
    table = _table("\n[bold]Whom to ask for[/]", "NHS Number", "who", "look for")
    stories = {persona.name: persona.story for persona in PERSONAS}
    for person in population(seed, size)[: len(PERSONAS)]:
        table.add_row(
            NHSNumber(person.nhs_number).spaced,
            f"{person.given} {person.family}, {person.birth_date:%Y}",
            stories[person.persona],
        )
    return table


def _staff() -> Table:
    table = _table("\n[bold]As whom[/]", "client_id", "who", "expect")
    for member in personas():
        table.add_row(member.client_id, f"{member.name}, {member.role_name}", member.expect)
    return table


def ready_curl(ports: Ports, seed: int, size: int) -> str:
    """Commands for a shell: a token, the person by NHS Number, the whole record with its ledger."""
    person = population(seed, size)[0]
    token = _FIELD.format("['access_token']")
    patient = _FIELD.format("['entry'][0]['resource']['id']")
    return "\n".join(
        [
            f'TOKEN=$(curl -s {ports.issuer_url}/token -d client_id=gp-millrace | python3 -c "{token}")',
            f'PATIENT=$(curl -s -G {ports.base_url}/Patient -H "Authorization: Bearer $TOKEN" '
            f"--data-urlencode 'identifier={NHS_NUMBER_SYSTEM}|{person.nhs_number}' "
            f'| python3 -c "{patient}")',
            f"curl -s '{ports.base_url}/Patient/'$PATIENT'/$everything' -H \"Authorization: Bearer $TOKEN\"",
        ]
    )
