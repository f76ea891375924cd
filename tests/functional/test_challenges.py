"""'This is wrong': said by the person, seen beside the entry, answered by its source, or reminded of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.functional.deployment import ADA, SERVER, Deployment
from tests.functional.online import Browser, Online, carer, online
from tests.functional.test_contributing import ada

from scr.api.access.reminding import remind
from scr.api.services import now_ms
from scr.store import alerts, notices
from scr.store.notices import NoticeKind
from scr.store.people import person_by_patient_id

HERE = "/access/people/me/challenges"
NOTICES = "/access/people/me/notices"
DESK = "/access/sources/challenges"
DAY = 24 * 3600 * 1000


@pytest.fixture
async def place(tmp_path: Path, database_url: str) -> AsyncIterator[Online]:
    """A deployment that citizens sign in to, and that sends messages."""
    async with online(tmp_path, database_url, alert_folder="alerts") as made:
        yield made


async def own_entry(browser: Browser) -> tuple[str, str]:
    """A visit to the hospital, by reference, and the id of the person."""
    deployment = browser.deployment
    subject = await deployment.subject()
    return (await deployment.get("Encounter", patient=subject)).ids[0], subject


async def at_desk(
    deployment: Deployment, path: str, body: Any = None, *, role: str = "R8013", at: str = "RXX"
) -> tuple[int, Any]:
    """Ask the desk of the sources."""
    headers = {"Authorization": deployment.bearer(role, at)}
    method = "GET" if body is None else "POST"
    content = b"" if body is None else orjson.dumps(body)
    answer = await deployment.client.request(
        method, f"{SERVER}{DESK}{path}", content=content, headers=headers
    )
    return answer.status_code, answer.json()


def alerts_of(place: Online) -> list[tuple[str, str]]:
    """What goes out: kinds, and for whom."""
    services = place.deployment.services
    with services.database._read_engine.connect() as connection:
        rows = connection.execute(alerts._SELECT)
        return sorted((row.kind, row.about) for row in rows)


async def test_a_challenge_goes_to_its_source_stands_beside_the_entry_and_is_answered(place: Online) -> None:
    """Once for each entry; only its own source reads and answers it; the person is told how it ends."""
    browser, deployment = await ada(place), place.deployment
    entry, subject = await own_entry(browser)
    said = {"entry": entry, "reason": "I never had this.", "once": "1"}
    first = await browser.ask(HERE, said, headers=browser.csrf)
    again = await browser.ask(HERE, said, headers=browser.csrf)
    assert (first.status, again.status) == (201, 201), (first.body, again.body)
    other = await browser.ask(HERE, {**said, "once": "2"}, headers=browser.csrf)
    assert other.code == "said-already"
    for wrong, code in (
        ({"entry": "Condition/none", "reason": "x"}, "not-found"),
        ({"entry": f"Patient/{subject}", "reason": "x"}, "no-owner"),
        ({"entry": entry, "reason": " "}, "not-taken"),
    ):
        assert (await browser.ask(HERE, wrong, headers=browser.csrf)).code == code
    tasks = await deployment.get("Task", patient=subject, focus=entry)
    assert len(tasks.ids) == 1, tasks.body
    task = (await deployment.get(tasks.ids[0])).body
    assert (task["status"], task["owner"]["identifier"]["value"]) == ("requested", "RXX")
    assert task["reasonCode"]["text"] == "I never had this."
    logical = first.body["id"]
    assert (await at_desk(deployment, f"/{logical}", at="A81001"))[0] == 404
    assert (await at_desk(deployment, f"/{logical}", role="R8001"))[0] == 403
    status, listed = await at_desk(deployment, "")
    assert (status, [one["id"] for one in listed["challenges"]]) == (200, [logical])
    assert "reason" not in listed["challenges"][0]
    status, read = await at_desk(deployment, f"/{logical}")
    assert (status, read["state"], read["reason"]) == (200, "received", "I never had this.")
    status, wrong_answer = await at_desk(deployment, f"/{logical}/answer", {"outcome": "refused", "text": ""})
    assert (status, wrong_answer["findings"][0]["field"]) == (422, "text")
    answer = {"outcome": "annotated", "text": "We have noted it. <b>"}
    status, done = await at_desk(deployment, f"/{logical}/answer", answer)
    assert (status, done["state"]) == (200, "annotated"), done
    assert (await at_desk(deployment, f"/{logical}/answer", answer))[1]["code"] == "over"
    after = (await deployment.get(tasks.ids[0])).body
    assert (after["status"], after["output"][0]["valueString"]) == ("completed", "We have noted it. <b>")
    told = (await browser.ask(NOTICES)).body["notices"]
    assert [(one["kind"], one["about"]["outcome"], one["seen"]) for one in told] == [
        ("challenge", "annotated", None)
    ]
    assert (await browser.ask(f"{NOTICES}/seen", {"ids": [told[0]["id"]]}, headers=browser.csrf)).body == {
        "seen": 1
    }
    mine = (await browser.ask(HERE)).body["challenges"]
    assert (mine[0]["answer"], mine[0]["open"]) == ("We have noted it. <b>", False)
    seen_by = [row for row in deployment.audit() if row.what == "challenge"]
    assert {row.action for row in seen_by} == {"read", "update"}
    assert all(row.person for row in seen_by)
    assert alerts_of(place) == [("challenge", "RXX")]


async def test_a_source_is_reminded_once_and_the_privacy_officer_told_once(place: Online) -> None:
    """A week before the last day, and when it is over; not of what was taken back."""
    browser, deployment = await ada(place), place.deployment
    entry, _ = await own_entry(browser)
    opened = await browser.ask(HERE, {"entry": entry, "reason": "Wrong."}, headers=browser.csrf)
    logical, database, now = opened.body["id"], deployment.services.database, now_ms()
    assert await remind(database, now, sends=True) == (0, 0)
    assert await remind(database, now + 25 * DAY, sends=True) == (1, 0)
    assert await remind(database, now + 25 * DAY, sends=True) == (0, 0)
    assert await remind(database, now + 33 * DAY, sends=True) == (0, 1)
    assert await remind(database, now + 34 * DAY, sends=True) == (0, 0)
    assert alerts_of(place) == [("challenge", "RXX"), ("challenge-due", "RXX"), ("challenge-overdue", "RXX")]
    assert (await at_desk(deployment, "/overdue", role="R8013"))[0] == 403
    assert (await at_desk(deployment, "/overdue", role="R0001"))[0] == 200
    taken_back = await browser.ask(f"{HERE}/{logical}/withdrawn", {}, headers=browser.csrf)
    assert taken_back.body["state"] == "withdrawn"
    assert (await browser.ask(f"{HERE}/{logical}/withdrawn", {}, headers=browser.csrf)).code == "over"
    assert (await at_desk(deployment, f"/{logical}/answer", {"outcome": "refused", "text": "x"}))[1][
        "code"
    ] == "over"


async def test_people_are_told_as_they_choose_and_a_message_says_only_that_there_is_something(
    place: Online,
) -> None:
    """Of a broken glass, a result, a carer's doing: once each; of a labelled result nothing."""
    browser, deployment = await ada(place), place.deployment
    subject, services = await deployment.subject(), deployment.services
    chosen = {"break-glass": {"page": False, "message": True}}
    said = await browser.ask(f"{NOTICES}/choices", chosen, method="PUT", headers=browser.csrf)
    assert said.status == 200, said.body

    def tell(connection: Any) -> list[bool]:
        person = person_by_patient_id(connection, services.keys, subject)
        assert person is not None
        return [
            notices.add(connection, person, kind, "x", {"by": "Dr Who"}, now_ms(), sends=True)
            for kind in (NoticeKind.GLASS, NoticeKind.GLASS, NoticeKind.PROXY)
        ]

    assert services.database.write_now(tell) == [True, False, True]
    assert [one["kind"] for one in (await browser.ask(NOTICES)).body["notices"]] == ["proxy"]
    assert alerts_of(place) == [("notice", subject)]
    assert (await browser.ask(f"{NOTICES}/choices")).body["break-glass"] == chosen["break-glass"]
    helper = await place.browser(carer(ADA, "nina", "Nina Carer"))
    assert (await helper.ask(NOTICES)).status == 404  # nothing says that she may act for Ada
