"""What people say is wrong, for the source that has to answer: its professionals, and who watches over all.

Below ``/access/sources``. Whoever has the activity ``answer-challenges`` sees and answers what is said of
their own organisation's entries; whoever views the logs (B0011) sees what nobody answered in time. What
they read of somebody is in the audit under that person.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import msgspec
import orjson
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from scr.access.challenges.saying import OUTCOMES, answer_of
from scr.api.access.answers import as_json, problem
from scr.api.access.challenging import carry_on
from scr.api.access.contributing import Kit
from scr.api.auth import authorization_of
from scr.api.desk import Desk, Duty, read_body
from scr.api.look import Answer, Clock
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.errors import Conflict, Invalid, NotFound, ScrError
from scr.fhir.dates import day_text, instant_text
from scr.store import challenges as store
from scr.store import notices
from scr.store.challenges import Challenge, Found
from scr.store.keys import random_id
from scr.store.notices import NoticeKind
from scr.store.trail import AuditRow, append

ANSWERING = Duty("answer-challenges", "Answer what people say is wrong in their record", "challenges")
WATCHING = Duty("B0011", "View Logs", "challenges")
_MISSING = "there is no challenge with this id, or none that is your organisation's"


class Sent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer: ``outcome`` (amended, annotated, refused), and ``text`` in plain words, for the person."""

    outcome: str
    text: str


_SENT = msgspec.json.Decoder(Sent)


@dataclass(frozen=True, slots=True)
class Answering:
    """What a source does with what is said of its entries. ``sends``: messages go out."""

    kit: Kit
    now: Clock
    sends: bool

    async def mine(self, actor: Actor) -> list[Challenge]:
        """Those of the actor's organisation: what is open first, the first due first. Nothing of anybody."""
        owner = str(actor.organisation or "")
        return await self.kit.database.read(lambda conn: store.of_owner(conn, owner))

    async def overdue(self) -> list[Challenge]:
        """Those of every source that are not answered in time."""
        return await self.kit.database.read(lambda conn: store.overdue(conn, self.now()))

    async def read(self, actor: Actor, logical: str, correlation: str) -> Found:
        """One of the actor's organisation; the first time it is read, it was received. Raises NotFound."""

        def work(connection: Connection) -> Found:
            found = self._found(connection, actor, logical)
            if found.challenge.state == "open":
                found = Found(replace(found.challenge, state="received"), found.said, found.person)
                carry_on(connection, self.kit, found, self.now())
            self._audit(connection, actor, found, "read", correlation)
            return found

        return await self.kit.database.write(work)

    async def answer(self, actor: Actor, logical: str, outcome: str, text: str, correlation: str) -> Found:
        """The source's answer, told to the person. Raises NotTaken, NotFound; Conflict where it is over."""
        kind, said = answer_of(outcome, text)
        by = ", ".join(part for part in (actor.name, actor.role_name, actor.organisation_name) if part)

        def work(connection: Connection) -> Found:
            found = self._found(connection, actor, logical)
            if not found.challenge.is_open:
                raise Conflict("it is over already: the person may say it again", code="over")
            now = self.now()
            after = store.answered(found, kind.value, said, by, now)
            carry_on(connection, self.kit, after, now)
            details = {"challenge": logical, "outcome": kind.value, "source": found.said.source}
            notices.add(
                connection, found.person, NoticeKind.CHALLENGE, logical, details, now, sends=self.sends
            )
            self._audit(connection, actor, after, "update", correlation)
            return after

        return await self.kit.database.write(work)

    def _found(self, connection: Connection, actor: Actor, logical: str) -> Found:
        found = store.find(connection, self.kit.keys, logical)
        if actor.organisation is None or found.challenge.owner != actor.organisation.value:
            raise NotFound(_MISSING, code="no-challenge")
        return found

    def _audit(
        self, connection: Connection, actor: Actor, found: Found, action: str, correlation: str
    ) -> None:
        row = AuditRow(
            at=self.now(),
            actor=actor.subject,
            actor_name=actor.name,
            role=actor.role or "",
            organisation=str(actor.organisation or ""),
            action=action,
            person=found.person.key,
            what="challenge",
            outcome="success",
            code="challenge",
            policy=self.kit.policy.hash,
            correlation=correlation,
            details={"challenge": found.challenge.id},
        )
        append(connection, row)


@dataclass(frozen=True, slots=True)
class ChallengeDesk:
    """Its HTTP."""

    answering: Answering
    desk: Desk
    watchers: Desk

    def router(self) -> Router:
        """The routes."""
        router = Router(prefix="/access/sources/challenges", include_in_schema=False)
        router.add_api_route("", self.mine, methods=["GET"])
        router.add_api_route("/overdue", self.overdue, methods=["GET"])
        router.add_api_route("/{logical}", self.one, methods=["GET"])
        router.add_api_route("/{logical}/answer", self.answer, methods=["POST"])
        return router

    async def mine(self, request: Request) -> Response:
        """Those of one's own organisation."""

        async def work(actor: Actor, _correlation: str) -> Mapping[str, object]:
            return {"challenges": [listed(one) for one in await self.answering.mine(actor)]}

        return await self._call(self.desk, request, "list", work)

    async def overdue(self, request: Request) -> Response:
        """Those of every source that nobody answered in time."""

        async def work(_actor: Actor, _correlation: str) -> Mapping[str, object]:
            return {"challenges": [listed(one) for one in await self.answering.overdue()]}

        return await self._call(self.watchers, request, "list-overdue", work)

    async def one(self, request: Request, logical: str) -> Response:
        """One, with what is said."""

        async def work(actor: Actor, correlation: str) -> Mapping[str, object]:
            return told(await self.answering.read(actor, logical, correlation))

        return await self._call(self.desk, request, "read", work)

    async def answer(self, request: Request, logical: str) -> Response:
        """Answer one."""

        async def work(actor: Actor, correlation: str) -> Mapping[str, object]:
            try:
                sent = _SENT.decode(await read_body(request))
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise Invalid("send JSON with `outcome` and `text`", code="bad-body") from None
            return told(await self.answering.answer(actor, logical, sent.outcome, sent.text, correlation))

        return await self._call(self.desk, request, "answer", work)

    async def _call(
        self,
        desk: Desk,
        request: Request,
        action: str,
        work: Callable[[Actor, str], Awaitable[Mapping[str, object]]],
    ) -> Response:
        correlation = random_id()
        try:
            body = await desk.call(
                authorization_of(request),
                action,
                lambda actor: work(actor, correlation),
                correlation=correlation,
            )
        except ScrError as error:
            return as_json(problem(error), correlation, error)
        return as_json(Answer(orjson.dumps(body)), correlation, None)


def listed(one: Challenge) -> dict[str, object]:
    """A challenge, with nothing of what is said."""
    return {
        "id": one.id,
        "owner": one.owner,
        "state": one.outcome or one.state,
        "open": one.is_open,
        "opened": instant_text(one.opened),
        "answerBy": day_text(one.due - 1),
        "answered": None if one.answered is None else instant_text(one.answered),
    }


def told(found: Found) -> dict[str, object]:
    """A challenge, with what is said."""
    said, outcome = found.said, found.challenge.outcome
    return {
        **listed(found.challenge),
        "entry": said.entry,
        "what": said.what,
        "source": said.source,
        "reason": said.reason,
        "by": said.by,
        "outcome": outcome,
        "meaning": {kind.value: text for kind, text in OUTCOMES.items()}.get(outcome, ""),
        "answer": said.answer,
        "answeredBy": said.answered_by,
    }
