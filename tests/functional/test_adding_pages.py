"""The pages by which people add to their record, say what is wrong in it, and are told of what is new."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, unquote

import httpx
import pytest
from tests.functional.deployment import ADA, BERT, SERVER
from tests.functional.online import VISIT, Online, citizen, online
from tests.functional.test_contributing import picture

from scr.api.services import now_ms
from scr.api.signin.kept import Keep, Visit

# What is kept is tried on either database elsewhere: here it is the pages.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HOSTILE = "<script>alert(1)</script> 50% of 'it' & \"more\" {{ 7 * 7 }} %(name)s"


@pytest.fixture
async def place(tmp_path: Path, database_url: str) -> AsyncIterator[Online]:
    """A deployment that citizens sign in to."""
    async with online(tmp_path, database_url) as made:
        yield made


class Reader:
    """Somebody at a browser that knows no script."""

    def __init__(self, client: httpx.AsyncClient, cookie: str) -> None:
        self._client = client
        self._cookie = cookie

    async def open(self, path: str, *, status: int = 200) -> str:
        """A page."""
        said = await self._client.get(f"{SERVER}{path}", headers={"cookie": f"{VISIT}={self._cookie}"})
        assert said.status_code == status, said.text
        assert "script-src 'self'" in said.headers["content-security-policy"]
        assert len(said.content) < 150_000
        assert HOSTILE not in said.text
        self._client.cookies.clear()
        return said.text

    async def send(self, path: str, typed: dict[str, str], *, file: bytes | None = None) -> httpx.Response:
        """Fill the form of a page, and send it."""
        page = await self.open(path)
        hidden = dict(re.findall(r'<input type="hidden" name="([a-z]+)" value="([^"]*)"', page))
        files = None if file is None else {"file": ("x.exe", file, "text/html")}
        said = await self._client.post(
            f"{SERVER}{path}",
            data={**hidden, **typed},
            files=files,
            headers={"cookie": f"{VISIT}={self._cookie}"},
        )
        self._client.cookies.clear()
        return said


async def test_every_form_keeps_what_was_typed_and_adds_it(place: Online) -> None:
    """From the start page to what was added: each form refuses, keeps, takes; what was typed is inert."""
    person = await place.browser(citizen(ADA, "ada", HOSTILE))
    reader = Reader(place.deployment.client, person.cookie)
    start = await reader.open("/my/add")
    paths = re.findall(r'href="(/my/add/[a-z/-]+)"', start)
    assert len(paths) == 15
    for path in paths:
        file = b"" if path.endswith("document") else None
        refused = await reader.send(path, {"text": HOSTILE * 100, "note": HOSTILE * 100}, file=file)
        assert refused.status_code in {400, 422}, path
        assert "nhsuk-error-summary" in refused.text, path
        assert HOSTILE not in refused.text
        assert (await reader.open(f"{path}?lang=cy")).count('lang="cy"') >= 1
    sent = {
        "about-me": {"important": HOSTILE},
        "note": {"text": HOSTILE},
        "contact": {"name": HOSTILE, "relation": "friend", "email": "a@example.com"},
        "home-reading/temperature": {"temperature": "40,2"},
    }
    for sort, typed in sent.items():
        said = await reader.send(f"/my/add/{sort}", typed)
        assert said.status_code == 303, (sort, said.text)
    assert said.headers["location"].endswith("advice=temperature.111")
    assert "Call 111 now" in await reader.open(said.headers["location"].removeprefix(SERVER))
    picked = await reader.send("/my/add/document", {"title": HOSTILE}, file=picture("PNG"))
    assert picked.status_code == 303, picked.text
    added = await reader.open("/my/added")
    assert "40.2 °C" in added
    own = re.findall(r'href="(/my/added/c-[a-z0-9]+)"', added)
    assert len(own) == 5
    unsure = await reader.send("/my/add/home-reading/temperature", {"temperature": "42"})
    assert (unsure.status_code, 'name="sure"' in unsure.text) == (422, True)
    for path in own:
        again = await reader.open(path)
        assert "&lt;script&gt;" in again or "40.2" in again
        gone = await reader.send(f"{path}/withdraw", {})
        assert gone.headers["location"].endswith("done=withdrawn"), gone.text
    assert re.findall(r'href="(/my/added/c-[a-z0-9]+)"', await reader.open("/my/added")) == []


async def test_what_was_typed_is_not_lost_with_the_session_or_with_a_file(place: Online) -> None:
    """It is kept for whoever had the form, about that record, and filled in after their next sign-in; for
    nobody else, and not without a form of ours. Beside a file that is too large the words stay."""
    person = citizen(ADA, "ada", "Ada")
    before, services = await place.browser(person), place.deployment.services
    reader = Reader(place.deployment.client, before.cookie)
    huge = picture("PNG") + bytes(services.settings.max_upload_bytes)
    refused = await reader.send("/my/add/document", {"title": "A scan", "text": "My knee"}, file=huge)
    assert (refused.status_code, "smaller than 10 MB" in refused.text) == (422, True)
    assert 'value="A scan"' in refused.text
    assert "My knee" in refused.text
    page = await reader.open("/my/add/note")
    hidden = dict(re.findall(r'<input type="hidden" name="([a-z]+)" value="([^"]*)"', page))
    await Keep(services.database, services.keys, now_ms).take(Visit, before.cookie)

    async def send(**typed: str) -> httpx.Response:
        headers = {"cookie": f"{VISIT}={before.cookie}"}
        return await place.deployment.client.post(
            f"{SERVER}/my/add/note", data={**hidden, **typed}, headers=headers
        )

    typed = "I sleep badly since June"
    for forged in (
        {"mark": ""},
        {"mark": "x"},
        {"mark": "9" + hidden["mark"]},
        {"mark": f"1{hidden['mark'][13:]}"},
    ):
        assert (await send(text=typed, **forged)).status_code == 401
    led = (await send(text=typed)).headers["location"]
    assert led.startswith("/signin/begin/citizens?to=")
    back = unquote(led.partition("to=")[2])
    assert re.fullmatch(r"/my/add/note\?draft=[\w-]{43}", back)
    again = Reader(place.deployment.client, (await place.browser(person)).cookie)
    shown = await again.open(back)
    assert typed in shown
    assert "You were signed out while you typed" in shown
    assert hidden["csrf"] not in shown
    elsewhere = back.replace("/note?", "/symptom?")
    assert typed not in await again.open(elsewhere)
    other = Reader(place.deployment.client, (await place.browser(citizen(BERT, "bert", "Bert"))).cookie)
    assert typed not in await other.open(back)
    assert (await again.send(back, {"text": typed})).status_code == 303


async def test_an_entry_is_challenged_from_its_page_and_notices_are_chosen(place: Online) -> None:
    """The entry is named, an empty reason is refused on the same page, and the list tells where it stands."""
    person = await place.browser(citizen(ADA, "ada", "Ada"))
    reader = Reader(place.deployment.client, person.cookie)
    subject = await place.deployment.subject()
    entry = (await place.deployment.get("Encounter", patient=subject)).ids[0]
    path = f"/my/challenges/new?entry={quote(entry, safe='')}"
    empty = await reader.send(path, {"reason": ""})
    assert (empty.status_code, "nhsuk-error-summary" in empty.text) == (422, True)
    assert "Sample Hospital" in empty.text
    assert (await reader.send(path, {"reason": HOSTILE})).status_code == 303
    listed = await reader.open("/my/challenges?done=sent")
    assert "&lt;script&gt;" in listed
    [one] = set(re.findall(r'href="(/my/challenges/of/[a-z0-9-]+)"', listed))
    assert "Sample Hospital" in await reader.open(one)
    assert (await reader.send(one, {})).headers["location"].endswith("done=back")
    await reader.open("/my/challenges/new?entry=Encounter%2Fnone", status=404)
    chosen = await reader.send("/my/notices", {"message-result": "yes"})
    assert chosen.status_code == 303, chosen.text
    page = await reader.open("/my/notices")
    assert re.findall(r'id="([a-z-]+)"[^>]* checked', page) == ["message-result"]


async def test_the_first_page_leads_to_doors_that_there_are(place: Online) -> None:
    """Whoever opens the address of a deployment finds each way in, in both languages."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(place.deployment.app), base_url=SERVER
    ) as client:
        for language, said in (("en", "For systems"), ("cy", "I systemau")):
            page = await client.get("/", params={"lang": language})
            assert page.status_code == 200
            assert said in page.text
            doors = re.findall(r'nhsuk-card__link" href="([^"]+)"', page.text)
            assert len(doors) > 4
            for door in doors:
                assert (await client.get(door)).status_code != 404, door
