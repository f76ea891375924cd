"""Which relationships with a person come of a unit that is filed: what it says, and what it holds.

Who sends something about a person cares for them. How long each kind of relationship lasts is for the
policy (``consent/relationships.yaml``), and not written down here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from scr.consent.ties import DECLARED_KINDS, DeclaredKind
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.fhir.involved import Involved, Involves, involved
from scr.identity import index
from scr.mapping.run import Claim
from scr.store.people import Person

_KINDS: Mapping[str, DeclaredKind] = {kind: kind for kind in DECLARED_KINDS}
_ONE_AT_A_TIME: tuple[DeclaredKind, ...] = ("registration", "placement")
"""A person is registered with one practice, and lives in one place: another one ends the one before."""


def relate(
    conn: Connection, person: Person, provider: OdsCode, stated: Claim, entries: Iterable[Entry], now: int
) -> None:
    """Note every relationship that a unit tells of. ``entries`` are what is filed of it."""
    told = {
        kind: {organisation for name, organisation in stated.relationships if name == kind}
        for kind in dict.fromkeys(_KINDS[name] for name, _ in stated.relationships if name in _KINDS)
    }
    if provider not in told.get("registration", ()):
        index.relate(conn, person, provider, "care", provider, now)
    for kind, organisations in told.items():
        if kind in _ONE_AT_A_TIME:
            _end_others(conn, person, provider, kind, organisations, now)
        for organisation in sorted(organisations):
            index.relate(conn, person, organisation, kind, provider, now)
    _relate_involved(conn, person, provider, entries, now)


def _end_others(
    conn: Connection,
    person: Person,
    provider: OdsCode,
    kind: DeclaredKind,
    told: set[OdsCode],
    now: int,
) -> None:
    """A registration or placement follows the last one that its source told.

    A practice's own list is the last word: the practice that somebody has left has no relationship any more.
    """
    for known in index.relationships(conn, person):
        if (
            known.kind == kind
            and known.until is None
            and known.organisation not in told
            and (known.source == provider or (kind == "registration" and provider in told))
        ):
            index.end_relationship(conn, person, known.organisation, kind, known.source, now)


def _relate_involved(
    conn: Connection, person: Person, provider: OdsCode, entries: Iterable[Entry], now: int
) -> None:
    """What is filed involves its sender, or whom it names: until the last of what is open is over."""
    found: dict[tuple[Involves, OdsCode], list[Involved]] = {}
    for entry in entries:
        for one in involved(entry):
            found.setdefault((one.kind, one.organisation or provider), []).append(one)
    for (kind, organisation), each in found.items():
        held = [one for one in each if not one.called_off]
        if not held:
            index.end_relationship(conn, person, organisation, kind, provider, now)
            continue
        ends = [one.until for one in held if one.until is not None]
        until = max(ends) if len(ends) == len(held) else None
        index.relate(conn, person, organisation, kind, provider, now, until)
