"""Makes the answers that are fetched later, in whichever process: decided anew, kept once.

What is found, its row in the audit, and the job that says that it is there become durable together. Who asked
must still be somebody who may: by the policy of now, by the record of now, and by the token that they came
with, as far as that can be taken back. Their token's end takes nothing away: to fetch it takes another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import structlog
from sqlalchemy import Connection

from scr.api.fhir.carrying import AGAIN_MS
from scr.api.fhir.opened import Opened
from scr.api.fhir.pages import Pages, Plan
from scr.api.fhir.questions import Question, Still, read_question
from scr.api.fhir.search import Searcher
from scr.api.look import Answer, Clock, Look, audit_row, told_of
from scr.broker.query import Known
from scr.consent.actor import Actor
from scr.consent.decide import AccessRequest, decide_actor
from scr.consent.policy import Policy
from scr.errors import Conflict, Fault, Forbidden, NotFound, ScrError, TooMany, Unavailable
from scr.faults import reach
from scr.fhir.dates import utc
from scr.fhir.entry import Entry
from scr.store import jobs
from scr.store.engine import Database
from scr.store.jobs import Taken
from scr.store.keys import KeyRing
from scr.store.trail import append

MOST_TAKES = 5
"""So often one is tried: a question that ends whoever makes it is not to end all."""
_log = structlog.get_logger("scr.api")


SearcherFor = Callable[["Kept", Callable[[Known], None] | None], Searcher]
"""A searcher that gives what it finds to the first, and tells the second when a record was opened to it."""


@dataclass(slots=True)
class Kept:
    """Gives nothing of what was found: keeps it, for ``Pages.whole``."""

    pages: Pages
    opened: Opened | None = None
    blob: bytes = b""

    async def first(
        self, look: Look, actor: Actor, opened: Opened, found: Sequence[Entry], plan: Plan
    ) -> Answer:
        """Keep it."""
        self.opened, self.blob = opened, await self.pages.to_pin(opened, found, plan)
        return Answer(b"")


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes answers. ``lives``: ms that one can be fetched."""

    database: Database
    keys: KeyRing
    policy: Policy
    pages: Pages
    searcher_for: SearcherFor
    still: Still
    clock: Clock
    lives: int

    async def make(self, taken: Taken) -> str:
        """Make the answer of a job that this process has; gives a code of what went wrong, empty where it was
        made. Raises ScrError where it cannot even be said."""
        now = self.clock()
        found = await self.database.read(lambda conn: jobs.question_of(conn, self.keys, taken, now))
        if found is None:
            return "unwanted"
        person, sealed = found
        try:
            question = read_question(sealed)
        except msgspec.MsgspecError:  # another version's, which may be gone
            await self.database.write(lambda conn: jobs.fail(conn, taken))
            return "unreadable"
        look, kept = question.look(now, taken.id, taken.number), Kept(self.pages)
        try:
            if taken.number > MOST_TAKES:
                raise Unavailable("whoever made it ended before it was there", code="job-failed")
            opened = await self._ask(question, look, kept, person)
        except Exception as error:  # noqa: BLE001 - the HTTP boundary, of an answer that is fetched later
            return await self._failed(look, taken, told_of(look, error))
        reach("job.made")
        await self.database.write(partial(self._keep, look=look, taken=taken, opened=opened, blob=kept.blob))
        return ""

    async def release(self, taken: Taken, after: int = 0) -> None:
        """Let any process make it, after so many ms."""
        at = self.clock() + after
        await self.database.write(lambda conn: jobs.give_back(conn, taken, at))

    async def _ask(self, question: Question, look: Look, kept: Kept, person: str) -> Opened:
        actor = question.actor
        await self.still(question.token, actor)
        asked = AccessRequest(actor, look.interaction, purpose=look.purpose)
        decision = decide_actor(asked, self.policy, utc(look.now))
        if not look.allowed(decision):
            raise Forbidden(decision.reasons[0].sentence, code=decision.code)
        await question.asked.ask(self.searcher_for(kept, None), look, actor)
        if kept.opened is None:
            raise Fault("a search opened no record")
        if person not in [one.key for one in kept.opened.known.view]:
            raise NotFound("the record that was asked for is another's since", code="no-job")
        return kept.opened

    def _keep(self, conn: Connection, look: Look, taken: Taken, opened: Opened, blob: bytes) -> None:
        """The answer with its row in the audit, unless nobody wants it or another process has made it."""
        assert look.actor is not None
        person, holder, now = opened.known.person, look.actor.holder, self.clock()
        if jobs.finish(conn, self.keys, taken, person, holder, blob, now, lives=self.lives):
            append(conn, audit_row(look, None, self.policy.hash))
            reach("job.writing")

    async def _failed(self, look: Look, taken: Taken, error: ScrError) -> str:
        """Say so, in the audit too. What was refused is forgotten, as if it had never been asked; what else
        failed is tried again, until it was tried often enough."""
        refused = error.status < Fault.status and not isinstance(error, (TooMany, Conflict))
        again = self.clock() + AGAIN_MS

        def work(conn: Connection) -> None:
            if refused:
                said = jobs.refuse(conn, taken)
            elif taken.number >= MOST_TAKES:
                said = jobs.fail(conn, taken)
            else:
                said = jobs.give_back(conn, taken, again)
            if said:
                append(conn, audit_row(look, error, self.policy.hash))

        await self.database.write(work)
        _log.warning("job.failed", kind=error.code, taken=taken.number, correlation=look.correlation)
        return error.code
