"""Makes the view of a record that was opened, and the pieces of a page that fills as sources answer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.fhir.opened import Admitted, Opened
from scr.api.look import Look
from scr.api.pages.frame import environment
from scr.api.pages.sheet.opening import Coming, Opening, Part
from scr.api.pages.sheet.streaming import PageFrame, streamed
from scr.api.pages.sheet.told import beside_of, early_beside, ledger_said, waiting_for
from scr.api.pages.sheet.view import View
from scr.api.pages.tongue import chosen
from scr.broker.reconcile.states import states
from scr.consent.actor import Actor
from scr.consent.policy import Policy
from scr.fhir.headings import DEMOGRAPHICS
from scr.fhir.identifiers import OdsCode
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.shown.disputed import disputed_in
from scr.fhir.shown.line import Line
from scr.fhir.shown.plain import Language, PlainWords
from scr.store.engine import Database


@dataclass(frozen=True, slots=True)
class Site:
    """For whom pages of a record are: ``for_person`` in plain words first, for the person and their carers;
    else for professionals. ``base`` is the address of the record."""

    base: str
    for_person: bool


@dataclass(frozen=True, slots=True)
class Shower:
    """Shows records that were admitted. ``seconds``: how long a page may take, with the reading of it."""

    opening: Opening
    plain: PlainWords
    database: Database
    policy: Policy
    seconds: float

    def view(
        self,
        opened: Opened,
        request: Request,
        site: Site,
        now: int,
    ) -> View:
        """The whole record, as it was opened."""
        language = language_of(request)
        ledger = ledger_said(opened.ledger, language, plain=site.for_person)
        disputed = disputed_in(opened.permitted, language)
        beside = beside_of(opened.ledger, self._asked, now, disputed)
        told = states(opened.ledger, opened.permitted)
        return View(
            opened.permitted, ledger, beside, told, self.plain, language, for_person=site.for_person, now=now
        )

    @property
    def _asked(self) -> Collection[OdsCode]:
        return self.opening.opener.askable

    def early(self, part: Part, admitted: Admitted, request: Request, site: Site, now: int) -> View:
        """What came so far, and who is still waited for."""
        ledger = waiting_for(part.waiting, nameless=admitted.hides)
        beside = early_beside(part.results, self._asked, now, admitted.hides)
        return View(
            part.entries,
            ledger,
            beside,
            {},
            self.plain,
            language_of(request),
            for_person=site.for_person,
            now=now,
        )

    def stream(
        self,
        coming: Coming,
        frame: PageFrame,
        request: Request,
        look: Look,
        site: Site,
    ) -> Response:
        """The first page of a record on its way: its frame at once, then each part."""
        templates = environment(language_of(request))
        last = most_parts(coming)

        def piece(view: View, name: str, number: int, source: str = "") -> str:
            return templates.get_template("sheet/piece.html").render(
                view=view, base=site.base, for_person=site.for_person, piece=name, number=number,
                source=source, person=person_of(view), with_ids=name == "whole", last=last,
                lang=view.language,
            )  # fmt: skip

        def early(part: Part, number: int) -> str:
            view = self.early(part, coming.admitted, request, site, look.now)
            nameless = coming.admitted.hides
            source = "" if part.held or nameless else ", ".join(one.name for one in part.results)
            return piece(view, "held" if part.held else "arrived", min(number, last), source)

        async def whole() -> str:
            assert coming.asking is not None
            opened = await self.opening.made(await coming.asking, look)
            view = self.view(opened, request, site, look.now)
            return piece(view, "whole", last + 1)

        broken = templates.get_template("sheet/piece.html").render(
            piece="broken",
            number=last + 2,
            last=last,
            correlation=look.correlation,
            lang=language_of(request),
        )
        return streamed(
            frame, coming, early, whole, broken, look=look, database=self.database, policy=self.policy,
            clock=lambda: look.now, seconds=self.seconds,
        )  # fmt: skip

    async def soon(self, look: Look, actor: Actor, admitted: Admitted) -> Opened | Coming:
        """The record with what is made of it, where it is whole at once; else as it comes."""
        found = await self.opening.soon(look, actor, admitted)
        return found if isinstance(found, Coming) else await self.opening.made(found, look)


def most_parts(coming: Coming) -> int:
    """The number of the last part that may come before the whole."""
    return len(coming.names()) + 1


def person_of(view: View) -> Line | None:
    """Whose record it is, as the permitted Patients tell: the composed one, else the first of a source."""
    patients = [one for one in view.sheet.section(DEMOGRAPHICS).roots if one.type == "Patient"]
    patients.sort(key=lambda one: one.source != PERSON_SOURCE)
    return view.sheet.line(patients[0]) if patients else None


def language_of(request: Request) -> Language:
    """The language of a page."""
    return "cy" if chosen(request) == "cy" else "en"


def start_of(request: Request) -> int:
    """Where a page of something long begins: ``from`` in its address."""
    told = request.query_params.get("from", "")
    return int(told[:6]) if told.isascii() and told.isdigit() else 0


def part_of(request: Request, count: int, most: int) -> tuple[int, int | None]:
    """Which part of a list of so many a page shows: where it starts, and the next, if there is one."""
    start = start_of(request)
    return start, start + most if start + most < count else None
