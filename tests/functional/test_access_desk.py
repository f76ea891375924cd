"""What staff record of who acts for whom: parents by the age of the child, attorneys by capacity."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import Connection
from tests.functional.deployment import ADA, CLEO, NOBODY, Deployment
from tests.functional.online import Browser, Online, Told, citizen, newcomer

from scr.identity import index
from scr.store.people import keep_facts

pytestmark = pytest.mark.asyncio(loop_scope="session")
ATTORNEY = "health-and-welfare-lasting-power-of-attorney"
PARENT = "parental-responsibility"


def later(days: float = 300) -> str:
    """An instant so many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


class Desk:
    """An officer, of the hospital, which knows Cleo, or of another place."""

    def __init__(self, deployment: Deployment, at: str = "RXX") -> None:
        self._browser = Browser(deployment, "")
        self._officer = {"authorization": deployment.bearer("R0001", at)}

    async def ask(self, path: str, body: dict[str, object] | None = None, **headers: str) -> Told:
        """Ask below the desk, as the officer or as whom the headers say."""
        return await self._browser.ask(f"/access/desk/{path}", body, headers=headers or self._officer)

    async def record(self, **changes: object) -> Told:
        """Record that Carl acts for Cleo."""
        told = {"nhsNumber": CLEO.value, "calls": "Carl", "until": later(), "basis": PARENT}
        return await self.ask("proxies", {**told, "evidence": "Birth certificate 12", **changes})


async def born(place: Online, years: int, days: int) -> None:
    """Cleo was born so many years before a day that is so many days from today."""
    day = datetime.now(UTC).date() + timedelta(days=days)
    text = (
        f"{day.year - years}-{day:%m-%d}" if (day.month, day.day) != (2, 29) else f"{day.year - years}-02-28"
    )
    services = place.deployment.services

    def write(connection: Connection) -> None:
        person = index.find(connection, services.keys, CLEO)
        assert person is not None
        told = msgspec.structs.replace(person.demographics, birth_date=text)
        keep_facts(connection, replace(person, demographics=told))

    await services.database.write(write)


async def seen(carl: Browser) -> bool:
    """Whether Carl sees a record now."""
    return bool((await carl.ask("/access/me")).body["people"])


async def test_a_parent_sees_until_the_child_is_of_an_age(place: Online) -> None:
    """Before thirteen; after it when somebody has looked at it since; not while it rests; and not from
    sixteen on, whatever was recorded."""
    desk, carl = Desk(place.deployment), await place.browser(newcomer(NOBODY, "Carl Carer"))
    await born(place, 12, -2)
    made = await desk.record()
    assert (made.status, made.body["state"]) == (201, "invited")
    await carl.ask("/access/invitations/accept", {"code": made.body["code"]})
    assert await seen(carl)
    await born(place, 13, -2)
    assert not await seen(carl)
    proxy = f"proxies/{made.body['id']}"
    assert (await desk.ask(f"{proxy}/review", {"note": "Spoke with both"})).status == 200
    assert await seen(carl)
    assert (await desk.ask(f"{proxy}/suspend", {"reason": "looked after"})).body["state"] == "suspended"
    assert not await seen(carl)
    assert (await desk.ask(f"{proxy}/suspend", {})).body["state"] == "in-force"
    assert await seen(carl)
    await born(place, 16, -2)
    assert not await seen(carl)
    listed = (await desk.ask("proxies/list", {"nhsNumber": CLEO.value})).body["carers"]
    assert [event["what"] for event in listed[0]["events"]] == [
        "invited",
        "accepted",
        "reviewed",
        "suspended",
        "resumed",
    ]
    rows = {row.what for row in place.deployment.audit() if row.person and row.actor_name == "Ann Lee"}
    assert rows >= {"record proxy", "review proxy", "suspend proxy", "list proxies"}


async def test_an_attorney_sees_while_the_person_cannot_decide(place: Online) -> None:
    """On a document that was seen, and on capacity that was recorded; it comes back, and the access goes."""
    desk, carl = Desk(place.deployment), await place.browser(newcomer(NOBODY, "Carl Carer"))
    made = await desk.record(basis=ATTORNEY, evidence="Register of the public guardian, 7000-1")
    await carl.ask("/access/invitations/accept", {"code": made.body["code"]})
    assert not await seen(carl)
    said = {"nhsNumber": CLEO.value, "capacity": "absent", "evidence": "Dr Example, in the notes"}
    assert (await desk.ask("capacity", dict(said))).status == 201
    assert await seen(carl)
    assert (await desk.ask("capacity", {**said, "capacity": "present"})).status == 201
    assert not await seen(carl)
    await born(place, 36, -2)
    cleo = await place.browser(citizen(CLEO, "cleo", "Cleo Example"))
    told = (await cleo.ask("/access/people/me/carers")).body["carers"][0]
    assert (told["basis"], told["carer"]) == (ATTORNEY, "Carl Carer")
    assert (await desk.ask(f"proxies/{made.body['id']}/end", {})).body["state"] == "ended"


async def test_what_staff_may_not_record(place: Online) -> None:
    """Nothing without a document, for too long, of nobody; and of whom the organisation has nothing to do
    with, as of nobody."""
    deployment = place.deployment
    hospital, elsewhere = Desk(deployment), Desk(deployment, "QZZ99")
    table: list[tuple[Desk, dict[str, object], str]] = [
        (hospital, {"evidence": ""}, "no-evidence"),
        (hospital, {"basis": "consent", "evidence": " "}, "no-evidence"),
        (hospital, {"basis": "next-of-kin"}, "bad-basis"),
        (hospital, {"until": later(4000)}, "bad-until"),
        (hospital, {"nhsNumber": "9990000000"}, "bad-number"),
        (hospital, {"nhsNumber": NOBODY.value}, "no-person"),
        (elsewhere, {"nhsNumber": ADA.value}, "no-person"),
    ]
    for desk, changes, code in table:
        assert (await desk.record(**changes)).code == code, changes
    made = (await hospital.record()).body["id"]
    refused = [(await elsewhere.ask(f"proxies/{one}/end", {})).body for one in (made, "x" * 26)]
    assert refused[0] == refused[1]
    assert (await hospital.ask(f"proxies/{made}/end", {})).body["state"] == "ended"
    doctor = {"authorization": deployment.bearer("R8000", "RXX")}
    assert (await hospital.ask("proxies/list", {"nhsNumber": CLEO.value}, **doctor)).code == "role-activity"
