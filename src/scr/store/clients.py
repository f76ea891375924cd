"""The systems and apps that the operator lets ask for tokens of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection, Row, insert, select, update

from scr.errors import NotFound
from scr.fhir.identifiers import OdsCode
from scr.store.tables import CLIENT


class ClientKind(StrEnum):
    """``system``: is given tokens. ``resource-server``: may ask what any token is, and is given none.

    ``app``: is given tokens for a person, who has signed in and let it. ``neighbour``: another shared care
    record, which is given tokens and tells, with each request, for which of its professionals it asks.
    """

    SYSTEM = "system"
    RESOURCE_SERVER = "resource-server"
    APP = "app"
    NEIGHBOUR = "neighbour"


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client. Its public keys are in ``key_set`` (RFC 7517), or at ``key_set_url``.

    Of an app, ``people`` is ``staff`` or ``citizens``, and ``consent`` is ``each`` (whoever uses it is asked
    at each sign-in) or ``once``. Of a neighbour, ``issuer`` is who tells for whom it asks; ``speaks_for`` are
    the organisations, each with its type, and ``roles`` the job roles of its professionals.
    """

    id: str
    kind: ClientKind
    name: str
    organisation: OdsCode
    scopes: frozenset[str]
    key_set: str = ""
    key_set_url: str = ""
    registered: int = 0
    disabled: int | None = None
    redirect_uris: frozenset[str] = frozenset()
    people: str = ""
    consent: str = ""
    issuer: str = ""
    speaks_for: Mapping[str, str] = field(default_factory=dict)
    roles: frozenset[str] = frozenset()

    @property
    def public(self) -> bool:
        """Whether it has nothing to prove with who it is: an app on people's own machines."""
        return self.kind is ClientKind.APP and not self.key_set and not self.key_set_url


def register(connection: Connection, client: Client) -> None:
    """Add a client. Raises Conflict where its id is taken, also by one that was disabled."""
    connection.execute(
        insert(CLIENT).values(
            id=client.id,
            kind=client.kind.value,
            name=client.name,
            organisation=client.organisation.value,
            scopes=" ".join(sorted(client.scopes)),
            key_set=client.key_set,
            key_set_url=client.key_set_url,
            registered=client.registered,
            redirect_uris=" ".join(sorted(client.redirect_uris)),
            people=client.people,
            consent=client.consent,
            issuer=client.issuer,
            speaks_for=" ".join(f"{ods}={kind}" for ods, kind in sorted(client.speaks_for.items())),
            roles=" ".join(sorted(client.roles)),
        )
    )


def find(connection: Connection, client_id: str) -> Client | None:
    """The client of an id, if it is registered and not disabled."""
    query = select(CLIENT).where(CLIENT.c.id == client_id, CLIENT.c.disabled.is_(None))
    row = connection.execute(query).one_or_none()
    return None if row is None else _client(row)


def clients(connection: Connection) -> list[Client]:
    """Every client that was ever registered, by its id."""
    return [_client(row) for row in connection.execute(select(CLIENT).order_by(CLIENT.c.id))]


def disable(connection: Connection, client_id: str, now: int) -> None:
    """Let a client have no more tokens, and its tokens count no more. Raises NotFound."""
    change = update(CLIENT).where(CLIENT.c.id == client_id, CLIENT.c.disabled.is_(None))
    if connection.execute(change.values(disabled=now)).rowcount == 0:
        raise NotFound(f"no client {client_id!r} is registered here", code="no-client")


def _client(row: Row[tuple[object, ...]]) -> Client:
    return Client(
        id=row.id,
        kind=ClientKind(row.kind),
        name=row.name,
        organisation=OdsCode(row.organisation),
        scopes=frozenset(row.scopes.split()),
        key_set=row.key_set,
        key_set_url=row.key_set_url,
        registered=row.registered,
        disabled=row.disabled,
        redirect_uris=frozenset(row.redirect_uris.split()),
        people=row.people,
        consent=row.consent,
        issuer=row.issuer,
        speaks_for=dict(pair.split("=", 1) for pair in row.speaks_for.split()),
        roles=frozenset(row.roles.split()),
    )
