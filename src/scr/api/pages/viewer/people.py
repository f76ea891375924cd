"""The pages of one person's record, for professionals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.fhir.last_look import note_look
from scr.api.fhir.opened import Admitted, Opened, Opener
from scr.api.look import Look
from scr.api.pages.forms import Form
from scr.api.pages.frame import show
from scr.api.pages.render import moved
from scr.api.pages.sheet.contents import contents_answer
from scr.api.pages.sheet.making import Shower, Site, most_parts, part_of, person_of, start_of
from scr.api.pages.sheet.opening import Coming
from scr.api.pages.sheet.streaming import PageFrame, places
from scr.api.pages.sheet.told import waiting_for
from scr.api.pages.sheet.view import CHARTS, EVENTS, View
from scr.api.pages.tongue import N_, chosen, tongue
from scr.api.pages.viewer.looking import Looking, Staff
from scr.api.routing import Router
from scr.broker.since import Changes, changes
from scr.consent.decide import Interaction
from scr.errors import NotFound
from scr.fhir.headings import HEADINGS
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.shown.made import came_of
from scr.store import last_look
from scr.store.keys import KeyRing

HOME = "/viewer"
_MOST_NEW = 100
Show = Callable[[Look, Staff, Opened, View], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PeoplePages:
    """``/viewer/people/[id]`` and the pages below it; the id is that of a Patient, and no number."""

    looking: Looking
    opener: Opener
    shower: Shower
    keys: KeyRing

    def router(self) -> Router:
        """The routes."""
        router = Router(prefix=f"{HOME}/people/{{patient}}", include_in_schema=False)
        add = router.add_api_route
        add("", self.record, methods=["GET"])
        add("/heading/{heading}", self.heading, methods=["GET"])
        add("/charts", self.charts, methods=["GET"])
        add("/timeline", self.timeline, methods=["GET"])
        add("/new", self.new, methods=["GET"])
        add("/new", self.seen, methods=["POST"])
        add("/entry/{kind}/{logical}", self.entry, methods=["GET"])
        add("/open/{kind}/{logical}", self.open, methods=["GET"])
        add("/open/{kind}/{logical}/{number}", self.open, methods=["GET"])
        return router

    async def record(self, request: Request, patient: str) -> Response:
        """Whose record it is, how the sources answered, and the newest of each heading: as they answer."""
        site = _site(patient)

        async def work(look: Look, staff: Staff, _form: Form) -> Response:
            admitted = await self.opener.admitted(look, staff.actor, patient)
            found = await self.shower.soon(look, staff.actor, admitted)
            if isinstance(found, Coming):
                return self._filling(request, look, staff, found, admitted, site)
            view = self.shower.view(found, request, site, look.now)
            return self._page(request, staff, "sheet/record.html", _RECORD, view, site, found)

        return await self.looking.run(request, action="query", what="viewer record", work=work)

    def _filling(
        self, request: Request, look: Look, staff: Staff, coming: Coming, admitted: Admitted, site: Site
    ) -> Response:
        waiting = waiting_for(coming.names().values(), nameless=admitted.hides)
        frame = PageFrame(
            lambda mark: show(
                request, "sheet/record.html", who=staff.who, title=_said(request, _RECORD), view=None,
                base=site.base, for_person=False, with_ids=False, waiting=waiting,
                places=places(most_parts(coming)), mark=mark,
            )
        )  # fmt: skip
        return self.shower.stream(coming, frame, request, look, site)

    async def heading(self, request: Request, patient: str, heading: str) -> Response:
        """All of one heading, page by page."""

        async def work(_look: Look, staff: Staff, opened: Opened, view: View) -> Response:
            if heading not in HEADINGS:
                raise NotFound("there is no such heading", code="no-heading")
            start = start_of(request)
            shown = view.heading(heading, start)
            site = _site(patient)
            return self._page(
                request, staff, "sheet/heading.html", shown.title, view, site, opened,
                section=shown, start=start, following=shown.page.next,
            )  # fmt: skip

        return await self._opened(request, patient, "viewer heading", work)

    async def charts(self, request: Request, patient: str) -> Response:
        """Results over time."""

        async def work(_look: Look, staff: Staff, opened: Opened, view: View) -> Response:
            start, following = part_of(request, len(view.series), CHARTS)
            return self._page(
                request, staff, "sheet/charts.html", _CHARTS, view, _site(patient), opened,
                charts=view.charts(start), start=start, following=following,
            )  # fmt: skip

        return await self._opened(request, patient, "viewer charts", work)

    async def timeline(self, request: Request, patient: str) -> Response:
        """What happened, the newest first."""

        async def work(_look: Look, staff: Staff, opened: Opened, view: View) -> Response:
            start, following = part_of(request, len(view.events), EVENTS)
            return self._page(
                request, staff, "sheet/timeline.html", _TIMELINE, view, _site(patient), opened,
                years=view.timeline(start), start=start, following=following,
            )  # fmt: skip

        return await self._opened(request, patient, "viewer timeline", work)

    async def new(self, request: Request, patient: str) -> Response:
        """What is new to whoever looks, and what has changed, since they last said that they have seen it."""

        async def work(_look: Look, staff: Staff, opened: Opened, view: View) -> Response:
            found = await self._changes(staff, opened)
            new, changed = (view.lines(some[:_MOST_NEW]) for some in (found.new, found.changed))
            return self._page(
                request, staff, "viewer/new.html", _NEW, view, _site(patient), opened, since=found.since,
                new=new, changed=changed, counts=(len(found.new), len(found.changed)),
                gone=len(found.gone), back=found.back, done="seen" in request.query_params,
            )  # fmt: skip

        return await self._opened(request, patient, "viewer new", work)

    async def seen(self, request: Request, patient: str) -> Response:
        """Note that they have seen all of it."""

        async def work(look: Look, staff: Staff, _form: Form) -> Response:
            opened = await self.opener.by_id(look, staff.actor, patient)
            note_look(self.keys, look, staff.actor, opened)
            return moved(f"{_site(patient).base}/new?seen=1")

        return await self.looking.run(request, action="query", what="viewer seen", work=work)

    async def entry(self, request: Request, patient: str, kind: str, logical: str) -> Response:
        """One entry, with where it came from down to the message."""

        async def work(look: Look, staff: Staff, opened: Opened, view: View) -> Response:
            line = view.line(f"{kind}/{logical}")
            if line is None:
                raise NotFound("there is no such entry, or none that you may see", code="no-entry")
            traced = await self.shower.opening.reconciler.trace(opened, look.now)
            against = [one for one in view.differing if line.reference in one.between]
            return self._page(
                request, staff, "sheet/entry.html", line.term, view, _site(patient), opened,
                line=line, came=came_of(traced.permitted, line.reference), against=against,
            )  # fmt: skip

        return await self._opened(request, patient, "viewer entry", work)

    async def open(
        self, request: Request, patient: str, kind: str, logical: str, number: str = ""
    ) -> Response:
        """The contents of a document."""

        async def work(look: Look, staff: Staff, _form: Form) -> Response:
            opened = await self.opener.by_id(look, staff.actor, patient)
            wanted = int(number[:4]) if number.isascii() and number.isdigit() else None
            return contents_answer(opened.permitted, kind, logical, wanted)

        return await self.looking.run(request, action="read", what="viewer document", work=work)

    async def _opened(self, request: Request, patient: str, what: str, shown: Show) -> Response:
        """A page of a record that is whole, or as whole as its sources let it be in time."""

        async def work(look: Look, staff: Staff, _form: Form) -> Response:
            admitted = await self.opener.admitted(look, staff.actor, patient)
            opened = await self.shower.opening.whole(look, staff.actor, admitted)
            view = self.shower.view(opened, request, _site(patient), look.now)
            return await shown(look, staff, opened, view)

        return await self.looking.run(
            request, action="query", what=what, work=work, interaction=Interaction.READ
        )

    async def _changes(self, staff: Staff, opened: Opened) -> Changes:
        keys, person, subject = self.keys, opened.known.person, staff.actor.subject
        last = await self.shower.database.read(lambda conn: last_look.load(conn, keys, person, subject))
        given = [one for one in opened.permitted if one.source != PERSON_SOURCE]
        return changes(last, given, opened.ledger)

    def _page(
        self,
        request: Request,
        staff: Staff,
        template: str,
        title: str,
        view: View,
        site: Site,
        opened: Opened,
        **context: object,
    ) -> Response:
        return show(
            request, template, 200, who=staff.who, errors=(), correlation="", view=view, base=site.base,
            title=_said(request, title),
            for_person=site.for_person, with_ids=True, person=person_of(view), **context,
        )  # fmt: skip


_RECORD = N_("Record")
_CHARTS = N_("Charts of results")
_TIMELINE = N_("Timeline")
_NEW = N_("New since your last look")


def _site(patient: str) -> Site:
    return Site(f"{HOME}/people/{patient}", for_person=False)


def _said(request: Request, text: str) -> str:
    return tongue(chosen(request)).say(text)
