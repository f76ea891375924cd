"""``/my/add`` and ``/my/added``: what people add to the record, and what they do with it later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.access.contributing.forms import FORMS
from scr.access.contributing.making import DOCUMENT, TYPES, typed_again
from scr.access.contributing.times import typed_like
from scr.api.access.contributing import Adding, Done
from scr.api.access.uploading import Upload, read_upload
from scr.api.access.visits import ReadForm
from scr.api.access.who import Visitor
from scr.api.look import Look
from scr.api.pages.forms import Form
from scr.api.pages.record.fields import Asked, asked_of, document_fields, errors_of, in_words, reading_fields
from scr.api.pages.record.site import Again, My, Work
from scr.api.pages.render import HEADERS, moved
from scr.api.pages.tongue import chosen, tongue
from scr.api.routing import Router
from scr.consent.decide import Interaction
from scr.errors import NotFound, ScrError
from scr.fhir.patient_made.readings import READING
from scr.fhir.patient_made.telling import Told
from scr.store.keys import random_id

ADD, ADDED = "/my/add", "/my/added"
_WHAT = "contributions"
_SURE = "sure"
_READ_OVER = 4
"""Times the most bytes of a file that are read of one that is too large, for what was typed beside it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A contribution as a list shows it: what was typed, by its label."""

    told: Told
    title: str
    lines: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class AddingPages:
    """The pages. ``most``: bytes of a file."""

    my: My
    adding: Adding
    most: int

    def router(self) -> Router:
        """Their routes."""
        router = Router(include_in_schema=False)
        for path, endpoint, methods in (
            (ADD, self.start, ["GET"]),
            (f"{ADD}/{DOCUMENT}", self.document, ["GET", "POST"]),
            (f"{ADD}/{{sort}}", self.add, ["GET", "POST"]),
            (f"{ADD}/{READING}/{{kind}}", self.reading, ["GET", "POST"]),
            (ADDED, self.every, ["GET"]),
            (f"{ADDED}/{{logical}}", self.one, ["GET", "POST"]),
            (f"{ADDED}/{{logical}}/withdraw", self.withdraw, ["GET", "POST"]),
            (f"{ADDED}/{{logical}}/content", self.content, ["GET"]),
        ):
            router.add_api_route(path, endpoint, methods=methods)
        return router

    async def start(self, request: Request) -> Response:
        """What can be added."""

        async def work(_look: Look, visitor: Visitor, _form: Form) -> Response:
            say, rules = tongue(chosen(request)).say, self.adding.readings.readings
            return self.my.show(
                request, visitor, "my/add.html",
                forms=[(one.kind, say(one.title)) for one in FORMS.values()],
                readings=[(kind, say(one.name)) for kind, one in rules.items()],
            )  # fmt: skip

        return await self.my.run(request, "read", _WHAT, work)

    async def add(self, request: Request, sort: str) -> Response:
        """Add something in words."""
        if sort not in FORMS:
            sort = ""

        async def work(look: Look, visitor: Visitor, form: Form) -> Response:
            if not sort:
                raise NotFound("nothing of this sort can be added", code="no-sort")
            return await self._sent(request, look, visitor, sort, form, asked_of(FORMS[sort]))

        return await self._form(request, asked_of(FORMS[sort]) if sort else None, work)

    async def reading(self, request: Request, kind: str) -> Response:
        """Add a reading."""
        rules = self.adding.readings.readings.get(kind)
        asked = None if rules is None else reading_fields(rules, self.adding.readings.always)

        async def work(look: Look, visitor: Visitor, form: Form) -> Response:
            if asked is None:
                raise NotFound("nothing of this sort can be added", code="no-sort")
            return await self._sent(request, look, visitor, READING, {**form, "kind": kind}, asked)

        return await self._form(request, asked, work)

    async def document(self, request: Request) -> Response:
        """Add a document or a picture."""
        asked = document_fields(self.most)
        sent: list[Upload] = []

        async def read(posted: Request) -> Form:
            upload = await read_upload(posted, self.most, over=_READ_OVER)
            sent.append(upload)
            return upload.fields

        async def work(look: Look, visitor: Visitor, form: Form) -> Response:
            if request.method == "GET":
                return self._show(request, visitor, asked, {"once": random_id()})
            once = form.get("once", "")
            data = sent[0].file(self.most)
            return self._done(await self.adding.add_document(look, visitor, form, data, once=once))

        return await self._form(request, asked, work, read=read)

    async def every(self, request: Request) -> Response:
        """What was added."""

        async def work(_look: Look, visitor: Visitor, _form: Form) -> Response:
            found = [self._listed(request, one) for one in await self.adding.every(visitor)]
            return self.my.show(
                request, visitor, "my/added.html",
                here=[one for one in found if not one.told.withdrawn],
                gone=[one for one in found if one.told.withdrawn],
                done=request.query_params.get("done", ""), advice=self._advice(request),
            )  # fmt: skip

        return await self.my.run(request, "query", _WHAT, work)

    async def one(self, request: Request, logical: str) -> Response:
        """One of them: to be corrected."""

        async def work(look: Look, visitor: Visitor, form: Form) -> Response:
            versions = await self.adding.one(visitor, logical)
            asked, typed = self._asked(versions[0]), self._typed(versions[0])
            if request.method == "GET":
                values = {**typed, "version": versions[0].version}
                return self._show(request, visitor, asked, values, versions=versions)
            sure, read = form.get(_SURE) == "yes", form.get("version", "")
            return self._done(
                await self.adding.correct(look, visitor, logical, form, read, sure=sure), "corrected"
            )

        async def again(_look: Look, visitor: Visitor, form: Form, error: ScrError) -> Response:
            versions = await self.adding.one(visitor, logical)
            return self._show(
                request, visitor, self._asked(versions[0]), form, error=error, versions=versions
            )

        return await self._run(request, "update", Interaction.UPDATE, work, again)

    async def withdraw(self, request: Request, logical: str) -> Response:
        """Ask whether one is to be withdrawn, and on a yes withdraw it."""

        async def work(look: Look, visitor: Visitor, form: Form) -> Response:
            if request.method == "POST":
                await self.adding.withdraw(look, visitor, logical, form.get("version", ""))
                return moved(f"{ADDED}?done=withdrawn")
            told = (await self.adding.one(visitor, logical))[0]
            return self.my.show(request, visitor, "my/added_withdraw.html", one=self._listed(request, told))

        return await self._run(request, "update", Interaction.UPDATE, work, None)

    async def content(self, request: Request, logical: str) -> Response:
        """What a document holds: to be saved, and run by no browser."""

        async def work(_look: Look, visitor: Visitor, _form: Form) -> Response:
            found = await self.adding.content(visitor, logical)
            headers = {
                **HEADERS,
                "Content-Disposition": f'attachment; filename="document.{found.ending}"',
                "Content-Security-Policy": "sandbox; default-src 'none'",
            }
            return Response(found.data, headers=headers, media_type=found.media_type)

        return await self.my.run(request, "read", _WHAT, work)

    async def _sent(
        self, request: Request, look: Look, visitor: Visitor, sort: str, form: Form, asked: Asked
    ) -> Response:
        if request.method == "GET":
            return self._show(request, visitor, asked, {"once": random_id()})
        once, sure = form.get("once", ""), form.get(_SURE) == "yes"
        return self._done(await self.adding.add(look, visitor, sort, form, sure=sure, once=once))

    def _done(self, done: Done, what: str = "added") -> Response:
        level = "" if done.advice is None else f"&advice={done.told.reading}.{done.advice.level}"
        return moved(f"{ADDED}?done={what}{level}")

    def _advice(self, request: Request) -> Mapping[str, str] | None:
        """What is said at once of a reading that was just sent, by the name of its rule alone."""
        kind, _, level = request.query_params.get("advice", "").partition(".")
        rules = self.adding.readings.readings.get(kind)
        texts = [one.text for one in rules.advice if one.level == level] if rules else []
        return {"level": level, "text": tongue(chosen(request)).say(texts[0])} if texts else None

    def _asked(self, told: Told) -> Asked:
        if told.sort == DOCUMENT:
            return document_fields(self.most, again=True)
        rules = self.adding.readings.readings.get(told.reading)
        if rules is not None:
            return reading_fields(rules, self.adding.readings.always)
        return asked_of(FORMS[told.sort])

    def _typed(self, told: Told) -> dict[str, str]:
        """What was typed, its time as people type one."""
        typed = typed_again(told, self.adding.readings)
        return {**typed, "at": typed_like(typed["at"])} if "at" in typed else typed

    def _listed(self, request: Request, told: Told) -> Listed:
        asked = in_words(self._asked(told), tongue(chosen(request)).say)
        typed = self._typed(told)
        lines = [(one.label, one.said(typed[one.name])) for one in asked.fields if typed.get(one.name)]
        return Listed(told, asked.title, lines)

    async def _form(
        self, request: Request, asked: Asked | None, work: Work, *, read: ReadForm | None = None
    ) -> Response:
        async def again(_look: Look, visitor: Visitor, form: Form, error: ScrError) -> Response:
            assert asked is not None
            return self._show(request, visitor, asked, form, error=error)

        return await self._run(request, "create", Interaction.CREATE, work, again, read=read)

    async def _run(
        self,
        request: Request,
        action: str,
        interaction: Interaction,
        work: Work,
        again: Again | None,
        *,
        read: ReadForm | None = None,
    ) -> Response:
        if request.method == "GET":
            action, interaction = "read", Interaction.READ
        return await self.my.run(
            request, action, _WHAT, work, interaction=interaction, again=again, read=read
        )

    def _show(
        self,
        request: Request,
        visitor: Visitor,
        asked: Asked,
        values: Mapping[str, str],
        *,
        error: ScrError | None = None,
        versions: list[Told] | None = None,
    ) -> Response:
        unsure = error is not None and error.code == "unsure"
        return self.my.show(
            request, visitor, "my/add_form.html", 200 if error is None else error.status,
            errors=errors_of(error), asked=in_words(asked, tongue(chosen(request)).say),
            values=values, unsure=unsure, versions=versions or [],
            sorts=TYPES,
        )  # fmt: skip
