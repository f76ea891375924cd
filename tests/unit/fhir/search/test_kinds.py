"""What the less common kinds of parameters, modifiers and values find."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.fhir.search.record import BASE, entries

from scr.errors import Invalid
from scr.fhir.search import Holds, parse_search

SYSTEM = "http://codes.example"
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"


class _Codes:
    """Terminology in which 11 is a kind of 1, and one value set has both."""

    def value_set(self, url: str) -> Holds:
        """The one value set."""
        if url != "http://set.example":
            raise Invalid("not known", code="unknown-value-set")
        return lambda system, code: (system, code) in {(SYSTEM, "1"), (SYSTEM, "11")}

    def below(self, system: str, code: str) -> Holds:
        """By how the code begins."""
        return lambda its, other: its == system and other.startswith(code)

    def above(self, system: str, code: str) -> Holds:
        """By how the code begins."""
        return lambda its, other: its == system and code.startswith(other)


def coded(code: str, system: str = SYSTEM) -> dict[str, Any]:
    """A concept."""
    return {"coding": [{"system": system, "code": code}]}


RECORD: list[dict[str, Any]] = [
    {
        "resourceType": "Patient", "id": "p0", "active": True, "birthDate": "1950-02-03",
        "deceasedDateTime": "2020",
        "identifier": [{"type": coded("MR", V2_0203), "system": "urn:h", "value": "77"}],
        "telecom": [{"system": "phone", "value": "01632 960 000"}, {"system": "email",
        "value": "a@b.example"}],
        "name": [{"family": "Brontë", "given": ["Anne", "Mary"], "use": "official"}],
        "address": [{"line": ["1 High St"], "city": "York", "use": "home"}],
    },
    {
        "resourceType": "Observation", "id": "o1", "status": "final", "code": coded("11"),
        "meta": {
            "profile": ["http://profile.example/a|2"], "tag": coded("t")["coding"], "source": "urn:ods:A#x",
        },
        "text": {"status": "generated", "div": "<div>Very <b>low</b> &amp; falling</div>"},
        "effectiveTiming": {"event": ["2021-03-01", "2021-03-05"]}, "note": [{"text": "Seen at the clinic"}],
        "valueRange": {"low": {"value": 3}}, "encounter": {"reference": f"{BASE}/Encounter/e1/_history/2"},
    },
    {
        "resourceType": "Observation", "id": "o2", "status": "final", "code": coded("2"),
        "valueSampledData": {
            "origin": {"value": 5, "code": "mV"}, "period": 1, "dimensions": 1, "lowerLimit": 1,
            "upperLimit": 9,
        },
        "derivedFrom": [{"reference": "Observation/o1"}],
    },
    {
        "resourceType": "List", "id": "l1", "status": "current", "mode": "working",
        "entry": [
            {"item": {"reference": "Observation/o2"}},
            {"item": {"reference": "Observation/o1"}, "deleted": True},
        ],
    },
    {"resourceType": "RiskAssessment", "id": "r1", "status": "final",
    "prediction": [{"probabilityDecimal": 0.25}]},
    {"resourceType": "Condition", "id": "c1", "code": coded("1"), "onsetAge": {"value": 40, "unit": "years"}},
    {
        "resourceType": "QuestionnaireResponse", "id": "q1", "status": "completed",
        "questionnaire": "http://forms.example/f|3",
    },
    {
        "resourceType": "DocumentReference", "id": "d1", "status": "current", "content": [],
        "relatesTo": [{"code": "replaces", "target": {"reference": "DocumentReference/d0"}}],
    },
    {"resourceType": "CarePlan", "id": "k1", "status": "active",
     "instantiatesUri": ["http://plans.example/a/b"]},
]  # fmt: skip

FOUND = [
    ("Patient", "active", "true", "p0"), ("Patient", "deceased", "true", "p0"),
    ("Patient", "deceased", "false", ""),
    ("Patient", "phone", "01632960000", "p0"), ("Patient", "phone", "01632 960 000", "p0"),
    ("Patient", "phone", "a@b.example", ""), ("Patient", "telecom", "email|a@b.example", "p0"),
    ("Patient", "family", "bronte", "p0"), ("Patient", "name", "mary", "p0"),
    ("Patient", "name", "official", ""),
    ("Patient", "address", "york", "p0"), ("Patient", "address:contains", "high", "p0"),
    ("Patient", "address-use", "home", "p0"), ("Patient", "birthdate", "1950", "p0"),
    ("Patient", "birthdate", "lt1950-02-03", ""), ("Patient", "death-date", "2020", "p0"),
    ("Patient", "identifier:of-type", f"{V2_0203}|MR|77", "p0"),
    ("Patient", "identifier:of-type", f"{V2_0203}|MR|7", ""),
    ("Observation", "_profile", "http://profile.example/a", "o1"),
    ("Observation", "_profile", "http://profile.example/a|1", ""),
    ("Observation", "_profile:below", "http://profile.example", "o1"),
    ("Observation", "_source", "urn:ods:A#x", "o1"), ("Observation", "_tag", f"{SYSTEM}|t", "o1"),
    ("Observation", "_tag:not", "t", "o2"), ("Observation", "_tag:missing", "true", "o2"),
    ("Observation", "_text", "LOW", "o1"), ("Observation", "_text", "low  & falling", "o1"),
    ("Observation", "_text", "& falling", "o1"), ("Observation", "_text", "clinic", ""),
    ("Observation", "_content", "the clinic", "o1"), ("Observation", "_content", SYSTEM, ""),
    ("Observation", "_list", "l1", "o2"),
    ("Observation", "date", "2021-03", "o1"), ("Observation", "date", "2021-03-01", ""),
    ("Observation", "encounter", "Encounter/e1", "o1"),
    ("Observation", "encounter", f"{BASE}/Encounter/e1", "o1"),
    ("Observation", "encounter", "http://elsewhere.example/Encounter/e1", ""),
    ("Observation", "value-quantity", "gt8||mV", "o2"), ("Observation", "value-quantity", "lt1", ""),
    ("Observation", "code:in", "http://set.example", "o1"),
    ("Observation", "code:not-in", "http://set.example", "o2"),
    ("Observation", "code:below", f"{SYSTEM}|1", "o1"), ("Observation", "code:above", f"{SYSTEM}|22", "o2"),
    ("Observation", "derived-from.code", "11", "o2"),
    ("Observation", "_has:Observation:derived-from:code", "2", "o1"),
    ("RiskAssessment", "probability", "0.2", ""), ("RiskAssessment", "probability", "0.25", "r1"),
    ("RiskAssessment", "probability", "gt0.2", "r1"), ("RiskAssessment", "probability", "ap0.24", "r1"),
    ("Condition", "onset-age", "40||years", "c1"), ("Condition", "onset-age", "sa40", ""),
    ("QuestionnaireResponse", "questionnaire", "http://forms.example/f", "q1"),
    ("QuestionnaireResponse", "questionnaire", "http://forms.example/f|3", "q1"),
    ("QuestionnaireResponse", "questionnaire", "http://forms.example/f|2", ""),
    ("DocumentReference", "relationship", "replaces$DocumentReference/d0", "d1"),
    ("DocumentReference", "relationship", "appends$DocumentReference/d0", ""),
    ("CarePlan", "instantiates-uri:above", "http://plans.example/a/b/c", "k1"),
    ("CarePlan", "instantiates-uri:below", "http://plans.example/a/b/c", ""),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "value", "found"), FOUND)
def test_each_kind_finds_what_it_should(kind: str, name: str, value: str, found: str) -> None:
    """One row for each: what is searched, by what, and the one that is found, or none."""
    search = parse_search(kind, [(name, value)], base_url=BASE, person="p0", codes=_Codes())
    assert [one.id for one in search.run(entries(RECORD))] == ([found] if found else [])


def test_several_types_are_searched_at_once() -> None:
    """Each by its own parameters; one that a type of them does not have is refused."""
    pairs = [("patient", "p0"), ("_type", "Observation,Condition"), ("code", f"{SYSTEM}|1,{SYSTEM}|2")]
    search = parse_search("", pairs, base_url=BASE)
    assert [one.id for one in search.run(entries(RECORD))] == ["c1", "o2"]
    assert [one.id for one in parse_search("", pairs[:1], base_url=BASE).run(entries(RECORD))][:2] == [
        "k1",
        "c1",
    ]
    with pytest.raises(Invalid):
        parse_search("", [*pairs, ("onset-age", "40")], base_url=BASE)
    with pytest.raises(Invalid):
        parse_search("", [*pairs, ("_sort", "onset-age")], base_url=BASE)


def test_a_value_that_is_not_shaped_as_it_should_be_is_passed_over() -> None:
    """Whatever a live source gives: nothing is found by it, and nothing breaks."""
    odd: list[Any] = [
        5,
        "x",
        [],
        {},
        [5],
        [[]],
        {"coding": 5},
        {"coding": [5]},
        {"value": []},
        {"reference": 5},
        None,
    ]
    for value in odd:
        names = ("component", "encounter", "valueQuantity", "identifier", "performer")
        record = [{"resourceType": "Observation", "id": "o", **dict.fromkeys(names, value)}]
        for name, asked in (
            ("component-code", "1"), ("component-code-value-quantity", "1$5"), ("encounter", "e1"),
            ("value-quantity", "gt7"), ("identifier", "1"), ("performer:identifier", "1"),
            ("identifier:of-type", "a|b|c"), ("identifier:text", "x"), ("encounter.status", "finished"),
        ):  # fmt: skip
            search = parse_search(
                "Observation", [(name, asked), ("_sort", "identifier")], base_url=BASE, person="p0"
            )
            assert search.run(entries(record)) == []
