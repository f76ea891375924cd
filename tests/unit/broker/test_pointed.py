"""Whom a record locator points at."""

from __future__ import annotations

import orjson
from tests.unit.broker.sources import Acting, question, result

from scr.broker.gather import gather
from scr.broker.pointed import Locators
from scr.fhir.entry import Entry, pack
from scr.fhir.identifiers import OdsCode
from scr.mapping.provider import GP_PRACTICE, Feed, FhirR4Connection, Provider
from scr.sources.protocol import Outcome, SourceResult

NRL = OdsCode("X26")


def provider(ods: str, **more: bool) -> Provider:
    """A provider that is asked live."""
    connection = FhirR4Connection.model_validate({"kind": "fhir-r4", "url": "http://there.example", **more})
    feed = Feed(name="record", adapter="a", connection=connection)
    code = OdsCode(ods)
    return Provider(ods=code, name=ods, organisation_type=GP_PRACTICE, go_live=None, feeds=(feed,))


def pointer(logical: str, kept_by: str, name: str = "") -> Entry:
    """A pointer that the locator told of."""
    kept = {"identifier": {"value": kept_by}} | ({"display": name} if name else {})
    tree = {"resourceType": "DocumentReference", "id": logical, "status": "current", "custodian": kept}
    return pack(tree, source=NRL.value, now=0)


POINTERS = (pointer("1", "A81001"), pointer("2", "A81002"), pointer("3", "QXX"), pointer("4", "ZZX01", "Far"))
TOLD = result("X26", entries=POINTERS)
PROVIDERS = {
    one.ods: one
    for one in (
        provider("X26", pointers=True),
        provider("A81001"),
        provider("A81002"),
        provider("A81003"),
        provider("QXX", neighbour=True),
    )
}
PULLS = {ods: Acting(TOLD if ods == NRL else result(ods.value)) for ods in PROVIDERS}
LOCATORS = Locators(PROVIDERS, PULLS)
LIVE = frozenset(PROVIDERS) - {OdsCode("A81003")}


async def asked(*planned: str, only: frozenset[OdsCode] | None = None) -> list[str]:
    """Who is asked where these were to be."""
    sources = [PULLS[OdsCode(ods)] for ods in planned]
    heard: list[SourceResult] = []
    results = await gather(question(), sources, heard.append, further=LOCATORS.further(LIVE, only))
    assert sorted(r.source for r in heard) == sorted(r.source for r in results)
    return [r.source.value for r in results]


async def test_a_connected_practice_that_is_named_is_asked() -> None:
    """Each once, whoever was asked anyway; nobody that is not connected, not live, or another record."""
    assert await asked("A81001", "X26") == ["A81001", "X26", "A81002"]
    assert await asked("X26") == ["X26", "A81001", "A81002"]
    assert await asked("A81001") == ["A81001"]
    assert await asked("X26", only=frozenset({OdsCode("A81002")})) == ["X26", "A81002"]


def test_what_a_pointer_led_to_can_be_read_again() -> None:
    """For an entry of a source that is not planned, the locators are asked beside it."""
    planned = [PULLS[NRL], PULLS[OdsCode("A81001")]]
    one = OdsCode("A81001")
    assert LOCATORS.beside(None, planned) is None
    assert LOCATORS.beside([one], planned) == frozenset({one})
    assert LOCATORS.beside([OdsCode("A81002")], planned) == frozenset({OdsCode("A81002"), NRL})
    assert LOCATORS.beside([OdsCode("RXX")], planned) == frozenset({OdsCode("RXX")})


def test_whoever_is_named_and_was_not_asked_is_told_by_permitted_pointers() -> None:
    """A custodian stands in the ledger only where the pointer itself may be seen."""
    results = (TOLD, result("A81001"), result("A81002"))
    told = LOCATORS.elsewhere(results, POINTERS)
    assert [(r.source.value, r.name, r.outcome, r.code) for r in told] == [
        ("QXX", "Organisation QXX", Outcome.NOT_ASKED, "pointer-elsewhere"),
        ("ZZX01", "Far", Outcome.NOT_ASKED, "pointer-elsewhere"),
    ]
    assert LOCATORS.elsewhere(results, POINTERS[:2]) == ()
    forged = pack(orjson.loads(POINTERS[3].body), source="A81001", now=0)
    assert LOCATORS.elsewhere(results, [forged]) == ()
    assert Locators({}, {}).elsewhere(results, POINTERS) == ()
