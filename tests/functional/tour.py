"""All that a deployment has for citizens, carers and professionals at a browser, as one can walk through it.

The addresses are those of the application's own routes, so that one that is added later is walked to as well.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import orjson
from tests.functional.asgi import call
from tests.functional.deployment import ADA, NOBODY, SERVER
from tests.functional.online import UPSTREAM, VISIT, Browser, Online, citizen, newcomer, online
from tests.functional.test_contributing import picture
from tests.unit.api.issuing import role

from scr.api.auth.token import NrbacRole
from scr.api.directory import Directory, methods_of
from scr.api.services import now_ms
from scr.api.signin.person import SignedIn
from scr.fhir.dates import instant_text
from scr.settings import Upstream

WHOSE = "__Host-scr_whose"
ADAS = citizen(ADA, "ada", "Ada O'Sample")
STAFF = Upstream.model_validate(
    {
        "name": "cis2", "title": "CIS2", "url": "https://cis2.example", "people": "staff", "client_id": "r",
        "secret": "file:keys/signing.json", "authentication": "client_secret_post",
    }
)  # fmt: skip
FACES = ("/access/me", "/access/people", "/access/invitations", "/my", "/viewer")
"""Where citizens, carers and professionals at a browser are: each prefix of what is walked through."""


@dataclass(frozen=True)
class Stop:
    """An address, and how it is asked. ``template`` is the route's."""

    method: str
    template: str

    def path(self, names: Mapping[str, str]) -> str:
        """The address with its parts filled: of ``names``, by ``part`` or by ``address/part``."""
        found = self.template
        for part in re.findall(r"{(\w+)}", self.template):
            before = found.partition("{")[0].rstrip("/").rpartition("/")[2]
            value = names.get(f"{before}/{part}", names.get(part))
            assert value is not None, f"{self.template}: say what stands for {before}/{part}"
            found = found.replace(f"{{{part}}}", value, 1)
        return found

    @property
    def of_a_thing(self) -> bool:
        """Whether it names something by an id, beside the record."""
        return "{" in self.template.replace("{whose}", "").replace("{patient}", "")

    @property
    def of_record(self) -> bool:
        """Whether it is about a record."""
        callers = {"/access/me", "/my/whose", "/my/accept", "/viewer", "/viewer/launch"}
        return self.template not in callers and "invitations" not in self.template


def stops(place: Online, *methods: str) -> Iterator[Stop]:
    """Every address below the faces, by the routes of the application."""
    [directory] = [one for one in place.deployment.app.router.routes if isinstance(one, Directory)]
    for context in directory.contexts:
        path = str(context.path)
        if any(path == face or path.startswith(f"{face}/") for face in FACES):
            for method in sorted(methods_of(context)):
                if not methods or method in methods:
                    yield Stop(method, path)


def clinician(at: str = "A81001", code: str = "R8000", name: str = "Dr Dee") -> SignedIn:
    """A professional who signed in just now."""
    selected = msgspec.convert(role(code, at), NrbacRole)
    return SignedIn(
        "staff", "cis2", "https://cis2.example", f"{code}-{at}", name, 0, assurance="3",
        user_id=f"{code}-{at}", role=selected,
    )  # fmt: skip


@dataclass
class Tour:
    """A deployment with Ada, who has one of each thing that has an id, and Carl, who may act for her."""

    place: Online
    ada: Browser
    names: dict[str, str] = field(default_factory=dict)
    until: dict[str, str] = field(default_factory=dict)
    """By template what is asked for beside: the looks before the walk, since each step is one more."""

    async def ask(
        self,
        browser: Browser | None,
        method: str,
        path: str,
        *,
        whose: str = "",
        body: bytes | None = b"",
        **headers: str,
    ) -> httpx.Response:
        """The answer to whoever is at a browser; ``whose``: the record that was chosen there."""
        cookies = [] if browser is None else [f"{VISIT}={browser.cookie}"]
        cookies += [f"{WHOSE}={whose}"] if whose else []
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if cookies:
            sent["cookie"] = "; ".join(cookies)
        return await call(self.place.deployment.app, method, path, sent.items(), body)

    async def walk(
        self,
        browser: Browser,
        *,
        whose: str = "me",
        faces: tuple[str, ...] = FACES,
        names: Mapping[str, str] | None = None,
        by_id: bool = False,
    ) -> list[tuple[Stop, httpx.Response]]:
        """What each address of the faces answers, with Ada's ids, or those of ``names``.

        ``by_id``: only those that name something by an id, beside the record.
        """
        given, found = {**self.names, "whose": whose, **(names or {})}, []
        for stop in stops(self.place, "GET"):
            if stop.template.startswith(faces) and (stop.of_a_thing or not by_id):
                path = stop.path(given) + self.until.get(stop.template, "")
                found.append((stop, await self.ask(browser, "GET", path, whose=whose)))
        return found


