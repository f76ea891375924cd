"""What Schemathesis makes of the description of an application, asked of it, and held to what was described.

Each case is asked by somebody who may ask there, by nobody, and with a token that nobody gave: the first may
get anything that is described, and the others nothing of anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import orjson
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.errors import SchemathesisError
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case as CaseOf
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.assurance.described import PUBLIC, described
from tests.functional.asgi import call
from tests.functional.deployment import SECRETS, SERVER
from tests.functional.online import VISIT
from tests.functional.tour import WHOSE, Tour, clinician

from scr.api.services import now_ms
from scr.api.signin.kept import Keep, Visit

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
CLOSED = frozenset({303, 400, 401, 403, 404, 405, 406, 413, 415, 422, 429})
"""What somebody who is nobody gets: the way to sign in, or a refusal; of what they sent, or of them."""
NAMES = ("O'Sample", "O&#39;Sample", "Sample Surgery", "Sample Hospital")
_PART = re.compile(r"{\w+}")
_BEARERS = {
    "/fhir/Consent": "R0001", "/fhir/AuditEvent": "R0001", "/fhir": "R8000", "/intake": "R8000",
    "/onboarding/providers": "R5007", "/access/desk": "R0001", "/access/sources": "R0001",
    "/misuse": "R0001",
}  # fmt: skip
"""With a token of which role each face is asked that goes by tokens."""
_STAFF = {
    "/viewer": "R8000",
    "/why": "R8000",
    "/privacy": "R0001",
    "/review": "R8013",
    "/onboarding": "R5007",
}
"""Which role is signed in at a browser for each face of pages; citizens are for the others."""
Operation = APIOperation[Any, Any, Any, Any]
Case = CaseOf[Operation]


@dataclass
class Examined:
    """A tour with its description. ``wrong`` is what was found; ``asked`` how many calls were made, and
    ``good`` how many of them were answered."""

    tour: Tour
    operations: list[Operation]
    cookies: Mapping[str, str]
    csrf: str
    wrong: list[str] = field(default_factory=list)
    asked: int = 0
    good: int = 0

    async def hold(self, case: Case) -> None:
        """Put one case three times, and note where an answer is not what was described."""
        sent = _prepared(case)
        for who in ("somebody", "nobody", "a token that nobody gave"):
            headers = [*sent.headers.items(), *self._credentials(who, case.operation.path)]
            body = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
            told = await call(self.tour.place.deployment.app, case.method, sent.path_url, headers, body)
            self.asked += 1
            told.request = httpx.Request(case.method, f"{SERVER}{sent.path_url}", content=body)
            told.elapsed = timedelta()
            if who == "somebody" or PUBLIC.search(case.operation.path):
                why = described_otherwise(case, told)
                self.good += 200 <= told.status_code < 300
            else:
                why = open_to_nobody(told)
            if why:
                self.wrong.append(f"{case.operation.label}, {who}: {why}; {case.as_curl_command()}"[:1500])

    async def unknown(self, method: str, path: str, silent: bool) -> httpx.Response:
        """What an address answers to nobody: ``silent``, or with a token that nobody gave."""
        headers = self._credentials("nobody" if silent else "a token that nobody gave", path)
        return await call(self.tour.place.deployment.app, method, path, headers)

    async def sent(self, operation: Operation, body: bytes) -> httpx.Response:
        """What an operation answers to somebody who may ask there, and sends a body of JSON."""
        path = _PART.sub("y" * 26, operation.path.replace("{whose}", "me").replace("{sort}", "note"))
        headers = [("content-type", "application/json"), *self._credentials("somebody", operation.path)]
        return await call(self.tour.place.deployment.app, operation.method.upper(), path, headers, body)

    def _credentials(self, who: str, path: str) -> Iterator[tuple[str, str]]:
        if who == "nobody":
            return
        if who != "somebody":
            yield "authorization", f"Bearer {'a' * 40}.{'b' * 40}.{'c' * 40}"
            yield "cookie", f"{VISIT}={'z' * 43}; {WHOSE}=me; scr_session={'z' * 43}"
            return
        role = next((role for face, role in _BEARERS.items() if path.startswith(face)), "")
        if role:
            yield "authorization", self.tour.place.deployment.bearer(role, scope="user/*.cruds")
            return
        face = next((face for face in _STAFF if path.startswith(face)), "/my")
        yield "cookie", f"{VISIT}={self.cookies[face]}; {WHOSE}=me"
        yield "x-csrf-token", self.csrf


async def examined(tour: Tour, turn: int = 0) -> Examined:
    """Everything that the application of a tour has, as Schemathesis reads it; in each ``turn`` with other
    parameters."""
    deployment, cookies = tour.place.deployment, {}
    statement = orjson.loads((await call(deployment.app, "GET", "/fhir/metadata")).content)
    names = {**tour.names, **await _ids(tour)}
    for face, role in {**_STAFF, "/my": ""}.items():
        browser = tour.ada if not role else await tour.place.browser(clinician(code=role))
        keep = Keep(deployment.services.database, deployment.services.keys, now_ms)
        visit = await keep.find(Visit, browser.cookie)
        assert visit is not None
        names[f"csrf {face}"] = await browser._token("me") if not role else visit.csrf
        cookies[face] = browser.cookie
    schema = schemathesis.openapi.from_dict(described(deployment.app, statement, names, turn))
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    return Examined(tour, sorted(operations, key=lambda one: one.label), cookies, names["csrf /my"])


async def _ids(tour: Tour) -> dict[str, str]:
    """An id of each type that is in the record."""
    said = await tour.place.deployment.get(f"Patient/{tour.names['patient']}/$everything", _count="1000")
    there = {f"{one.partition('/')[0]}/logical": one.partition("/")[2] for one in said.ids}
    return {**there, "Patient/logical": tour.names["patient"]}


def cases(operation: Operation, number: int, start: int = 0) -> list[Case]:
    """So many cases of an operation, the same for the same ``start``: half of them fit what is described."""
    made: list[Case] = []
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    for turn, mode in enumerate(modes[: min(number, 2)]):
        most = (number + 1 - turn) // 2

        @seed(start)
        @settings(
            max_examples=most,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(mode))
        def collect(case: Case) -> None:
            made.append(case)

        with suppress(Unsatisfiable, SchemathesisError):  # whatever is sent there fits
            collect()
    return made[:number]


def described_otherwise(case: Case, told: httpx.Response) -> str:
    """What of an answer was not described; empty where all was, and no number stands in what refuses."""
    if told.status_code >= 400 and any(number in told.text for number in SECRETS):
        return "a refusal has a number in it"
    try:
        case.validate_response(told, checks=CHECKS)
    except BaseExceptionGroup as wrong:
        return "; ".join(str(one).partition("\n\nReproduce")[0] for one in wrong.exceptions)
    return ""


def open_to_nobody(told: httpx.Response) -> str:
    """What nobody should have been given; empty where it was refused, with nobody's name or number."""
    if told.status_code not in CLOSED:
        return f"was let in with {told.status_code}"
    if any(text in told.text for text in (*SECRETS, *NAMES)):
        return "was told of somebody"
    return ""


def _prepared(case: Case) -> requests.PreparedRequest:
    kwargs = case.as_transport_kwargs(base_url=SERVER)
    return requests.Request(**kwargs).prepare()
