"""Answers that nobody waits for: ``Prefer: respond-async`` (https://hl7.org/fhir/R4/async.html).

Whoever asks is answered at once with the address of a status, if they may ask at all. The question is kept
sealed, so that any process can make the answer (``making``), should the one that took it die. It is pinned as
the pages of a search are, and can be fetched from every process, by whoever asked, until its time is over. It
is decided when it is asked, when it is made, and each time that it is fetched.
"""

from __future__ import annotations

import re
from typing import NoReturn

from scr.api.fhir.carrying import Carrier
from scr.api.fhir.making import Kept, Maker
from scr.api.fhir.opened import Opener
from scr.api.fhir.pages import Pages
from scr.api.fhir.questions import Asked, Question
from scr.api.fhir.reconciled import Reconciler
from scr.api.fhir.search import LastOfEach, Noting, Searcher
from scr.api.look import Answer, Look, written
from scr.broker.query import Known
from scr.consent.actor import Actor
from scr.errors import Fault, NotFound, Unavailable
from scr.faults import reach
from scr.fhir.outcome import issue, operation_outcome, to_bytes
from scr.fhir.search import Codes, Pairs
from scr.store import jobs

_RETRY_SECONDS = 1
_ID = re.compile(r"[a-z2-7]{26}\Z")


class _Admitted(Exception):
    """That a record may be opened: no error, it ends a search before its sources are asked."""

    def __init__(self, known: Known) -> None:
        self.known = known


class Jobs:
    """Takes questions whose answers are made while nobody waits: by ``maker``, for whom ``carrier`` takes
    them. It may be as long until one is made as it can be fetched then."""

    def __init__(self, maker: Maker, carrier: Carrier, base_url: str) -> None:
        self.carrier = carrier
        self.maker = maker
        self._database, self._keys, self._clock = maker.database, maker.keys, maker.clock
        self._base_url = base_url

    async def start(self, look: Look, actor: Actor, asked: Asked) -> Answer:
        """Begin an answer; whatever refuses the question refuses it here, as if it were waited for.

        That it was asked is in the audit together with the job. Raises TooMany too.
        """
        known = await self._admitted(look, actor, asked)
        question = Question.of(look, actor, asked).kept()
        taken = await written(
            look,
            self._database,
            self.maker.policy,
            lambda conn: jobs.begin(
                conn,
                self._keys,
                known.person,
                actor.holder,
                question,
                look.now,
                lease=self.carrier.lease if self.carrier.has_room else 0,
                lives=self.maker.lives,
            ),
            lambda taken: look.details.update(job=taken.id),
        )
        reach("job.begun")
        if taken.number:
            self.carrier.carry(taken)
        headers = {
            "Content-Location": f"{self._base_url}/$job/{taken.id}",
            "Retry-After": str(_RETRY_SECONDS),
        }
        return _being_made(headers)

    async def status(self, look: Look, actor: Actor, job: str) -> Answer:
        """How far it is, or the answer, decided again. Raises NotFound where there is none for this actor,
        Unavailable where it could not be made."""
        look.details["job"] = _checked(job)
        found = await self._database.read(
            lambda conn: jobs.find(conn, self._keys, job, actor.holder, self._clock())
        )
        if found is None:
            raise _no_job()
        if found.state == jobs.FAILED:
            raise Unavailable("the answer could not be made: ask again", code="job-failed")
        if found.state == jobs.RUNNING:
            progress = "asking the sources" if found.taken else "waiting for its turn"
            return _being_made({"X-Progress": progress, "Retry-After": str(_RETRY_SECONDS)})
        return await self.maker.pages.whole(look, actor, found.snapshot)

    async def cancel(self, look: Look, actor: Actor, job: str) -> Answer:
        """Make it no further, and forget it. Raises NotFound where there is none for this actor."""
        look.details["job"] = _checked(job)
        if not await self._database.write(lambda conn: jobs.drop(conn, self._keys, job, actor.holder)):
            raise _no_job()
        self.carrier.stop(job)
        told = issue("information", "informational", "The answer is not made any more.", detail="dropped")
        return Answer(to_bytes(operation_outcome([told])), 202)

    async def _admitted(self, look: Look, actor: Actor, asked: Asked) -> Known:
        """Whose record the question is about; the search is broken off before a source is asked."""

        def hear(known: Known) -> NoReturn:
            raise _Admitted(known)

        try:
            await asked.ask(self.maker.searcher_for(Kept(self.maker.pages), hear), look, actor)
        except _Admitted as admitted:
            return admitted.known
        raise Fault("a search opened no record")


class LaterSearcher(Searcher):
    """The same searches; an answer that whoever asks does not wait for (``look.later``) is made later."""

    def __init__(
        self,
        jobs: Jobs,
        opener: Opener,
        reconciler: Reconciler,
        pages: Pages,
        base_url: str,
        codes: Codes | None = None,
        noting: Noting | None = None,
    ) -> None:
        super().__init__(opener, reconciler, pages, base_url, codes, noting)
        self._jobs = jobs

    async def patients(self, look: Look, actor: Actor, pairs: Pairs, *, lenient: bool = False) -> Answer:
        """As ``Searcher``."""
        if not look.later:
            return await super().patients(look, actor, pairs, lenient=lenient)
        return await self._jobs.start(look, actor, Asked("patients", list(pairs), lenient=lenient))

    async def resources(
        self,
        look: Look,
        actor: Actor,
        kind: str,
        pairs: Pairs,
        *,
        lenient: bool = False,
        taking: LastOfEach | None = None,
    ) -> Answer:
        """As ``Searcher``."""
        if not look.later:
            return await super().resources(look, actor, kind, pairs, lenient=lenient, taking=taking)
        return await self._jobs.start(look, actor, Asked("resources", list(pairs), kind, lenient, taking))

    async def everything(self, look: Look, actor: Actor, patient_id: str, pairs: Pairs) -> Answer:
        """As ``Searcher``."""
        if not look.later:
            return await super().everything(look, actor, patient_id, pairs)
        return await self._jobs.start(look, actor, Asked("everything", list(pairs), patient_id))


def _being_made(headers: dict[str, str]) -> Answer:
    told = issue("information", "informational", "The answer is being made.", detail="later")
    return Answer(to_bytes(operation_outcome([told])), 202, headers)


def _checked(job: str) -> str:
    if not _ID.match(job):
        raise _no_job()
    return job


def _no_job() -> NotFound:
    return NotFound("no answer is being made here, or none of yours: ask again", code="no-job")
