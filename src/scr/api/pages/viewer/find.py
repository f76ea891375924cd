"""Find a person: by NHS Number in a form, or as the one whom a clinician's system has open (SMART launch).

The number stands in no address. That somebody is not known, and that nothing connects them with whoever
looks, is told in the same words; in an emergency the glass can be broken from the same page.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.fhir.claims import ClaimRoutes
from scr.api.fhir.opened import Opener
from scr.api.look import Look
from scr.api.pages.forms import Form
from scr.api.pages.frame import FormError, show
from scr.api.pages.render import moved
from scr.api.pages.tongue import N_
from scr.api.pages.viewer.looking import Looking, Staff
from scr.api.pages.viewer.people import HOME
from scr.api.routing import Router
from scr.broker.query import Broker
from scr.consent.breakglass import BTG
from scr.consent.decide import Interaction
from scr.errors import Forbidden, Invalid, ScrError
from scr.fhir.claim_request import LEAST_REASON, MOST_REASON, ClaimRequest, check_reason
from scr.fhir.identifiers import NHSNumber
from scr.store import launches
from scr.store.claims import ClaimKind
from scr.store.engine import Database
from scr.store.keys import KeyRing

APP = "viewer"
"""The id under which the viewer is registered as an app, for systems that open it for a patient."""
_NO_NUMBER = N_("Enter an NHS Number: 10 digits, such as 999 510 0002")
_CLOSED = N_("No record with this NHS Number is open to you. Check the number.")
_NO_REASON = N_("Say why, in %(least)s to %(most)s characters: the privacy officer reads it")
_MEND = frozenset({400, 403, 409, 422, 429})


@dataclass(frozen=True, slots=True)
class FindPages:
    """``/viewer`` and ``/viewer/launch``. ``base_url`` is our FHIR base, which a launch names."""

    looking: Looking
    opener: Opener
    broker: Broker
    claims: ClaimRoutes
    database: Database
    keys: KeyRing
    base_url: str

    def router(self) -> Router:
        """The routes."""
        router = Router(prefix=HOME, include_in_schema=False)
        router.add_api_route("", self.form, methods=["GET"])
        router.add_api_route("", self.find, methods=["POST"])
        router.add_api_route("/launch", self.launch, methods=["GET"])
        return router

    async def form(self, request: Request) -> Response:
        """Ask for the number."""

        async def work(_look: Look, staff: Staff, _form: Form) -> Response:
            return self._page(request, staff, {})

        return await self.looking.run(
            request, action="read", what="viewer", work=work, interaction=Interaction.SEARCH
        )

    async def find(self, request: Request) -> Response:
        """Open the record of the person with the number, or break the glass for them first."""

        async def work(look: Look, staff: Staff, form: Form) -> Response:
            number = _number(form)
            if form.get("do") == "glass":
                look.action, look.what = "create", "viewer glass"
                await self._break(look, staff, form, number)
                known = await self.broker.by_number(number, staff.actor)
                assert known is not None
                return moved(f"{HOME}/people/{known.person.patient_id}")
            known = await self.broker.by_number(number, staff.actor)
            admitted = self.opener.admit(look, staff.actor, known)
            if isinstance(admitted, Forbidden):
                raise admitted
            return moved(f"{HOME}/people/{admitted.known.person.patient_id}")

        async def again(_look: Look, staff: Staff, form: Form, error: ScrError) -> Response:
            return self._page(request, staff, form, error)

        return await self.looking.run(
            request, action="query", what="viewer find", work=work, again=again, mend=_MEND
        )

    async def _break(self, look: Look, staff: Staff, form: Form, number: NHSNumber) -> None:
        async def ask() -> ClaimRequest:
            return ClaimRequest(number, check_reason(form.get("reason", "")), purpose=BTG)

        await self.claims.claim(look, staff.actor, ClaimKind.GLASS, ask)

    async def launch(self, request: Request) -> Response:
        """Open the record that a clinician's system has open, by the handle that it gave the browser.

        https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html, EHR launch. The handle is good once, for
        five minutes, and for staff of the organisation of the system.
        """

        async def work(look: Look, staff: Staff, _form: Form) -> Response:
            handle = request.query_params.get("launch", "")
            if request.query_params.get("iss", "").rstrip("/") != self.base_url:
                raise Invalid("the launch is for another record than this one", code="bad-launch")
            keys, now = self.keys, look.now
            found = await self.database.read(lambda conn: launches.look(conn, keys, handle, APP, now))
            if found is None:
                raise Invalid("the launch is over, or was used: open the viewer again", code="bad-launch")
            if staff.actor.organisation != found.organisation:
                raise Forbidden(
                    "the viewer was opened at another organisation than that of the selected role",
                    code="launch-organisation",
                )
            taken = await self.database.write(lambda conn: launches.take(conn, keys, handle, APP, now))
            if taken is None:
                raise Invalid("the launch is over, or was used: open the viewer again", code="bad-launch")
            look.details["launched_by"] = taken.system
            return moved(f"{HOME}/people/{taken.patient}")

        return await self.looking.run(
            request, action="read", what="viewer launch", work=work, interaction=Interaction.SEARCH
        )

    def _page(self, request: Request, staff: Staff, form: Form, error: ScrError | None = None) -> Response:
        errors = () if error is None else (_told(error, form),)
        return show(
            request,
            "viewer/find.html",
            error.status if error else 200,
            who=staff.who,
            errors=errors,
            number=form.get("number", ""),
            reason=form.get("reason", ""),
            glass=error is not None and error.code != "bad-number",
        )


def _number(form: Form) -> NHSNumber:
    try:
        return NHSNumber.parse(form.get("number", "").strip())
    except ValueError:
        raise Invalid("this is no valid NHS Number", code="bad-number") from None


def _told(error: ScrError, form: Form) -> FormError:
    """The sentence at the field. That nobody has the number is told as that nothing connects them."""
    if error.code == "bad-number":
        return FormError("number", _NO_NUMBER)
    if error.code == "no-reason":
        return FormError("reason", _NO_REASON, {"least": LEAST_REASON, "most": MOST_REASON})
    if form.get("do") == "glass":
        return FormError.of(error, "reason")
    return FormError("number", _CLOSED)
