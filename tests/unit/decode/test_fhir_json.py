"""FHIR JSON to one unit of R4 resources."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.decode.fhir_json import MAX_DEPTH, Version, decode
from scr.decode.tree import BadUnit, DecodeError, Unit
from scr.fhir.entry import Resource

NUMBER = "https://fhir.nhs.uk/Id/nhs-number"


def patient(number: str, logical: str = "p", **more: Any) -> Resource:
    return {
        "resourceType": "Patient",
        "id": logical,
        "identifier": [{"system": NUMBER, "value": number, **more}],
    }


def bundle(*resources: object, **more: Any) -> bytes:
    entries = [{"resource": resource} for resource in resources]
    return orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries, **more})


def units(raw: bytes, version: Version = "STU3") -> list[Unit | BadUnit]:
    return list(decode(raw, version))


def tree(raw: bytes, version: Version = "STU3") -> dict[str, Any]:
    (unit,) = units(raw, version)
    assert isinstance(unit, Unit)
    assert unit.raw == raw
    return dict(unit.tree)


SECRET = "Zebedee"

REFUSED: list[tuple[bytes, str, str]] = [
    (b"", "empty", "byte 0"),
    (b" \n ", "empty", "byte 0"),
    (b"<html>Zebedee", "not-json", "byte 0"),
    (b"\xef\xbb\xbf  <?xml", "not-json", "byte 0"),
    (b'{"a": "Zebedee"', "not-json", "line 1, column 16 (byte 15 of 15)"),
    (b'{"a":\n "Zebedee" x}', "not-json", "line 2, column 12 (byte 17 of 19)"),
    ('{"é": "Zebedee" x}'.encode(), "not-json", "line 1, column 17 (byte 17 of 19)"),
    (b'\xef\xbb\xbf{"a": x', "not-json", "line 1, column 7 (byte 9 of 10)"),
    (b'{"a": "Zebedee\xff"}', "not-utf8", "byte 14"),
    (b'{"a": NaN}', "not-json", "line 1, column 7 (byte 6 of 10)"),
    ("{}".encode("utf-16"), "not-utf8", "byte 0"),
    (b"[]", "not-fhir", ""),
    (b"7", "not-fhir", ""),
    (b'{"resourceType": 7}', "not-fhir", ""),
    (b'{"resourceType": "Bundle", "entry": {}}', "not-fhir", "Bundle.entry"),
    (b'{"resourceType": "CapabilityStatement"}', "unsupported-type", ""),
    (b'{"resourceType":"Bundle","entry":' + b"[" * 70 + b"]" * 70 + b"}", "too-deep", ""),
    (b"[" * 100_000, "not-json", ""),
]


@pytest.mark.parametrize(("raw", "code", "where"), REFUSED)
def test_what_is_refused_and_where(raw: bytes, code: str, where: str) -> None:
    """Each bad payload has its code and its place, and the message holds nothing of the content."""
    with pytest.raises(DecodeError) as caught:
        decode(raw, "STU3")
    assert caught.value.code == code
    if where:
        assert caught.value.where == where
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_byte_order_mark_is_tolerated() -> None:
    """The mark that Windows writes before UTF-8 is no error."""
    assert tree(b"\xef\xbb\xbf" + bundle(patient("9990000026")))["patient"]["id"] == "p"


@pytest.mark.parametrize(("levels", "taken"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
def test_the_deepest_payload_that_is_taken(levels: int, taken: bool) -> None:
    """The limit of the depth is the limit, not one off."""
    node: Resource = {"url": "x"} if levels % 2 else {"url": "x", "valuePeriod": {"start": "2020"}}
    for _ in range((levels - 3) // 2):
        node = {"url": "x", "extension": [node]}
    raw = orjson.dumps({**patient("9990000026"), "extension": [node]})
    if taken:
        assert len(tree(raw)["resources"]) == 1
    else:
        with pytest.raises(DecodeError, match="nested deeper"):
            decode(raw, "STU3")


def test_the_parts_of_a_bundle() -> None:
    """Resources, patient and outcomes are told apart, and what is lost is named once."""
    taken = {"resourceType": "MedicationStatement", "taken": "unk"}
    given = tree(
        bundle(
            {"resourceType": "OperationOutcome", "id": "o"},
            {**taken, "id": "1"},
            {**taken, "id": "2"},
            patient("9990000026"),
        )
    )
    assert [r["id"] for r in given["resources"]] == ["1", "2", "p"]
    assert given["patient"]["id"] == "p"
    assert [o["id"] for o in given["outcomes"]] == ["o"]
    assert given["lost"] == ["MedicationStatement.taken"]


def test_r4_is_left_as_it_is() -> None:
    """A resource that is R4 already comes out as it went in, whatever its type."""
    sent = [patient("9990000026"), {"resourceType": "Account", "id": "a", "unknown": 1}]
    given = tree(bundle(*sent), "R4")
    assert given["resources"] == sent
    assert given["lost"] == []


def test_an_entry_that_is_no_resource_stands_aside() -> None:
    """It is a bad unit with its place and its own bytes, and the others are taken."""
    bad = [{"resourceType": "Patient"}, "text", {"resource": {"id": "1"}}]
    raw = orjson.dumps({"resourceType": "Bundle", "entry": [*bad, {"resource": patient("9990000026")}]})
    *refused, unit = units(raw)
    assert [(b.place, b.raw, b.error.code) for b in refused if isinstance(b, BadUnit)] == [
        (f"entry {n}", orjson.dumps(entry), "no-resource") for n, entry in enumerate(bad, start=1)
    ]
    assert isinstance(unit, Unit)
    assert len(unit.tree["resources"]) == 1


@pytest.mark.parametrize(("kind", "version"), [("Account", "STU3"), ("Bundle", "STU3"), ("Bundle", "R4")])
def test_an_entry_of_a_type_that_is_not_taken_stands_aside(kind: str, version: Version) -> None:
    """Its bytes are kept with the reason."""
    sent = {"resourceType": kind, "id": "a"}
    refused, _ = units(bundle(patient("9990000026"), sent), version)
    assert isinstance(refused, BadUnit)
    assert (refused.place, refused.error.code) == ("entry 2", "unsupported-type")
    assert orjson.loads(refused.raw) == sent


@pytest.mark.parametrize("version", ["STU3", "R4"])
def test_two_persons_are_refused(version: Version) -> None:
    """Patients with different NHS Numbers are never one unit, and no number is told."""
    with pytest.raises(DecodeError) as caught:
        decode(bundle(patient("9990000026"), patient("9990000034", "q")), version)
    assert caught.value.code == "several-persons"
    assert "999" not in str(caught.value)


@pytest.mark.parametrize(
    "other",
    [
        patient("999 000 0026", "q"),
        patient("9990000034", "q", use="old"),
        {"resourceType": "Patient", "id": "q"},
    ],
)
def test_one_person_twice_is_one_person(other: Resource) -> None:
    """The same number in another spelling, an old number and no number do not make a second person."""
    assert tree(bundle(other, patient("9990000026")))["patient"]["resourceType"] == "Patient"


def test_a_list_without_an_id_keeps_the_one_it_is_given() -> None:
    """The id of a primary list stays when its entries change, and lists of another code have others."""

    def ids(*lists: Resource) -> list[str]:
        return [
            r["id"] for r in tree(bundle(*({"resourceType": "List", **each} for each in lists)))["resources"]
        ]

    problems, medicines = {"code": {"text": "Problems"}}, {"code": {"text": "Medicines"}}
    today = ids(problems, medicines)
    assert ids({**problems, "date": "2026"}, medicines) == today
    assert len(set(today)) == 2
    assert len(set(ids(problems, {**problems, "date": "2026"}))) == 2


def test_other_resources_without_an_id_are_known_by_identifier_or_content() -> None:
    """The same thing has the same id in whatever company; different things have different ones."""

    def ids(*sent: Resource) -> list[str]:
        given = tree(bundle(*({"resourceType": "Observation", **each} for each in sent)))["resources"]
        return [resource["id"] for resource in given]

    first, second = {"comment": "a"}, {"comment": "b"}
    named = {"identifier": [{"value": "1"}]}
    assert ids(first, second, named) == [*ids(first), *ids(second), *ids({**named, "comment": "more"})]
    assert len(set(ids(first, second, named))) == 3


def test_a_resource_that_stands_twice_is_taken_once() -> None:
    """Word for word the same: once. With the same id and another content: both, and the clash is named."""
    same = {"resourceType": "Observation", "id": "1", "status": "final"}
    given = tree(bundle(same, same, {**same, "status": "amended"}))
    assert [r["status"] for r in given["resources"]] == ["final", "amended"]
    assert len({r["id"] for r in given["resources"]}) == 2
    assert given["lost"] == ["Observation.id"]


def test_references_of_a_bundle_become_relative() -> None:
    """``urn:uuid:`` and absolute addresses of the entries are written ``Type/id`` wherever they stand."""
    uuid, url = "urn:uuid:7f4b0a3e-0000-4000-8000-000000000001", "https://other.example/fhir/Patient/p"
    entries = [
        {"fullUrl": url, "resource": patient("9990000026")},
        {"fullUrl": uuid, "resource": {"resourceType": "Observation", "subject": {"reference": url}}},
        {"resource": {"resourceType": "List", "id": "l", "entry": [{"item": {"reference": uuid}}]}},
    ]
    given = tree(orjson.dumps({"resourceType": "Bundle", "entry": entries}), "R4")["resources"]
    assert given[1]["id"] == uuid.removeprefix("urn:uuid:")
    assert given[1]["subject"]["reference"] == "Patient/p"
    assert given[2]["entry"][0]["item"]["reference"] == f"Observation/{given[1]['id']}"


def test_requests_that_would_share_an_id_are_parted() -> None:
    """A ProcedureRequest and a ReferralRequest of one id stay two, each with its own references."""
    references = [{"item": {"reference": f"{kind}Request/1"}} for kind in ("Procedure", "Referral")]
    given = tree(
        bundle(
            {"resourceType": "ProcedureRequest", "id": "1", "status": "active"},
            {"resourceType": "ReferralRequest", "id": "1", "status": "active"},
            {"resourceType": "List", "id": "l", "entry": references},
        )
    )["resources"]
    ids = [r["id"] for r in given[:2]]
    assert len(set(ids)) == 2
    assert [e["item"]["reference"] for e in given[2]["entry"]] == [f"ServiceRequest/{i}" for i in ids]


def test_an_empty_bundle_is_an_empty_unit() -> None:
    """A source that holds nothing gives a unit with nothing in it, and no error."""
    assert tree(b'{"resourceType":"Bundle"}') == {"resources": [], "patient": {}, "outcomes": [], "lost": []}


@given(raw=st.binary(max_size=60) | st.text(max_size=60).map(lambda t: f'{{"resourceType":{t}'.encode()))
def test_no_bytes_break_the_decoder(raw: bytes) -> None:
    """Whatever the bytes, the decoder answers with units or with its own error."""
    try:
        given = units(raw)
    except DecodeError:
        return
    assert isinstance(given[-1], Unit)
