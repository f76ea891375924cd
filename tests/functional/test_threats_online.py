"""Threats to citizens, carers and professionals at a browser, put to every address that there is for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import httpx
import msgspec
import orjson
import pytest
from sqlalchemy import Connection
from tests.functional.asking import same
from tests.functional.besieged import MARK, hidden
from tests.functional.deployment import BERT, SECRETS, Neighbour, Tree, coded, observation
from tests.functional.online import Browser, newcomer
from tests.functional.pdf_text import text_of
from tests.functional.test_access_threats import stands
from tests.functional.tour import FACES, Stop, Tour, clinician, let_in

from scr.api.services import now_ms
from scr.fhir.standing import Standing
from scr.store import delegations

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOBODYS = "y" * 26
ONLINE = FACES[:-1]
_VARIES = re.compile(
    r'(?<=name="csrf" value=")[^"]*|(?<=name="(?:once|mark)" value=")[^"]*|(?<="csrf":")[^"]*|[a-z2-7]{26}'
    r"|\d+ (?:second|minute)s? ago|a moment ago|\d{1,2}:\d\d(?:am|pm)?"
)
"""Secrets of forms, ids of rows, times: of the day as well, with and without half of it."""


@pytest.fixture
def tour(session_tour: Tour, capfd: pytest.CaptureFixture[str]) -> Iterator[Tour]:
    """The same, its neighbour as at first; at the end, nobody's number was logged."""
    session_tour.place.deployment.neighbour.__dict__.update(Neighbour().__dict__)
    yield session_tour
    logged = "".join(capfd.readouterr())
    assert not any(number in logged for number in SECRETS)


def alike(said: httpx.Response, names: dict[str, str]) -> tuple[int, str, dict[str, str]]:
    """An answer without the ids that were asked for, and what is new in each."""
    status, body, headers = same(said)
    if said.headers.get("content-type") == "application/pdf":
        told = text_of(said.content)
    else:
        told = body.decode("utf-8", "replace")
    for value in sorted(set(names.values()), key=len, reverse=True):
        if len(value) > 10:
            told = told.replace(value, "*")
            headers = {name: text.replace(value, "*") for name, text in headers.items()}
    return status, _VARIES.sub("*", told), headers


async def answers(
    tour: Tour,
    browser: Browser,
    *,
    whose: str = "me",
    faces: tuple[str, ...] = ONLINE,
    names: dict[str, str] | None = None,
    by_id: bool = False,
) -> dict[Stop, tuple[int, str, dict[str, str]]]:
    """What each address answers, as it can be compared."""
    walked = await tour.walk(browser, whose=whose, faces=faces, names=names, by_id=by_id)
    given = {**tour.names, "whose": whose, **(names or {})}
    return {stop: alike(said, given) for stop, said in walked}


async def test_the_ids_of_anothers_things_are_as_none(tour: Tour) -> None:
    """Below every address, in his own record and in Ada's, Bert gets with Ada's ids what he gets with ids
    that nobody has: of entries, contributions, documents, challenges, looks, choices, accesses."""
    bert = await tour.place.browser(newcomer(BERT, "Bert Sample"))
    unknown = {name: NOBODYS for name, value in tour.names.items() if len(value) > 20}
    for whose, none in (("me", "me"), (tour.names["whose"], NOBODYS)):
        own = whose == "me"
        there = await answers(tour, bert, whose=whose, by_id=own)
        nowhere = await answers(tour, bert, whose=none, names={**unknown, "whose": none}, by_id=own)
        assert len(there) > 10
        for stop, said in there.items():
            assert said == nowhere[stop], stop
            if not own and stop.of_record:
                assert said[0] == 404, stop


async def let_be(tour: Tour, access: str, *, suspended: str = "", over: bool = False) -> None:
    """Let an access rest from now on, or be over."""
    services = tour.place.deployment.services

    def write(connection: Connection) -> None:
        found = delegations.by_id(connection, services.keys, access)
        assert found is not None
        person, one = found
        terms = msgspec.structs.replace(one.terms, suspended=suspended)
        until = now_ms() - 1 if over else one.until
        delegations.change(connection, person, replace(one, terms=terms, until=until))

    await services.database.write(write)


async def test_an_access_that_does_not_hold_opens_nothing(tour: Tour) -> None:
    """Suspended, over, ended, or of somebody who has died, while the carer is there: at every address that
    is about a record, what there is of nobody; and no page names the person any more."""
    carl, access = await let_in(tour)
    whose = tour.names["whose"]
    before = await answers(tour, carl, whose=whose, faces=("/my/record",))
    assert {Stop("GET", "/my/record"), Stop("GET", "/my/record/pdf")} < {
        stop for stop, said in before.items() if said[0] == 200
    }
    nobodys = await answers(tour, carl, whose=NOBODYS)

    async def closed(why: str, faces: tuple[str, ...]) -> None:
        for stop, said in (await answers(tour, carl, whose=whose, faces=faces)).items():
            if stop.of_record:
                assert (said, said[0]) == (nobodys[stop], 404), (why, stop)
            else:
                assert "O'Sample" not in said[1].replace("&#39;", "'"), (why, stop)

    await let_be(tour, access, suspended="somebody looks into it")
    await closed("suspended", ("/access/me", "/access/people", "/my/whose"))
    await let_be(tour, access)
    await stands(tour.place, Standing(deceased="formal"))
    await closed("dead", ("/access/me", "/my/whose", "/my/added", "/my/challenges"))
    await stands(tour.place, Standing())
    assert (await tour.ask(carl, "GET", "/my/record", whose=whose)).status_code == 200
    await let_be(tour, access, over=True)
    await closed("over", ("/my/whose", "/my/record", "/my/looked"))
    await let_be(tour, access)
    await tour.ada.ask(f"/access/people/me/carers/{access}/end", {})
    await closed("ended", ONLINE)


