"""What operators count of a deployment: messages, quarantine, coverage, losses, the audit; of no person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from scr.store import coverage, gaps, losses
from scr.store.audit import seals
from scr.store.coverage import DayCoverage
from scr.store.feeds import FeedCounts, FeedState
from scr.store.quarantine import QuarantineState
from scr.store.tables import QUARANTINE


@dataclass(frozen=True, slots=True)
class Measured:
    """Counts at one moment.

    ``quarantine`` is by provider, adapter and reason, ``losses`` (of today, in London) by provider, adapter
    and kind, ``gaps`` by provider; ``unsealed`` are rows of the audit, the oldest of them from
    ``unsealed_since`` (ms UTC).
    """

    feeds: tuple[FeedState, ...]
    quarantine: Mapping[tuple[str, str, str], int]
    coverage: tuple[DayCoverage, ...]
    losses: Mapping[tuple[str, str, str], int]
    gaps: Mapping[str, int]
    unsealed: int
    unsealed_since: int | None


def measure(connection: Connection, now: int, counts: FeedCounts) -> Measured:
    """Count; ``now`` in ms UTC. ``counts`` is what was counted of the feeds before."""
    today = losses.day_of(now)
    lost: dict[tuple[str, str, str], int] = {}
    for one in losses.read(connection, today):
        key = (one.provider.value, one.adapter, one.kind)
        lost[key] = lost.get(key, 0) + one.count
    missing: dict[str, int] = {}
    for gap in gaps.read(connection):
        missing[gap.provider.value] = missing.get(gap.provider.value, 0) + gap.count
    groups = (QUARANTINE.c.provider, QUARANTINE.c.adapter, QUARANTINE.c.code)
    counted = select(*groups, func.count()).where(QUARANTINE.c.state == QuarantineState.OPEN.value)
    return Measured(
        feeds=tuple(counts.states(connection, now)),
        quarantine={(p, a, c): n for p, a, c, n in connection.execute(counted.group_by(*groups))},
        coverage=tuple(coverage.read(connection, today)),
        losses=lost,
        gaps=missing,
        unsealed=seals.waiting(connection).rows,
        unsealed_since=seals.waiting_since(connection),
    )
