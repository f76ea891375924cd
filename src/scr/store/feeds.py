"""What each feed has sent so far: counted, so that there is no row that all writers wait for.

To count every message there ever was takes the longer the more there are. Whoever asks again and again keeps
``FeedCounts``: they count them all once, and from then on what came since, by the index of states and times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select

from scr.fhir.identifiers import OdsCode
from scr.store.messages import MessageState
from scr.store.tables import MESSAGE

LAG_MS = 5 * 60 * 1000
"""What came in since then is counted each time: a process may be late to commit, or its clock behind."""
ANEW_MS = 24 * 3600 * 1000
"""When all are counted anew: a message that was done again has another time than it was counted by."""

_STATES = tuple(state.value for state in MessageState)
_OPEN = tuple(state for state in _STATES if state != MessageState.FILED.value)
_FEED = (MESSAGE.c.provider, MESSAGE.c.feed)
_LAST = func.max(MESSAGE.c.received)
_ALL = select(*_FEED, MESSAGE.c.state, func.count(), _LAST).group_by(*_FEED, MESSAGE.c.state)
_CAME = (
    select(*_FEED, func.count(), _LAST)
    .where(
        MESSAGE.c.state.in_(_STATES),
        MESSAGE.c.received > bindparam("since"),
        MESSAGE.c.received <= bindparam("until"),
    )
    .group_by(*_FEED)
)
_NOT_FILED = (
    select(*_FEED, MESSAGE.c.state, func.count())
    .where(MESSAGE.c.state.in_(_OPEN))
    .group_by(*_FEED, MESSAGE.c.state)
)
_EVER = 2**62

Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class FeedState:
    """What a provider's feed has sent so far: when last (ms UTC), and how many messages in each state."""

    provider: OdsCode
    feed: str
    last_received: int
    counts: Mapping[MessageState, int]


@dataclass(frozen=True, slots=True)
class _Came:
    """How many messages of a feed came, and when the last."""

    count: int = 0
    last: int = 0

    def and_(self, other: _Came) -> _Came:
        return _Came(self.count + other.count, max(self.last, other.last))


def feed_states(connection: Connection) -> list[FeedState]:
    """What each feed has sent, by provider and feed."""
    came: dict[Name, _Came] = {}
    states: dict[Name, dict[MessageState, int]] = {}
    for provider, feed, state, count, last in connection.execute(_ALL):
        name = (provider, feed)
        came[name] = came.get(name, _Came()).and_(_Came(count, last))
        states.setdefault(name, {})[MessageState(state)] = count
    return [_state(name, came[name], states[name]) for name in sorted(came)]


class FeedCounts:
    """The same for whoever asks again and again."""

    def __init__(self) -> None:
        self._counted: tuple[Mapping[Name, _Came], int, int] = ({}, 0, 0)

    def states(self, connection: Connection, now: int) -> list[FeedState]:
        """What each feed has sent, ``now`` (ms UTC): as ``feed_states`` tells, but for a message of before
        that was done again, which counts twice until all are counted anew."""
        before, until, anew = self._counted
        if now >= anew:
            before, until, anew = {}, 0, now + ANEW_MS
        settled = max(now - LAG_MS, until)
        counted = _plus(before, _came(connection, until, settled))
        self._counted = counted, settled, anew  # at once: two threads may count
        came = _plus(counted, _came(connection, settled, _EVER))
        states: dict[Name, dict[MessageState, int]] = {}
        for provider, feed, state, count in connection.execute(_NOT_FILED):
            states.setdefault((provider, feed), {})[MessageState(state)] = count
        for name, one in came.items():
            counts = states.setdefault(name, {})
            if filed := one.count - sum(counts.values()):
                counts[MessageState.FILED] = max(filed, 0)
        return [_state(name, came[name], states[name]) for name in sorted(came)]


def _came(connection: Connection, since: int, until: int) -> dict[Name, _Came]:
    rows: Iterable[tuple[str, str, int, int]] = connection.execute(_CAME, {"since": since, "until": until})
    return {(provider, feed): _Came(count, last) for provider, feed, count, last in rows}


def _plus(one: Mapping[Name, _Came], other: Mapping[Name, _Came]) -> dict[Name, _Came]:
    return {name: one.get(name, _Came()).and_(other.get(name, _Came())) for name in {**one, **other}}


def _state(name: Name, came: _Came, counts: Mapping[MessageState, int]) -> FeedState:
    return FeedState(OdsCode(name[0]), name[1], came.last, dict(sorted(counts.items())))
