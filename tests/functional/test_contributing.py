"""Citizens and carers add to a record: marked, apart from what professionals write, corrected, withdrawn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from PIL import Image
from tests.functional.deployment import ADA, BASE, BERT, SERVER
from tests.functional.online import VISIT, Browser, Online, citizen, online

PRESSURE = {"kind": "blood-pressure"}
HERE = "/access/people/me/contributions"
TAG = "https://fhir.shared-care-record.example/CodeSystem/contribution|patient-contributed"


@pytest.fixture
async def place(tmp_path: Path, database_url: str) -> AsyncIterator[Online]:
    """A deployment that citizens sign in to."""
    async with online(tmp_path, database_url) as made:
        yield made


async def ada(place: Online) -> Browser:
    """Ada, signed in, with what her forms have to say."""
    browser = await place.browser(citizen(ADA, "ada", "Ada O'Sample"))
    browser.csrf = {"X-CSRF-Token": (await browser.ask("/access/people/me")).body["csrf"]}
    return browser


async def send(browser: Browser, sort: str, values: dict[str, str], **more: Any) -> Any:
    """Add something of a sort."""
    body = {"values": values, **more}
    return await browser.ask(f"{HERE}/{sort}", body, headers=browser.csrf)


async def test_a_reading_is_checked_kept_apart_corrected_and_withdrawn(place: Online) -> None:
    """Refused, asked again, taken with advice; found by tag and heading; no part of a summary; then gone."""
    browser, deployment = await ada(place), place.deployment
    wrong = await send(
        browser, "home-reading", {"kind": "blood-pressure", "systolic": "80", "diastolic": "120"}
    )
    assert (wrong.status, wrong.code) == (422, "not-taken")
    assert [one["code"] for one in wrong.body["findings"]] == ["wrong-order"]
    high = {**PRESSURE, "systolic": "225", "diastolic": "100", "pulse": "70"}
    unsure = await send(browser, "home-reading", high)
    assert (unsure.code, unsure.body["findings"][0]["field"]) == ("unsure", "systolic")
    assert unsure.body["advice"]["level"] == "999"
    first = await send(browser, "home-reading", high, sure=True, once="a")
    again = await send(browser, "home-reading", high, sure=True, once="a")
    assert (first.status, again.status) == (201, 200), (first.body, again.body)
    assert first.body["id"] == again.body["id"]
    own = first.body["resource"]
    subject = await deployment.subject()
    found = await deployment.get("Observation", patient=subject, _tag=TAG)
    assert found.ids == [own]
    read = (await deployment.get(own)).body
    assert read["performer"][0]["reference"] == f"Patient/{subject}"
    assert [one["valueQuantity"]["value"] for one in read["component"]] == [225, 100, 70]
    assert "/5 answered" in found.headers["X-SCR-Ledger"]
    summary = await deployment.get(f"Patient/{subject}/$summary")
    assert own.partition("/")[2] not in summary.raw.decode()
    corrected = await browser.ask(
        f"{HERE}/{first.body['id']}",
        {"values": {**high, "systolic": "135"}},
        method="PUT",
        headers={**browser.csrf, "If-Match": first.headers["etag"]},
    )
    assert (corrected.status, corrected.body["version"]) == (200, "2"), corrected.body
    stale = await browser.ask(
        f"{HERE}/{first.body['id']}/withdrawn",
        {},
        headers={**browser.csrf, "If-Match": first.headers["etag"]},
    )
    assert stale.code == "stale-version"
    gone = await browser.ask(
        f"{HERE}/{first.body['id']}/withdrawn",
        {},
        headers={**browser.csrf, "If-Match": corrected.headers["etag"]},
    )
    assert (gone.status, gone.body["withdrawn"]) == (200, True)
    assert (await deployment.get("Observation", patient=subject, _tag=TAG)).ids == []
    assert (await deployment.get(own)).status == 404
    history = await browser.ask(f"{HERE}/{first.body['id']}")
    assert [one["values"]["systolic"] for one in history.body["versions"]] == ["135", "135", "225"]
    assert {row.action for row in place.rows("contributions") if row.outcome == "success"} >= {
        "create",
        "update",
    }


async def test_every_sort_is_valid_and_stands_under_a_heading_of_its_own(place: Online) -> None:
    """What each becomes is R4, says who added it, and is listed as it was typed."""
    browser, deployment = await ada(place), place.deployment
    sorts: dict[str, dict[str, str]] = {
        "about-me": {"important": "My cat <b>Tom</b> & tea\nevery day", "helped-by": "My niece"},
        "wishes": {"wanted": "To stay at home", "forms": "ReSPECT, in the drawer"},
        "what-matters": {"text": "To walk to the shop"},
        "symptom": {"what": "Headache", "how-bad": "7", "text": "After lunch", "at": "2026-01-31 09:30"},
        "note": {"text": "She takes her tablets with jam"},
        "contact": {
            "name": "Nina",
            "relation": "child",
            "phone": "01632 960 001",
            "emergency": "yes",
            "text": "Days",
        },
        "home-reading": {"kind": "glucose", "glucose": "5,4", "meal": "fasting", "note": "New meter"},
    }
    subject = await deployment.subject()
    for sort, values in sorts.items():
        said = await send(browser, sort, values)
        assert said.status == 201, (sort, said.body)
        kept = {name: text for name, text in said.body["values"].items() if name in values and name != "at"}
        assert kept == {name: {"5,4": "5.4"}.get(text, text) for name, text in values.items() if name != "at"}
        resource = (await deployment.get(said.body["resource"])).body
        assert resource["meta"]["tag"][0]["code"] == "patient-contributed"
        assert "Ada" in orjson.dumps(resource).decode()
    assert (await send(browser, "about-me", {"important": "x"})).code == "there-is-one"
    assert (await send(browser, "diagnosis", {"text": "x"})).code == "no-sort"
    document = await deployment.get(f"Patient/{subject}/$record-document")
    titles = {
        one["title"]: len(one.get("entry", ())) for one in document.body["entry"][0]["resource"]["section"]
    }
    assert titles["About me"] == 1
    assert titles["Added by the person or their carers"] == 6
    listed = (await browser.ask(HERE)).body["contributions"]
    assert {one["sort"] for one in listed} == set(sorts)


def picture(kind: str) -> bytes:
    """A picture that says where it was taken."""
    made = BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    Image.new("RGB", (40, 30), (200, 10, 10)).save(made, kind, exif=exif)
    return made.getvalue()


async def upload(browser: Browser, data: bytes, **fields: str) -> tuple[int, Any]:
    """Send a file as a browser does."""
    client = browser.deployment.client
    answer = await client.post(
        f"{SERVER}{HERE}/document",
        data={"title": "A letter", **fields},
        files={"file": ("../../etc/passwd.pdf.exe", data, "application/x-msdownload")},
        headers={"cookie": f"{VISIT}={browser.cookie}", **browser.csrf},
    )
    client.cookies.clear()
    return answer.status_code, answer.json()


async def test_a_picture_is_kept_without_what_it_says_of_its_place(place: Online) -> None:
    """Told by its content, made anew, served to be saved; what is no picture is refused with a sentence."""
    browser, deployment = await ada(place), place.deployment
    status, body = await upload(browser, picture("JPEG"))
    assert status == 201, body
    resource = (await deployment.get(body["resource"])).body
    attachment = resource["content"][0]["attachment"]
    assert attachment["contentType"] == "image/jpeg"
    client = deployment.client
    sent = {"Authorization": deployment.bearer(), "Accept": "image/jpeg"}
    contents = await client.get(f"{BASE}/{attachment['url']}", headers=sent)
    assert contents.headers["content-type"] == "image/jpeg"
    assert b"taken at home" not in contents.content
    got = await client.get(
        f"{SERVER}{HERE}/{body['id']}/content", headers={"cookie": f"{VISIT}={browser.cookie}"}
    )
    client.cookies.clear()
    assert got.headers["content-type"] == "image/jpeg"
    assert got.headers["content-disposition"] == 'attachment; filename="document.jpg"'
    assert b"taken at home" not in got.content
    for data, code in (
        (b"MZ\x90\x00", "other-type"),
        (b"", "empty"),
        (picture("PNG") + b"<html>", "two-things"),
    ):
        status, body = await upload(browser, data)
        assert (status, body["findings"][0]["code"]) == (422, code)
    status, body = await upload(browser, b"a" * (10 * 1024 * 1024 + 1))
    assert (status, body["code"]) == (413, "too-large")
    for row in place.rows("contributions"):
        assert ADA.value not in str(row)


async def test_another_persons_record_and_id_are_as_none(place: Online) -> None:
    """Bert, who is signed in, finds nothing of Ada's, and a form of another session counts for nothing."""
    browser = await ada(place)
    mine = await send(browser, "note", {"text": "mine"})
    bert = await place.browser(citizen(BERT, "bert", "Bert"))
    subject = await place.deployment.subject()
    there, none = [
        await bert.ask(f"/access/people/{one}/contributions/{mine.body['id']}") for one in (subject, "none")
    ]
    assert (there.status, none.status) == (404, 404)
    assert there.body == none.body
    stale = {"X-CSRF-Token": "no"}
    unsigned = await browser.ask(f"{HERE}/note", {"values": {"text": "x"}}, headers=stale)
    assert (unsigned.status, unsigned.code) == (403, "stale-form")
