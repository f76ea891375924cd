"""The rows of findings: what rules raised, and what somebody made of it.

Which rules, why, and what was noted is sealed with the finding's own key; in the clear stands who looked and
when, as it does in the audit.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, select, update

from scr.consent.misuse import Raised
from scr.errors import Conflict, NotFound
from scr.store.keys import DataKey, KeyRing, random_id, seal, unseal
from scr.store.misuse.visits import UserDay
from scr.store.tables import MISUSE_FINDING


class Status(StrEnum):
    """What was made of a finding."""

    NEW = "new"
    EXPLAINED = "explained"
    MISUSE = "misuse"
    NOT_MISUSE = "not-misuse"


class Noted(msgspec.Struct, frozen=True, array_like=True):
    """What somebody decided: when (ms UTC), who, what they came to, and what they noted."""

    at: int
    by: str
    status: Status
    note: str


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """What a finding is made of: the rules raised, the signals with the numbers that they are told with, and
    the hash of the rules in force."""

    rules: tuple[Raised, ...]
    signals: dict[str, dict[str, int]]
    policy: str


class _Content(msgspec.Struct, frozen=True, array_like=True):
    seen: Seen
    notes: tuple[Noted, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding to be raised. ``person`` is empty for what is about a whole day; ``at`` is ms UTC."""

    token: str
    person: str
    user_day: UserDay
    actor_name: str
    at: int
    look: str
    seen: Seen


@dataclass(frozen=True, slots=True)
class Written:
    """A finding that was raised or brought up to date, and whether it waits for a decision."""

    id: str
    waits: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding as it stands, opened. ``notes`` are all that was decided, the first first."""

    id: str
    person: str
    user_day: UserDay
    actor_name: str
    at: int
    look: str
    raised: int
    status: Status
    decided: int | None
    decided_by: str
    seen: Seen
    notes: tuple[Noted, ...]

    @property
    def rule(self) -> str:
        """The rule with most points."""
        return self.seen.rules[0].rule


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Content)
_T = MISUSE_FINDING.c
_BY_TOKEN = select(MISUSE_FINDING).where(_T.token == bindparam("wanted")).with_for_update()
_BY_ID = select(MISUSE_FINDING).where(_T.id == bindparam("wanted"))


def put(connection: Connection, keys: KeyRing, draft: Draft, now: int) -> Written | None:
    """Raise a finding, or bring one up to what is seen by now; None where nothing was written.

    What was decided of it stays, unless a rule is raised that was not when it was decided.
    """
    row = connection.execute(_BY_TOKEN, {"wanted": draft.token}).one_or_none()
    if row is None:
        return Written(_add(connection, keys, draft, now), waits=True)
    key, content = _opened(keys, row)
    if content.seen == draft.seen:
        return None
    news = {one.rule for one in draft.seen.rules} - {one.rule for one in content.seen.rules}
    values: dict[str, object] = {"sealed": _seal(key, row.id, _Content(draft.seen, content.notes))}
    if news:
        values["status"] = Status.NEW.value
    connection.execute(update(MISUSE_FINDING).where(_T.id == row.id).values(**values))
    return Written(row.id, waits=bool(news) or row.status == Status.NEW.value)


def _add(connection: Connection, keys: KeyRing, draft: Draft, now: int) -> str:
    identity, key, one = random_id(), DataKey.new(), draft.user_day
    row = {
        "id": identity,
        "token": draft.token,
        "person": draft.person or None,
        "day": one.day,
        "at": draft.at,
        "actor": one.actor,
        "actor_name": draft.actor_name,
        "role": one.role,
        "organisation": one.organisation,
        "look": draft.look,
        "raised": now,
        "status": Status.NEW.value,
        "wrapped_key": keys.wrap(key, _place(identity)),
        "sealed": _seal(key, identity, _Content(draft.seen)),
    }
    connection.execute(insert(MISUSE_FINDING), row)
    return identity


def read(connection: Connection, keys: KeyRing, identity: str) -> Finding:
    """A finding by its id. Raises NotFound."""
    row = connection.execute(_BY_ID, {"wanted": identity}).one_or_none()
    if row is None:
        raise NotFound("there is no finding with this id: `scr misuse list` shows them", code="no-finding")
    return _finding(keys, row)


def listed(
    connection: Connection, keys: KeyRing, statuses: Collection[Status], limit: int, *, newest: bool = False
) -> list[Finding]:
    """Findings with one of these statuses, the oldest first or the newest."""
    query = select(MISUSE_FINDING).where(_T.status.in_([one.value for one in statuses]))
    order = (_T.at.desc(), _T.id.desc()) if newest else (_T.at, _T.id)
    return [_finding(keys, row) for row in connection.execute(query.order_by(*order).limit(limit))]


def waiting(connection: Connection) -> int:
    """How many nobody has decided on."""
    query = select(func.count()).select_from(MISUSE_FINDING).where(_T.status == Status.NEW.value)
    return int(connection.execute(query).scalar_one())


def decide(connection: Connection, keys: KeyRing, finding: Finding, said: Noted) -> None:
    """Write down what somebody made of a finding, beside what was said before.

    Raises Conflict where somebody else has decided since it was read.
    """
    row = connection.execute(_BY_ID.with_for_update(), {"wanted": finding.id}).one()
    key, content = _opened(keys, row)
    if content.notes != finding.notes:
        raise Conflict("somebody else has decided meanwhile: look at it again", code="finding-changed")
    values = {
        "status": said.status.value,
        "decided": said.at,
        "decided_by": said.by,
        "sealed": _seal(key, finding.id, _Content(content.seen, (*content.notes, said))),
    }
    connection.execute(update(MISUSE_FINDING).where(_T.id == finding.id).values(values))


def _finding(keys: KeyRing, row: Any) -> Finding:
    _, content = _opened(keys, row)
    return Finding(
        id=row.id,
        person=row.person or "",
        user_day=UserDay(row.day, row.actor, row.role, row.organisation),
        actor_name=row.actor_name,
        at=row.at,
        look=row.look,
        raised=row.raised,
        status=Status(row.status),
        decided=row.decided,
        decided_by=row.decided_by,
        seen=content.seen,
        notes=content.notes,
    )


def _opened(keys: KeyRing, row: Any) -> tuple[DataKey, _Content]:
    place = _place(row.id)
    key = keys.unwrap(row.wrapped_key, place)
    return key, _DECODER.decode(unseal(key, row.sealed, place))


def _seal(key: DataKey, identity: str, content: _Content) -> bytes:
    return seal(key, _ENCODER.encode(content), _place(identity))


def _place(identity: str) -> bytes:
    return f"misuse_finding/{identity}".encode()
