"""``/my/record``: the record as the person, or who acts for them, sees it: by heading, in plain words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.access.who import Visitor
from scr.api.fhir.opened import Opened
from scr.api.fhir.operations.summary import Documents
from scr.api.look import Look
from scr.api.pages.forms import Form
from scr.api.pages.frame import environment
from scr.api.pages.record.site import My
from scr.api.pages.render import HEADERS
from scr.api.pages.sheet.contents import contents_answer
from scr.api.pages.sheet.making import Shower, Site, language_of, most_parts, part_of, person_of, start_of
from scr.api.pages.sheet.opening import Coming
from scr.api.pages.sheet.streaming import PageFrame, places
from scr.api.pages.sheet.told import waiting_for
from scr.api.pages.sheet.view import CHARTS, EVENTS, View
from scr.api.pages.sheet.words import Words, record_pdf
from scr.api.pages.tongue import N_, chosen, tongue
from scr.api.routing import Router
from scr.errors import NotFound
from scr.fhir.headings import HEADINGS
from scr.fhir.parameters import Asked
from scr.fhir.shown.made import came_of
from scr.fhir.shown.reading import plain_text

BASE = "/my/record"
SITE = Site(BASE, for_person=True)
Show = Callable[[Look, Visitor, Opened, View], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class RecordPages:
    """The pages."""

    my: My
    shower: Shower
    documents: Documents

    def router(self) -> Router:
        """The routes."""
        router = Router(prefix=BASE, include_in_schema=False)
        add = router.add_api_route
        add("", self.record, methods=["GET"])
        add("/heading/{heading}", self.heading, methods=["GET"])
        add("/charts", self.charts, methods=["GET"])
        add("/timeline", self.timeline, methods=["GET"])
        add("/print", self.print, methods=["GET"])
        add("/pdf", self.pdf, methods=["GET"])
        add("/summary", self.summary, methods=["GET"])
        add("/entry/{kind}/{logical}", self.entry, methods=["GET"])
        add("/open/{kind}/{logical}", self.open, methods=["GET"])
        add("/open/{kind}/{logical}/{number}", self.open, methods=["GET"])
        return router

    async def record(self, request: Request) -> Response:
        """How the sources answered, and the newest of each heading: as they answer."""

        async def work(look: Look, visitor: Visitor, _form: Form) -> Response:
            found = await self.shower.soon(look, visitor.actor, visitor.admitted)
            if isinstance(found, Coming):
                return self._filling(request, look, visitor, found)
            view = self.shower.view(found, request, SITE, look.now)
            return self._page(request, visitor, "sheet/record.html", _title(visitor), view)

        return await self.my.run(request, "query", "my record", work)

    def _filling(self, request: Request, look: Look, visitor: Visitor, coming: Coming) -> Response:
        waiting = waiting_for(coming.names().values(), nameless=visitor.admitted.hides)
        frame = PageFrame(
            lambda mark: self.my.show(
                request, visitor, "sheet/record.html", title=_said(request, _title(visitor)), view=None,
                base=BASE, for_person=True, with_ids=False, waiting=waiting,
                places=places(most_parts(coming)), mark=mark,
            )
        )  # fmt: skip
        return self.shower.stream(coming, frame, request, look, SITE)

    async def heading(self, request: Request, heading: str) -> Response:
        """All of one heading, page by page."""

        async def work(_look: Look, visitor: Visitor, _opened: Opened, view: View) -> Response:
            if heading not in HEADINGS:
                raise NotFound("there is no such heading", code="no-heading")
            start = start_of(request)
            shown = view.heading(heading, start)
            return self._page(
                request, visitor, "sheet/heading.html", shown.title, view,
                section=shown, start=start, following=shown.page.next,
            )  # fmt: skip

        return await self._opened(request, "my heading", work)

    async def charts(self, request: Request) -> Response:
        """Results over time."""

        async def work(_look: Look, visitor: Visitor, _opened: Opened, view: View) -> Response:
            start, following = part_of(request, len(view.series), CHARTS)
            return self._page(
                request, visitor, "sheet/charts.html", _CHARTS, view,
                charts=view.charts(start), start=start, following=following,
            )  # fmt: skip

        return await self._opened(request, "my charts", work)

    async def timeline(self, request: Request) -> Response:
        """What happened, the newest first."""

        async def work(_look: Look, visitor: Visitor, _opened: Opened, view: View) -> Response:
            start, following = part_of(request, len(view.events), EVENTS)
            return self._page(
                request, visitor, "sheet/timeline.html", _TIMELINE, view,
                years=view.timeline(start), start=start, following=following,
            )  # fmt: skip

        return await self._opened(request, "my timeline", work)

    async def entry(self, request: Request, kind: str, logical: str) -> Response:
        """One entry, where it came from, and the way to say that it is wrong."""

        async def work(look: Look, visitor: Visitor, opened: Opened, view: View) -> Response:
            line = view.line(f"{kind}/{logical}")
            if line is None:
                raise NotFound("there is no such entry, or none that you may see", code="no-entry")
            traced = await self.shower.opening.reconciler.trace(opened, look.now)
            against = [one for one in view.differing if line.reference in one.between]
            return self._page(
                request, visitor, "sheet/entry.html", line.plain or line.term, view,
                line=line, came=came_of(traced.permitted, line.reference), against=against,
            )  # fmt: skip

        return await self._opened(request, "my entry", work)

    async def print(self, request: Request) -> Response:
        """The record for paper: all of it, and page by page where that is long."""

        async def work(_look: Look, visitor: Visitor, _opened: Opened, view: View) -> Response:
            start = start_of(request)
            sections, following = view.printed(start)
            return self._page(
                request, visitor, "sheet/print.html", _title(visitor), view,
                sections=sections, start=start, following=following,
            )  # fmt: skip

        return await self._opened(request, "my record print", work)

    async def pdf(self, request: Request) -> Response:
        """The whole record as a PDF."""

        async def work(look: Look, visitor: Visitor, _opened: Opened, view: View) -> Response:
            words = self._words(request, visitor, look.now)
            templates = environment(view.language)
            ledger = templates.get_template("sheet/ledger.html").render(view=view, base=BASE, for_person=True)
            person, sections = person_of(view), view.all()
            said = plain_text(ledger).splitlines()
            made = await asyncio.to_thread(
                record_pdf, words, person, said, sections, language=view.language, now=look.now
            )
            kept = {**HEADERS, "Content-Disposition": 'attachment; filename="record.pdf"'}
            return Response(made, headers=kept, media_type="application/pdf")

        return await self._opened(request, "my record pdf", work)

    async def summary(self, request: Request) -> Response:
        """The International Patient Summary, as a file for other systems."""

        async def work(look: Look, visitor: Visitor, _form: Form) -> Response:
            answer = await self.documents.summary(look, visitor.actor, Asked(), visitor.patient)
            kept = {**HEADERS, "Content-Disposition": 'attachment; filename="patient-summary.json"'}
            return Response(answer.body, headers=kept, media_type="application/fhir+json")

        return await self.my.run(request, "query", "my summary", work)

    async def open(self, request: Request, kind: str, logical: str, number: str = "") -> Response:
        """The contents of a document."""

        async def work(look: Look, visitor: Visitor, _form: Form) -> Response:
            opened = await self.my.visits.open(look, visitor)
            wanted = int(number[:4]) if number.isascii() and number.isdigit() else None
            return contents_answer(opened.permitted, kind, logical, wanted)

        return await self.my.run(request, "read", "my document", work)

    async def _opened(self, request: Request, what: str, shown: Show) -> Response:
        async def work(look: Look, visitor: Visitor, _form: Form) -> Response:
            opened = await self.shower.opening.whole(look, visitor.actor, visitor.admitted)
            view = self.shower.view(opened, request, SITE, look.now)
            return await shown(look, visitor, opened, view)

        return await self.my.run(request, "query", what, work)

    def _page(
        self, request: Request, visitor: Visitor, template: str, title: str, view: View, **context: object
    ) -> Response:
        return self.my.show(
            request, visitor, template, 200, errors=(), title=_said(request, title), view=view, base=BASE,
            for_person=True, with_ids=True, person=person_of(view), **context,
        )  # fmt: skip

    def _words(self, request: Request, visitor: Visitor, now: int) -> Words:
        say = tongue(chosen(request))
        return Words(
            title=say.say(_title(visitor)),
            made=say.say(N_("Made on %(moment)s"), {"moment": say.moment(now)}),
            page=say.say(N_("page")),
            none=say.say(N_("None recorded. Every source that may hold something here answered.")),
            incomplete=say.say(
                N_("This may not be everything: a source did not answer, or something may be kept back.")
            ),
            usual=say.say(N_("usual: %(range)s"), {"range": "{}"}),
            added=say.say(N_("Added by you")),
        )


_MINE = N_("Your record")
_THEIRS = N_("The record")
_CHARTS = N_("Charts of results")
_TIMELINE = N_("Timeline")


def _title(visitor: Visitor) -> str:
    return _MINE if visitor.own else _THEIRS


def _said(request: Request, text: str) -> str:
    return tongue(language_of(request)).say(text)
