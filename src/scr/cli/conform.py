"""``scr conform``: whether a FHIR endpoint does what its capability statement claims, ours or another's."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated

import httpx
import typer

from scr.cli.conforming import report as reports
from scr.cli.conforming.run import Conformance, Report, Token
from scr.cli.context import console, settings_of
from scr.data import DataFiles
from scr.errors import Invalid
from scr.fhir.conforming.checks import Check, load_checks
from scr.mapping.provider import BackendServices
from scr.sources.access import AccessTokens
from scr.sources.backend_services import BackendClient, Signer
from scr.sources.http import open_client

_TOKEN_SECONDS = 30.0


def conform(
    context: typer.Context,
    url: Annotated[
        str, typer.Argument(help="The FHIR base; this deployment's own where it is left out.")
    ] = "",
    patient: Annotated[str, typer.Option(help="The logical id of the person who is asked about.")] = "",
    identifier: Annotated[
        str, typer.Option(help="Or an identifier of theirs, system|value. It is sent in a body only.")
    ] = "",
    token: Annotated[str, typer.Option(help="A bearer token; - reads it from standard input.")] = "",
    client: Annotated[str, typer.Option(help="Or our id as a client of SMART backend services.")] = "",
    key: Annotated[
        Path | None, typer.Option(help="With --client: our private key, a JSON Web Key Set.", dir_okay=False)
    ] = None,
    scope: Annotated[str, typer.Option(help="With --client: the scopes to ask for.")] = "system/*.rs",
    only: Annotated[list[str] | None, typer.Option("--type", help="Ask of this resource type only.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Ask what changes the record, too.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write everything to this file.", dir_okay=False)] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file.", dir_okay=False)] = None,
) -> None:
    """Ask a live endpoint for everything that it claims, and report. Exit code 1 where anything failed."""
    settings = settings_of(context)
    base = (url or settings.base_url).rstrip("/")
    if bool(patient) == bool(identifier):
        raise Invalid(
            "say whom to ask about: --patient ID, or --identifier 'system|value'", code="no-patient"
        )
    if bool(token) == bool(client) or bool(client) != bool(key):
        raise Invalid("say how to be let in: --token, or --client with --key", code="no-token")
    given = sys.stdin.readline().strip() if token == "-" else token  # noqa: S105 - not a password
    if token and not given:
        raise Invalid("there is no token on standard input", code="no-token")
    checks = load_checks(DataFiles(settings.home))

    async def ask() -> Report:
        async with open_client() as opened:
            return await asked(
                opened, base, checks, _given(given) if given else _signed(opened, base, client, key, scope),
                patient=patient, identifier=identifier, only=frozenset(only or ()), write=write,
            )  # fmt: skip

    found = asyncio.run(ask())
    if json is not None:
        json.write_bytes(reports.as_json(found))
    if html is not None:
        reports.write_page(found, html)
    console.print(reports.table(found))
    if found.failed:
        console.print()
        console.print(reports.failures(found.failed))
    console.print()
    console.print(reports.summary(found), soft_wrap=True)
    if found.failed:
        raise typer.Exit(1)


async def asked(
    client: httpx.AsyncClient,
    base: str,
    checks: tuple[Check, ...],
    token: Token,
    *,
    patient: str = "",
    identifier: str = "",
    only: frozenset[str] = frozenset(),
    write: bool = False,
) -> Report:
    """Run the checks against an endpoint."""
    run = Conformance(client, base, token, patient)
    if identifier:
        run = Conformance(client, base, token, await run.find(identifier))
    return await run.run(checks, kinds=only, writes=write)


def _given(token: str) -> Token:
    async def give() -> str:
        return token

    return give


def _signed(client: httpx.AsyncClient, base: str, name: str, key: Path | None, scope: str) -> Token:
    assert key is not None
    known_as = BackendServices(client_id=name, key=str(key), scopes=tuple(scope.split()))
    tokens = AccessTokens(client, BackendClient(base, known_as, Signer(key.read_bytes)), time.time)

    async def give() -> str:
        return await tokens.token(asyncio.get_running_loop().time() + _TOKEN_SECONDS)

    return give
