"""Threats to the access of citizens: what stands about a person, what is marked, and whose record it is."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import Connection
from tests.functional.asking import same
from tests.functional.besieged import hidden
from tests.functional.deployment import ADA, BERT, NOBODY, SECRETS, SERVER
from tests.functional.online import Browser, Online, citizen, newcomer

from scr.fhir.standing import Standing
from scr.identity import index
from scr.store.people import keep_facts

pytestmark = pytest.mark.asyncio(loop_scope="session")
ADAS = citizen(ADA, "ada", "Ada O'Sample")
ME = "/access/people/me"


async def let_in(ada: Browser, carl: Browser) -> str:
    """Carl acts for Ada; the id of her Patient."""
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    made = await ada.ask(f"{ME}/carers", {"calls": "Carl", "until": until})
    taken = await carl.ask("/access/invitations/accept", {"code": made.body["code"]})
    return str(taken.body["patient"])


async def stands(place: Online, standing: Standing) -> None:
    """Let the register have told this of Ada."""
    services = place.deployment.services

    def write(connection: Connection) -> None:
        person = index.find(connection, services.keys, ADA)
        assert person is not None
        keep_facts(connection, replace(person, standing=standing))

    await services.database.write(write)


async def test_how_a_person_stands_is_told_to_nobody_but_them(place: Online) -> None:
    """Somebody who has died, a number out of use, a state that nobody can read: the carer reads what they
    read of nobody, and whoever is there as the person is told why. Where Ada is stays untold."""
    ada, carl = await place.browser(ADAS), await place.browser(newcomer(NOBODY, "Carl Carer"))
    whose = await let_in(ada, carl)
    await place.deployment.get(f"Patient/{whose}", role="R8000", at="A81001")
    nobody = await carl.ask(f"/access/people/{'x' * 26}")
    states = {
        "deceased": Standing(deceased="formal"),
        "number-invalidated": Standing(invalidated=1),
        "person-state": Standing(verification="77"),
    }
    for code, standing in states.items():
        await stands(place, standing)
        assert (await ada.ask(ME)).code == code
        theirs = await carl.ask(f"/access/people/{whose}")
        assert (theirs.status, theirs.body) == (nobody.status, nobody.body)
        assert (await carl.ask("/access/me")).body["people"] == []
    await stands(place, Standing(restricted=True))
    looks = (await ada.ask(f"{ME}/looks")).body["looks"]
    staff = [each for each in looks if each["who"] == "professional"]
    assert staff
    assert {(each["organisation"], each["role"]) for each in staff} == {("", "")}
    record = await place.deployment.client.get(f"{SERVER}{ME}/record", headers=ada.headers)
    assert b"Sample Surgery" not in record.content
    await place.seal()
    proof = (await ada.ask(f"{ME}/looks/proof")).body
    shown = {json.loads(text)[2] for row in proof["rows"] for text in row["opened"]}
    assert {one["id"] for one in staff} <= shown
    assert not shown & {"A81001", "R8000", "Sample Surgery"}
    await stands(place, Standing())


async def test_what_is_marked_changes_no_answer(place: Online) -> None:
    """Whether or not there is anything that is kept from who reads online, the record reads the same, to the
    byte but for times, for the person and for their carer."""
    ada, carl = await place.browser(ADAS), await place.browser(newcomer(NOBODY, "Carl Carer"))
    whose = await let_in(ada, carl)

    async def answers() -> list[object]:
        told: list[object] = []
        for browser, which in ((ada, "me"), (carl, whose)):
            for what in ("record", "record?heading=findings&heading=results", "summary"):
                address = f"{SERVER}/access/people/{which}/{what}"
                got = await place.deployment.client.get(address, headers=browser.headers)
                assert got.status_code == 200
                told.append(same(got))
        return told

    without = await answers()
    marked = [one for one in hidden() if one["resourceType"] != "DiagnosticReport"]  # it marks what it names
    place.deployment.neighbour.resources += marked
    assert await answers() == without


async def test_nobody_gets_at_anothers_record_by_any_address(place: Online) -> None:
    """Below every address of a record, with another's id as with nobody's: the same answer, and no number in
    the audit, whatever is sent."""
    carl = await place.browser(newcomer(NOBODY, "Carl Carer"))
    bert = await place.deployment.subject(BERT)
    calls: list[tuple[str, object]] = [
        ("", None),
        ("/record", None),
        ("/summary", None),
        ("/carers", None),
        ("/carers", {"calls": "x", "until": "2099-01-01T00:00:00Z"}),
        ("/carers/abc/end", {}),
        ("/looks", None),
        ("/looks/proof", None),
        ("/looks/abc/question", {"text": "x"}),
        ("/questions", None),
        ("/choices", None),
        ("/choices", {}),
        ("/choices/abc", None),
        ("/choices/abc/withdraw", {"version": "1"}),
        ("/preview", {"role": "R8000", "organisation": "RXX"}),
    ]
    carl.csrf = {bert: "x", "y" * 26: "x"}
    for path, body in calls:
        there, none = [await carl.ask(f"/access/people/{one}{path}", body) for one in (bert, "y" * 26)]
        if "issue" in there.body:
            there.body.pop("id", None), none.body.pop("id", None)
        assert (there.status, there.body) == (none.status, none.body), path
        assert there.status == 404, path
    text = str([msgspec.to_builtins(dict(row.details)) for row in place.deployment.audit()])
    assert not any(number in text for number in SECRETS)
