"""How another FHIR server is asked, page by page, and what is made of its answers."""

from __future__ import annotations

from pathlib import Path

import httpx
import orjson
import pytest
from tests.unit.sources import given
from tests.unit.sources.people import BEN, MARGARET

from scr.errors import Invalid
from scr.fhir.canonical import HEADING_SYSTEM, LEDGER_EXTENSION, OUTCOME_SYSTEM
from scr.fhir.gaps import Issue, issues_of
from scr.fhir.headings import HEADINGS
from scr.mapping.provider import FhirR4Connection
from scr.sources.fhir_calls import MAX_PAGES
from scr.sources.fhir_rest import FhirRestSource, gaps
from scr.sources.http import open_client
from scr.sources.protocol import Outcome, SourceResult

BASE = "https://there.example/fhir"
EVERYTHING = f"{BASE}/Patient/pat-1/$everything"
Answers = dict[str, bytes | int]


def connection(**more: object) -> FhirR4Connection:
    """A server's connection."""
    return FhirR4Connection.model_validate({"kind": "fhir-r4", "url": BASE, **more})


class There:
    """A server whose answers stand in a table, by address without its query; it keeps what it was asked."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        found = self.answers.get(str(request.url)) or self.answers[str(request.url.copy_with(query=None))]
        if isinstance(found, int):
            return httpx.Response(found, headers={"content-type": "text/plain"})
        return httpx.Response(200, content=found, headers={"content-type": "application/fhir+json"})


async def ask(
    home: Path, there: There, *, max_bytes: int = 2 * 2**20, token: str = "", **more: object
) -> SourceResult:
    """Ask the server about Margaret."""
    async with open_client(httpx.MockTransport(there)) as client:
        reader = given.reader(home, "R4")
        limits = given.limits(max_bytes=max_bytes)
        source = FhirRestSource(connection(**more), reader, client, limits, lambda: token)
        return await source.ask(given.question())


def searchset(*resources: given.Tree, following: str = "") -> bytes:
    """One page of a search."""
    link = [{"relation": "next", "url": following}] if following else []
    return given.bundle(*resources, kind="searchset", link=link)


def page(*resources: given.Tree, following: str = "") -> Answers:
    """The first page of everything."""
    return {EVERYTHING: searchset(*resources, following=following)}


FOUND = searchset(given.patient())


async def test_the_person_is_found_and_their_record_taken(tmp_path: Path) -> None:
    """The number stands in a body; the token goes with each call; each resource is taken once."""
    there = There(
        {
            f"{BASE}/Patient/_search": FOUND,
            EVERYTHING: searchset(given.patient(), given.problem("R4")),
        }
    )
    result = await ask(tmp_path, there, token="secret")
    assert result.outcome is Outcome.ANSWERED
    assert sorted(entry.type for entry in result.entries) == ["Condition", "Patient"]
    search, everything = there.asked
    assert search.method == "POST"
    assert MARGARET.value not in str(search.url)
    assert MARGARET.value in search.content.decode()
    assert everything.method == "GET"
    assert [request.headers["authorization"] for request in there.asked] == ["Bearer secret"] * 2


async def test_a_server_that_searches_by_get_is_asked_so(tmp_path: Path) -> None:
    """The number goes into the address where the provider's file says so; without a token none is sent."""
    there = There({f"{BASE}/Patient": FOUND, EVERYTHING: searchset(given.problem("R4"))})
    result = await ask(tmp_path, there, number_in="address")
    assert result.outcome is Outcome.ANSWERED
    assert there.asked[0].url.params["identifier"] == f"https://fhir.nhs.uk/Id/nhs-number|{MARGARET.value}"
    assert "authorization" not in there.asked[0].headers


async def test_listed_types_are_searched_for_one_by_one(tmp_path: Path) -> None:
    """A server without $everything is asked for each type that the provider's file lists."""
    there = There(
        {
            f"{BASE}/Patient/_search": FOUND,
            f"{BASE}/Condition": searchset(given.problem("R4")),
            f"{BASE}/Observation": searchset(),
        }
    )
    result = await ask(tmp_path, there, search=["Condition", "Observation"])
    assert sorted(entry.type for entry in result.entries) == ["Condition", "Patient"]
    assert [request.url.params.get("patient") for request in there.asked[1:]] == ["pat-1", "pat-1"]


async def test_pages_are_followed_and_joined(tmp_path: Path) -> None:
    """Relative and absolute links to the same origin lead on; what stands on two pages is taken once."""
    there = There(
        {
            f"{BASE}/Patient/_search": FOUND,
            EVERYTHING: searchset(given.patient(), given.problem("R4", "a"), following="/fhir?page=2"),
            f"{BASE}?page=2": searchset(given.problem("R4", "b"), following=f"{BASE}?page=3"),
            f"{BASE}?page=3": searchset(given.problem("R4", "a"), given.problem("R4", "c")),
        }
    )
    result = await ask(tmp_path, there)
    assert [entry.type for entry in result.entries].count("Condition") == 3


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        pytest.param(page(following="https://evil.example/fhir?page=2"), "redirect", id="elsewhere"),
        pytest.param(page(following="http://there.example/fhir"), "redirect", id="without TLS"),
        pytest.param(page(following="//there.example:1/x"), "redirect", id="another port"),
        pytest.param(page(following="https://a:b@there.example/x"), "redirect", id="user"),
        pytest.param(page(following="https://there.example:x/"), "unreadable", id="no address"),
        pytest.param(
            page(following=f"{BASE}?p") | {f"{BASE}?p": searchset(following=f"{BASE}?p")},
            "endless",
            id="circle",
        ),
        pytest.param({EVERYTHING: 404}, "http-404", id="no such operation"),
        pytest.param({EVERYTHING: b"[]"}, "unreadable", id="no object"),
        pytest.param({EVERYTHING: orjson.dumps(given.patient())}, "unreadable", id="no Bundle"),
        pytest.param({EVERYTHING: b"\xff"}, "unreadable", id="no UTF-8"),
        pytest.param(page(given.problem("R4", about="Patient/x")), "wrong-person", id="stranger"),
        pytest.param(page(given.patient(BEN, "p2")), "several-persons", id="two persons"),
    ],
)
async def test_a_page_that_fails_fails_the_whole(tmp_path: Path, answers: Answers, code: str) -> None:
    """No part of a record is passed off as all of it, and no question is carried to another place."""
    there = There({f"{BASE}/Patient/_search": FOUND, **answers})
    result = await ask(tmp_path, there)
    assert (result.outcome, result.code, result.entries) == (Outcome.DOWN, code, ())
    assert {request.url.host for request in there.asked} == {"there.example"}


