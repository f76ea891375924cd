"""The pages of the programme lead: every provider with its bar and its days, and one provider's gates.

They are a site of signed-in people (``scr.api.pages.signed_in``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.desk import Desk
from scr.api.onboarding import ods_code
from scr.api.pages.render import moved
from scr.api.pages.sessions import Session, Sessions
from scr.api.pages.signed_in import Form, Sent, SignedIn, Site
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.errors import Invalid, ScrError
from scr.onboarding.gates import GATES, TITLES, Evidence
from scr.onboarding.programme import Programme, Standing, pressing
from scr.store.onboarding import Stage

SITE = Site("/onboarding", "Onboarding", "All providers", "For those who run the onboarding of providers")
_SOON_DAYS = 30
_PROMOTE = ("by", "reference", "report", "digest", "note", "testers")
_UNDO = ("gate", "reason", "undo_by")

_FIELDS = {
    "no-name": {"promote": "by", "undo": "undo_by"},
    "no-evidence": {"promote": "reference"},
    "bad-digest": {"promote": "digest"},
    "no-testers": {"promote": "testers"},
    "bad-testers": {"promote": "testers"},
    "no-reason": {"undo": "reason"},
}
"""The field that an error is about, by its code and the form; another error is about the form."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A form that was not taken: which one, what it held, and the sentence to show."""

    form: str
    values: Form
    error: ScrError

    @property
    def field(self) -> str:
        """The id of the field that has to be changed; empty where it is no single one."""
        return _FIELDS.get(self.error.code, {}).get(self.form, "")

    @property
    def target(self) -> str:
        """The id of what the summary leads to."""
        return self.field or self.form


class OnboardingPages:
    """``/onboarding`` and the pages below it."""

    def __init__(self, desk: Desk, programme: Programme, sessions: Sessions, *, secure: bool) -> None:
        """``secure``: the deployment is reached over https, and its cookies over nothing else."""
        self._programme = programme
        self._site = SignedIn(SITE, desk, sessions, secure=secure)

    def router(self) -> Router:
        """The routes of the pages."""
        router = self._site.router()
        router.add_api_route("", self.overview, methods=["GET"])
        router.add_api_route("/view/{ods}", self.show, methods=["GET"])
        router.add_api_route("/view/{ods}/promote", self.promote, methods=["POST"])
        router.add_api_route("/view/{ods}/undo", self.undo, methods=["POST"])
        return router

    async def overview(self, request: Request) -> Response:
        """Every provider, the most pressing first."""

        async def work(session: Session, actor: Actor) -> Response:
            standings = sorted(await self._programme.overview(), key=pressing)
            return self._site.page(
                "overview.html", session=session, actor=actor, standings=standings, counts=_counts(standings),
                total=len(GATES), titles=TITLES, soon=_SOON_DAYS,
            )  # fmt: skip

        return await self._site.run(request, "list", work)

    async def show(self, request: Request, ods: str) -> Response:
        """One provider: its gates with their evidence, what comes next, and its history."""

        async def work(session: Session, actor: Actor) -> Response:
            standing = await self._programme.show(ods_code(ods))
            done = request.query_params.get("done") in ("promote", "undo")
            return self._detail(session, actor.name, standing, None, done=done)

        return await self._site.run(request, "read", work, details={"provider": ods[:12]})

    async def promote(self, request: Request, ods: str) -> Response:
        """Take a provider through its next gate."""

        async def do(form: Form, actor: Actor) -> None:
            evidence = Evidence(
                _stage(form.get("gate", "")),
                form.get("by", ""),
                reference=form.get("reference", ""),
                report=form.get("report", ""),
                digest=form.get("digest", ""),
                note=form.get("note", ""),
                testers=frozenset(form.get("testers", "").splitlines()),
            )
            await self._programme.promote(ods_code(ods), evidence, actor)

        return await self._submitted(request, ods, "promote", _PROMOTE, do)

    async def undo(self, request: Request, ods: str) -> Response:
        """Undo a gate of a provider."""

        async def do(form: Form, actor: Actor) -> None:
            gate, by = _stage(form.get("gate", "")), form.get("undo_by", "")
            await self._programme.undo(ods_code(ods), form.get("reason", ""), by, actor, gate=gate)

        return await self._submitted(request, ods, "undo", _UNDO, do)

    async def _submitted(
        self,
        request: Request,
        ods: str,
        action: str,
        fields: Sequence[str],
        do: Callable[[Form, Actor], Awaitable[None]],
    ) -> Response:
        """Take a form of a provider's page: done, look at the provider; refused, show it again."""

        async def work(sent: Sent) -> Response:
            await do(sent.form, sent.actor)
            return moved(f"{SITE.home}/view/{ods_code(ods)}?done={action}")

        async def again(sent: Sent, error: ScrError) -> Response:
            standing = await self._programme.show(ods_code(ods))
            values = {name: sent.form.get(name, "") for name in fields}
            return self._detail(sent.session, sent.actor.name, standing, Refused(action, values, error))

        return await self._site.take(request, action, work, again, details={"provider": ods[:12]})

    def _detail(
        self,
        session: Session,
        who: str,
        standing: Standing,
        refused: Refused | None,
        *,
        done: bool = False,
    ) -> Response:
        """The page of one provider. ``done``: say what the last event of its history did."""
        state = standing.state
        gates = [(gate, state.passed.get(gate.stage)) for gate in GATES]
        status = refused.error.status if refused else 200
        blank = dict.fromkeys((*_PROMOTE, *_UNDO), "") | {"by": who, "undo_by": who}
        values = blank | dict(refused.values if refused else {})
        return self._site.page(
            "provider.html", status, session=session, standing=standing, gates=gates, total=len(GATES),
            titles=TITLES, refused=refused, values=values, soon=_SOON_DAYS,
            testing=Stage.LIVE_FOR_TESTERS, history=standing.history[::-1], done=done,
        )  # fmt: skip


def _counts(standings: Sequence[Standing]) -> dict[str, int]:
    return {
        "all": len(standings),
        "live": sum(s.state.stage is Stage.LIVE for s in standings),
        "overdue": sum(s.clock is not None and s.clock.overdue for s in standings),
        "soon": sum(
            s.clock is not None and s.clock.live_on is None and 0 <= s.clock.days_left <= _SOON_DAYS
            for s in standings
        ),
    }


def _stage(text: str) -> Stage:
    try:
        return Stage(text)
    except ValueError:
        raise Invalid("there is no such gate", code="bad-gate") from None
