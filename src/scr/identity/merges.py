"""A provider merges two of its own records: an identifier is learnt, or what it filed is moved; and back.

HL7 v2 A34 and A40 say that two local identifiers are one person's, A37 that they are not. Two NHS
Numbers are never joined by that alone: ``move`` is called when a reviewer has said so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from scr.errors import Unprocessable
from scr.fhir.identifiers import OdsCode
from scr.identity import bars, index, objections
from scr.identity.told import tell
from scr.store import links
from scr.store.filed_under import belongs, marks_of, touches
from scr.store.keys import KeyRing
from scr.store.links import Grounds, Link, LinkId
from scr.store.moving import filed_marks, move_entries, owners
from scr.store.people import Person, lock_person, view_of

LocalIds = Sequence[tuple[str, str]]
"""Identifiers of a provider's own: system and value."""


def owners_of(connection: Connection, keys: KeyRing, provider: OdsCode, ids: LocalIds) -> list[Person]:
    """Whose these identifiers are, each person once."""
    found = (index.find_local(connection, keys, local_system(provider, system), v) for system, v in ids)
    return list({person.key: person for person in found if person is not None}.values())


def local_system(provider: OdsCode, system: str) -> str:
    """A provider's own identifiers, kept apart from any other's of the same system."""
    return f"{provider}|{system}"


def alias(
    connection: Connection,
    keys: KeyRing,
    person: Person,
    provider: OdsCode,
    prior: LocalIds,
    surviving: LocalIds,
    *,
    reasons: Sequence[str],
    by: str,
    now: int,
) -> LinkId | None:
    """Learn that ``prior`` are a person's too; the link that remembers it, None where all was known as such.

    Raises Conflict ``other-person`` where one is another person's.
    """
    new = [
        (system, value)
        for system, value in prior
        if index.learn_local(connection, keys, person, local_system(provider, system), value)
    ]
    if not new and find_merge(connection, keys, [person], provider, prior, surviving) is not None:
        return None
    grounds = Grounds(tuple(reasons), {}, tuple(prior), tuple(surviving), tuple(new))
    made = links.add(
        connection, person, person, kind="alias", grounds=grounds, by=by, now=now, provider=provider.value
    )
    tell(connection, links.read(connection, made), "C", by, now, " ".join(reasons))
    return made


def move(
    connection: Connection,
    keys: KeyRing,
    former: Person,
    retained: Person,
    provider: OdsCode,
    prior: LocalIds,
    surviving: LocalIds,
    *,
    reasons: Sequence[str],
    evidence: Mapping[str, str],
    by: str,
    now: int,
) -> LinkId:
    """Move what a provider filed under ``prior`` from one person to another, and the identifiers with it.

    What came under another identifier of the same system as well stays, and so does what was filed
    before that was noted. An objection to the provider goes along. Raises Forbidden ``barred``;
    Unprocessable where it is one and the same person, or none of the identifiers is the former's.
    """
    if former.key == retained.key:
        raise Unprocessable("both are one person's already", code="same-person")
    for person in sorted((former, retained), key=lambda each: each.key):
        lock_person(connection, person)
    bars.check_bar(connection, keys, [former], view_of(connection, keys, retained))
    theirs = [one for one in prior if _owner(connection, keys, provider, one) == former.key]
    if not theirs:
        raise Unprocessable("none of the identifiers is that person's", code="not-theirs")
    grounds = Grounds(tuple(reasons), dict(evidence), tuple(theirs), tuple(surviving))
    made = links.add(
        connection, former, retained, kind="merge", grounds=grounds, by=by, now=now, provider=provider.value
    )
    marks = marks_of(keys, provider, theirs)
    held = filed_marks(connection, former, provider)
    going = sorted(logical for logical, under in held.items() if belongs(under, marks))
    links.remember_moved(connection, made, move_entries(connection, former, retained, going, now))
    _hand_over(connection, keys, provider, theirs, retained)
    index.relate(connection, retained, provider, "care", provider, now)
    _honour_objections(connection, former, retained, provider)
    tell(connection, links.read(connection, made), "C", by, now, " ".join(reasons))
    return made


def move_back(
    connection: Connection, keys: KeyRing, known: Link, former: Person, retained: Person, now: int
) -> tuple[int, int]:
    """Undo what ``alias`` or ``move`` did: how many resources went back, and how many came since and stay.

    Raises Unprocessable ``undo-later-first`` where a later merge has taken them on.
    """
    grounds, provider = links.grounds_of(connection, keys, known), OdsCode(known.provider)
    marks = marks_of(keys, provider, grounds.prior if known.kind == "merge" else grounds.learnt)
    if known.kind == "alias":
        for system, value in grounds.learnt:
            index.forget_local(connection, keys, retained, local_system(provider, system), value)
        return 0, _left(connection, retained, provider, marks)
    went = list(links.moved_by(connection, known.id))
    at = owners(connection, went)
    elsewhere = any(owner != retained.key for owner in at.values())
    gone = any(_owner(connection, keys, provider, one) != retained.key for one in grounds.prior)
    if elsewhere or gone:
        raise Unprocessable("a later merge has taken this on: undo that first", code="undo-later-first")
    back = move_entries(connection, retained, former, sorted(at), now)
    _hand_over(connection, keys, provider, grounds.prior, former)
    return len(back), _left(connection, retained, provider, marks)


def find_merge(
    connection: Connection,
    keys: KeyRing,
    people: Sequence[Person],
    provider: OdsCode,
    some: LocalIds,
    others: LocalIds,
) -> Link | None:
    """The provider's newest merge or alias in force that joined one of ``some`` with one of ``others``."""
    known = links.links_of(connection, [person.key for person in people])
    one, other = set(some), set(others)
    for made in reversed(links.joins_of(known, ("merge", "alias"))):
        if made.provider != provider.value:
            continue
        grounds = links.grounds_of(connection, keys, made)
        prior, surviving = set(grounds.prior), set(grounds.surviving)
        if (prior & one and surviving & other) or (prior & other and surviving & one):
            return made
    return None


def _owner(connection: Connection, keys: KeyRing, provider: OdsCode, one: tuple[str, str]) -> str | None:
    found = index.find_local(connection, keys, local_system(provider, one[0]), one[1])
    return None if found is None else found.key


def _hand_over(connection: Connection, keys: KeyRing, provider: OdsCode, ids: LocalIds, to: Person) -> None:
    for system, value in ids:
        index.hand_over_local(connection, keys, to, local_system(provider, system), value)


def _honour_objections(connection: Connection, former: Person, retained: Person, provider: OdsCode) -> None:
    """What somebody did not want shared is not shared because it was moved."""
    for known in index.relationships(connection, former):
        if known.kind == "objection" and known.until is None and known.organisation == provider:
            objections.dissent(connection, retained, provider, known.source, known.since)


def _left(connection: Connection, person: Person, provider: OdsCode, marks: bytes) -> int:
    held = filed_marks(connection, person, provider)
    return sum(touches(under, marks) for under in held.values())
