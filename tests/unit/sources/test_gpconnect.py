"""How a GP practice is asked, and what is made of its answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import orjson
import pytest
from tests.unit.sources import given
from tests.unit.sources.people import BEN, MARGARET

from scr.fhir.gaps import Issue, ListNote
from scr.mapping.provider import GpConnectConnection
from scr.sources.gpconnect import AREAS, GpConnectSource, gaps
from scr.sources.http import open_client
from scr.sources.protocol import Outcome, SourceResult

CONNECTION = GpConnectConnection(
    kind="gpconnect", url="http://gp.example/fhir/", from_asid="200000000115", to_asid="200000000116"
)
PRIMARY = [area.lists[0] for area in AREAS]
Handler = Callable[[httpx.Request], httpx.Response]


def source(home: Path, handler: Handler) -> GpConnectSource:
    """The practice, with a handler in the place of the network."""
    client = open_client(httpx.MockTransport(handler))
    reader = given.reader(home, "STU3")
    return GpConnectSource(
        CONNECTION, reader, client, given.limits(), us="https://scr.example/fhir", version="1"
    )


def whole_record(*more: given.Tree) -> bytes:
    """An answer that has every List."""
    lists = [given.gp_list(code) for code in PRIMARY]
    return given.bundle(given.patient(), given.problem(), *lists, *more)


async def answer(home: Path, body: bytes, status: int = 200) -> SourceResult:
    """What becomes of an answer."""
    fhir = {"content-type": "application/fhir+json;charset=utf-8"}
    practice = source(home, lambda _: httpx.Response(status, content=body, headers=fhir))
    result = await practice.ask(given.question())
    await practice.client.aclose()
    return result


async def test_the_question_is_as_the_specification_has_it(tmp_path: Path) -> None:
    """One POST with the Spine's headers and every area, with all that its switches would leave out."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=whole_record(), headers={"content-type": "application/fhir+json"})

    result = await source(tmp_path, handler).ask(given.question())
    assert result.outcome is Outcome.ANSWERED
    (request,) = seen
    assert (request.method, str(request.url)) == (
        "POST",
        "http://gp.example/fhir/Patient/$gpc.getstructuredrecord",
    )
    assert request.headers["Ssp-From"] == "200000000115"
    assert request.headers["Ssp-To"] == "200000000116"
    assert request.headers["Ssp-InteractionID"].endswith(":operation:gpc.getstructuredrecord-1")
    assert request.headers["Ssp-TraceID"] == given.question().trace_id
    assert request.headers["Cache-Control"] == "no-store"
    assert request.headers["Content-Type"] == "application/fhir+json;charset=utf-8"
    asked = orjson.loads(request.content)["parameter"]
    assert asked[0]["valueIdentifier"]["value"] == MARGARET.value
    assert {p["name"]: [part["name"] for part in p.get("part", ())] for p in asked[1:]} == {
        area.parameter: list(area.switches) for area in AREAS
    }


@pytest.mark.parametrize(
    ("status", "error", "outcome", "code"),
    [
        (404, "NO_RECORD_FOUND", Outcome.EMPTY, "no-record-found"),
        (404, "PATIENT_NOT_FOUND", Outcome.DOWN, "patient-not-found"),
        (403, "NO_PATIENT_CONSENT", Outcome.WITHHELD, "no-patient-consent"),
        (403, "NO_ORGANISATION_CONSENT", Outcome.WITHHELD, "no-organisation-consent"),
        (403, "NO_RELATIONSHIP", Outcome.WITHHELD, "no-relationship"),
        (403, "ACCESS DENIED", Outcome.WITHHELD, "access-denied"),
        (403, "ACCESS_DENIED", Outcome.WITHHELD, "access-denied"),
        (400, "INVALID_NHS_NUMBER", Outcome.DOWN, "invalid-nhs-number"),
        (422, "INVALID_RESOURCE", Outcome.DOWN, "invalid-resource"),
        (500, "INTERNAL_SERVER_ERROR", Outcome.DOWN, "internal-server-error"),
        (500, "9990000000 Okafor", Outcome.DOWN, "http-500"),
        (200, "PATIENT_NOT_FOUND", Outcome.DOWN, "patient-not-found"),
        (200, "9990000000 Okafor", Outcome.DOWN, "no-record"),
    ],
)
async def test_an_error_of_the_spine_is_told_for_what_it_is(
    tmp_path: Path, status: int, error: str, outcome: Outcome, code: str
) -> None:
    """A refusal is withheld, no record is empty, and whatever else is wrong hides nothing."""
    issue = given.spine_error(error, diagnostics="about 9990000000 Okafor")
    result = await answer(tmp_path, orjson.dumps(given.outcome(issue)), status)
    assert (result.outcome, result.code, result.entries) == (outcome, code, ())
    assert "Okafor" not in result.detail
    assert "999" not in result.detail