async def test_what_a_carer_may_not_see_is_on_no_page(tour: Tour) -> None:
    """A carer who was let see allergies alone, and one from whom the person keeps a problem that she says is
    wrong: of what stands there, and of what was said of it, no address tells either of them a word."""
    deployment, me = tour.place.deployment, "/access/people/me"
    told = coded("Condition", "zc", "38341003", onsetDateTime="2024-02-02", note=[{"text": MARK}])
    told["code"]["text"] = MARK
    deployment.neighbour.resources += [told, observation("zo", "1", "2024-02-02", note=[{"text": MARK}])]
    deployment.neighbour.resources.append(report())
    subject = tour.names["whose"]
    every = (await deployment.get("Condition", patient=subject)).matches
    [entry] = [f"Condition/{one['id']}" for one in every if MARK in str(one)]
    said = await tour.ada.ask(f"{me}/challenges", {"entry": entry, "reason": MARK})
    assert said.status == 201
    names = {"challenges/logical": said.body["id"], "of/logical": said.body["id"]}
    names |= {"entry/kind": "Condition", "Condition/logical": entry.partition("/")[2]}
    await answered(tour, said.body["id"])
    narrow, _ = await let_in(tour, headings=["allergies"])
    kept_from, access = await let_in(tour)
    hides: Tree = {"headings": ["problems", "results", "findings"], "carers": [access]}
    choice = (await tour.ada.ask(f"{me}/choices", hides)).body
    seen: dict[str, int] = {}
    for who, carl, faces in (
        ("ada", tour.ada, ("/access/people", "/my/challenges")),
        ("narrow", narrow, ONLINE),
        ("kept", kept_from, ONLINE),
    ):
        whose = "me" if who == "ada" else subject
        for stop, answer in await tour.walk(carl, whose=whose, faces=faces, names=names):
            body = text_of(answer.content) if answer.content[:4] == b"%PDF" else answer.text
            seen[who] = seen.get(who, 0) + (MARK in body)
            assert answer.status_code < 500, stop
            assert who == "ada" or MARK not in body, (who, stop)
            assert who == "ada" or said.body["id"] not in body, (who, stop)
    assert seen["ada"] > 4
    back = {"version": choice["version"]}
    assert (await tour.ada.ask(f"{me}/choices/{choice['id']}/withdraw", back)).status == 200
    assert MARK in (await tour.ask(kept_from, "GET", "/my/challenges", whose=subject)).text


def report() -> Tree:
    """A new report."""
    return coded(
        "DiagnosticReport", "zr", "1", status="final", conclusion=MARK, issued="2024-02-02T10:00:00Z"
    )


async def answered(tour: Tour, challenge: str) -> None:
    """The source has answered, and the person is told of it."""
    deployment = tour.place.deployment
    sent = {"authorization": deployment.bearer("R8013", "QXX")}
    body = orjson.dumps({"outcome": "refused", "text": f"It stays: {MARK}"})
    path = f"/access/sources/challenges/{challenge}/answer"
    assert (await tour.ask(None, "POST", path, body=body, **sent)).status_code == 200


async def test_what_is_withheld_changes_no_page(tour: Tour) -> None:
    """Whether or not there is something that nobody there may see, every address tells the person, their
    carer and a clinician the same, but for times: counts, charts, ledgers, paper and files as well."""
    carl, _ = await let_in(tour)
    doctor, whose = await tour.place.browser(clinician()), tour.names["whose"]
    who = {
        "ada": (tour.ada, "me", ONLINE),
        "carl": (carl, whose, ("/access/people", "/my/notices", "/my/challenges", "/my/record/heading")),
        "doctor": (doctor, whose, ("/viewer",)),
    }

    async def world() -> dict[tuple[str, Stop], object]:
        found: dict[tuple[str, Stop], object] = {}
        for name, (browser, about, faces) in who.items():
            told = await answers(tour, browser, whose=about, faces=faces)
            found |= {(name, stop): said for stop, said in told.items()}
        return found

    await tour.ask(tour.ada, "GET", "/my/notices")  # once they are seen, they stay so
    without = await world()
    marked = [one for one in hidden() if one["resourceType"] != "DiagnosticReport"]  # it marks what it names
    tour.place.deployment.neighbour.resources += marked
    for each, said in (await world()).items():
        assert said == without[each], each


async def test_where_a_person_is_stands_on_no_page_of_theirs(tour: Tour) -> None:
    """Of somebody whose whereabouts nobody is to learn, no address names a place that has to do with them;
    the pages that name every organisation there is, whoever asks, apart."""
    await stands(tour.place, Standing(restricted=True))
    for stop, said in await tour.walk(tour.ada, faces=ONLINE):
        body = text_of(said.content) if said.content[:4] == b"%PDF" else said.text
        if stop.template not in {"/my/could", "/my/choices/new"}:
            for place in ("Sample Surgery", "Sample Hospital", "Sample Council", "RXX", "A81001", "C99"):
                assert place not in body, (stop, place)
    await stands(tour.place, Standing())
