"""The programme lead's pages: sessions, forms, and what no other site can do with them."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey
from tests.unit.api.issuing import TestIssuer, role

from scr.api.desk import Desk
from scr.api.onboarding import PROGRAMME
from scr.api.pages.onboarding import OnboardingPages
from scr.api.pages.sessions import Sessions
from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.fhir.identifiers import OdsCode
from scr.mapping.provider import DropFolderConnection, Feed, Provider
from scr.onboarding.programme import Programme, Standing
from scr.settings import Settings
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.onboarding import Stage
from scr.store.trail import recent

COUNCIL = OdsCode("ZZC01")
NOW = 1_767_225_600_000
KEY = ECKey.generate_key("P-256", {"kid": "ec-1"})
ONE_ENGINE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
pytestmark = ONE_ENGINE
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Site:
    """The pages of a programme with one provider, and a browser."""

    client: httpx.AsyncClient
    database: Database
    programme: Programme
    issuer: TestIssuer = field(default_factory=lambda: TestIssuer(KEY))
    seconds: float = 0

    def token(self, code: str = "R5007") -> str:
        """A token of somebody in a role."""
        return self.issuer.token(nhsid_nrbac_roles=[role(code)])

    async def sign_in(self) -> httpx.Response:
        """Sign in as the programme lead; gives the list of providers."""
        form = await self.client.get("/onboarding/session")
        data = {"csrf": csrf(form), "token": self.token()}
        answer = await self.client.post("/onboarding/session", data=data)
        assert answer.status_code == 303, answer.text
        return await self.client.get("/onboarding")

    async def council(self) -> Standing:
        """Where the provider stands."""
        return await self.programme.show(COUNCIL)


@pytest.fixture
async def site(database: Database, keys: KeyRing, tmp_path: Path) -> AsyncIterator[Site]:
    """The pages, reached over https."""
    feed = Feed(name="f", adapter="client-level-data", connection=DropFolderConnection(kind="drop-folder"))
    council = Provider(
        ods=COUNCIL, name="Council <i>", organisation_type="council", go_live=None, feeds=(feed,)
    )
    files = DataFiles(tmp_path)
    programme = Programme(database, files, Settings(home=tmp_path), {COUNCIL: council}, {}, lambda: NOW)
    await programme.declare_live(by="tests", evidence="a test")
    app = FastAPI()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://record.test") as client:
        made = Site(client, database, programme)
        verifier = made.issuer.verifier(clock=lambda: time.time() + made.seconds)
        desk = Desk(PROGRAMME, verifier, load_policy(files), database, lambda: NOW)
        sessions = Sessions(database, keys, lambda: NOW)
        app.include_router(OnboardingPages(desk, programme, sessions, secure=True).router())
        yield made


def csrf(answer: httpx.Response) -> str:
    """The token of the forms on a page: it is the same in each."""
    found = set(_CSRF.findall(answer.text))
    assert len(found) == 1
    return str(found.pop())


async def test_a_session_is_named_by_a_cookie_that_scripts_and_other_sites_do_not_get(site: Site) -> None:
    """HttpOnly, SameSite=Strict, over https only where the deployment is; never one that was chosen."""
    form = await site.client.get("/onboarding/session")
    site.client.cookies.set("scr_session", "chosen", domain="record.test", path="/onboarding")
    answer = await site.client.post("/onboarding/session", data={"csrf": csrf(form), "token": site.token()})
    [cookie] = [one for one in answer.headers.get_list("set-cookie") if one.startswith("scr_session=")]
    assert {"HttpOnly", "SameSite=strict", "Secure", "Path=/onboarding"} <= set(cookie.split("; "))
    assert "chosen" not in cookie
    for page in (form, await site.client.get("/onboarding")):
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert "<script" not in page.text


async def test_without_a_session_every_page_asks_to_sign_in(site: Site) -> None:
    """The pages and the forms; the audit is not written for them, since nothing is looked at."""
    for method, path in (
        ("GET", ""), ("GET", "/view/ZZC01"), ("POST", "/view/ZZC01/promote"), ("POST", "/view/ZZC01/undo"),
    ):  # fmt: skip
        answer = await site.client.request(method, f"/onboarding{path}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/onboarding/session")
    assert (await site.council()).state.stage is Stage.LIVE


async def test_a_form_of_another_site_does_nothing(site: Site) -> None:
    """Without the token of the form, with another one, or sent from elsewhere."""
    own = csrf(await site.sign_in())
    told = {"gate": "live", "reason": "gotcha", "undo_by": "Mallory"}
    path = "/onboarding/view/ZZC01/undo"
    forged: list[dict[str, str]] = [{}, {"csrf": ""}, {"csrf": "x" * 43}]
    for each in forged:
        assert (await site.client.post(path, data=told | each)).status_code == 403
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    sent = await site.client.post(path, data=told | {"csrf": own}, headers=elsewhere)
    assert (sent.status_code, sent.headers["location"]) == (303, "/onboarding/session")
    assert (await site.council()).state.stage is Stage.LIVE
    assert (await site.client.post(path, data=told | {"csrf": own})).status_code == 303
    assert (await site.council()).state.stage is Stage.LIVE_FOR_TESTERS


async def test_nobody_is_signed_in_by_another_site(site: Site) -> None:
    """The sign-in form has a token too, which only the browser that was shown it can send."""
    data = {"token": site.token(), "csrf": csrf(await site.client.get("/onboarding/session"))}
    site.client.cookies.clear()
    answer = await site.client.post("/onboarding/session", data=data)
    assert (answer.status_code, "scr_session" in answer.headers.get("set-cookie", "")) == (400, False)


async def test_a_session_ends_with_its_token(site: Site) -> None:
    """The token is checked at each request: expired, it opens nothing, and the sign-in page says why."""
    assert (await site.sign_in()).status_code == 200
    site.seconds = 400
    over = await site.client.get("/onboarding")
    assert (over.status_code, "has expired" in over.text) == (401, True)
    site.seconds = 0
    assert (await site.client.get("/onboarding")).headers["location"] == "/onboarding/session"


async def test_signing_out_ends_the_session(site: Site) -> None:
    """For that cookie too, should somebody have kept it; another site's form signs nobody out."""
    own = csrf(await site.sign_in())
    kept = site.client.cookies.get("scr_session", path="/onboarding")
    await site.client.post("/onboarding/session/end", data={"csrf": "x"})
    for cookie, status in ((kept, 200), (kept, 303)):
        site.client.cookies.set("scr_session", str(cookie), domain="record.test", path="/onboarding")
        assert (await site.client.get("/onboarding")).status_code == status
        await site.client.post("/onboarding/session/end", data={"csrf": own})


