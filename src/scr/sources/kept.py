"""Copies of what live sources told: fresh ones in the place of a call, older ones where no answer comes.

A copy stands in for silence only. A source that refuses, or answers about somebody else or in a way that
cannot be read, has said something: its copy is let go of, and does not come back when it is silent later.
A copy is used as the answer that it was: for the same person under a number of theirs, whose demographics
still agree, read and labelled by the configuration in force; consent decides on its entries as on any.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import structlog
from sqlalchemy import Connection

from scr.errors import ScrError
from scr.faults import reach
from scr.fhir.identifiers import OdsCode
from scr.identity.matching import Matching
from scr.mapping.provider import FhirR4Connection, GpConnectConnection, Provider
from scr.sources.before import Before
from scr.sources.first import PARTLY_LATE
from scr.sources.pipeline import contradicts
from scr.sources.protocol import Outcome, Question, Source, SourceResult
from scr.store import pulled
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import person_by_key
from scr.store.pulled import Copy

MAX_WAITING = 32 * 2**20
"""Bytes of copies that wait to be written; more than that, and the oldest are not kept."""
_PULLED = (GpConnectConnection, FhirR4Connection)
_TOLD = frozenset({Outcome.ANSWERED, Outcome.EMPTY})
_MISSING = frozenset({Outcome.LATE, Outcome.DOWN})
_log = structlog.get_logger(__name__)

_Place = tuple[str, OdsCode]


class Copies:
    """The copies of all sources. One for a process, used from one event loop.

    ``clock`` gives ms UTC. A copy is ``fresh`` for so many seconds, and may stand in for ``stale`` seconds.
    What is to be kept is written by ``flush``, after the answer.
    """

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        clock: Callable[[], int],
        *,
        fresh: float,
        stale: float,
        matching: Matching,
    ) -> None:
        self.fresh, self.stale = fresh, stale
        self.clock, self.matching = clock, matching
        self._database, self._keys = database, keys
        self._waiting: dict[_Place, tuple[Copy, int]] = {}
        self._written: dict[_Place, tuple[Copy, int]] = {}
        self._size = 0
        self._writing = asyncio.Lock()

    async def find(
        self, question: Question, source: OdsCode, made_by: str, seconds: float
    ) -> tuple[Copy, float] | None:
        """The copy of a source that answers a question, and its age, if that is no more than ``seconds``."""
        place = (question.person, source)
        try:
            kept = self._waiting.get(place) or self._written.get(place)
            found = kept or await self._database.read(
                lambda connection: pulled.read(connection, self._keys, *place)
            )
        except ScrError as error:  # the answer goes without a copy
            _log.error("copies.unread", source=source.value, error=error.code)
            return None
        if found is None or not self._answers(found[0], question, made_by):
            return None
        age = max(self.clock() - found[1], 0) / 1000
        return (found[0], age) if age <= seconds else None

    def keep(self, person: str, source: OdsCode, copy: Copy) -> None:
        """Keep a copy, in the place of the one before."""
        self._take(person, source)
        self._waiting[person, source] = (copy, self.clock())
        self._size += _size(copy)
        while self._size > MAX_WAITING:
            self._take(*next(iter(self._waiting)))

    async def drop(self, person: str, source: OdsCode) -> None:
        """Let go of a source's copy, at once."""
        async with self._writing:
            self._take(person, source)
            try:
                await self._database.write(lambda connection: pulled.drop(connection, person, [source]))
            except ScrError as error:
                _log.error("copies.not-dropped", source=source.value, error=error.code)

    async def flush(self, database: Database) -> None:
        """Write what waits. A copy is lost, and no answer, where the database is down."""
        async with self._writing:
            taken, self._waiting, self._size = self._waiting, {}, 0
            if not taken:
                return
            self._written = taken  # until they are in the database they are found here

            def write(connection: Connection) -> None:
                for (key, source), (copy, at) in taken.items():
                    person = person_by_key(connection, self._keys, key)
                    if person is not None:
                        pulled.keep(connection, person, source, copy, at)

            reach("copies.writing")
            try:
                await database.write(write)
            except ScrError as error:
                _log.warning("copies.not-kept", count=len(taken), error=error.code)
            finally:
                self._written = {}

    def _take(self, person: str, source: OdsCode) -> None:
        before = self._waiting.pop((person, source), None)
        if before is not None:
            self._size -= _size(before[0])

    def _answers(self, copy: Copy, question: Question, made_by: str) -> bool:
        return (
            copy.made_by == made_by
            and copy.subject == question.subject
            and copy.number in {number.value for number in question.numbers}
            and not (
                question.known
                and copy.demographics is not None
                and contradicts(question.known, copy.demographics, self.matching)
            )
        )


