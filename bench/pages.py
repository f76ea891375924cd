"""What the first page of a held record costs the server, and how long it is."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from contextlib import ExitStack

import httpx

from bench.deployment import Deployment, fill, make_deployment, sending_feeds, serving
from bench.payloads import SUBJECT
from bench.report import Line, below
from bench.served import RESOURCES, best, folder
from scr.api.auth.token import NrbacRole
from scr.api.services import now_ms, open_services
from scr.api.signin.kept import Keep, Visit
from scr.api.signin.person import SignedIn
from scr.demo.places import HOSPITAL
from scr.fhir.identifiers import NHSNumber
from scr.settings import load

_UPSTREAM = {
    "name": "staff",
    "title": "Staff",
    "url": "https://login.invalid",
    "people": "staff",
    "client_id": "bench",
    "secret": "file:keys/upstream",
    "authentication": "client_secret_post",
}


def first_page(*, seconds: float, rounds: int) -> list[Line]:
    """The record of ``/viewer``, asked for over and over by one professional."""
    with folder() as home, ExitStack() as stack:
        deployment = make_deployment(home / "home", sending_feeds())
        _add_upstream(deployment)
        asyncio.run(fill(deployment, RESOURCES))
        cookie, patient = asyncio.run(_come_in(deployment))
        server = stack.enter_context(serving(deployment))
        url = f"{server.base_url.removesuffix('/fhir')}/viewer/people/{patient}"
        headers = {"Cookie": f"scr_visit={cookie}"}
        page = httpx.get(url, headers=headers, trust_env=False, timeout=30).raise_for_status()
        if "sources answered" not in page.text:
            raise RuntimeError("the page is not that of a whole record")
        found = best(url, headers, 1, seconds, rounds, server.pid)
    name = f"The first page of a record of {RESOURCES} held entries in the viewer"
    return [
        below(f"{name}: the server's processor time", found["cost"], 60, "ms", inclusive=True),
        Line(f"{name}: p50 alone", f"{found['p50']:.0f} ms"),
        below(f"{name}: its length", len(page.content) / 1000, 150, "kB", inclusive=True),
    ]


def _add_upstream(deployment: Deployment) -> None:
    """An upstream that nobody asks anything."""
    told = "\n".join(f"{name} = {json.dumps(value)}" for name, value in _UPSTREAM.items())
    (deployment.home / "keys" / "upstream").write_text(secrets.token_urlsafe(32), encoding="utf-8")
    settings = deployment.home / "scr.toml"
    settings.write_text(f"{settings.read_text(encoding='utf-8')}\n[[upstreams]]\n{told}\n", encoding="utf-8")


async def _come_in(deployment: Deployment) -> tuple[str, str]:
    """A doctor of the hospital, as if signed in: the cookie's value, and the id of the person's Patient."""
    role = NrbacRole("1001", HOSPITAL, "S8000:G8000:R8000", "Clinical Practitioner")
    doctor = SignedIn(
        "staff", "staff", _UPSTREAM["url"], "1000", "A doctor", int(time.time()),
        assurance="3", user_id="1000", role=role,
    )  # fmt: skip
    async with open_services(load({"home": deployment.home}).settings) as services:
        keep = Keep(services.database, services.keys, now_ms)
        known = await services.broker.by_number(NHSNumber(SUBJECT), doctor.actor())
        if known is None:
            raise RuntimeError("the person is not known")
        return await keep.put(Visit(doctor, "", "bench")), known.person.patient_id