async def test_an_operation_that_is_not_known_comes_with_its_remedy(tmp_path: Path) -> None:
    """The onboarding lead reads what to change in the provider's file."""
    nowhere = await ask(tmp_path, There({f"{BASE}/Patient/_search": 405}))
    assert (nowhere.code, "number_in: address" in nowhere.detail) == ("http-405", True)
    partly = await ask(tmp_path, There({f"{BASE}/Patient/_search": FOUND, EVERYTHING: 404}))
    assert (partly.code, "under `search`" in partly.detail) == ("http-404", True)


async def test_pages_without_end_are_given_up(tmp_path: Path) -> None:
    """A server that always has one more page is left after a hundred, or at the limit of bytes."""

    def handler(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("page", "0")) + 1
        body = FOUND if request.method == "POST" else searchset(following=f"{BASE}?page={page}")
        asked.append(page)
        return httpx.Response(200, content=body, headers={"content-type": "application/json"})

    for max_bytes, code in ((2 * 2**20, "endless"), (2_000, "too-large")):
        asked: list[int] = []
        async with open_client(httpx.MockTransport(handler)) as client:
            source = FhirRestSource(
                connection(), given.reader(tmp_path, "R4"), client, given.limits(max_bytes=max_bytes), str
            )
            result = await source.ask(given.question())
        assert (result.outcome, result.code) == (Outcome.DOWN, code)
        assert len(asked) <= MAX_PAGES + 1


async def test_nobody_and_several_are_told_apart(tmp_path: Path) -> None:
    """No match is empty; two matches are one too many; a search that failed in part is not empty."""
    failed = given.outcome({"severity": "warning", "code": "incomplete"})
    for body, outcome, code in (
        (searchset(), Outcome.EMPTY, ""),
        (searchset(given.patient(), given.patient(logical="pat-2")), Outcome.DOWN, "several-persons"),
        (searchset(failed), Outcome.DOWN, "gaps-at-source"),
        (searchset(given.patient(logical="../x")), Outcome.DOWN, "unreadable"),
    ):
        result = await ask(tmp_path, There({f"{BASE}/Patient/_search": body}))
        assert (result.outcome, result.code, result.entries) == (outcome, code, ())


def ledger_issue(outcome: str, *headings: str) -> given.Tree:
    """An issue as another shared care record writes it."""
    parts = [
        {
            "url": "heading",
            "extension": [{"url": "code", "valueCoding": {"system": HEADING_SYSTEM, "code": heading}}],
        }
        for heading in headings
    ]
    return {
        "severity": "warning",
        "code": "incomplete",
        "details": {"coding": [{"system": OUTCOME_SYSTEM, "code": outcome}]},
        "extension": [{"url": LEDGER_EXTENSION, "extension": parts}],
    }


async def test_the_ledger_of_another_record_is_carried_on(tmp_path: Path) -> None:
    """What is missing there is missing here, under the same headings."""
    theirs = given.outcome(
        ledger_issue("late", "allergies"),
        ledger_issue("withheld", "problems"),
        ledger_issue("stale", "plans"),
        ledger_issue("answered", "results"),
        ledger_issue("empty", "no-such-heading"),
    )
    there = There({f"{BASE}/Patient/_search": FOUND, EVERYTHING: searchset(given.problem("R4"), theirs)})
    result = await ask(tmp_path, there)
    assert result.outcome is Outcome.ANSWERED
    assert result.headings == {
        "allergies": Outcome.INCOMPLETE,
        "problems": Outcome.WITHHELD,
        "plans": Outcome.STALE,
    }


def test_a_gap_that_names_no_heading_bears_on_all() -> None:
    """In doubt every heading is incomplete; a mere remark marks none."""
    everywhere = dict.fromkeys(HEADINGS, Outcome.INCOMPLETE)
    assert gaps([Issue("error", "exception")]) == everywhere
    assert gaps([Issue("warning", "timeout")]) == everywhere
    assert gaps(issues_of([given.outcome(ledger_issue("down"))])) == everywhere
    assert gaps([Issue("warning", "not-supported"), Issue("information", "informational")]) == {}


async def test_a_secret_that_is_not_there_is_told_and_nothing_is_asked(tmp_path: Path) -> None:
    """A source whose token cannot be read is down for that reason."""

    def missing() -> str:
        raise Invalid("the secret 'env:X' is not there", code="no-secret")

    there = There({})
    async with open_client(httpx.MockTransport(there)) as client:
        source = FhirRestSource(connection(), given.reader(tmp_path, "R4"), client, given.limits(), missing)
        result = await source.ask(given.question())
    assert (result.outcome, result.code, there.asked) == (Outcome.DOWN, "no-secret", [])
