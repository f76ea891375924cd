"""The routes of challenges and of notices, below ``/access/people/{whose}``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec
import orjson
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from scr.api.access.acting import check_own
from scr.api.access.challenge_desk import told
from scr.api.access.challenging import Challenging, knows_all
from scr.api.access.visits import Visits
from scr.api.access.who import Visitor
from scr.api.desk import read_body
from scr.api.look import Answer, Look, written
from scr.api.routing import Router
from scr.consent.decide import Interaction
from scr.errors import Invalid
from scr.fhir.dates import instant_text
from scr.store import challenges, notices
from scr.store.engine import Database
from scr.store.notices import Choice, Notice, NoticeKind

T = TypeVar("T")
_HERE = "/access/people/{whose}"
_CARERS = frozenset({NoticeKind.RESULT, NoticeKind.CHALLENGE})
"""What a carer is told of: who looked, and what carers did, is the person's own to know."""


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That an entry (``Type/id``) is wrong, and why; ``once`` names this attempt."""

    entry: str
    reason: str
    once: str = ""


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How somebody wants to be told of one kind of thing."""

    page: bool
    message: bool


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The notices that somebody has seen, by id."""

    ids: tuple[str, ...]


_SAID = msgspec.json.Decoder(Said)
_SEEN = msgspec.json.Decoder(Seen)
_CHOICES = msgspec.json.Decoder(dict[NoticeKind, Told])


@dataclass(frozen=True, slots=True)
class ChallengeRoutes:
    """Turns requests into visits."""

    visits: Visits
    challenging: Challenging
    database: Database

    def router(self) -> Router:
        """The routes."""
        router = Router(include_in_schema=False)
        for path, endpoint, method in (
            ("/challenges", self.every, "GET"),
            ("/challenges", self.open, "POST"),
            ("/challenges/{logical}", self.one, "GET"),
            ("/challenges/{logical}/withdrawn", self.withdraw, "POST"),
            ("/notices", self.notices, "GET"),
            ("/notices/seen", self.seen, "POST"),
            ("/notices/choices", self.choices, "GET"),
            ("/notices/choices", self.choose, "PUT"),
        ):
            router.add_api_route(_HERE + path, endpoint, methods=[method])
        return router

    async def every(self, request: Request, whose: str) -> Response:
        """What was said to be wrong in the record."""

        async def handle(look: Look, visitor: Visitor) -> Answer:
            found = await self.challenging.every(look, visitor)
            return _json({"challenges": [told(one) for one in found]})

        return await self._visit(request, whose, "query", "challenges", Interaction.READ, handle)

    async def open(self, request: Request, whose: str) -> Response:
        """Say that an entry is wrong."""

        async def handle(look: Look, visitor: Visitor) -> Answer:
            said = await _read(request, _SAID, "`entry` and `reason`")
            found = await self.challenging.open(look, visitor, said.entry, said.reason, once=said.once)
            return Answer(orjson.dumps(told(found)), 201)

        return await self._visit(request, whose, "create", "challenges", Interaction.READ, handle)

    async def one(self, request: Request, whose: str, logical: str) -> Response:
        """One of them."""

        async def handle(look: Look, visitor: Visitor) -> Answer:
            return _json(told(await self.challenging.one(look, visitor, logical)))

        return await self._visit(request, whose, "read", "challenges", Interaction.READ, handle)

    async def withdraw(self, request: Request, whose: str, logical: str) -> Response:
        """Take it back."""

        async def handle(look: Look, visitor: Visitor) -> Answer:
            return _json(told(await self.challenging.withdraw(look, visitor, logical)))

        return await self._visit(request, whose, "update", "challenges", Interaction.READ, handle)

    async def notices(self, request: Request, whose: str) -> Response:
        """What somebody is told, the newest first."""

        async def handle(look: Look, visitor: Visitor) -> Answer:
            found = await shown_notices(self.visits, self.database, look, visitor)
            return _json({"notices": [notice_json(one) for one in found]})

        return await self._visit(request, whose, "query", "notices", Interaction.READ, handle)

    async def seen(self, request: Request, whose: str) -> Response:
        """Note what was seen."""

        async def handle(look: Look, visitor: Visitor) -> Answer:
            ids = (await _read(request, _SEEN, "`ids`")).ids
            check_own(visitor)
            people, policy = visitor.known.view, self.challenging.kit.policy
            count = await written(
                look,
                self.database,
                policy,
                lambda conn: notices.seen(conn, people, ids, look.now),
                lambda _: None,
            )
            return _json({"seen": count})

        return await self._visit(request, whose, "update", "notices", Interaction.READ, handle)

    async def choices(self, request: Request, whose: str) -> Response:
        """How somebody wants to be told of what."""

        async def handle(_look: Look, visitor: Visitor) -> Answer:
            found = await chosen(self.database, visitor)
            return _json(choices_json(found))

        return await self._visit(request, whose, "read", "notice-choices", Interaction.READ, handle)

    async def choose(self, request: Request, whose: str) -> Response:
        """Choose it, kind by kind."""

        async def handle(look: Look, visitor: Visitor) -> Answer:
            sent = await _read(request, _CHOICES, "kinds, each with `page` and `message`")
            wanted = {kind: Choice(one.page, one.message) for kind, one in sent.items()}
            choose(look, visitor, wanted)
            return _json(choices_json(wanted))

        return await self._visit(request, whose, "update", "notice-choices", Interaction.READ, handle)

    async def _visit(
        self,
        request: Request,
        whose: str,
        action: str,
        what: str,
        interaction: Interaction,
        handle: Callable[[Look, Visitor], Awaitable[Answer]],
    ) -> Response:
        return await self.visits.serve(
            request, action=action, what=what, interaction=interaction, handler=handle, whose=whose
        )


async def shown_notices(visits: Visits, database: Database, look: Look, visitor: Visitor) -> Sequence[Notice]:
    """What the visitor is told: of a new result only while they may see it.

    Of who looked, and of what carers did, the person alone is told; a carer, and an app, of the answer to a
    challenge while they may see the entry.
    """
    people, limited = visitor.known.view, not knows_all(visitor)
    found = await database.read(lambda conn: notices.notices_of(conn, people))
    if limited:
        found = [one for one in found if one.kind in _CARERS]
    if any(limited or one.kind is NoticeKind.RESULT for one in found):
        opened = await visits.open(look, visitor)
        there = {entry.reference for entry in opened.permitted}
        said = await database.read(lambda conn: challenges.of_people(conn, people))
        about = {one.challenge.id: one.said.entry for one in said}
        found = [
            one
            for one in found
            if (one.kind is not NoticeKind.RESULT or one.details["entry"] in there)
            and (not limited or one.kind is NoticeKind.RESULT or about.get(one.details["challenge"]) in there)
        ]
    return [_nowhere(one) for one in found] if visitor.admitted.hides else found


def _nowhere(one: Notice) -> Notice:
    """Without what tells of a place: nobody is to learn where the person is."""
    kept = {name: text for name, text in one.details.items() if name not in {"source", "at", "role"}}
    return replace(one, details=kept)


async def chosen(database: Database, visitor: Visitor) -> dict[NoticeKind, Choice]:
    """How the person wants to be told of each kind of thing."""
    return await database.read(lambda conn: notices.choices(conn, visitor.known.person))


def choose(look: Look, visitor: Visitor, wanted: dict[NoticeKind, Choice]) -> None:
    """Let the person choose, in one transaction with the row of the look. Raises Forbidden for anybody else:
    whoever could choose this could look unseen."""
    check_own(visitor)

    def work(connection: Connection) -> None:
        for person in visitor.known.view:
            notices.choose(connection, person, wanted)

    look.beside.append(work)


def notice_json(one: Notice) -> dict[str, object]:
    """A notice."""
    seen = None if one.seen is None else instant_text(one.seen)
    details = dict(one.details)
    return {"id": one.id, "kind": one.kind.value, "at": instant_text(one.at), "seen": seen, "about": details}


def choices_json(chosen: Mapping[NoticeKind, Choice]) -> dict[str, object]:
    """How somebody wants to be told, by kind."""
    return {kind.value: {"page": one.page, "message": one.message} for kind, one in chosen.items()}


async def _read(request: Request, decoder: msgspec.json.Decoder[T], what: str) -> T:
    try:
        return decoder.decode(await read_body(request))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid(f"send JSON with {what}", code="bad-body") from None


def _json(body: dict[str, object]) -> Answer:
    return Answer(orjson.dumps(body))
