"""Who is never linked: after an adoption, or a gender recognised in law, two numbers are two people for ever.

A bar is a keyed hash of two NHS Numbers, or of one, for which then no link is made at all. It stands
without a person, holds whether or not they are held here, and tells nobody that there is another
number. Every way in which two records could come together asks ``is_barred`` first: the national
register's word, a reviewer's, a message's, a search's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select

from scr.errors import Forbidden, Invalid, NotFound
from scr.fhir.identifiers import NHSNumber
from scr.store import trail
from scr.store.groups import behind
from scr.store.keys import DataKey, KeyRing, random_id, seal, unseal
from scr.store.people import Person, person_by_key
from scr.store.tables import LINK_BAR

_THERE = select(LINK_BAR.c.token).where(LINK_BAR.c.token.in_(bindparam("tokens", expanding=True))).limit(1)
_ONE = select(LINK_BAR.c.id).where(LINK_BAR.c.token == bindparam("token"))
_ALL = select(LINK_BAR.c.id, LINK_BAR.c.at, LINK_BAR.c.wrapped_key, LINK_BAR.c.sealed).order_by(
    LINK_BAR.c.at, LINK_BAR.c.id
)


class _Said(msgspec.Struct, frozen=True, array_like=True):
    """What a bar's row seals: no number stands in it."""

    by: str
    reason: str
    single: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar as it may be listed: whom it is about is not told, and cannot be. ``at`` is ms UTC.

    ``single``: no link of the one number is allowed at all.
    """

    id: str
    at: int
    by: str
    reason: str
    single: bool


def is_barred(
    connection: Connection, keys: KeyRing, some: Iterable[NHSNumber], others: Iterable[NHSNumber] = ()
) -> bool:
    """Whether a bar stands between any of ``some`` and any of ``others``, or on one of them alone."""
    mine, theirs = sorted({n.value for n in some}), sorted({n.value for n in others})
    tokens = [_token(keys, (number,)) for number in (*mine, *theirs)]
    tokens += [_token(keys, (one, other)) for one in mine for other in theirs if one != other]
    return connection.execute(_THERE, {"tokens": tokens}).one_or_none() is not None


def numbers_of(people: Iterable[Person]) -> tuple[NHSNumber, ...]:
    """Every NHS Number by which these persons are or were known."""
    found = (n for person in people for n in (person.nhs_number, *map(NHSNumber, person.standing.former)))
    return tuple(dict.fromkeys(found))


def check_bar(
    connection: Connection, keys: KeyRing, some: Sequence[Person], others: Sequence[Person]
) -> None:
    """Raise Forbidden ``barred`` where the one are not to be read with the others. The error names nobody.

    Whoever's resources were moved to one of them counts as well.
    """
    mine, theirs = (_all_of(connection, keys, people) for people in (some, others))
    if is_barred(connection, keys, numbers_of(mine), numbers_of(theirs)):
        raise Forbidden("this link is not to be made: a decision of law stands against it", code="barred")


def declare(
    connection: Connection, keys: KeyRing, numbers: Sequence[NHSNumber], *, reason: str, by: str, now: int
) -> str:
    """Put up a bar between two numbers, or on one; its id. One that stands already stays as it is.

    What it stands against is undone by ``scr.identity.links.bar``, which calls this. Raises Invalid
    without a reason, or for another count of numbers.
    """
    token = _token_of_some(keys, numbers)
    if not reason.strip() or not by.strip():
        raise Invalid("a bar needs a reason and a name", code="reason-needed")
    known = connection.execute(_ONE, {"token": token}).scalar_one_or_none()
    if known is not None:
        return str(known)
    identity, key = random_id(), DataKey.new()
    said = msgspec.msgpack.encode(_Said(by, reason, len(numbers) == 1))
    row = {
        "token": token,
        "id": identity,
        "at": now,
        "wrapped_key": keys.wrap(key, _place(identity, "key")),
        "sealed": seal(key, said, _place(identity, "said")),
    }
    connection.execute(insert(LINK_BAR), row)
    _tell(connection, identity, "C", reason, by, now)
    return identity


def lift(
    connection: Connection, keys: KeyRing, numbers: Sequence[NHSNumber], *, reason: str, by: str, now: int
) -> None:
    """Take a bar away that was put up by mistake. Raises NotFound where there is none of these numbers."""
    token = _token_of_some(keys, numbers)
    if not reason.strip() or not by.strip():
        raise Invalid("to lift a bar needs a reason and a name", code="reason-needed")
    known = connection.execute(_ONE, {"token": token}).scalar_one_or_none()
    if known is None:
        raise NotFound("no such bar", code="no-bar")
    connection.execute(delete(LINK_BAR).where(LINK_BAR.c.token == token))
    _tell(connection, str(known), "D", reason, by, now)


def bars(connection: Connection, keys: KeyRing) -> list[Bar]:
    """Every bar, the oldest first, without the numbers."""
    found = []
    for identity, at, wrapped, sealed in connection.execute(_ALL):
        key = keys.unwrap(wrapped, _place(identity, "key"))
        said = msgspec.msgpack.decode(unseal(key, sealed, _place(identity, "said")), type=_Said)
        found.append(Bar(identity, at, said.by, said.reason, said.single))
    return found


def _all_of(connection: Connection, keys: KeyRing, people: Sequence[Person]) -> list[Person]:
    known = {person.key for person in people}
    more = (person_by_key(connection, keys, key) for key in behind(connection, known) - known)
    return [*people, *(person for person in more if person is not None)]


def _token_of_some(keys: KeyRing, numbers: Sequence[NHSNumber]) -> str:
    values = tuple(sorted({number.value for number in numbers}))
    if len(values) != len(numbers) or len(values) not in {1, 2}:
        raise Invalid("a bar is between two different NHS Numbers, or on one", code="bad-bar")
    return _token(keys, values)


def _token(keys: KeyRing, values: Sequence[str]) -> str:
    return keys.blind("link-bar", "\x1f".join(sorted(values)))


def _place(identity: str, what: str) -> bytes:
    return f"bar/{identity}/{what}".encode()


def _tell(connection: Connection, identity: str, action: str, reason: str, by: str, now: int) -> None:
    """The audit of a bar names no person."""
    row = trail.AuditRow(
        at=now,
        actor=by,
        action=action,
        what="identity bar",
        outcome="success",
        details={"bar": identity, "reason": reason},
    )
    trail.append(connection, row)
