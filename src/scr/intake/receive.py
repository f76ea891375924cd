"""The line a message takes: kept, decoded, mapped, identified, checked, filed or quarantined.

The raw bytes are durable before anything is made of them, and what was made of them is durable
before anyone is told. A part that cannot be filed goes to quarantine with its reason, and the rest of
the payload goes on. Nothing goes onto a record about which there is any doubt whose it is.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from scr.decode.tree import BadUnit, DecodeError, Unit
from scr.errors import Conflict, NotFound, ScrError
from scr.fhir.identifiers import OdsCode
from scr.identity import index
from scr.intake.drift import DRIFT, DriftWatch, departs
from scr.intake.file_unit import Desk, Problem, UnitOutcome
from scr.mapping import counts
from scr.mapping.adapter import Adapter
from scr.mapping.counts import Counted
from scr.mapping.provider import Feed, Provider
from scr.store import losses, messages, quarantine
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.messages import MessageState
from scr.store.people import Person
from scr.store.quarantine import Quarantined, QuarantineState

T = TypeVar("T")

_EVENTS = frozenset({"hl7v2", "edifact"})
"""Formats whose payloads are events with an identity of their own: the same again is the same event."""

_BATCH = 40
"""Units in one transaction: more would keep an audit row waiting behind a long file."""

_ATTEMPTS = 10
_PAUSE = 0.05
"""Seconds: two processes with a long file each, about the same people, collide in nearly every part."""

_log = structlog.get_logger("scr.intake")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a payload. ``problems`` are the parts in quarantine; ``filed`` counts units."""

    message: str
    state: MessageState
    duplicate: bool
    filed: int
    problems: tuple[Problem, ...]


