"""What providers have sent: their part of the record in the store, as sources of the same shape."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

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
from scr.store.driver import run, written
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import person_by_key
from scr.store.quarantine import holding_back
from scr.store.recent import RecentRecords

_PULLED = (GpConnectConnection, FhirR4Connection)
_LAST = written("SELECT received FROM message WHERE provider = ? AND feed = ? ORDER BY received DESC LIMIT 1")
_FRESH = 5.0
"""Seconds for which the time of a feed's last message is remembered: there may be hundreds."""
_log = structlog.get_logger(__name__)


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
        self, question: Question, providers: Sequence[Provider], former: Sequence[Provider] = ()
    ) -> tuple[SourceResult, ...]:
        """One result for each provider that sends, or for which something is held, in their order.

        Of ``former`` ones there is what was written here, and a result for those of whom there is any.
        Never raises: a store that fails is ``down``.

        ``age`` is the time since the provider last sent anything about anyone. One that has not sent
        anything yet is ``not-asked``, and so are the headings of a feed that has not, where no other
        feed of the provider fills them: that there is nothing cannot be known from silence.
        """
        if not providers and not former:
            return ()
        started = time.monotonic()
        try:
            by_source, last, back = await self.database.read(
                lambda conn: self._load(conn, question, providers)
            )
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

    def _load(
        self, connection: Connection, question: Question, providers: Sequence[Provider]
    ) -> tuple[Mapping[str, tuple[Entry, ...]], dict[OdsCode, dict[str, int | None]], frozenset[OdsCode]]:
        """The entries by source, when each of these feeds last sent anything, and whose is held back."""
        last = {
            provider.ods: {
                feed.name: self._last_received(connection, provider.ods.value, feed.name)
                for feed in _sending(provider)
            }
            for provider in providers
        }
        person, *linked = (
            person_by_key(connection, self.keys, key) for key in (question.person, *question.linked)
        )
        there = [other for other in linked if other is not None]
        numbers = (question.nhs_number, *(other.nhs_number for other in there))
        back = frozenset[OdsCode]().union(
            *(holding_back(connection, token_of(self.keys, number)) for number in numbers)
        )
        found = {} if person is None else self.recent.by_source(connection, self.keys, person, there)
        return found, last, back

    def _last_received(self, connection: Connection, provider: str, feed: str) -> int | None:
        """When a feed last sent anything (ms UTC), as of a few seconds ago; None if it never did."""
        now = time.monotonic()
        known = self._last.get((provider, feed))
        if known is not None and now <= known[0]:
            return known[1]
        row = run(connection, _LAST, (provider, feed)).fetchone()
        if row is None:
            return None
        self._last[provider, feed] = (now + _FRESH, row[0])
        return int(row[0])


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
