"""``scr clients``: the systems and apps that may ask for tokens of our own, and the keys that sign these."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from scr.api.oauth.app_terms import AppTerms
from scr.api.oauth.endpoints import Endpoints
from scr.api.oauth.neighbour_terms import NeighbourTerms
from scr.api.oauth.registration import client_to_register
from scr.api.oauth.signing import create_signing_key
from scr.api.opening import now_ms, open_database
from scr.cli.acts import act, noted, write_down
from scr.cli.context import console, settings_of
from scr.errors import Conflict, Invalid
from scr.fhir.dates import LONDON, utc
from scr.fhir.identifiers import OdsCode
from scr.store import clients
from scr.store.clients import ClientKind


class _People(StrEnum):
    STAFF = "staff"
    CITIZENS = "citizens"


class _Consent(StrEnum):
    EACH = "each"
    ONCE = "once"


app = typer.Typer(
    help="Systems and apps that may ask for tokens, and the keys that sign these.", no_args_is_help=True
)
ClientId = Annotated[str, typer.Argument(help="The client's id: `iss` and `sub` of its assertions.")]


@app.command()
def add(
    context: typer.Context,
    client: ClientId,
    name: Annotated[str, typer.Option(help="What people call it.")],
    organisation: Annotated[str, typer.Option(help="ODS code of the organisation that runs it.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="A scope that it may have; may be repeated.")
    ] = None,
    keys: Annotated[Path | None, typer.Option(help="File with its public keys (JWKS).")] = None,
    keys_url: Annotated[str, typer.Option(help="Address of its public keys (JWKS).")] = "",
    kind: Annotated[
        ClientKind,
        typer.Option(
            help="An app acts for people who let it; a resource server may ask what tokens are and has none; "
            "a neighbour is another shared care record, which asks for its professionals."
        ),
    ] = ClientKind.SYSTEM,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Where an app is answered, to the letter; may be repeated.")
    ] = None,
    people: Annotated[_People, typer.Option(help="Whom an app is for.")] = _People.STAFF,
    consent: Annotated[
        _Consent, typer.Option(help="Whether people are asked at each sign-in to an app, or once.")
    ] = _Consent.EACH,
    issuer: Annotated[
        str, typer.Option(help="Who tells for whom a neighbour asks: its FHIR base, and /auth.")
    ] = "",
    speaks_for: Annotated[
        list[str] | None,
        typer.Option(help="An organisation of a neighbour and its type, RXX=acute-trust; may be repeated."),
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(help="A job role of a neighbour's professionals, R8000; may be repeated."),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="An app that can keep no key, on people's own machines.")
    ] = False,
) -> None:
    """Register a client. Its scopes narrow what it may do; what it may see is for the policy to say."""
    settings = settings_of(context)
    try:
        ods = OdsCode.parse(organisation)
    except ValueError:
        raise Invalid("the organisation is not an ODS code", code="bad-client") from None
    made = client_to_register(
        client,
        kind,
        name,
        ods,
        scope or (),
        key_set=_read(keys),
        key_set_url=keys_url,
        app=_terms(kind, redirect_uri or [], people, consent, public=public),
        neighbour=_neighbour(kind, issuer, speaks_for or [], role or []),
        now=now_ms(),
    )
    row = act("create", "client", client=client, kind=kind.value, organisation=ods.value)
    database = open_database(settings)
    try:
        database.write_now(noted(row, lambda connection: clients.register(connection, made)))
    except Conflict:
        raise Conflict(
            f"a client {client!r} is registered, or was: take another id", code="client-exists"
        ) from None
    finally:
        database.close()
    ends = Endpoints(settings.base_url)
    console.print(f"{client} is registered. It asks for tokens at {ends.token}.")
    if kind is ClientKind.APP:
        console.print(f"It sends people to {ends.authorize}, with the aud {settings.base_url}.")


@app.command("list")
def list_(context: typer.Context) -> None:
    """List the clients, those that were disabled too."""
    database = open_database(settings_of(context))
    try:
        found = database.read_now(clients.clients)
    finally:
        database.close()
    if not found:
        console.print("No client is registered. `scr clients add ID` registers one.")
        return
    table = Table(
        "id", "name", "organisation", "kind", "scopes", "keys", "disabled", box=None, pad_edge=False
    )
    for each in found:
        since = "" if each.disabled is None else utc(each.disabled).astimezone(LONDON).strftime("%d %b %Y")
        scopes = " ".join(sorted(each.scopes))
        if each.kind is ClientKind.NEIGHBOUR:
            scopes += "; " + " ".join(sorted([*each.speaks_for, *each.roles]))
        where = "none: public" if each.public else each.key_set_url or "here"
        table.add_row(each.id, each.name, str(each.organisation), each.kind, scopes, where, since)
    console.print(table)


@app.command()
def disable(context: typer.Context, client: ClientId) -> None:
    """Give a client no more tokens; those that it has count no more."""
    row = act("update", "client", client=client, disabled=True)
    database = open_database(settings_of(context))
    try:
        database.write_now(noted(row, lambda connection: clients.disable(connection, client, now_ms())))
    finally:
        database.close()
    console.print(f"{client} is disabled, and its tokens count no more.")


@app.command("rotate-key")
def rotate_key(context: typer.Context) -> None:
    """Sign with a new key from now on; the one before it is still believed. Makes the first one, too."""
    settings = settings_of(context)
    kind, _, path = settings.signing_keys.partition(":")
    if kind != "file":
        raise Invalid(
            "the signing keys do not come from a file: change them where they are", code="bad-setting"
        )
    write_down(settings, act("create", "signing key"))
    create_signing_key(settings.path(path))
    console.print(f"New tokens are signed with a new key, in {settings.path(path)}.")


def _terms(
    kind: ClientKind, addresses: list[str], people: _People, consent: _Consent, *, public: bool
) -> AppTerms | None:
    if kind is not ClientKind.APP:
        if addresses or public:
            raise Invalid("--redirect-uri and --public are an app's: add --kind app", code="bad-client")
        return None
    return AppTerms(tuple(addresses), people.value, consent.value, public=public)


def _neighbour(
    kind: ClientKind, issuer: str, speaks_for: list[str], roles: list[str]
) -> NeighbourTerms | None:
    if kind is not ClientKind.NEIGHBOUR:
        if issuer or speaks_for or roles:
            raise Invalid(
                "--issuer, --speaks-for and --role are a neighbour's: add --kind neighbour", code="bad-client"
            )
        return None
    types = {ods: found for ods, _, found in (pair.partition("=") for pair in speaks_for)}
    return NeighbourTerms(issuer, types, tuple(roles))


def _read(path: Path | None) -> bytes:
    if path is None:
        return b""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(f"cannot be read: {error.strerror}", code="bad-key", where=str(path)) from None
