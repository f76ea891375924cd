"""Which persons are read as one: the trees that the links in force make, by opaque keys alone.

A person has one link forward at most, so that each group has one member without one: the person
retained, whose key stands in the row of every member.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, or_, select, update

from scr.store.tables import LINK, PERSON

IN_FORCE = "in-force"
JOINING = ("superseded", "reviewed")
"""The kinds of links by which two persons are read as one. (A merge moves, and leaves them two.)"""

_NEAR = select(LINK.c.former, LINK.c.retained).where(
    LINK.c.state == IN_FORCE,
    LINK.c.kind.in_(JOINING),
    or_(
        LINK.c.former.in_(bindparam("some", expanding=True)),
        LINK.c.retained.in_(bindparam("some", expanding=True)),
    ),
)
_OF_GROUP = (
    update(PERSON)
    .where(PERSON.c.key.in_(bindparam("some", expanding=True)))
    .values(view=bindparam("root"), revision=PERSON.c.revision + 1)
)


def group_of(connection: Connection, key: str) -> dict[str, str]:
    """Every member of a person's group, and whom each is linked to; empty text for the one retained."""
    forward: dict[str, str] = {key: ""}
    new = {key}
    while new:
        edges = connection.execute(_NEAR, {"some": sorted(new)}).all()
        met = {one for edge in edges for one in edge}
        new = met - forward.keys()
        forward |= dict.fromkeys(new, "")
        forward |= dict(edge._tuple() for edge in edges)
    return forward


def beside(connection: Connection, key: str) -> frozenset[str]:
    """The other members of a person's group."""
    return frozenset(group_of(connection, key)) - {key}


def regroup(connection: Connection, some: Iterable[str]) -> None:
    """Write anew, for each of these persons, whose view they are in: after a change of the links."""
    left = set(some)
    while left:
        group = group_of(connection, min(left))
        [root] = [member for member, forward in group.items() if not forward]
        alone = len(group) == 1
        connection.execute(_OF_GROUP, {"some": sorted(group), "root": None if alone else root})
        left -= group.keys()