async def test_a_whole_record_has_no_gaps(tmp_path: Path) -> None:
    """Where every List is there without a warning, no heading is marked."""
    result = await answer(tmp_path, whole_record())
    assert (result.outcome, dict(result.headings)) == (Outcome.ANSWERED, {})
    assert {entry.type for entry in result.entries} == {"Patient", "Condition", "List"}
    assert result.demographics == given.KNOWN


async def test_the_answers_own_gaps_are_told_by_heading(tmp_path: Path) -> None:
    """An unsupported area, confidential items, and a record in transit each mark their heading."""
    result = await answer(
        tmp_path,
        given.bundle(
            given.patient(),
            given.problem(),
            *(given.gp_list(code) for code in PRIMARY if code not in {"933361000000108", "717711000000103"}),
            given.gp_list("717711000000103", "confidential-items", "data-in-transit"),
            given.gp_list("933361000000108", "data-awaiting-filing"),
            given.outcome(
                given.spine_error("NOT_IMPLEMENTED", "warning", "includeReferrals"),
                given.spine_error("NOT_IMPLEMENTED", "warning", "includeImmunisations.includeStatus"),
            ),
        ),
    )
    assert result.outcome is Outcome.ANSWERED
    assert result.headings == {
        "problems": Outcome.WITHHELD,
        "medications": Outcome.INCOMPLETE,
        "referrals": Outcome.DOWN,
        "immunisations": Outcome.INCOMPLETE,
    }


def test_an_area_that_is_neither_there_nor_spoken_of_is_incomplete() -> None:
    """An answer without its list of allergies does not say that there are none."""
    lists = [ListNote((code,), ()) for code in PRIMARY if code != "886921000000105"]
    assert gaps((), lists) == {"allergies": Outcome.INCOMPLETE}
    ended = ListNote(("1103671000000101",), ())
    assert gaps((), [*lists, ended]) == {}


@pytest.mark.parametrize(
    ("issue", "marked"),
    [
        (Issue("error", "processing"), True),
        (Issue("fatal", "exception", about="includeNothing"), True),
        (Issue("warning", "processing", codes=("NOT_IMPLEMENTED",)), True),
        (Issue("information", "informational"), False),
    ],
)
def test_a_failure_that_names_no_area_bears_on_all(issue: Issue, marked: bool) -> None:
    """What went wrong is not known to have left any area whole."""
    lists = [ListNote((code,), ()) for code in PRIMARY]
    expected = dict.fromkeys((area.heading for area in AREAS), Outcome.INCOMPLETE) if marked else {}
    assert gaps([issue], lists) == expected


def test_a_warning_that_is_not_known_is_a_gap() -> None:
    """A List says so only where something of it is missing."""
    lists = [ListNote((code,), ()) for code in PRIMARY]
    odd = ListNote(("717711000000103",), ("no-such-warning",))
    assert gaps((), [*lists, odd]) == {"problems": Outcome.INCOMPLETE}


def test_a_secondary_list_marks_the_heading_that_it_belongs_to() -> None:
    """The lists beside the primary ones are known by the first word of their code."""
    lists = [ListNote((code,), ()) for code in PRIMARY]
    hidden = ListNote(("problems-medications",), ("confidential-items",))
    assert gaps((), [*lists, hidden]) == {"problems": Outcome.WITHHELD}
    odd = ListNote(("whatever",), ("confidential-items", "no-such-warning"))
    assert gaps([Issue("warning", "x", about="includeNothing")], [*lists, odd]) == {
        "contacts": Outcome.WITHHELD
    }


async def test_another_persons_record_is_not_used(tmp_path: Path) -> None:
    """A practice that answers with somebody else's record is down, with its reason."""
    result = await answer(tmp_path, given.bundle(given.patient(BEN), given.problem()))
    assert (result.outcome, result.code, result.entries) == (Outcome.DOWN, "wrong-person", ())
    assert result.source == given.ODS
    assert result.elapsed > 0


async def test_a_deadline_that_has_passed_asks_nothing(tmp_path: Path) -> None:
    """A question that comes too late is late, and no call is made."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    result = await source(tmp_path, handler).ask(given.question(seconds=-1))
    assert (result.outcome, seen) == (Outcome.LATE, [])
