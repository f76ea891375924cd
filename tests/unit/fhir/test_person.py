"""The one Patient that stands for a person."""

from __future__ import annotations

import orjson
import pytest
from fhir.resources.R4B.patient import Patient
from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.entry import Entry, Resource, pack
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber
from scr.fhir.person import DEATH, PERSON_SOURCE, VERIFICATION, composed_patient
from scr.fhir.standing import Standing

NUMBER = NHSNumber("9990001014")
OTHER = NHSNumber("9990001022")

_fields = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just([{"family": "O'Sample", "given": ["Ada"]}]) | st.just([{"family": "Sample"}]),
        "gender": st.sampled_from(["female", "male", "unknown"]),
        "birthDate": st.sampled_from(["1941-07-05", "1941"]),
        "telecom": st.just([{"system": "phone", "value": "01632 960001"}]) | st.just([]),
        "address": st.just([{"postalCode": "ZZ99 1AA"}]),
        "deceasedBoolean": st.booleans(),
        "photo": st.just([{"title": "not taken"}]),
    },
)


def patients_of(told: list[Resource]) -> list[Entry]:
    """The sources' own Patients."""
    return [
        pack({"resourceType": "Patient", "id": f"s{i}", **fields}, source=f"S{i:02}", now=100 + i)
        for i, fields in enumerate(told)
    ]


def body(entry: Entry) -> Resource:
    """The Patient, valid R4."""
    Patient.model_validate_json(entry.body)
    parsed: Resource = orjson.loads(entry.body)
    return parsed


@given(told=st.lists(_fields, max_size=4))
def test_each_element_is_the_first_that_a_source_has_and_nothing_is_merged(told: list[Resource]) -> None:
    """Whole elements, best source first; the sources' own Patients are linked; nothing else comes along."""
    patients = patients_of(told)
    made = composed_patient("p1", NUMBER, patients, now=7)
    patient = body(made)
    for name in ("name", "gender", "birthDate", "telecom", "address"):
        assert patient.get(name) == next((fields[name] for fields in told if fields.get(name)), None)
    assert "photo" not in patient
    assert [link["other"]["reference"] for link in patient.get("link", ())] == [e.reference for e in patients]
    assert (made.id, made.source, made.labels) == ("p1", PERSON_SOURCE, ())
    assert made.last_updated == max((e.last_updated for e in patients), default=7)


@given(told=st.lists(_fields, max_size=3), later=st.integers(8, 99))
def test_the_version_changes_with_the_content_and_with_nothing_else(told: list[Resource], later: int) -> None:
    """Made again later from the same, it has the same version; from something else, another."""
    patients = patients_of(told)
    first = composed_patient("p1", NUMBER, patients, now=7)
    assert composed_patient("p1", NUMBER, patients, now=later).version == first.version
    more = [*patients, pack({"resourceType": "Patient", "id": "new"}, source="NEW", now=1)]
    assert composed_patient("p1", NUMBER, more, now=7).version != first.version


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ([[NHSNumber("9990001014")]], True),
        ([[OTHER]], False),
        ([[OTHER, NUMBER]], True),
        ([[], [NUMBER]], True),
    ],
)
def test_the_verification_status_is_that_of_this_number(told: list[list[NHSNumber]], kept: bool) -> None:
    """What a source says of another number is not said of this one; the number itself always stands."""
    verified = {"url": "https://example/status", "valueString": "verified"}
    sources: list[Resource] = [
        {
            "identifier": [
                {"system": NHS_NUMBER_SYSTEM, "value": number.value, "extension": [verified]}
                for number in numbers
            ]
        }
        for numbers in told
    ]
    [identifier] = body(composed_patient("p1", NUMBER, patients_of(sources), now=7))["identifier"]
    assert (identifier["system"], identifier["value"]) == (NHS_NUMBER_SYSTEM, NUMBER.value)
    assert ("extension" in identifier) is kept


def test_alive_is_not_told_over_dead() -> None:
    """One source's false does not hide another's date of death."""
    made = body(
        composed_patient(
            "p1", NUMBER, patients_of([{"deceasedBoolean": False}, {"deceasedDateTime": "2026-01-02"}]), now=7
        )
    )
    assert made["deceasedDateTime"] == "2026-01-02"
    assert "deceasedBoolean" not in made


def test_the_register_leads_what_sources_say() -> None:
    """Its verification of the number, its death with how it was notified, and the former numbers."""
    told: list[Resource] = [
        {
            "identifier": [
                {
                    "system": NHS_NUMBER_SYSTEM,
                    "value": NUMBER.value,
                    "extension": [
                        {"url": VERIFICATION, "valueCodeableConcept": {"coding": [{"code": "02"}]}}
                    ],
                }
            ],
            "deceasedBoolean": False,
        }
    ]
    standing = Standing("01", deceased="formal", deceased_on="2026-02-03", former=(OTHER.value,), checked=5)
    patient = body(composed_patient("p1", NUMBER, patients_of(told), now=7, standing=standing))
    number, former = patient["identifier"]
    assert [one["valueCodeableConcept"]["coding"][0]["code"] for one in number["extension"]] == ["01"]
    assert (former["use"], former["value"]) == ("old", OTHER.value)
    assert (patient["deceasedDateTime"], "deceasedBoolean" in patient) == ("2026-02-03", False)
    [death] = [one for one in patient["extension"] if one["url"] == DEATH]
    assert death["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "2"
