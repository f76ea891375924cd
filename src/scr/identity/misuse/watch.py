"""The run over what is new in the audit: read it as visits, judge these, and raise findings.

It may be stopped at any step, and begun again by any process: the audit is read by cursors that move with
what was read, a visit stays due until it is judged, and a finding is raised once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import Connection

from scr.consent.misuse import MisuseRules, Signals
from scr.consent.policy import Policy
from scr.identity.misuse.hashes import Hashes
from scr.identity.misuse.signals import Memory, Seeing
from scr.store import alerts
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.misuse import days, findings, lists, visits
from scr.store.misuse.findings import Draft, Seen
from scr.store.misuse.visits import JUDGED, SETTLED, Visit

ROWS_AT_ONCE = 1_000
VISITS_AT_ONCE = 400
ALERTED_MS = 7 * 24 * 3600 * 1000
"""Of looks that are older no alert goes out: they stand on the worklist alone."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did: rows of the audit that it read, visits that it judged, findings that it wrote."""

    rows: int
    visits: int
    findings: int


class MisuseWatch:
    """Judges what is new. ``now`` gives ms UTC; ``alerts`` says whether serious findings are told of outside
    the house."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        policy: Policy,
        now: Callable[[], int],
        *,
        alerts: bool = False,
    ) -> None:
        self._database = database
        self._keys = keys
        self._policy = policy
        self._now = now
        self._alerts = alerts

    def is_due(self) -> bool:
        """Whether there is anything to be done."""
        today = visits.clock_of(self._now()).day

        def look(connection: Connection) -> bool:
            return bool(visits.waiting(connection) or visits.due(connection, today, 1))

        return self._policy.misuse is not None and self._database.read_now(look)

    def run(self, stopped: Callable[[], bool] = lambda: False) -> Done:
        """Read and judge all that there is. One process at a time does this (``store.turns``).

        ``stopped`` says whether to leave the rest for the next time. Raises Conflict where another process
        does it all the same; nothing is done twice.
        """
        rules = self._policy.misuse
        if rules is None:
            return Done(0, 0, 0)
        rows, whole = self._gather(rules, stopped)
        if not whole:
            return Done(rows, 0, 0)
        today = visits.clock_of(self._now()).day
        judged, written = self._judge(rules, today, stopped)
        self._database.write_now(lambda connection: visits.forget(connection, today - rules.keep_days))
        return Done(rows, judged, written)

    def _gather(self, rules: MisuseRules, stopped: Callable[[], bool]) -> tuple[int, bool]:
        """All rows before any visit is judged: who else looked has to be known. How many, and whether all."""

        def some(connection: Connection) -> int:
            read, changed = visits.gather(connection, ROWS_AT_ONCE)
            for one in changed:
                days.count(connection, one, rules.night.hours)
            return read

        rows = 0
        while not stopped():
            read = self._database.write_now(some)
            rows += read
            if read < ROWS_AT_ONCE:
                return rows, True
        return rows, False

    def _judge(self, rules: MisuseRules, today: int, stopped: Callable[[], bool]) -> tuple[int, int]:
        judged = written = 0
        memory = Memory(self._database.read_now(lists.read_lists), Hashes(self._keys))
        while not stopped():
            found = self._database.read_now(lambda connection: visits.due(connection, today, VISITS_AT_ONCE))
            if not found:
                break
            drafts = self._database.read_now(
                lambda connection: self._drafts(connection, rules, memory, found, today)  # noqa: B023
            )
            written += self._database.write_now(
                lambda connection: self._write(connection, rules, drafts, found, today)  # noqa: B023
            )
            judged += len(found)
        return judged, written

    def _drafts(
        self,
        connection: Connection,
        rules: MisuseRules,
        memory: Memory,
        found: Collection[Visit],
        today: int,
    ) -> list[Draft]:
        seeing = Seeing(connection, self._keys, rules, self._policy.ties, memory)
        drafts = []
        for visit in found:
            signals = seeing.of_visit(visit, settled=visit.day < today)
            drafts.append(self._draft(rules, visit, visit.person, signals))
        for one in dict.fromkeys(visit.user_day for visit in found):
            signals = seeing.of_day(one, settled=one.day < today)
            if signals:
                last = visits.of_day(connection, one)[-1]
                drafts.append(self._draft(rules, last, "", signals))
        return [one for one in drafts if one is not None]

    def _draft(self, rules: MisuseRules, visit: Visit, person: str, signals: Signals) -> Draft | None:
        raised = rules.raised(signals, visit.role)
        if not raised:
            return None
        one = visit.user_day
        about = "\x1f".join((str(one.day), one.actor, one.role, one.organisation, person))
        return Draft(
            token=self._keys.blind("misuse finding", about),
            person=person,
            user_day=one,
            actor_name=visit.actor_name,
            at=visit.first,
            look=visit.look,
            seen=Seen(
                raised,
                {code: dict(facts) for code, facts in sorted(signals.items())},
                rules.hash,
            ),
        )

    def _write(
        self,
        connection: Connection,
        rules: MisuseRules,
        drafts: Collection[Draft],
        found: Collection[Visit],
        today: int,
    ) -> int:
        written = 0
        for draft in drafts:
            finding = findings.put(connection, self._keys, draft, self._now())
            written += finding is not None
            if finding is not None and finding.waits and rules.tells_of(draft.seen.rules):
                self._tell(connection, finding.id, draft.at)
        visits.done(connection, [one for one in found if one.day < today], SETTLED)
        visits.done(connection, [one for one in found if one.day >= today], JUDGED)
        return written

    def _tell(self, connection: Connection, finding: str, at: int) -> None:
        """Let it be told of, once; not of looks of long ago, which a first run finds all at once."""
        now, identity = self._now(), f"{alerts.MISUSE}-{finding}"
        if self._alerts and at > now - ALERTED_MS and alerts.find(connection, identity) is None:
            alerts.put(connection, alerts.Alert(identity, alerts.MISUSE, now, now))