@dataclass(frozen=True, slots=True)
class KeptSource(Before):
    """A source whose answers are kept. ``made_by`` names the configuration that reads and labels them."""

    copies: Copies
    made_by: Callable[[], str]

    async def ask(self, question: Question) -> SourceResult:
        """What it told a moment ago, what it tells now, or, where it is silent, what it told last."""
        if self.copies.fresh:
            found = await self._found(question, self.copies.fresh)
            if found is not None:
                return self._fresh(*found)
        made_by = self.made_by()
        result = await self.source.ask(question)
        if result.silent:
            found = await self._found(question, self.copies.stale)
            return result if found is None else self._stale(result, *found)
        missing = {heading for heading, outcome in result.headings.items() if outcome in _MISSING}
        if result.outcome is Outcome.ANSWERED and missing and result.code == PARTLY_LATE:
            found = await self._found(question, self.copies.stale)
            return result if found is None else _completed(result, missing, *found)
        # That it has nothing too: else the copy itself would tell of what is withheld.
        if result.outcome in _TOLD:
            self.copies.keep(question.person, self.ods, _copy(question, result, made_by))
        elif result.code != "fault":
            await self.copies.drop(question.person, self.ods)
        return result

    async def _found(self, question: Question, seconds: float) -> tuple[Copy, float] | None:
        return await self.copies.find(question, self.ods, self.made_by(), seconds)

    def _fresh(self, copy: Copy, age: float) -> SourceResult:
        headings = {heading: Outcome(code) for heading, code in copy.headings.items()}
        return SourceResult(self.ods, self.name, Outcome.ANSWERED, copy.entries, headings, age=age)

    def _stale(self, result: SourceResult, copy: Copy, age: float) -> SourceResult:
        """In the place of silence, whose reason stays: withheld is what was withheld, and the rest is old."""
        held = self.headings | {entry.heading for entry in copy.entries}
        headings = dict.fromkeys(held, Outcome.STALE) | _withheld(copy)
        return replace(result, outcome=Outcome.STALE, entries=copy.entries, headings=headings, age=age)


def keeping(
    sources: Mapping[OdsCode, Source],
    providers: Mapping[OdsCode, Provider],
    copies: Copies,
    made_by: Callable[[str], str],
) -> dict[OdsCode, Source]:
    """The sources, whose answers are kept from now on; ``made_by`` is given the name of an adapter.

    What another shared care record told was decided there for the one who asked, and is not kept.
    """
    if not copies.fresh and not copies.stale:
        return dict(sources)
    return {
        ods: source
        if providers[ods].is_neighbour
        else KeptSource(source, copies, partial(made_by, _adapter(providers[ods])))
        for ods, source in sources.items()
    }


def _adapter(provider: Provider) -> str:
    """The adapter of the feed by which a provider is asked: it has one such feed."""
    live = (feed for feed in provider.feeds if isinstance(feed.connection, _PULLED))
    return next(feed.adapter for feed in live)


def _completed(result: SourceResult, missing: set[str], copy: Copy, age: float) -> SourceResult:
    """An answer of which some headings did not come, with those of the copy."""
    now = {entry.id for entry in result.entries}
    older = tuple(entry for entry in copy.entries if entry.heading in missing and entry.id not in now)
    withheld = {heading: outcome for heading, outcome in _withheld(copy).items() if heading in missing}
    headings = {**result.headings, **dict.fromkeys(missing, Outcome.STALE), **withheld}
    ages = dict.fromkeys(missing, age)
    return replace(result, entries=result.entries + older, headings=headings, ages=ages)


def _withheld(copy: Copy) -> dict[str, Outcome]:
    return {
        heading: Outcome.WITHHELD for heading, code in copy.headings.items() if code == Outcome.WITHHELD.value
    }


def _copy(question: Question, result: SourceResult, made_by: str) -> Copy:
    return Copy(
        question.nhs_number.value,
        question.subject,
        made_by,
        result.entries,
        {heading: outcome.value for heading, outcome in result.headings.items()},
        result.demographics,
    )


def _size(copy: Copy) -> int:
    return sum(len(entry.body) for entry in copy.entries)
