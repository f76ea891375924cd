"""The rows of links: what joins two persons, or lends one person's local identifier to the other.

Reasons and evidence are sealed with both persons' keys, one around the other, so that they are gone
with either of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NewType

import msgspec
from sqlalchemy import Connection, Row, bindparam, insert, or_, select, update

from scr.errors import NotFound, Unprocessable
from scr.store.groups import IN_FORCE
from scr.store.keys import KeyRing, random_id, seal, unseal
from scr.store.people import Person, person_by_key
from scr.store.tables import LINK, MOVED

LinkId = NewType("LinkId", str)
Kind = Literal["superseded", "reviewed", "merge", "alias"]
"""``superseded``, ``reviewed``: the persons are read as one. ``merge``: what a provider filed under an
identifier of the former was moved to the retained. ``alias``: an identifier was learnt for one person,
who is both."""
UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Link:
    """A link without its evidence. ``former`` and ``retained`` are opaque keys; times are ms UTC.

    ``provider`` is the ODS code of whose identifiers it is about, empty where it is about none.
    """

    id: LinkId
    kind: Kind
    former: str
    retained: str
    provider: str
    state: str
    at: int
    by: str
    undone_at: int | None
    undone_by: str

    @property
    def in_force(self) -> bool:
        """Whether it still holds."""
        return self.state == IN_FORCE


class Grounds(msgspec.Struct, frozen=True, array_like=True):
    """Why a link was made: stable codes, and what was seen (sealed: it may hold a person's data).

    ``prior`` are the local identifiers (system, value) that a merge is about, ``surviving`` those that
    they were merged into, ``learnt`` those of ``prior`` that nobody had before.
    """

    reasons: tuple[str, ...] = ()
    evidence: dict[str, str] = {}
    prior: tuple[tuple[str, str], ...] = ()
    surviving: tuple[tuple[str, str], ...] = ()
    learnt: tuple[tuple[str, str], ...] = ()


_COLUMNS = (
    LINK.c.id, LINK.c.kind, LINK.c.former, LINK.c.retained, LINK.c.provider, LINK.c.state, LINK.c.at,
    LINK.c.by_name, LINK.c.undone_at, LINK.c.undone_by,
)  # fmt: skip
_ONE = select(*_COLUMNS).where(LINK.c.id == bindparam("id"))
_SEALED = select(LINK.c.sealed).where(LINK.c.id == bindparam("id"))
_OF = (
    select(*_COLUMNS)
    .where(
        or_(
            LINK.c.former.in_(bindparam("some", expanding=True)),
            LINK.c.retained.in_(bindparam("some", expanding=True)),
        )
    )
    .order_by(LINK.c.at, LINK.c.id)
)
_MOVED = select(MOVED.c.id, MOVED.c.version).where(MOVED.c.link == bindparam("link"))
_decoder = msgspec.msgpack.Decoder(Grounds)


def add(
    connection: Connection,
    former: Person,
    retained: Person,
    *,
    kind: Kind,
    grounds: Grounds,
    by: str,
    now: int,
    provider: str = "",
) -> LinkId:
    """Write a link; its id."""
    identity = LinkId(random_id())
    row = {
        "id": identity,
        "kind": kind,
        "former": former.key,
        "retained": retained.key,
        "provider": provider,
        "state": IN_FORCE,
        "at": now,
        "by_name": by,
        "undone_at": None,
        "undone_by": "",
        "sealed": _sealed(former, retained, grounds, identity),
    }
    connection.execute(insert(LINK), row)
    return identity


def read(connection: Connection, link: str) -> Link:
    """A link. Raises NotFound."""
    row = connection.execute(_ONE, {"id": link}).one_or_none()
    if row is None:
        raise NotFound("no link has this id; `scr identity links`", code="no-link")
    return _link(row)


def latest(connection: Connection, limit: int = 1000, *, undone: bool = False) -> list[Link]:
    """The links in force, the newest first; with ``undone`` the others as well."""
    query = select(*_COLUMNS).order_by(LINK.c.at.desc(), LINK.c.id).limit(limit)
    if not undone:
        query = query.where(LINK.c.state == IN_FORCE)
    return [_link(row) for row in connection.execute(query)]


def links_of(connection: Connection, some: Iterable[str]) -> list[Link]:
    """Every link of these persons (opaque keys), in force and undone, the oldest first."""
    return [_link(row) for row in connection.execute(_OF, {"some": sorted(set(some))})]


def grounds_of(connection: Connection, keys: KeyRing, link: Link) -> Grounds:
    """Why a link was made."""
    former, retained = ends(connection, keys, link)
    sealed = connection.execute(_SEALED, {"id": link.id}).scalar_one()
    place = _place(link.id)
    inner = unseal(retained.data_key, sealed, place)
    return _decoder.decode(inner if former.key == retained.key else unseal(former.data_key, inner, place))


def ends(connection: Connection, keys: KeyRing, link: Link) -> tuple[Person, Person]:
    """The former and the retained person. Raises NotFound where one was erased, and the link with them."""
    found = [person_by_key(connection, keys, key) for key in (link.former, link.retained)]
    former, retained = found
    if former is None or retained is None:
        raise NotFound("a person of this link is not held any more", code="no-person")
    return former, retained


def mark_undone(connection: Connection, link: Link, by: str, now: int) -> None:
    """Say that a link does not hold any more. Raises Unprocessable where that was said before."""
    change = update(LINK).where(LINK.c.id == link.id, LINK.c.state == IN_FORCE)
    if not connection.execute(change.values(state=UNDONE, undone_at=now, undone_by=by)).rowcount:
        raise Unprocessable("this link is undone already", code="already-undone")


def remember_moved(connection: Connection, link: LinkId, versions: Mapping[str, int]) -> None:
    """Note what a merge moved: ids, and the version of each until then."""
    rows = [{"link": link, "id": logical, "version": version} for logical, version in versions.items()]
    if rows:
        connection.execute(insert(MOVED), rows)


def moved_by(connection: Connection, link: str) -> dict[str, int]:
    """What a merge moved."""
    return {row.id: row.version for row in connection.execute(_MOVED, {"link": link})}


def joins_of(known: Sequence[Link], kinds: Sequence[str]) -> list[Link]:
    """Those in force and of these kinds."""
    return [link for link in known if link.in_force and link.kind in kinds]


def _sealed(former: Person, retained: Person, grounds: Grounds, identity: str) -> bytes:
    plain, place = msgspec.msgpack.encode(grounds), _place(identity)
    inner = plain if former.key == retained.key else seal(former.data_key, plain, place)
    return seal(retained.data_key, inner, place)


def _place(identity: str) -> bytes:
    return f"link/{identity}/grounds".encode()


def _link(row: Row[str, Kind, str, str, str, str, int, str, int | None, str]) -> Link:
    identity, kind, former, retained, provider, state, at, by, undone_at, undone_by = row
    return Link(LinkId(identity), kind, former, retained, provider, state, at, by, undone_at, undone_by)
