"""Carers: let in by the person, narrowed to what they were let do, and out again at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.functional.deployment import ADA, BERT, NOBODY, beside
from tests.functional.online import Browser, Online, Told, carer, citizen, newcomer

pytestmark = pytest.mark.asyncio(loop_scope="session")
ADAS = citizen(ADA, "ada", "Ada O'Sample")
ME = "/access/people/me"


def until(days: float = 30) -> str:
    """An instant so many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def invited(ada: Browser, **more: object) -> Told:
    """Ada lets a carer in."""
    made = await ada.ask(f"{ME}/carers", {"calls": "Carl, my neighbour", "until": until(), **more})
    assert made.status == 201, made.body
    return made


async def test_a_carer_is_let_in_narrowed_and_out_at_once(place: Online) -> None:
    """From the invitation to the end: both names in the audit, one use of the code, and no more of the record
    than was given; when it ends it opens nothing, in another process either."""
    ada, carl = await place.browser(ADAS), await place.browser(newcomer(NOBODY, "Carl Carer"))
    made = await invited(ada, headings=["allergies"])
    mine = (await ada.ask(ME)).body["patient"]
    hers = f"/access/people/{mine}"
    assert (await carl.ask(hers)).code == "no-record"
    code = made.body["code"].lower().replace("-", " ")
    shown = await carl.ask("/access/invitations/look", {"code": code})
    assert (shown.body["of"], shown.body["headings"]) == ("Ada Mary O'Sample", ["allergies"])
    taken = await carl.ask("/access/invitations/accept", {"code": code})
    assert (taken.status, taken.body["patient"]) == (201, mine)
    assert (await carl.ask("/access/invitations/accept", {"code": code})).code == "no-invitation"

    assert [each["patient"] for each in (await carl.ask("/access/me")).body["people"]] == [mine]
    assert (await carl.ask(hers)).body["basis"] == "consent"
    row = place.rows("access")[0]
    assert (row.actor_name, row.details["acts_for"], row.purpose) == (
        "Carl Carer",
        "Ada Mary O'Sample",
        "FAMRQT",
    )
    for refused in (f"{hers}/carers", f"{hers}/choices", f"{hers}/questions"):
        assert (await carl.ask(refused)).code == "own-only"
    theirs = (await ada.ask(f"{ME}/carers")).body["carers"][0]
    assert (theirs["state"], theirs["carer"]) == ("in-force", "Carl Carer")

    looks = (await ada.ask(f"{ME}/looks")).body["looks"]
    assert {(each["who"], each["name"]) for each in looks} >= {("carer", "Carl Carer")}
    async with beside(place.deployment) as other:
        elsewhere = Browser(other, carl.cookie)
        assert (await elsewhere.ask(hers)).status == 200
        ended = await ada.ask(f"{ME}/carers/{theirs['id']}/end", {})
        assert ended.body["state"] == "ended"
        assert (await elsewhere.ask(hers)).body == (await carl.ask("/access/people/nobody")).body
    assert (await carl.ask("/access/me")).body["people"] == []


@pytest.mark.parametrize(
    ("level", "refused"),
    [
        ({}, "no-record"),
        ({"contributes": True, "headings": ["allergies"]}, "not-shown"),
        ({"contributes": True, "headings": ["added-by-person"]}, ""),
        ({"contributes": True}, ""),
    ],
    ids=["to look", "to add, at another heading", "to add, and see that", "to add, all"],
)
async def test_a_carer_adds_what_they_were_let_add_in_both_names(
    place: Online, level: dict[str, object], refused: str
) -> None:
    """By the level of their access; it stands as theirs, the audit has both names, and the person is told of
    it and of who came and went. Another carer changes none of it."""
    ada, carl = await place.browser(ADAS), await place.browser(newcomer(NOBODY, "Carl Carer"))
    made = await invited(ada, **level)
    await carl.ask("/access/invitations/accept", {"code": made.body["code"]})
    hers = f"/access/people/{(await ada.ask(ME)).body['patient']}"
    note = {"values": {"text": "She likes tea"}}
    added = await carl.ask(f"{hers}/contributions/note", note)
    if refused:
        assert added.code == refused, added.body
    else:
        assert (added.status, added.body["by"]) == (201, "Carl Carer (acting for the person)"), added.body
        row = place.rows("contributions")[0]
        assert (row.actor_name, row.details["acts_for"]) == ("Carl Carer", "Ada Mary O'Sample")
        other = await place.browser(newcomer(BERT, "Bert Sample"))
        second = await invited(ada, contributes=True)
        await other.ask("/access/invitations/accept", {"code": second.body["code"]})
        path, version = f"{hers}/contributions/{added.body['id']}", f'W/"{added.body["version"]}"'
        await other.ask(hers)
        sent = {"x-csrf-token": other.csrf.get(hers.rpartition("/")[2], ""), "if-match": version}
        assert (await other.ask(f"{path}/withdrawn", {}, headers=sent)).code in {"other-author", "stale-form"}
        await other.ask(f"{hers}/carers/{second.body['id']}/end", {})
    assert (await carl.ask(f"{hers}/carers/{made.body['id']}/end", {})).status == 200
    notices = (await ada.ask(f"{ME}/notices")).body["notices"]
    told = [one["about"]["did"] for one in notices if one["about"].get("by") == "Carl Carer"]
    expected = ["ended", "accepted"] if refused else ["ended", "added", "accepted"]
    assert sorted(told[: len(expected)]) == sorted(expected)


