"""What a person does about who sees their record: looks, questions, choices and previews."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fhir.resources.R4B import get_fhir_model_class
from tests.functional.besieged import MARK, hidden
from tests.functional.deployment import ADA, BERT, NOBODY, SERVER, Tree, checked
from tests.functional.online import Browser, Online, Told, citizen, newcomer

pytestmark = pytest.mark.asyncio(loop_scope="session")
ADAS = citizen(ADA, "ada", "Ada O'Sample")
ME = "/access/people/me"
LETTER = {"organisation": "RXX", "role": "R8000"}


async def let_in(ada: Browser, carl: Browser, **more: object) -> Told:
    """Carl acts for Ada."""
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    made = await ada.ask(f"{ME}/carers", {"calls": "Carl", "until": until, **more})
    await carl.ask("/access/invitations/accept", {"code": made.body["code"]})
    return made


async def record(browser: Browser, whose: str = "me", query: str = "") -> httpx.Response:
    """The record, as FHIR, held to what every answer must be."""
    answer = await browser.deployment.client.get(
        f"{SERVER}/access/people/{whose}/record{query}", headers=browser.headers
    )
    browser.deployment.client.cookies.clear()
    return answer


def outcomes(answer: httpx.Response) -> Iterator[tuple[str, str]]:
    """Of each issue of the ledger the source and what became of it."""
    for entry in answer.json()["entry"]:
        if entry["search"]["mode"] == "outcome":
            for issue in entry["resource"]["issue"]:
                for one in issue.get("extension", ()):
                    parts = {part["url"]: part for part in one["extension"]}
                    yield parts["source"]["valueString"], parts["outcome"]["valueCode"]


def without_times(answer: httpx.Response) -> Tree:
    """What a carer is told of sources, without how long it took."""
    told: Tree = {}
    for source, outcome in outcomes(answer):
        told.setdefault(source, []).append(outcome)
    return told


async def test_the_record_is_what_the_policy_opens_with_its_ledger(place: Online) -> None:
    """Ada sees what all her sources told but what is marked; a carer what she lets them; neither at the
    endpoint for professionals."""
    place.deployment.neighbour.resources += hidden()
    ada, carl = await place.browser(ADAS), await place.browser(newcomer(NOBODY, "Carl Carer"))
    mine = checked(await record(ada))
    assert {one["resourceType"] for one in mine.matches} >= {"Patient", "AllergyIntolerance", "Condition"}
    assert MARK not in mine.raw.decode()
    assert set(mine.ledger) >= {"A81001", "RXX", "C99", "QXX"}
    few = checked(await record(ada, query="?heading=allergies"))
    assert {one["resourceType"] for one in few.matches} == {"AllergyIntolerance"}
    assert (await record(ada, query="?code=1")).status_code == 400
    made = await let_in(ada, carl, headings=["allergies"])
    patient = (await ada.ask(ME)).body["patient"]
    theirs = checked(await record(carl, patient))
    assert {one["resourceType"] for one in theirs.matches} & {"Condition", "Observation"} == set()
    assert any(one["resourceType"] == "AllergyIntolerance" for one in theirs.matches)
    summary = await ada.deployment.client.get(f"{SERVER}{ME}/summary", headers=ada.headers)
    assert summary.json()["type"] == "document"
    assert made.body["state"] == "invited"


async def test_a_carer_is_not_told_what_is_hidden_from_them(place: Online) -> None:
    """With the hospital's knowledge kept from the carer, the ledger says of it what it says of a source that
    holds nothing, and never that anything is withheld."""
    ada, carl = await place.browser(ADAS), await place.browser(newcomer(NOBODY, "Carl Carer"))
    made = await let_in(ada, carl)
    patient = (await ada.ask(ME)).body["patient"]
    before = await record(carl, patient)
    chosen = await ada.ask(f"{ME}/choices", {"of": ["RXX"], "carers": [made.body["id"]]})
    assert chosen.status == 201, chosen.body
    after = await record(carl, patient)
    back = {"version": chosen.body["version"]}
    assert (await ada.ask(f"{ME}/choices/{chosen.body['id']}/withdraw", back)).status == 200
    assert b"RXX" in before.content
    assert [one for one in checked(after).matches if one["meta"].get("source", "").find("RXX") >= 0] == []
    assert without_times(after)["RXX"] == ["empty"]
    assert "withheld" not in {outcome for _, outcome in outcomes(after)}
    assert b"choice" not in after.content
    assert len(checked(await record(ada)).ids) > len(checked(after).ids)


async def test_a_choice_is_tried_made_told_and_taken_back(place: Online) -> None:
    """What the hospital would see is told before a choice is made and is so after it; every version stays,
    and the way back leads to where it was."""
    ada = await place.browser(ADAS)
    now = (await ada.ask(f"{ME}/preview", LETTER)).body
    assert now["permit"] is True
    choice = {"to": ["RXX"]}
    tried = (await ada.ask(f"{ME}/preview", {**LETTER, "trying": choice})).body
    assert (tried["permit"], tried["code"]) == (False, "consent")
    assert {each["opens"] for each in tried["headings"]} == {"none"}
    assert (await ada.ask(f"{ME}/preview", LETTER)).body == now
    made = (await ada.ask(f"{ME}/choices", choice)).body
    assert made["does"] == ["Everybody at Sample Hospital may not see anything of your record."]
    assert (await ada.ask(f"{ME}/preview", LETTER)).body == tried
    assert (await ada.ask(f"{ME}/preview", {**LETTER, "without": made["id"]})).body == now
    assert (await place.deployment.get("Patient", role="R8000", at="RXX", _id="x")).status in (404, 403)
    stale = await ada.ask(f"{ME}/choices/{made['id']}/withdraw", {"version": "7"})
    assert stale.status == 412
    back = await ada.ask(f"{ME}/choices/{made['id']}/withdraw", {"version": made["version"]})
    assert back.body["active"] is False
    assert (await ada.ask(f"{ME}/preview", LETTER)).body == now
    versions = (await ada.ask(f"{ME}/choices/{made['id']}")).body["versions"]
    assert [each["active"] for each in versions] == [False, True]
    bert = await place.browser(newcomer(BERT, "Bert Sample"))
    for path, body in ((f"{made['id']}", None), (f"{made['id']}/withdraw", {"version": "1"})):
        others, nobodys = [await bert.ask(f"{ME}/choices/{one}", body) for one in (path, f"x{path}")]
        assert (others.status, others.body) == (nobodys.status, nobodys.body) == (404, others.body)


async def test_a_choice_that_would_do_nothing_is_refused(place: Online) -> None:
    """No slip of the pen is taken for an objection, or for a permission; a refused one changes nothing."""
    ada = await place.browser(ADAS)
    before = (await ada.ask(f"{ME}/choices")).body
    table: list[Tree] = [
        {"headings": ["everything"]},
        {"labels": ["nothing-of-the-kind"]},
        {"to": ["not an ODS code"]},
        {"entries": ["Observation"]},
        {"roles": ["R9999"]},
        {"effect": "permit"},
        {"effect": "permit", "to": ["RXX"]},
        {"until": "2020-01-01"},
        {"until": "tomorrow"},
        {"but": ["RXX"], "to": ["C99"]},
        {"carers": ["nobody"]},
        {"sources": ["RXX"]},
        {"effect": "maybe"},
    ]
    for choice in table:
        assert (await ada.ask(f"{ME}/choices", choice)).status in (400, 404, 422), choice
    assert (await ada.ask(f"{ME}/choices")).body == before


async def same_as_fhir(place: Online, ada: Browser, looks: Sequence[Tree]) -> None:
    """As AuditEvents they say the same and no more, can be searched, and are valid R4."""
    found = (await ada.ask(f"{ME}/AuditEvent")).body
    events = {one["resource"]["id"]: one["resource"] for one in found["entry"]}
    for look in looks:
        event = events[look["id"]]
        get_fhir_model_class("AuditEvent").model_validate(event)
        assert (event["agent"][0]["name"], event["outcome"] == "0") == (look["name"], look["allowed"])
        assert event["entity"][1]["description"] == look["what"]
    for untold in (place.deployment.services.policy.hash, "relationship", "action"):
        assert untold not in str(found)
    refused = (await ada.ask(f"{ME}/AuditEvent?outcome=4")).body
    assert {one["resource"]["outcome"] for one in refused["entry"]} == {"4"}
    assert (await ada.ask(f"{ME}/AuditEvent?colour=red")).status == 400


async def test_a_look_is_told_asked_about_and_answered(place: Online) -> None:
    """Each look by name, role, place and purpose, refused ones too; a question about one reaches the privacy
    officer and comes back answered, and nobody asks about another's."""
    ada = await place.browser(ADAS)
    mine = (await ada.ask(ME)).body["patient"]
    await place.deployment.get(f"Patient/{mine}", role="R0260", at="A81001")
    await place.deployment.get(f"Patient/{mine}", role="R8000", at="QZZ99")
    looks = (await ada.ask(f"{ME}/looks")).body["looks"]
    seen = [each for each in looks if each["who"] == "professional"][:2]
    assert {(each["organisation"], each["allowed"]) for each in seen} == {
        ("Sample Surgery", True),
        ("QZZ99", False),
    }
    assert all(each["name"] and each["role"] and each["purpose"] for each in seen)
    await same_as_fhir(place, ada, looks)
    which = seen[0]["id"]
    asked = await ada.ask(f"{ME}/looks/{which}/question", {"text": "Why was this?"})
    assert asked.status == 201
    bert = await place.browser(newcomer(BERT, "Bert Sample"))
    for one in (which, "nothing"):
        assert (await bert.ask(f"{ME}/looks/{one}/question", {"text": "Why?"})).code == "no-look"
    officer = {"authorization": place.deployment.bearer("R0001", "A81001")}
    nobody = Browser(place.deployment, "")
    [waits] = (await nobody.ask("/access/desk/questions", headers=officer)).body["questions"]
    assert (waits["text"], "QZZ99" in waits["about"] or "Surgery" in waits["about"]) == (
        "Why was this?",
        True,
    )
    answer = f"/access/desk/questions/{waits['id']}/answer"
    doctor = {"authorization": place.deployment.bearer()}
    assert (await nobody.ask(answer, {"text": "So."}, headers=doctor)).code == "role-activity"
    assert (await nobody.ask(answer, {"text": "To book a visit."}, headers=officer)).status == 200
    assert (await nobody.ask(answer, {"text": "Again."}, headers=officer)).code == "answered"
    told = (await ada.ask(f"{ME}/questions")).body["questions"][0]
    assert told["answer"] == "To book a visit."
    assert (await nobody.ask("/access/desk/questions", headers=officer)).body["questions"] == []
