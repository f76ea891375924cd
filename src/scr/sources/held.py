"""What providers have sent: their part of the record in the store, as sources of the same shape."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import structlog
from sqlalchemy import Connection

from scr.errors import ScrError
from scr.fhir.contributed import is_contribution
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.identity.index import token_of
from scr.mapping.adapter import Adapter
from scr.mapping.provider import Feed, FhirR4Connection, GpConnectConnection, Provider
from scr.sources.protocol import Outcome, Question, SourceResult
from scr.store.driver import Statement, written
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import person_by_key
from scr.store.quarantine import holding_back
from scr.store.recent import RecentRecords

_PULLED = (GpConnectConnection, FhirR4Connection)
_LAST = (
    "SELECT * FROM (SELECT provider, feed, received FROM message WHERE provider = ? AND feed = ?"
    " ORDER BY received DESC LIMIT 1) AS feed{number}"
)
_FRESH = 5.0
"""Seconds for which the time of a feed's last message is remembered: there may be hundreds."""
_AT_ONCE = 100
"""Feeds that are asked about in one statement."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a person just now, with whom nobody is linked: the revision of their record, and the
    providers of which something that names them is not filed."""

    revision: int
    back: frozenset[OdsCode]


@lru_cache(maxsize=_AT_ONCE)
def _last_of(feeds: int) -> Statement:
    """When each of so many feeds sent last, of those that ever did."""
    return written(" UNION ALL ".join(_LAST.format(number=number) for number in range(feeds)))


@dataclass(frozen=True, slots=True)
class HeldSources:
    """Every provider that sends, answered from one reading of the person's record.

    ``clock`` gives milliseconds UTC: it tells how old what a provider sent last is. ``recent`` are the
    records that were opened a moment ago.
    """

    database: Database
    keys: KeyRing
    adapters: Mapping[str, Adapter]
    clock: Callable[[], int]
    recent: RecentRecords = field(default_factory=RecentRecords)
    _last: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict, init=False, repr=False)

    def headings(self, providers: Mapping[OdsCode, Provider]) -> dict[OdsCode, frozenset[str]]:
        """For each provider the headings that its sending feeds can fill; none for one that only answers."""
        return {ods: self._headings(provider) for ods, provider in providers.items()}

    async def ask_all(
        self,
        question: Question,
        providers: Sequence[Provider],
        former: Sequence[Provider] = (),
        seen: Seen | None = None,
    ) -> tuple[SourceResult, ...]:
        """One result for each provider that sends, or for which something is held, in their order.

        Of ``former`` ones there is what was written here, and a result for those of whom there is any.
        Never raises: a store that fails is ``down``.

        ``age`` is the time since the provider last sent anything about anyone. One that has not sent
        anything yet is ``not-asked``, and so are the headings of a feed that has not, where no other
        feed of the provider fills them: that there is nothing cannot be known from silence.

        ``seen``: as the person was when whoever asks found them, and nothing was written since. A record that
        was opened at that revision is not read again.
        """
        if not providers and not former:
            return ()
        started = time.monotonic()
        try:
            last = await self._last_received(providers)
            by_source, back = await self._by_source(question, seen)
        except ScrError as error:
            return tuple(_down(provider, error.code) for provider in providers)
        except Exception as error:  # noqa: BLE001 - the source boundary, for the sources that are held here
            _log.error("source.fault", source="held", error=type(error).__name__)
            return tuple(_down(provider, "fault") for provider in providers)
        elapsed = time.monotonic() - started
        now = self.clock()
        results = (
            self._result(provider, by_source.get(provider.ods.value, ()), last[provider.ods], now, elapsed)
            for provider in providers
            if provider.pushes or provider.ods.value in by_source
        )
        told = tuple(_held_back(result) if result.source in back else result for result in results)
        return told + tuple(_written_here(by_source, former, elapsed))

    def _headings(self, provider: Provider) -> frozenset[str]:
        return frozenset().union(*(self.adapters[feed.adapter].headings for feed in _sending(provider)))

    def _result(
        self,
        provider: Provider,
        entries: tuple[Entry, ...],
        last: Mapping[str, int | None],
        now: int,
        elapsed: float,
    ) -> SourceResult:
        received = [at for at in last.values() if at is not None]
        if not received and not entries:
            return _silent(provider, self._headings(provider), elapsed)
        return SourceResult(
            provider.ods,
            provider.name,
            Outcome.ANSWERED if entries else Outcome.EMPTY,
            entries=entries,
            headings=dict.fromkeys(self._unheard(provider, entries, last), Outcome.NOT_ASKED),
            elapsed=elapsed,
            age=max(now - max(received, default=now), 0) / 1000,
        )

    def _unheard(
        self, provider: Provider, entries: tuple[Entry, ...], last: Mapping[str, int | None]
    ) -> frozenset[str]:
        """The headings that only feeds can fill which have not sent anything yet, and that are empty."""
        silent, heard = (
            frozenset().union(
                *(
                    self.adapters[feed.adapter].headings
                    for feed in _sending(provider)
                    if (last[feed.name] is None) is quiet
                )
            )
            for quiet in (True, False)
        )
        unheard = silent - heard
        return unheard - {entry.heading for entry in entries} if unheard else unheard

    async def _by_source(
        self, question: Question, seen: Seen | None
    ) -> tuple[Mapping[str, tuple[Entry, ...]], frozenset[OdsCode]]:
        """The entries by source, and whose is held back."""
        if seen is not None and not question.linked:
            kept = self.recent.kept(question.person, seen.revision)
            if kept is not None:
                return kept, seen.back
        return await self.database.read(lambda conn: self._load(conn, question))

    def _load(
        self, connection: Connection, question: Question
    ) -> tuple[Mapping[str, tuple[Entry, ...]], frozenset[OdsCode]]:
        person, *linked = (
            person_by_key(connection, self.keys, key) for key in (question.person, *question.linked)
        )
        there = [other for other in linked if other is not None]
        numbers = (question.nhs_number, *(other.nhs_number for other in there))
        back = frozenset[OdsCode]().union(
            *(holding_back(connection, token_of(self.keys, number)) for number in numbers)
        )
        found = {} if person is None else self.recent.by_source(connection, self.keys, person, there)
        return found, back

    async def _last_received(self, providers: Sequence[Provider]) -> dict[OdsCode, dict[str, int | None]]:
        """When each of their feeds last sent anything (ms UTC), as of a few seconds ago; None if it never
        did.

        That one never did is not remembered: it is asked again, with all others of which it is not known.
        """
        now = time.monotonic()
        feeds = [(p.ods.value, feed.name) for p in providers for feed in _sending(p)]
        stale = [one for one in feeds if one not in self._last or now > self._last[one][0]]
        for start in range(0, len(stale), _AT_ONCE):
            some = stale[start : start + _AT_ONCE]
            asked = _last_of(len(some)), [value for one in some for value in one]
            for provider, feed, received in await self.database.ask(*asked):
                self._last[provider, feed] = (now + _FRESH, received)
        last = {one: self._last[one][1] if one in self._last else None for one in feeds}
        return {p.ods: {feed.name: last[p.ods.value, feed.name] for feed in _sending(p)} for p in providers}