async def test_an_invitation_is_for_who_holds_it_and_for_nobody_else(place: Online) -> None:
    """Not for the person, not for who acts for another just now, not twice, and not by guessing."""
    carls = newcomer(NOBODY, "Carl Carer")
    ada, carl, bert = [await place.browser(each) for each in (ADAS, carls, newcomer(BERT, "Bert Sample"))]
    one, two = [(await invited(ada)).body["code"] for _ in range(2)]
    assert (await ada.ask("/access/invitations/accept", {"code": one})).code == "own-invitation"
    acting = await place.browser(carer(ADA, carls.subject, "Carl Carer", relationship="consent"))
    assert (await acting.ask("/access/invitations/look", {"code": one})).code == "not-yourself"
    assert (await carl.ask("/access/invitations/accept", {"code": one})).status == 201
    assert (await carl.ask("/access/invitations/accept", {"code": two})).code == "has-access"
    codes = [(await bert.ask("/access/invitations/look", {"code": f"W{n}"})).code for n in range(11)]
    assert codes == ["no-invitation"] * 10 + ["too-many-codes"]
    assert (await bert.ask("/access/invitations/look", {"code": two})).code == "too-many-codes"


async def test_what_cannot_be_given_is_told_by_its_field(place: Online) -> None:
    """No access without an end, for too long, of nothing, or on a basis that staff have to see."""
    ada = await place.browser(ADAS)
    table: list[tuple[dict[str, object], str]] = [
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"until": until(5000)}, "until"),
        ({"until": "soon"}, "until"),
        ({"calls": " "}, "calls"),
        ({"headings": []}, "headings"),
        ({"headings": ["everything"]}, "headings"),
        ({"basis": "parental-responsibility"}, "body"),
    ]
    for wanted, where in table:
        said = await ada.ask(f"{ME}/carers", {"calls": "Carl", "until": until(), **wanted})
        assert said.status == 400, wanted
        assert where in said.body["detail"]


async def test_what_the_sign_in_says_counts_until_it_is_ended_here(place: Online) -> None:
    """NHS login's word lets a carer in on a basis of the policy; one that Ada has ended stays ended, and a
    basis that staff have to record does not come from a sign-in."""
    ada = await place.browser(ADAS)
    carls = newcomer(NOBODY, "Carl Carer")

    async def by_sign_in(basis: str) -> Browser:
        return await place.browser(carer(ADA, carls.subject, "Carl Carer", relationship=basis))

    acting = await by_sign_in("consent")
    assert (await acting.ask(ME)).body["basis"] == "consent"
    for basis in ("best-interest", "health-and-welfare-lasting-power-of-attorney"):
        refused = await by_sign_in(basis)
        assert (await refused.ask(ME)).code == "no-record"
    carl, made = await place.browser(carls), await invited(ada)
    await carl.ask("/access/invitations/accept", {"code": made.body["code"]})
    await ada.ask(f"{ME}/carers/{made.body['id']}/end", {})
    assert (await acting.ask(ME)).code == "no-record"


async def test_a_form_of_one_record_changes_no_other(place: Online) -> None:
    """Without the token of this session and record nothing is changed, whatever cookie the browser has."""
    ada = await place.browser(ADAS)
    sent, before = {"calls": "Carl", "until": until()}, (await ada.ask(f"{ME}/carers")).body
    for header in ("", "x" * 64, (await ada.ask("/access/me")).body["csrf"]):
        said = await ada.ask(f"{ME}/carers", sent, headers={"x-csrf-token": header})
        assert (said.status, said.code) == (403, "stale-form")
    assert (await ada.ask(f"{ME}/carers")).body == before
