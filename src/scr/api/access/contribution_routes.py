"""The routes of contributions, below ``/access/people/{whose}/contributions``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response

from scr.access.contributing.forms import FORMS
from scr.access.contributing.making import TYPES, typed_again
from scr.access.contributing.rules import Readings
from scr.api.access.contributing import Adding, Done
from scr.api.access.uploading import read_upload
from scr.api.access.visits import Visits
from scr.api.access.who import Visitor
from scr.api.desk import read_body
from scr.api.fhir.conditional import version_read
from scr.api.look import Answer, Look
from scr.api.routing import Router
from scr.consent.decide import Interaction
from scr.errors import Invalid
from scr.fhir.dates import instant_text
from scr.fhir.patient_made.telling import Told

_HERE = "/access/people/{whose}/contributions"
_WHAT = "contributions"


class Sent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is sent: ``values`` by field; ``sure``: keep it though it is unusual.

    ``once`` names this attempt, so that sent twice it is kept once.
    """

    values: dict[str, str]
    sure: bool = False
    once: str = ""


_SENT = msgspec.json.Decoder(Sent)


@dataclass(frozen=True, slots=True)
class ContributionRoutes:
    """Turns requests into visits. ``most``: bytes of a file."""

    visits: Visits
    adding: Adding
    most: int

    def router(self) -> Router:
        """The routes."""
        router = Router(include_in_schema=False)
        for path, endpoint, method in (
            (_HERE, self.every, "GET"),
            (f"{_HERE}/forms", self.forms, "GET"),
            (f"{_HERE}/document", self.add_document, "POST"),
            (f"{_HERE}/{{sort}}", self.add, "POST"),
            (f"{_HERE}/{{logical}}", self.one, "GET"),
            (f"{_HERE}/{{logical}}", self.correct, "PUT"),
            (f"{_HERE}/{{logical}}/withdrawn", self.withdraw, "POST"),
            (f"{_HERE}/{{logical}}/content", self.content, "GET"),
        ):
            router.add_api_route(path, endpoint, methods=[method])
        return router

    async def every(self, request: Request, whose: str) -> Response:
        """Everything that was added, the newest first."""

        async def handle(_look: Look, visitor: Visitor) -> Answer:
            found = await self.adding.every(visitor)
            return _json({"contributions": [told_json(one, self.adding.readings) for one in found]})

        return await self._visit(request, whose, "query", Interaction.READ, handle)

    async def forms(self, request: Request, whose: str) -> Response:
        """What can be added: the fields of each sort, and the readings with their units and limits."""

        async def handle(_look: Look, _visitor: Visitor) -> Answer:
            return _json(forms_json(self.adding.readings))

        return await self._visit(request, whose, "read", Interaction.READ, handle)

    async def one(self, request: Request, whose: str, logical: str) -> Response:
        """One contribution with its versions."""

        async def handle(_look: Look, visitor: Visitor) -> Answer:
            versions = await self.adding.one(visitor, logical)
            told = [told_json(one, self.adding.readings) for one in versions]
            return _json({**told[0], "versions": told}, ETag=_tag(versions[0]))

        return await self._visit(request, whose, "read", Interaction.READ, handle)

    async def content(self, request: Request, whose: str, logical: str) -> Response:
        """What a document holds: to be saved, and run by no browser."""

        async def handle(_look: Look, visitor: Visitor) -> Answer:
            found = await self.adding.content(visitor, logical)
            name = f'attachment; filename="document.{found.ending}"'
            headers = {"Content-Disposition": name, "Content-Security-Policy": "sandbox; default-src 'none'"}
            return Answer(found.data, 200, {**headers, "Content-Type": found.media_type})

        return await self._visit(request, whose, "read", Interaction.READ, handle)

    async def add(self, request: Request, whose: str, sort: str) -> Response:
        """Add something of a sort."""

        async def handle(look: Look, visitor: Visitor) -> Answer:
            sent = await _sent(request)
            done = await self.adding.add(look, visitor, sort, sent.values, sure=sent.sure, once=sent.once)
            return self._done(done)

        return await self._visit(request, whose, "create", Interaction.CREATE, handle)

    async def add_document(self, request: Request, whose: str) -> Response:
        """Add a document or a picture: a form with ``title``, ``text``, ``once`` and ``file``."""

        async def handle(look: Look, visitor: Visitor) -> Answer:
            upload = await read_upload(request, self.most)
            once = upload.fields.get("once", "")
            done = await self.adding.add_document(look, visitor, upload.fields, upload.data, once=once)
            return self._done(done)

        return await self._visit(request, whose, "create", Interaction.CREATE, handle)

    async def correct(self, request: Request, whose: str, logical: str) -> Response:
        """The next version of a contribution; ``If-Match`` has the version that was read."""

        async def handle(look: Look, visitor: Visitor) -> Answer:
            sent, read = await _sent(request), version_read(request)
            done = await self.adding.correct(look, visitor, logical, sent.values, read, sure=sent.sure)
            return self._done(done, corrected=True)

        return await self._visit(request, whose, "update", Interaction.UPDATE, handle)

    async def withdraw(self, request: Request, whose: str, logical: str) -> Response:
        """Let a contribution be shown to nobody any more."""

        async def handle(look: Look, visitor: Visitor) -> Answer:
            told = await self.adding.withdraw(look, visitor, logical, version_read(request))
            return _json(told_json(told, self.adding.readings), ETag=_tag(told))

        return await self._visit(request, whose, "update", Interaction.UPDATE, handle)

    def _done(self, done: Done, *, corrected: bool = False) -> Answer:
        body = told_json(done.told, self.adding.readings)
        advice = None if done.advice is None else {"level": done.advice.level, "text": done.advice.text}
        answer = _json(
            {**body, "advice": advice, "always": self.adding.readings.always}, ETag=_tag(done.told)
        )
        return Answer(answer.body, 200 if corrected or not done.new else 201, answer.headers)

    async def _visit(
        self,
        request: Request,
        whose: str,
        action: str,
        interaction: Interaction,
        handle: Callable[[Look, Visitor], Awaitable[Answer]],
    ) -> Response:
        return await self.visits.serve(
            request, action=action, what=_WHAT, interaction=interaction, handler=handle, whose=whose
        )


def told_json(told: Told, readings: Readings) -> dict[str, object]:
    """A version of a contribution."""
    return {
        "id": told.logical,
        "sort": told.sort,
        "resource": f"{told.type}/{told.logical}",
        "version": told.version,
        "recorded": instant_text(told.at),
        "by": told.by,
        "withdrawn": told.withdrawn,
        "values": typed_again(told, readings),
    }


def forms_json(readings: Readings) -> dict[str, object]:
    """What can be added, for a program that asks people."""
    forms = {
        form.kind: {
            "title": form.title,
            "lead": form.lead,
            "fields": [
                {
                    "name": one.name,
                    "label": one.label,
                    "hint": one.hint,
                    "most": one.most,
                    "needed": one.needed,
                    "sort": one.sort,
                    "answers": dict(one.answers),
                }
                for one in form.fields
            ],
        }
        for form in FORMS.values()
    }
    return {"sorts": list(TYPES), "forms": forms, "home-reading": readings.model_dump(mode="json")}


async def _sent(request: Request) -> Sent:
    try:
        return _SENT.decode(await read_body(request))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid("send JSON with `values`, by field", code="bad-body") from None


def _tag(told: Told) -> str:
    return f'W/"{told.version}"'


def _json(body: dict[str, object], **headers: str) -> Answer:
    return Answer(orjson.dumps(body), 200, headers)