class Intake:
    """Takes payloads in, from every kind of feed."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        desk: Desk,
        adapters: Mapping[str, Adapter],
        providers: Mapping[OdsCode, Provider],
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._keys = keys
        self._desk = desk
        self._adapters = adapters
        self._providers = providers
        self._clock = clock
        self.drift = DriftWatch(database, keys.id_key, clock)

    async def receive(self, provider: Provider, feed: Feed, raw: bytes) -> Receipt:
        """Keep a payload, and file or quarantine every part of it.

        The same bytes again are stored once, and get the same receipt; but a snapshot (a file, a bundle)
        that comes back after another has taken its place counts again. Returns when all is durable.
        Raises Unavailable where the database is down: then nothing was promised.
        """
        kept = await self._write(
            lambda conn: messages.keep(conn, self._keys, provider.ods, feed.name, raw, self._clock())
        )
        if (
            kept.duplicate
            and kept.state is not MessageState.RECEIVED
            and not await self._again(kept.id, feed)
        ):
            return await self._known(kept.id)
        return await self._process(kept.id, provider.ods, feed, raw)

    async def _again(self, message: str, feed: Feed) -> bool:
        """Whether a payload that came before is to be done again: what it says is the latest word anew."""
        if self._adapter(feed.adapter).decode.format in _EVENTS:
            return False
        return await self._write(lambda conn: messages.reopen(conn, message, self._clock()))

    async def recover(self) -> int:
        """Finish what was kept and not finished when the process ended; how many messages.

        One that cannot be finished (its feed is not there any more, say) is told in the log and stays.
        """
        finished = 0
        for message in await self._database.read(partial(messages.pending, limit=None)):
            try:
                raw = await self._database.read(
                    partial(messages.open_raw, keys=self._keys, message=message.id)
                )
                feed = self._feed(message.provider, message.feed)
                await self._process(message.id, message.provider, feed, raw)
            except Exception as error:  # noqa: BLE001 - the message boundary: the others are finished
                _log.error(
                    "not recovered",
                    message=message.id,
                    provider=message.provider.value,
                    feed=message.feed,
                    why=error.code if isinstance(error, ScrError) else type(error).__name__,
                )
            else:
                finished += 1
        return finished

    async def retry(self, item: str) -> Receipt:
        """Try one part in quarantine again, with the adapter as it is now.

        Filed, it is released; if not, it stays with its newer reason. Raises NotFound.
        """
        found, raw = await self._database.read(
            lambda conn: quarantine.open_quarantined(conn, self._keys, item)
        )
        adapter = self._adapter(found.adapter)
        units = list(_units(adapter, raw))
        receipt = await self._write(lambda conn: self._retry(conn, found, adapter, units))
        if not receipt.problems:  # a person says that this is what the feed sends
            described = await self._database.read(partial(messages.describe, message=found.message))
            look = await self.drift.look(found.provider, described.feed, adapter)
            for unit in units:
                look.see(unit)
            self.drift.learn(look)
        return receipt

    def _retry(
        self, conn: Connection, found: Quarantined, adapter: Adapter, units: list[Unit | BadUnit]
    ) -> Receipt:
        now = self._clock()
        outcomes = [self._desk.file(conn, found.provider, adapter, unit, now) for unit in units]
        problems = tuple(o for o in outcomes if isinstance(o, Problem))
        losses.add(conn, found.provider, adapter.name, now, Counter(_counted(outcomes)))
        if problems:
            quarantine.tried_again(conn, found.id, problems[0].code, problems[0].sentence)
        else:
            quarantine.settle(conn, found.id, QuarantineState.RELEASED)
        state = MessageState.QUARANTINED if problems else MessageState.FILED
        return Receipt(found.message, state, False, len(outcomes) - len(problems), problems)

    async def _process(self, message: str, provider: OdsCode, feed: Feed, raw: bytes) -> Receipt:
        """File a kept payload, some units to a transaction; the last one finishes the message."""
        adapter = self._adapter(feed.adapter)
        strict = feed.drift == "quarantine"
        look = await self.drift.look(provider, feed.name, adapter, fresh=strict)
        held = await departs(look, _units(adapter, raw)) if strict else ""
        units = _units(adapter, raw)
        totals = _Totals()
        batch = list(islice(units, _BATCH))
        while True:
            following = list(islice(units, _BATCH)) if len(batch) == _BATCH else []
            last = not following
            for unit in () if strict else batch:
                look.see(unit)
            file = partial(self._file_batch, message=message, provider=provider, adapter=adapter, held=held)
            done = await self._file_units(file, batch, totals, last=last)
            if done is None:  # the same bytes came twice at once, and the other was first
                return await self._known(message)
            totals = done
            if last:
                break
            batch = following
        await self.drift.end(look, message, held=bool(held))
        _log.info(
            "received",
            message=message,
            provider=provider.value,
            adapter=adapter.name,
            filed=totals.filed,
            quarantined=len(totals.problems),
        )
        return Receipt(message, totals.state, False, totals.filed, totals.problems)

    async def _file_units(
        self,
        file: Callable[..., _Totals | None],
        batch: list[Unit | BadUnit],
        totals: _Totals,
        *,
        last: bool,
    ) -> _Totals | None:
        """File units in one transaction; one by one where another writer is among the same people.

        Of two transactions with forty people each, in different orders, one has to give way for ever;
        one that waits for a single person does not hold another.
        """
        try:
            return await self._database.write(partial(file, batch=batch, before=totals, last=last))
        except Conflict as conflict:
            _log.info("one by one", code=conflict.code)
        for some, at_end in [([unit], False) for unit in batch[:-1]] + [(batch[-1:], last)]:
            done = await self._write(partial(file, batch=some, before=totals, last=at_end))
            if done is None:
                return None
            totals = done
        return totals

    def _file_batch(
        self,
        conn: Connection,
        *,
        message: str,
        provider: OdsCode,
        adapter: Adapter,
        batch: Iterable[Unit | BadUnit],
        before: _Totals,
        last: bool,
        held: str,
    ) -> _Totals | None:
        key = messages.take(conn, self._keys, message)
        if key is None:
            return None
        now = self._clock()
        totals, outcomes = before, []
        for unit in batch:
            if held and isinstance(unit, Unit):
                outcome: UnitOutcome = Problem(unit.place, DRIFT, held)
            else:
                outcome = self._desk.file(conn, provider, adapter, unit, now)
            outcomes.append(outcome)
            totals = totals.and_one(outcome)
            if isinstance(outcome, Problem):
                whose = outcome.claimed
                quarantine.quarantine(
                    conn,
                    self._keys,
                    message,
                    adapter.name,
                    outcome.place,
                    outcome.code,
                    outcome.sentence,
                    unit.raw,
                    now,
                    number=totals.filed + len(totals.problems),
                    claimed=None if whose is None else index.token_of(self._keys, whose),
                )
        totals = replace(totals, losses=before.losses + Counter(_counted(outcomes)))
        if last:  # with the message's end, so that one that is begun anew is not counted twice
            losses.add(conn, provider, adapter.name, now, totals.losses)
            only = totals.only_person()
            messages.finish(conn, self._keys, message, totals.state, totals.counts(), only, key=key)
        return totals

    async def _known(self, message: str) -> Receipt:
        """The receipt of a payload that came before."""

        def read(conn: Connection) -> Receipt:
            described = messages.describe(conn, message)
            items = quarantine.quarantined(conn, None, message)
            problems = tuple(Problem(i.place, i.code, i.sentence) for i in items)
            return Receipt(message, described.state, True, described.outcome.get("filed", 0), problems)

        return await self._database.read(read)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        """Write, again where another writer was first, after a moment that grows and is never the same."""
        for attempt in range(1, _ATTEMPTS):
            try:
                return await self._database.write(work)
            except Conflict as conflict:
                _log.info("again", code=conflict.code)
            await asyncio.sleep(attempt * random.uniform(0, _PAUSE))  # noqa: S311 - to part the writers
        return await self._database.write(work)

    def _adapter(self, name: str) -> Adapter:
        try:
            return self._adapters[name]
        except KeyError:
            raise NotFound(f"there is no adapter {name!r}", code="no-such-adapter") from None

    def _feed(self, provider: OdsCode, name: str) -> Feed:
        for feed in self._providers[provider].feeds if provider in self._providers else ():
            if feed.name == name:
                return feed
        raise NotFound(f"provider {provider} has no feed {name!r} any more", code="no-feed")


@dataclass(frozen=True, slots=True)
class _Totals:
    """What has come of a payload's units so far."""

    filed: int = 0
    problems: tuple[Problem, ...] = ()
    people: frozenset[str] = frozenset()
    person: Person | None = None
    losses: Counter[Counted] = field(default_factory=Counter)

    def and_one(self, outcome: UnitOutcome) -> _Totals:
        if isinstance(outcome, Problem):
            return replace(self, problems=(*self.problems, outcome))
        people = self.people | {outcome.person.key} if len(self.people) < 2 else self.people
        return replace(self, filed=self.filed + 1, people=people, person=outcome.person)

    @property
    def state(self) -> MessageState:
        if not self.problems:
            return MessageState.FILED
        return MessageState.QUARANTINED

    def counts(self) -> dict[str, int]:
        return {"filed": self.filed, "quarantined": len(self.problems)}

    def only_person(self) -> Person | None:
        """The one person that the whole payload is about, so that erasing them erases it."""
        return self.person if len(self.people) == 1 and not self.problems else None


def _units(adapter: Adapter, raw: bytes) -> Iterator[Unit | BadUnit]:
    """The units of a payload; one that cannot be decoded at all is one bad unit."""
    try:
        yield from adapter.units(raw)
    except DecodeError as error:
        yield BadUnit(error.where or "payload", raw, error)
    except ScrError as error:
        yield BadUnit("payload", raw, DecodeError(str(error), code=error.code))


def _counted(outcomes: Iterable[UnitOutcome]) -> Iterator[Counted]:
    """What the outcomes of units add to the counts."""
    for outcome in outcomes:
        if isinstance(outcome, Problem):
            yield from counts.refused(outcome.code)
        else:
            yield from counts.filed(outcome.mapped)
