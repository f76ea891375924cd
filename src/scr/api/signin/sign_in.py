"""Signing in and out of our own pages through an upstream.

Between a browser and an upstream stand a state, a nonce and a code verifier (RFC 7636), each new and good
once; a cookie ties the state to the browser that began, and what is kept under it to the upstream that was
asked. Each sign-in makes a session with a new name.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.pages.render import moved
from scr.api.signin.id_token import LEEWAY_SECONDS, read_id_token, read_logout_token
from scr.api.signin.kept import Attempt, Choice, Keep, Visit
from scr.api.signin.party import Party
from scr.api.signin.person import Population, SignedIn
from scr.api.signin.told import options
from scr.consent.policy import Policy
from scr.errors import Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from scr.store import spent
from scr.store.sessions import Upstream

_OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,4000}\Z")
"""A path of ours and its query: no host, no backslash, no space, nothing outside ASCII."""
_NAME = re.compile(r"[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True)
class Cookies:
    """The names of the cookies: with the prefix ``__Host-`` where the deployment is reached over https."""

    secure: bool

    def name(self, what: str) -> str:
        """Of one of them."""
        return f"__Host-scr_{what}" if self.secure else f"scr_{what}"

    def set(self, answer: Response, what: str, value: str, seconds: int | None = None) -> None:
        """Lax: the browser comes back from the upstream with them, and with no form of another site."""
        answer.set_cookie(
            self.name(what), value, seconds, path="/", httponly=True, samesite="lax", secure=self.secure
        )

    def clear(self, answer: Response, what: str) -> None:
        """Let the browser forget one."""
        answer.delete_cookie(self.name(what), path="/", httponly=True, samesite="lax", secure=self.secure)


@dataclass(frozen=True, slots=True)
class SignIn:
    """The sign-in of a deployment: who is there, and how somebody comes to be."""

    parties: Mapping[str, Party]
    keep: Keep
    policy: Policy
    cookies: Cookies

    def offers(self, population: Population) -> Party | None:
        """The upstream of a population, where one is configured."""
        return next((each for each in self.parties.values() if each.settings.people == population), None)

    async def current(self, request: Request) -> SignedIn | None:
        """Who is signed in at this browser; None where nobody is. Raises Unavailable."""
        visit = await self.visit(request)
        return None if visit is None else visit.person

    async def visit(self, request: Request) -> Visit | None:
        """Who is signed in at this browser, and the secret of its forms.

        Who came through an upstream that is none of ours any more, or less surely than the policy wants by
        now, is not.
        """
        visit = await self.keep.find(Visit, request.cookies.get(self.cookies.name("visit")))
        if visit is None:
            return None
        person, party = visit.person, self.parties.get(visit.person.upstream)
        known = party is not None and party.settings.url == person.issuer
        return visit if known and self._sure(person) else None

    async def begin(
        self, request: Request, population: Population, return_to: str, *, anew: bool = False
    ) -> Response:
        """Send the browser to the upstream; after it, to ``return_to``, a path of ours with its query.

        ``anew``: the upstream is to prove them once more, whether or not it knows the browser.
        Raises Invalid ``bad-return`` for another address, Unavailable ``no-upstream`` and ``upstream-down``.
        """
        if not _OWN_PATH.match(return_to):
            raise Invalid("the page to come back to is not one of ours", code="bad-return")
        party = self.offers(population)
        if party is None:
            raise Unavailable("nobody can sign in here: no upstream is configured", code="no-upstream")
        browser = request.cookies.get(self.cookies.name("attempt"), "")
        if not _NAME.match(browser):
            browser = secrets.token_urlsafe(32)
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        attempt = Attempt(party.settings.name, nonce, verifier, return_to, _digest(browser))
        await party.directory.metadata()  # an upstream that is down leaves nothing behind
        address = await party.authorisation(await self.keep.put(attempt), nonce, verifier, anew=anew)
        answer = moved(address)
        self.cookies.set(answer, "attempt", browser, 600)
        return answer

    async def attempt(self, request: Request, upstream: str) -> tuple[Party, Attempt]:
        """The attempt that an answer of an upstream belongs to; it is used up.

        Raises Unauthenticated ``bad-state``, ``wrong-issuer`` (RFC 9207).
        """
        party = self.party(upstream)
        attempt = await self.keep.take(Attempt, _one(request, "state"))
        browser = request.cookies.get(self.cookies.name("attempt"), "")
        if attempt is None or not hmac.compare_digest(attempt.browser, _digest(browser)):
            raise Unauthenticated(
                "this sign-in was not begun in this browser, or was used: begin again", code="bad-state"
            )
        issuer = _one(request, "iss")
        named = (await party.directory.metadata()).names_itself
        if attempt.upstream != upstream or (issuer != party.settings.url and (issuer or named)):
            raise Unauthenticated("the answer is that of another issuer: begin again", code="wrong-issuer")
        return party, attempt

    async def answered(self, request: Request, party: Party, attempt: Attempt) -> Choice:
        """As whom somebody may come in. Raises Unauthenticated, Forbidden, Unavailable."""
        if _one(request, "error"):
            told = f"{party.settings.title} signed nobody in: begin again"
            raise Unauthenticated(told, code="upstream-refused")
        code = _one(request, "code")
        if not code:
            raise Unauthenticated("the answer holds no code: begin again", code="bad-answer")
        tokens = await party.redeem(code, attempt.verifier)
        signed = await read_id_token(
            tokens.id_token,
            party.directory,
            nonce=attempt.nonce,
            access_token=tokens.access_token,
            now=party.clock(),
        )
        ways = options(party.settings, signed, await party.told(tokens), self.keep.now() // 1000)
        if not all(self._sure(way.person) for way in ways):
            raise Forbidden("the sign-in does not tell surely enough who it was", code="assurance")
        return Choice(list(ways), attempt.return_to, tokens.id_token, secrets.token_urlsafe(32))

    def _sure(self, person: SignedIn) -> bool:
        """The sign-in was as sure as the policy wants of such people (``assurance`` of roles.yaml)."""
        wanted = self.policy.assurance.get(person.kind)
        return wanted is None or person.assurance in wanted

    def visit_as(self, choice: Choice, option: str) -> Visit:
        """The visit of one of the ways to come in. Raises Invalid, Unauthenticated."""
        if not (option.isascii() and option.isdigit() and int(option[:4]) < len(choice.options)):
            raise Invalid("choose one of these", code="choose-one")
        person = choice.options[int(option[:4])].person
        person.actor()  # nobody comes in whom no page could name
        return Visit(person, choice.id_token, secrets.token_urlsafe(32))

    async def enter(self, request: Request, visit: Visit) -> str:
        """Begin a visit in place of what this browser had; gives the name for its cookie."""
        await self.leave(request)
        return await self.keep.put(visit)

    async def leave(self, request: Request) -> Visit | None:
        """End what this browser has: a visit, and a choice that was not made. Gives the visit."""
        await self.keep.take(Choice, request.cookies.get(self.cookies.name("choice")))
        return await self.keep.take(Visit, request.cookies.get(self.cookies.name("visit")))

    async def end_from_there(self, upstream: str, token: str) -> int:
        """End the visits that a logout token names; how many. Raises Unauthenticated, Unavailable."""
        party = self.party(upstream)
        told = await read_logout_token(token, party.directory, party.clock())
        until = int((told.iat + 3600 + LEEWAY_SECONDS) * 1000)
        keep = self.keep
        fresh = await keep.database.write(
            lambda connection: spent.spend(connection, keep.keys, "logout", told.iss, told.jti, until)
        )
        if not fresh:
            raise Unauthenticated("the logout token was used before, and counts once", code="used-before")
        return await keep.end_upstream(Upstream(told.iss, told.sub, told.sid))

    def party(self, upstream: str) -> Party:
        """One of our upstreams. Raises NotFound."""
        party = self.parties.get(upstream)
        if party is None:
            raise NotFound("there is no such issuer here", code="no-upstream")
        return party


def _one(request: Request, name: str) -> str:
    """A parameter that stands once, or not at all. Raises Unauthenticated ``bad-answer``."""
    found = request.query_params.getlist(name)
    if len(found) > 1:
        raise Unauthenticated("the answer says something twice: begin again", code="bad-answer")
    return found[0] if found else ""


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
