"""Citizens and carers at a deployment: signed in at a browser, as if through NHS login."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
from tests.functional.deployment import SERVER, Deployment, Tree, running

from scr.api.auth.token import Acting
from scr.api.sealing import open_sealer
from scr.api.services import now_ms
from scr.api.signin.kept import Keep, Visit
from scr.api.signin.person import SignedIn
from scr.data import packaged_root
from scr.fhir.identifiers import NHSNumber
from scr.settings import Upstream
from scr.store.trail import AuditRow

LOGIN = "https://login.example"
UPSTREAM = Upstream.model_validate(
    {
        "name": "nhs-login",
        "title": "NHS login",
        "url": LOGIN,
        "people": "citizens",
        "client_id": "record",
        "secret": "file:keys/signing.json",
        "authentication": "client_secret_post",
    }
)
VISIT = "__Host-scr_visit"


def citizen(number: NHSNumber | None, subject: str, name: str, **more: Any) -> SignedIn:
    """Somebody who signed in just now."""
    told = {"assurance": "P9", "vot": "P9.Cp.Cd", "nhs_number": number.value if number else "", **more}
    return SignedIn("citizens", "nhs-login", LOGIN, subject, name, int(time.time()), **told)


def newcomer(number: NHSNumber, name: str) -> SignedIn:
    """A citizen who was never here before."""
    return citizen(number, secrets.token_hex(8), name)


def carer(number: NHSNumber, subject: str, name: str, **more: Any) -> SignedIn:
    """Somebody whom NHS login lets act for the person with this number."""
    act = Acting(subject, name, identity_proofing_level="P9", vot="P9.Cp.Cd", **more)
    return citizen(number, "somebody", "", act=act, vot="")


@dataclass
class Told:
    """An answer of the JSON API."""

    status: int
    body: Tree
    headers: httpx.Headers

    @property
    def code(self) -> str:
        """The code of a problem."""
        return str(self.body["code"])


@dataclass
class Browser:
    """A browser at which somebody is signed in. ``csrf`` goes with whatever changes something."""

    deployment: Deployment
    cookie: str
    csrf: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """What the browser sends with whatever it asks for."""
        return {"cookie": f"{VISIT}={self.cookie}"}

    async def ask(
        self, path: str, body: object = None, *, method: str = "", headers: dict[str, str] | None = None
    ) -> Told:
        """GET, or POST where there is a body, with the token of the session and the record."""
        about = path.split("/")[3] if path.startswith("/access/people/") else ""
        sent = self.headers if self.cookie else {}
        if body is not None and headers is None:
            sent["x-csrf-token"] = await self._token(about)
        sent |= headers or {}
        content = b"" if body is None else orjson.dumps(body)
        method = method or ("GET" if body is None else "POST")
        answer = await self.deployment.client.request(
            method, f"{SERVER}{path}", headers=sent, content=content
        )
        assert answer.headers["cache-control"] == "no-store"
        self.deployment.client.cookies.clear()
        return Told(answer.status_code, orjson.loads(answer.content or b"{}"), answer.headers)

    async def _token(self, about: str) -> str:
        """What a form holds about a record, or about none."""
        if about not in self.csrf:
            said = await self.ask(f"/access/people/{about}" if about else "/access/me")
            self.csrf[about] = str(said.body.get("csrf", ""))
        return self.csrf[about]


@dataclass
class Online:
    """A deployment that citizens sign in to."""

    deployment: Deployment

    async def browser(self, person: SignedIn) -> Browser:
        """Where somebody has signed in."""
        services = self.deployment.services
        keep = Keep(services.database, services.keys, now_ms)
        return Browser(self.deployment, await keep.put(Visit(person, "id-token", secrets.token_urlsafe(32))))

    async def seal(self) -> str:
        """Seal the audit; the public key, as it is published."""
        services = self.deployment.services
        sealer = open_sealer(services.settings, services.database, now_ms)
        assert sealer is not None
        await sealer.seal()
        return base64.b64encode(sealer.key.public).decode()

    def rows(self, what: str) -> list[AuditRow]:
        """The audit of one kind, the newest first."""
        return [row for row in self.deployment.audit() if row.what == what]


@asynccontextmanager
async def online(
    home: Path, database_url: str, *, upstreams: tuple[Upstream, ...] = (UPSTREAM,), **settings: Any
) -> AsyncIterator[Online]:
    """A deployment with an upstream for citizens, whom it shows what no code system has classified: none is
    loaded."""
    show_unclassified(home)
    async with running(home, database_url, upstreams=upstreams, **settings) as deployment:
        yield Online(deployment)


def show_unclassified(home: Path) -> None:
    """Let citizens and carers be shown what no code system has classified."""
    labels = (packaged_root() / "consent/labels.yaml").read_text("utf-8")
    for kind in ("citizen", "carer"):
        labels = labels.replace(f"  {kind}: withheld\n", f"  {kind}: normal\n")
    (home / "consent").mkdir(parents=True)
    (home / "consent/labels.yaml").write_text(labels, "utf-8")
