"""Who is there: a citizen or carer, by their session or their token; and whose record they visit."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from starlette.requests import Request

from scr.access.proxies import Right
from scr.api.auth import TokenVerifier, authorization_of
from scr.api.fhir.opened import Admitted
from scr.api.pages.sessions import same
from scr.api.signin.sign_in import SignIn
from scr.broker.known import Known
from scr.consent.actor import Actor
from scr.consent.proxies import Online
from scr.errors import Forbidden, Unauthenticated

_SAFE = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is there, whosever record they may see. ``secret`` is of their session, empty for a token.

    ``csrf`` stands in each form, and in the header ``X-CSRF-Token`` of what a page's script sends.
    """

    actor: Actor
    secret: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The name of who is there, as their sign-in told it."""
        return self.actor.name

    @property
    def csrf(self) -> str:
        """What a form of theirs holds that is about nobody's record."""
        return form_token(self.secret, "")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is there and whose record it is: only made where the policy lets them see it as a whole.

    ``actor`` is who asks: a carer has the person's number as ``patient``, and their own subject and name.
    ``csrf`` is of this session and this person: a form that was opened for one counts for no other.
    """

    caller: Caller
    actor: Actor
    admitted: Admitted = field(repr=False)
    right: Right

    @property
    def known(self) -> Known:
        """The person, as the index knows them."""
        return self.admitted.known

    @property
    def person(self) -> str:
        """The opaque key of the person, the one retained of several that are linked."""
        return self.known.person.key

    @property
    def people(self) -> tuple[str, ...]:
        """The opaque keys of everybody who is read as one with the person."""
        return tuple(each.key for each in self.known.view)

    @property
    def patient(self) -> str:
        """The logical id of the person's Patient."""
        return self.known.person.patient_id

    @property
    def own(self) -> bool:
        """Whether it is their own record."""
        return self.online.own

    @property
    def online(self) -> Online:
        """The facts on which it was decided."""
        return self.right.online

    @property
    def name(self) -> str:
        """The name of who is there."""
        return self.actor.name

    @property
    def of(self) -> str:
        """The name of whose record it is, as the index knows it; empty where nobody told."""
        told = self.known.person.demographics
        return " ".join([*told.given, *filter(None, [told.family])])

    @property
    def csrf(self) -> str:
        """What a form of theirs about this record holds."""
        return form_token(self.caller.secret, self.patient)


@dataclass(frozen=True, slots=True)
class Door:
    """Tells who is there."""

    verifier: TokenVerifier
    sign_in: SignIn

    async def caller(self, request: Request) -> Caller:
        """By the token that was sent, else by the session of the browser. Raises Unauthenticated."""
        authorization = authorization_of(request)
        if authorization is not None:
            return Caller(await self.verifier.actor(authorization))
        there = None if _crossed(request) else await self.sign_in.visit(request)
        if there is None or there.person.population != "citizens":
            raise Unauthenticated("sign in, or send a bearer token", code="no-token")
        return Caller(there.person.actor(), there.csrf)


def check_sent(request: Request, caller: Caller, wanted: str, sent: str | None) -> None:
    """Raises Forbidden where what a browser sent to change something was not sent by a page of ours.

    A token is no cookie: nobody makes a browser send one.
    """
    if request.method in _SAFE or not caller.secret:
        return
    if sent is None or not same(sent, wanted):
        raise Forbidden("the form is not of this session: open the page again", code="stale-form")


def form_token(secret: str, about: str) -> str:
    """What a form holds: of a session, about one record, or none. Empty for a token, which has no forms."""
    if not secret:
        return ""
    return hmac.new(secret.encode(), f"form\x1f{about}".encode(), hashlib.sha256).hexdigest()


def _crossed(request: Request) -> bool:
    """Whether another site made the browser send it."""
    return request.method not in _SAFE and request.headers.get("sec-fetch-site", "") == "cross-site"
