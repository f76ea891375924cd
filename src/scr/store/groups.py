"""Which persons are read as one: the trees that the links in force make, by opaque keys alone.

A person has one link forward at most, so that each group has one member without one: the person
retained, whose key stands in the row of every member.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, Connection, bindparam, or_, select, update

from scr.store.tables import LINK, PERSON

IN_FORCE = "in-force"
JOINING = ("superseded", "reviewed")
"""The kinds of links by which two persons are read as one. (A merge moves, and leaves them two.)"""

MERGE = "merge"

_NEAR = select(LINK.c.former, LINK.c.retained).where(
    LINK.c.state == IN_FORCE,
    LINK.c.kind.in_(JOINING),
    or_(
        LINK.c.former.in_(bindparam("some", expanding=True)),
        LINK.c.retained.in_(bindparam("some", expanding=True)),
    ),
)
_ALL_NEAR = select(LINK.c.id, LINK.c.at, LINK.c.former, LINK.c.retained).where(
    LINK.c.state == IN_FORCE,
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
        forward.update(edges)
    return forward


def beside(connection: Connection, key: str) -> frozenset[str]:
    """The other members of a person's group."""
    return frozenset(group_of(connection, key)) - {key}


def behind(connection: Connection, some: Iterable[str]) -> set[str]:
    """These persons, and all of whom something was moved into their rows by a merge in force."""
    return _over_merges(connection, some, LINK.c.retained, LINK.c.former)


def holding(connection: Connection, key: str) -> set[str]:
    """The person, and all into whose rows something of theirs was moved."""
    return _over_merges(connection, [key], LINK.c.former, LINK.c.retained)


def together(connection: Connection, one: str, other: str) -> bool:
    """Whether any view shows something of both persons."""
    for host in sorted(holding(connection, one)):
        if other in behind(connection, group_of(connection, host)):
            return True
    return False


def path(connection: Connection, one: str, other: str) -> list[str]:
    """The ids of the links in force by which one comes to the other, merges too, the newest first."""
    came: dict[str, tuple[str, str, int]] = {one: ("", "", 0)}
    new = [one]
    while new and other not in came:
        edges = connection.execute(_ALL_NEAR, {"some": new}).all()
        new = []
        for link, at, *ends in edges:
            for start, end in (ends, reversed(ends)):
                if start in came and end not in came:
                    came[end] = (start, link, at)
                    new.append(end)
    steps: list[tuple[int, str]] = []
    while other in came and came[other][0]:
        other, link, at = came[other]
        steps.append((at, link))
    return [link for _, link in sorted(steps, reverse=True)]


def _over_merges(
    connection: Connection, some: Iterable[str], near: Column[str], far: Column[str]
) -> set[str]:
    found = set(some)
    new = set(found)
    while new:
        query = select(far).where(LINK.c.state == IN_FORCE, LINK.c.kind == MERGE, near.in_(sorted(new)))
        new = set(connection.execute(query).scalars()) - found
        found |= new
    return found


def regroup(connection: Connection, some: Iterable[str]) -> None:
    """Write anew, for each of these persons, whose view they are in: after a change of the links."""
    left = set(some)
    while left:
        group = group_of(connection, min(left))
        [root] = [member for member, forward in group.items() if not forward]
        alone = len(group) == 1
        connection.execute(_OF_GROUP, {"some": sorted(group), "root": None if alone else root})
        left -= group.keys()
