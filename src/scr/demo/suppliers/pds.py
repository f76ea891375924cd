"""The Personal Demographics Service of the demonstration: OAuth with a signed JWT, and FHIR R4.

`POST /oauth2/token`, `GET /Patient/{number}`, `GET /Patient?…`, `GET /Patient/{number}/RelatedPerson`.
`scr demo slow pds SECONDS` makes it slow, `scr demo busy pds SECONDS` lets it answer 429 with that pause,
`scr demo stop pds` takes it away.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from scr.demo.suppliers.pds_register import Register, patient, related, searchset
from scr.demo.suppliers.pds_search import BadSearch, search
from scr.demo.suppliers.process import Arguments, Resource, busy_seconds, fhir_response, serve
from scr.fhir.identifiers import is_nhs_number

BASE = "/personal-demographics/FHIR/R4"
TOKEN = "/oauth2/token"  # noqa: S105 - an address
CLIENT_ID = "scr-demo"
LIFETIME = 600
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_ASSERTION = 300
_CODES = "https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode"
_MOST = 50

Handler = Callable[[web.Request], Awaitable[web.Response]]


class Clients:
    """Gives access tokens to the client whose public keys these are, and knows them again."""

    def __init__(self, keys: KeySet, audience: str) -> None:
        """``audience`` is the address of the token endpoint."""
        self._keys = keys
        self._audience = audience
        self._used: dict[str, float] = {}
        self._tokens: dict[str, float] = {}

    async def answer(self, request: web.Request) -> web.Response:
        """`POST /oauth2/token`, RFC 7523."""
        form = await request.post()
        if form.get("grant_type") != "client_credentials":
            return _oauth_error("unsupported_grant_type")
        if form.get("client_assertion_type") != _ASSERTION_TYPE or not self._trusted(
            str(form.get("client_assertion", ""))
        ):
            return _oauth_error("invalid_client")
        token = secrets.token_urlsafe(24)
        self._tokens = {one: ends for one, ends in self._tokens.items() if ends > time.time()}
        self._tokens[token] = time.time() + LIFETIME
        return web.json_response(
            {"access_token": token, "expires_in": str(LIFETIME), "token_type": "Bearer"},
            headers={"Cache-Control": "no-store"},
        )

    def accepts(self, header: str) -> bool:
        """Whether an Authorization header holds a token that was given here and is good now."""
        return self._tokens.get(header.removeprefix("Bearer "), 0.0) > time.time()

    def _trusted(self, assertion: str) -> bool:
        now = time.time()
        try:
            claims = jwt.decode(assertion, self._keys, algorithms=["RS512"]).claims
        except (JoseError, ValueError, KeyError):
            return False
        ends, once = claims.get("exp", 0), str(claims.get("jti", ""))
        self._used = {jti: until for jti, until in self._used.items() if until > now}
        good = (
            claims.get("iss") == claims.get("sub") == CLIENT_ID
            and claims.get("aud") == self._audience
            and now < ends <= now + _LONGEST_ASSERTION
            and once not in {"", *self._used}
        )
        if good:
            self._used[once] = float(ends)
        return good


class Server:
    """Answers about the people of the register."""

    def __init__(self, arguments: Arguments, clients: Clients) -> None:
        """``arguments`` tell who is held."""
        self.arguments = arguments
        self.clients = clients
        self.register = Register(arguments.seed, arguments.size)
        self.base = f"http://{arguments.host}:{arguments.port}{BASE}"
        self.answered = 0

    async def read(self, request: web.Request) -> web.Response:
        """`GET /Patient/{number}`: also by a number that gave way to another."""
        number = request.match_info["number"]
        held = self.register.find(number)
        if held is None:
            return self._nobody(number)
        response = fhir_response(patient(held))
        response.headers["ETag"] = 'W/"1"'
        return response

    async def related(self, request: web.Request) -> web.Response:
        """`GET /Patient/{number}/RelatedPerson`."""
        number = request.match_info["number"]
        held = self.register.find(number)
        if held is None:
            return self._nobody(number)
        return fhir_response(searchset([(one, 1.0) for one in related(held.person)], self.base))

    async def search(self, request: web.Request) -> web.Response:
        """`GET /Patient?…`."""
        query = {name: request.query.getall(name) for name in request.query}
        try:
            found = search(self.register, query)
        except BadSearch as error:
            return problem(400, str(error))
        most = min(int(query.get("_max-results", [str(_MOST)])[0]), _MOST)
        if len(found) > most:
            return problem(200, "TOO_MANY_MATCHES")
        return fhir_response(searchset([(patient(one, searched=True), s) for one, s in found], self.base))

    def guarded(self, handler: Handler) -> Handler:
        """A handler behind what every call has to pass: the switches, the token, the headers."""

        async def answer(request: web.Request) -> web.Response:
            response = await self._refusal(request) or await handler(request)
            for name in ("X-Request-ID", "X-Correlation-ID"):
                if name in request.headers:
                    response.headers[name] = request.headers[name]
            self.answered += 1
            self.arguments.report(answered=self.answered)
            return response

        return answer

    async def _refusal(self, request: web.Request) -> web.Response | None:
        await self.arguments.pause()
        if seconds := busy_seconds(self.arguments.folder, self.arguments.name):
            response = problem(429, "TOO_MANY_REQUESTS")
            response.headers["Retry-After"] = str(round(seconds))
            return response
        if not self.clients.accepts(request.headers.get("Authorization", "")):
            return problem(401, "ACCESS_DENIED")
        missing = "X-Request-ID" not in request.headers
        return problem(400, "MISSING_VALUE") if missing else None

    def _nobody(self, number: str) -> web.Response:
        if not is_nhs_number(number):
            return problem(400, "INVALID_RESOURCE_ID")
        gone = number in self.register.invalidated
        return problem(404, "INVALIDATED_RESOURCE" if gone else "RESOURCE_NOT_FOUND")


def problem(status: int, code: str) -> web.Response:
    """An OperationOutcome with a code of the Spine."""
    outcome: Resource = {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "value",
                "details": {"coding": [{"system": _CODES, "version": "1", "code": code}]},
            }
        ],
    }
    return fhir_response(outcome, status)


def application(arguments: Arguments, keys: KeySet) -> web.Application:
    """The web application. ``keys`` are the public keys of the one client."""
    clients = Clients(keys, f"http://{arguments.host}:{arguments.port}{TOKEN}")
    server = Server(arguments, clients)
    app = web.Application()
    app.router.add_post(TOKEN, clients.answer)
    app.router.add_get(BASE + "/Patient", server.guarded(server.search))
    app.router.add_get(BASE + "/Patient/{number}", server.guarded(server.read))
    app.router.add_get(BASE + "/Patient/{number}/RelatedPerson", server.guarded(server.related))
    return app


async def run(arguments: Arguments) -> None:
    """Serve until asked to end."""
    keys = KeySet.import_key_set(json.loads(arguments.keys))
    await serve(application(arguments, keys), arguments)


def _oauth_error(code: str) -> web.Response:
    return web.json_response({"error": code}, status=400 if code == "unsupported_grant_type" else 401)