@asynccontextmanager
async def touring(folder: Path, database_url: str, **settings: Any) -> AsyncIterator[Tour]:
    """One."""
    async with online(folder, database_url, upstreams=(UPSTREAM, STAFF), **settings) as place:
        tour = Tour(place, await place.browser(ADAS))
        await _made(tour)
        now = now_ms()
        tour.until = {
            "/access/people/{whose}/looks": f"?before={quote(instant_text(now))}",
            "/access/people/{whose}/AuditEvent": f"?_before={quote(instant_text(now))}",
            "/my/looked": f"?all=yes&before={now}",
        }
        yield tour


async def let_in(tour: Tour, *, carl: Browser | None = None, **more: object) -> tuple[Browser, str]:
    """Somebody, else somebody new, who acts for Ada from now on, and the id of the access."""
    carl = carl or await tour.place.browser(newcomer(NOBODY, "Carl Carer"))
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    made = await tour.ada.ask(
        "/access/people/me/carers", {"calls": "Carl", "until": until, "contributes": True, **more}
    )
    assert made.status == 201, made.body
    taken = await carl.ask("/access/invitations/accept", {"code": made.body["code"]})
    assert taken.status == 201, taken.body
    return carl, str(made.body["id"])


async def _made(tour: Tour) -> None:
    """One of each thing that has an id, of Ada."""
    ada, deployment, me = tour.ada, tour.place.deployment, "/access/people/me"

    async def done(path: str, body: object, status: int = 201) -> Any:
        told = await ada.ask(f"{me}{path}", body)
        assert told.status == status, told.body
        return told.body

    subject = await deployment.subject()
    visit = (await deployment.get("Encounter", patient=subject)).ids[0]
    condition = next(
        one for one in (await deployment.get("Condition", patient=subject)).ids if one.startswith("Cond")
    )
    note = await done("/contributions/note", {"values": {"text": "A note of mine"}})
    letter = await deployment.client.post(
        f"{SERVER}{me}/contributions/document", data={"title": "A letter"},
        files={"file": ("x.png", picture("PNG"), "image/png")},
        headers={**ada.headers, "x-csrf-token": ada.csrf["me"]},
    )  # fmt: skip
    deployment.client.cookies.clear()
    assert letter.status_code == 201, letter.text
    challenge = await done("/challenges", {"entry": visit, "reason": "I was not there"})
    _, access = await let_in(tour)
    choice = await done("/choices", {"to": ["ZZZ99"]})
    looks = (await ada.ask(f"{me}/looks")).body["looks"]
    look = next(one["id"] for one in looks if one["who"] == "professional")
    await done(f"/looks/{look}/question", {"text": "Why?"})
    kind, _, logical = condition.partition("/")
    document = orjson.loads(letter.content)["id"]
    tour.names |= {
        "whose": subject, "patient": subject, "carer": access, "delegation": access, "which": look,
        "choice": choice["id"], "contributions/logical": note["id"], "added/logical": note["id"],
        "challenges/logical": challenge["id"], "of/logical": challenge["id"], "contributions/sort": "note",
        "add/sort": "note", "home-reading/kind": "weight", "heading/heading": "problems", "number": "0",
        "entry/kind": kind, "open/kind": "DocumentReference", "document": document,
        f"{kind}/logical": logical, "DocumentReference/logical": document,
    }  # fmt: skip
