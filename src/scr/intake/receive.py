"""The line a message takes: kept, decoded, mapped, identified, checked, filed or quarantined.

The raw bytes are durable before anything is made of them, and what was made of them is durable
before anyone is told. A part that cannot be filed goes to quarantine with its reason, and the rest of
the payload goes on. Nothing goes onto a record about which there is any doubt whose it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from scr.decode.tree import BadUnit, Unit
from scr.errors import NotFound, ScrError, Unavailable
from scr.fhir.identifiers import OdsCode
from scr.identity import index
from scr.intake.ahead.helper import Helpers
from scr.intake.ahead.known import see
from scr.intake.ahead.plan import Planner
from scr.intake.ahead.window import Batch, batches_of
from scr.intake.batches import BATCH, EVENTS, Payload
from scr.intake.checking import Answers, RegisterDesk, claims, next_wait
from scr.intake.drift import departs
from scr.intake.file_unit import Desk, Problem
from scr.intake.totals import Totals, units_of
from scr.intake.writing import file_units, write
from scr.mapping.adapter import Adapter
from scr.mapping.provider import Feed, Provider
from scr.store import messages, quarantine
from scr.store.engine import Database
from scr.store.keys import DataKey, KeyRing
from scr.store.messages import Message, MessageState, Wait
from scr.store.quarantine import Quarantined, QuarantineState
from scr.store.turns import somebody_is_at, turn
from scr.store.watch import FeedWatch
from scr.terminology.gapwords import SharedTexts

T = TypeVar("T")

_LATER = 60_000
"""Milliseconds until a message that cannot be done at all is looked at again."""

Progress = Callable[[int, int], None]
"""Hears how many units of a payload are filed, and how many in quarantine."""

_log = structlog.get_logger("scr.intake")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a payload. ``problems`` are the parts in quarantine; ``filed`` counts units.

    Where it is ``waiting``, it is kept, and filed as soon as the national register says whose it is.
    """

    message: str
    state: MessageState
    duplicate: bool
    filed: int
    problems: tuple[Problem, ...]

    @property
    def waiting(self) -> bool:
        """Whether it is kept, and neither filed nor in quarantine yet."""
        return self.state is MessageState.WAITING


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
        register: RegisterDesk | None = None,
        helpers: Helpers | None = None,
    ) -> None:
        """``helpers`` starts the process that maps a long file beside this one."""
        self._database = database
        self._keys = keys
        self._desk = desk
        self._adapters = adapters
        self._providers = providers
        self._clock = clock
        self._register = register or RegisterDesk(None)
        self._helpers = helpers
        self._texts = SharedTexts()
        self.drift = FeedWatch(database, keys.id_key, clock)

    async def receive(
        self, provider: Provider, feed: Feed, raw: bytes, progress: Progress | None = None
    ) -> Receipt:
        """Keep a payload, and file or quarantine every part of it.

        The same bytes again are stored once, and get the same receipt; but a snapshot (a file, a bundle)
        that comes back after another has taken its place counts again. ``progress`` is told after every
        transaction how many units are filed and in quarantine by then. Returns when all is durable.
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
        return await self._process(kept.id, provider.ods, feed, raw, progress, kept.key)

    async def _again(self, message: str, feed: Feed) -> bool:
        """Whether a payload that came before is to be done again: what it says is the latest word anew."""
        if self._adapter(feed.adapter).decode.format in EVENTS:
            return False
        return await self._write(lambda conn: messages.reopen(conn, message, self._clock()))

    async def recover(self) -> int:
        """Finish what was kept and not finished when the process ended; how many messages.

        Another process may be filing one now: of a long one that is seen, and it is left to it; a short one
        is one transaction, and whoever is second finds it done. One that cannot be finished (its feed is not
        there any more, say) is told in the log and stays.
        """
        left = await self._database.read(partial(messages.pending, limit=None))
        if not self._register.asks:  # what waited for the register waits no more
            left += [message for message, _ in await self._database.read(messages.waiting)]
        alone = [message for message in left if not await somebody_is_at(self._database, message.id)]
        return sum([await self._finish(message) is not None for message in alone])

    async def resume(self) -> int | None:
        """Try those messages again that wait and whose time has come, each feed's in their order.

        Gives the time (ms UTC) of the next try; None where nothing waits.
        """
        blocked: set[tuple[OdsCode, str]] = set()
        for message, wait in await self._database.read(messages.waiting):
            feed = (message.provider, message.feed)
            if feed in blocked:
                continue
            if wait.again > self._clock():
                blocked.add(feed)
                continue
            receipt = await self._finish(message)
            if receipt is None:  # its feed is not there any more, say: look again, and not at once
                later = Wait(wait.tries + 1, wait.refusals, self._clock() + _LATER)
                await self._write(partial(messages.wait, message=message.id, wait=later, claimed=()))
            if receipt is None or receipt.waiting:
                blocked.add(feed)
        return min((wait.again for _, wait in await self._database.read(messages.waiting)), default=None)

    async def _finish(self, message: Message) -> Receipt | None:
        """Do a kept message; None, and a line in the log, where that cannot be done at all."""
        try:
            raw = await self._database.read(partial(messages.open_raw, keys=self._keys, message=message.id))
            feed = self._feed(message.provider, message.feed)
            receipt = await self._process(message.id, message.provider, feed, raw)
            if message.state is MessageState.WAITING and not receipt.waiting:
                await self._write(partial(messages.forget_wait, message=message.id))
            return receipt
        except Exception as error:  # noqa: BLE001 - the message boundary: the others are finished
            _log.error(
                "not recovered",
                message=message.id,
                provider=message.provider.value,
                feed=message.feed,
                why=error.code if isinstance(error, ScrError) else type(error).__name__,
            )
            return None

    async def retry(self, item: str) -> Receipt:
        """Try one part in quarantine again, with the adapter as it is now.

        Filed, it is released; if not, it stays with its newer reason. Raises NotFound, and Unavailable where
        the national register does not answer.
        """
        found, raw = await self._database.read(
            lambda conn: quarantine.open_quarantined(conn, self._keys, item)
        )
        adapter = self._adapter(found.adapter)
        units = list(units_of(adapter, raw))
        answers = await self._register.answers(adapter, units)
        if answers.again_in is not None:
            raise Unavailable("PDS does not say whose it is now: try it again later", code="register-down")
        receipt = await self._write(lambda conn: self._retry(conn, found, adapter, units, answers))
        if not receipt.problems:  # a person says that this is what the feed sends
            described = await self._database.read(partial(messages.describe, message=found.message))
            look = await self.drift.look(found.provider, described.feed, adapter)
            for unit in units:
                look.see(unit)
            self.drift.learn(look)
        return receipt

    def _retry(
        self,
        conn: Connection,
        found: Quarantined,
        adapter: Adapter,
        units: list[Unit | BadUnit],
        answers: Answers,
    ) -> Receipt:
        desk = replace(self._desk, received=found.created)  # what came since is the newer word
        payload = Payload(self._keys, desk, self._texts, self._clock, found.message, found.provider, adapter)
        outcomes = payload.outcomes(conn, units, answers)
        problems = tuple(o for o in outcomes if isinstance(o, Problem))
        if problems:
            quarantine.tried_again(conn, found.id, problems[0].code, problems[0].sentence)
        else:
            quarantine.settle(conn, found.id, QuarantineState.RELEASED)
        state = MessageState.QUARANTINED if problems else MessageState.FILED
        return Receipt(found.message, state, False, len(outcomes) - len(problems), problems)

    async def _process(
        self,
        message: str,
        provider: OdsCode,
        feed: Feed,
        raw: bytes,
        progress: Progress | None = None,
        key: DataKey | None = None,
    ) -> Receipt:
        """File a kept payload, some units to a transaction; the last one finishes the message.

        Where the register does not say whose a unit is, or an older message of the feed waits for that, it
        waits: what is filed of it by then stays, and the next try begins anew.
        """
        adapter = self._adapter(feed.adapter)
        if self._register.asks and await self._database.read(partial(messages.has_to_queue, message=message)):
            return await self._put_off(message, adapter, raw, Wait(0, 0, self._clock()))
        strict = feed.drift == "quarantine"
        look = await self.drift.look(provider, feed.name, adapter, fresh=strict)
        held = await departs(look, units_of(adapter, raw)) if strict else ""
        payload = Payload(
            self._keys, self._desk, self._texts, self._clock, message, provider, adapter, held, key
        )
        totals = nothing = Totals()
        async with self._batches(adapter, provider, raw) as batches, AsyncExitStack() as at_it:
            async for batch, last, ahead in batches:
                if totals is nothing and not last:  # several transactions: one process at a time
                    await at_it.enter_async_context(turn(self._database, message))
                if not strict:
                    see(look, batch, ahead)
                answers = await self._register.answers(adapter, () if held else batch)
                wait = await self._wait(message, answers)
                if wait is not None:
                    return await self._put_off(message, adapter, raw, wait)
                work = partial(payload.file, answers=answers, ahead=ahead)
                done = await file_units(self._database, work, batch, totals, last=last)
                if done is None:  # the same bytes came twice at once, and the other was first
                    return await self._known(message)
                totals = done
                if progress is not None:
                    progress(totals.filed, len(totals.problems))
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

    @asynccontextmanager
    async def _batches(
        self, adapter: Adapter, provider: OdsCode, raw: bytes
    ) -> AsyncIterator[AsyncIterator[Batch]]:
        """The units of a payload, some to a transaction; a long file's are mapped by another process."""
        async with AsyncExitStack() as stack:
            planner = None
            if self._helpers is not None and adapter.columns and len(raw) >= self._helpers.long:
                helper = await stack.enter_async_context(self._helpers.helping(adapter.name, provider))
                planner = Planner(helper, self._database, self._keys, adapter, self._clock)
            yield await stack.enter_async_context(batches_of(units_of(adapter, raw), BATCH, planner))

    async def _wait(self, message: str, answers: Answers) -> Wait | None:
        """Until when a message has to wait by these answers; None where it is filed now."""
        if answers.again_in is None and not answers.untrusted:
            return None
        before = messages.wait_of(await self._database.read(partial(messages.describe, message=message)))
        return next_wait(before, answers, self._clock())

    async def _put_off(self, message: str, adapter: Adapter, raw: bytes, wait: Wait) -> Receipt:
        """Let a message wait, and the people whom it names know of it."""
        numbers = set(claims(adapter, units_of(adapter, raw)).values()) if wait.tries < 2 else ()
        tokens = [index.token_of(self._keys, number) for number in numbers]
        await self._write(partial(messages.wait, message=message, wait=wait, claimed=tokens))
        _log.info("waits for the register", message=message, tries=wait.tries)
        return Receipt(message, MessageState.WAITING, False, 0, ())

    async def _known(self, message: str) -> Receipt:
        """The receipt of a payload that came before."""

        def read(conn: Connection) -> Receipt:
            described = messages.describe(conn, message)
            items = quarantine.quarantined(conn, None, message)
            problems = tuple(Problem(i.place, i.code, i.sentence) for i in items)
            return Receipt(message, described.state, True, described.outcome.get("filed", 0), problems)

        return await self._database.read(read)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await write(self._database, work)

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
