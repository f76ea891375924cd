"""Whom live sources tell of, where that may be another person: kept for a human, behind the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import Connection

from scr.errors import ScrError
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import OdsCode
from scr.identity import otherwise
from scr.identity.match import Agreement, compare_any
from scr.identity.matching import Matching
from scr.sources.before import Before
from scr.sources.protocol import Outcome, Question, Source, SourceResult
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import without_postcode

_MOST = 1000
"""Answers that wait to be written. Of more, the next look tells of them again."""
_TOLD = frozenset({Outcome.ANSWERED, Outcome.INCOMPLETE})
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """What a source told of a person; None: what agrees."""

    told: Demographics | None
    contradicts: bool = False


class Tellings:
    """What is to be written. One for a process, used from one event loop. ``clock`` gives ms UTC."""

    def __init__(self, keys: KeyRing, matching: Matching, clock: Callable[[], int]) -> None:
        self._keys, self._matching, self._clock = keys, matching, clock
        self._waiting: dict[tuple[str, OdsCode], Said] = {}

    def hear(self, question: Question, result: SourceResult) -> None:
        """Take up what an answer says of whose it is, where it is news."""
        before = next((one for one in question.otherwise if one.source == result.source.value), None)
        told = result.otherwise
        if told is not None:
            if before is None or without_postcode(before.demographics) != without_postcode(told):
                verdict = compare_any(question.known, told, self._matching)
                self._note(question, result, Said(told, verdict.agreement is Agreement.CONTRADICT))
        elif before is not None and result.outcome in _TOLD and result.demographics is not None:
            self._note(question, result, Said(None))

    async def flush(self, database: Database) -> None:
        """Write what waits. Where the database is down, a later answer tells of it again."""
        taken, self._waiting = self._waiting, {}
        if not taken:
            return
        now = self._clock()

        def write(connection: Connection) -> None:
            for (person, source), said in taken.items():
                if said.told is None:
                    otherwise.over(connection, self._keys, person, source)
                else:
                    otherwise.note(
                        connection, self._keys, person, source, said.told, now, contradicts=said.contradicts
                    )

        try:
            await database.write(write)
        except ScrError as error:
            _log.warning("otherwise.not-kept", count=len(taken), code=error.code)

    def _note(self, question: Question, result: SourceResult, said: Said) -> None:
        if len(self._waiting) < _MOST:
            self._waiting[question.person, result.source] = said


@dataclass(frozen=True, slots=True)
class ToldSource(Before):
    """A source; whom its answers are about is heard, and goes no further."""

    tellings: Tellings

    async def ask(self, question: Question) -> SourceResult:
        """Its answer."""
        result = await self.source.ask(question)
        self.tellings.hear(question, result)
        return result if result.otherwise is None else replace(result, otherwise=None)


def telling(sources: Mapping[OdsCode, Source], tellings: Tellings) -> dict[OdsCode, Source]:
    """The sources, of whose answers it is heard from now on whom they are about."""
    return {ods: ToldSource(source, tellings) for ods, source in sources.items()}