async def test_what_somebody_wrote_is_text_on_the_page(site: Site) -> None:
    """Markup in a reason or a name is shown, and is none."""
    own = csrf(await site.sign_in())
    told = {"csrf": own, "gate": "live", "reason": "<script>alert(1)</script>", "undo_by": "<b>Ann</b>"}
    await site.client.post("/onboarding/view/ZZC01/undo", data=told)
    page = (await site.client.get("/onboarding/view/ZZC01")).text
    assert "&lt;script&gt;alert(1)" in page
    assert not [tag for tag in ("<script", "<b>", "<i>") if tag in page]


UNREADABLE = [(b"csrf=%ff&gate=live", 400), (b"\xff", 400), (b"a=" + b"x" * 70_000, 413), (b"a&" * 70, 400)]


@pytest.mark.parametrize(("body", "status"), UNREADABLE)
async def test_a_form_that_cannot_be_read_is_refused(site: Site, body: bytes, status: int) -> None:
    """And changes nothing."""
    await site.sign_in()
    answer = await site.client.post("/onboarding/view/ZZC01/undo", content=body)
    assert answer.status_code == status
    assert (await site.council()).state.stage is Stage.LIVE


async def test_every_look_is_in_the_audit(site: Site) -> None:
    """Signing in, the list, one provider, and what was refused."""
    await site.sign_in()
    await site.client.get("/onboarding/view/ZZC01")
    form = await site.client.get("/onboarding/session")
    data = {"csrf": csrf(form), "token": site.token("R8000")}
    assert (await site.client.post("/onboarding/session", data=data)).status_code == 403
    rows = await site.database.read(recent)
    assert sorted((row.action, row.outcome) for row in rows) == [
        ("list", "success"), ("read", "success"), ("sign-in", "refused"), ("sign-in", "success"),
    ]  # fmt: skip


async def test_without_a_database_nobody_is_signed_in_and_nobody_signed_out(
    site: Site, database: Database
) -> None:
    """A page says so, and the browser keeps its session for when the database is back."""
    own = csrf(await site.sign_in())
    form = await site.client.get("/onboarding/session")
    database.close()
    again = {"csrf": csrf(form), "token": site.token()}
    for answer in (
        await site.client.get("/onboarding"),
        await site.client.post("/onboarding/session/end", data={"csrf": own}),
        await site.client.post("/onboarding/session", data=again),
    ):
        assert answer.status_code == 503
        assert "scr_session=" not in answer.headers.get("set-cookie", "")


async def test_a_form_that_cannot_be_read_signs_nobody_out(site: Site) -> None:
    """Nor does one without the token of the session; the style sheet needs neither."""
    await site.sign_in()
    for body, status in ((b"csrf=%ff", 400), (b"", 303)):
        sent = await site.client.post(
            "/onboarding/session/end",
            content=body,
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert sent.status_code == status
        assert (await site.client.get("/onboarding")).status_code == 200
    assert (await site.client.get("/onboarding/pages.css")).status_code == 200
