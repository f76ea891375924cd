"""The register of providers: every gate that one passed or lost, and who may be shown what it holds.

Events are added and never changed, so that the history is the register: the last event of a provider
says its stage. A provider without an event is ``registered``, which shows nothing to anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import orjson
from sqlalchemy import Connection, bindparam, func, insert, select

from scr.consent.actor import Actor
from scr.fhir.identifiers import OdsCode
from scr.store.driver import run, written
from scr.store.tables import MESSAGE, ONBOARDING


class Stage(StrEnum):
    """How far a provider has come, in this order. Each but the first is also the gate that leads to it."""

    REGISTERED = "registered"
    CONFIGURED = "configured"
    SAMPLES_PASSED = "samples-passed"
    CONNECTED = "connected"
    CLINICAL_SAFETY_APPROVED = "clinical-safety-approved"
    LIVE_FOR_TESTERS = "live-for-testers"
    LIVE = "live"


class EventKind(StrEnum):
    """What an event did with its gate."""

    PASSED = "passed"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Event:
    """One gate passed or undone. ``at`` is ms UTC; ``by`` the name of who says so, ``actor`` the token's
    subject that wrote it down.

    ``reference`` names the evidence (a document, a ticket, a file), ``report`` is its text where it is
    kept here, ``digest`` the SHA-256 of what was seen, in hexadecimal. ``note`` is a remark, or the reason
    of an undoing. ``stage`` and ``testers`` (subjects or user ids of tokens) are what holds afterwards.
    ``seq`` is its number in the register; ``append_event`` gives it.
    """

    provider: OdsCode
    at: int
    kind: EventKind
    gate: Stage
    stage: Stage
    by: str
    actor: str = ""
    reference: str = ""
    digest: str = ""
    report: str = ""
    note: str = ""
    testers: frozenset[str] = frozenset()
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Liveness:
    """Which providers contribute to answers: the live ones to everybody's, others to their testers'."""

    live: frozenset[OdsCode] = frozenset()
    testers: Mapping[OdsCode, frozenset[str]] = field(default_factory=dict)

    def open_to(self, actor: Actor) -> frozenset[OdsCode]:
        """The providers that contribute to an answer for this actor: for them, the others do not exist."""
        names = {name for name in (actor.subject, actor.user_id) if name}
        tested = [ods for ods, testers in self.testers.items() if names & testers]
        return self.live.union(tested)


_COLUMNS = ONBOARDING.c
_LAST_SEQ = written("SELECT max(seq) FROM onboarding_event")
_ALL = select(ONBOARDING).order_by(_COLUMNS.seq)
_OF_ONE = _ALL.where(_COLUMNS.provider == bindparam("provider"))
_INSERT = insert(ONBOARDING)
_NEWEST = select(func.max(_COLUMNS.seq)).group_by(_COLUMNS.provider)
_STANDING = select(_COLUMNS.provider, _COLUMNS.stage, _COLUMNS.testers).where(
    _COLUMNS.seq.in_(_NEWEST), _COLUMNS.stage.in_([Stage.LIVE_FOR_TESTERS.value, Stage.LIVE.value])
)
_LAST_MESSAGE = (
    select(MESSAGE.c.received, MESSAGE.c.state)
    .where(MESSAGE.c.provider == bindparam("provider"), MESSAGE.c.feed == bindparam("feed"))
    .order_by(MESSAGE.c.received.desc())
    .limit(1)
)


def append_event(connection: Connection, event: Event) -> int:
    """Add an event; gives its number. Raises Conflict where another writer added one now: read again."""
    seq = _last_seq(connection) + 1
    values = {
        "seq": seq,
        "provider": event.provider.value,
        "at": event.at,
        "kind": event.kind.value,
        "gate": event.gate.value,
        "stage": event.stage.value,
        "by_name": event.by,
        "actor": event.actor,
        "reference": event.reference,
        "digest": event.digest,
        "report": event.report,
        "note": event.note,
        "testers": orjson.dumps(sorted(event.testers)).decode(),
    }
    connection.execute(_INSERT, values)
    return seq


def events(connection: Connection, provider: OdsCode | None = None) -> list[Event]:
    """The history of one provider, or of all, the oldest first."""
    if provider is None:
        rows = connection.execute(_ALL)
    else:
        rows = connection.execute(_OF_ONE, {"provider": provider.value})
    return [
        Event(
            provider=OdsCode(row.provider),
            at=row.at,
            kind=EventKind(row.kind),
            gate=Stage(row.gate),
            stage=Stage(row.stage),
            by=row.by_name,
            actor=row.actor,
            reference=row.reference,
            digest=row.digest,
            report=row.report,
            note=row.note,
            testers=frozenset(orjson.loads(row.testers)),
            seq=row.seq,
        )
        for row in rows
    ]


def last_message(connection: Connection, provider: OdsCode, feed: str) -> tuple[int, str] | None:
    """When a feed's last message came (ms UTC) and its state; None where none ever came."""
    row = connection.execute(_LAST_MESSAGE, {"provider": provider.value, "feed": feed}).one_or_none()
    return None if row is None else (row.received, row.state)


class LivenessReader:
    """Reads who contributes to answers, as of now: one look at the last event's number, mostly.

    Events are numbered without gaps, in the order of their commits, so that the same last number means
    the same register, in every process.
    """

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: tuple[int, Liveness] = (0, Liveness())

    def at(self, seq: int) -> Liveness | None:
        """The liveness of a register whose last event has this number; None where it has to be read."""
        known = self._known
        return known[1] if known[0] == seq else None

    def read(self, connection: Connection) -> Liveness:
        """The liveness that this connection's snapshot sees."""
        seq = _last_seq(connection)
        known = self._known
        if known[0] != seq:
            known = self._known = (seq, _standing(connection))
        return known[1]


def _last_seq(connection: Connection) -> int:
    (seq,) = run(connection, _LAST_SEQ).fetchone()
    return seq or 0


def _standing(connection: Connection) -> Liveness:
    live: set[OdsCode] = set()
    testers: dict[OdsCode, frozenset[str]] = {}
    for provider, stage, names in connection.execute(_STANDING):
        if stage == Stage.LIVE:
            live.add(OdsCode(provider))
        else:
            testers[OdsCode(provider)] = frozenset(orjson.loads(names))
    return Liveness(frozenset(live), testers)