def _sending(provider: Provider) -> list[Feed]:
    """The feeds by which a provider sends."""
    return [feed for feed in provider.feeds if not isinstance(feed.connection, _PULLED)]


def _silent(provider: Provider, headings: frozenset[str], elapsed: float) -> SourceResult:
    """By heading as well, so that a live answer of the same provider does not cover what never came."""
    return SourceResult(
        provider.ods,
        provider.name,
        Outcome.NOT_ASKED,
        headings=dict.fromkeys(headings, Outcome.NOT_ASKED),
        code="nothing-sent-yet",
        detail="It has not sent anything yet.",
        elapsed=elapsed,
    )


def _written_here(
    by_source: Mapping[str, tuple[Entry, ...]], former: Sequence[Provider], elapsed: float
) -> Iterator[SourceResult]:
    """What the staff of these wrote here, and nobody else has."""
    for provider in former:
        entries = tuple(one for one in by_source.get(provider.ods.value, ()) if is_contribution(one.id))
        if entries:
            yield SourceResult(
                provider.ods, provider.name, Outcome.ANSWERED, entries=entries, elapsed=elapsed
            )


def _held_back(result: SourceResult) -> SourceResult:
    """The result of a provider of which something that names this person is in quarantine, or waits."""
    return replace(
        result,
        outcome=Outcome.INCOMPLETE,
        code="in-quarantine",
        detail="Part of what it sent is held back until it is certain whose it is.",
    )


def _down(provider: Provider, code: str) -> SourceResult:
    return SourceResult(
        provider.ods,
        provider.name,
        Outcome.DOWN,
        code=code,
        detail="What it sent could not be read from the store.",
    )
