"""What is read of PDS's answers, made ones and those of the corpus."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from tests.unit.identity.pds.answers import ADA, BERT, Tree, death, dumped, level, patient, searchset

from scr.errors import Invalid
from scr.fhir.identifiers import ODS_SYSTEM, OdsCode, is_nhs_number
from scr.fhir.pds import PdsPerson
from scr.fhir.pds_answers import read_matches, read_patient, read_problem, read_related
from scr.fhir.standing import Standing

WHEREABOUTS = ("address", "telecom", "generalPractitioner")


def read(**more: object) -> PdsPerson:
    """A Patient with this in it, read."""
    return read_patient(dumped({**patient(), **more}))


def test_names_and_addresses_are_those_in_use() -> None:
    """The latest usual name and home address lead; former names are there to be compared as well."""
    person = read(
        name=[
            {"use": "old", "family": "Before", "given": ["Ada"]},
            {"use": "usual", "family": "Earlier", "period": {"start": "1970-01-01", "end": "1999-01-01"}},
            {"use": "usual", "family": "Now", "given": ["Ada", "May"], "period": {"start": "1999-01-01"}},
        ],
        address=[
            {"use": "temp", "postalCode": "ZZ99 9ZZ"},
            {"use": "home", "postalCode": "ZZ99 1AA", "period": {"start": "2001-01-01"}},
            {"use": "home", "postalCode": "ZZ99 2AA", "period": {"start": "1980-01-01"}},
        ],
    )
    assert (person.demographics.family, person.demographics.given) == ("Now", ("Ada", "May"))
    assert person.demographics.postcode == "ZZ99 1AA"
    assert [one.family for one in person.every_demographics] == ["Now", "Before", "Earlier"]


@pytest.mark.parametrize(
    ("more", "death_told", "on"),
    [
        ({}, "", ""),
        ({"deceasedDateTime": "2020-03-04T00:00:00+00:00"}, "informal", "2020-03-04"),
        ({"deceasedBoolean": True}, "informal", ""),
        ({"deceasedDateTime": "2020-03-04", "extension": [death("2")]}, "formal", "2020-03-04"),
        ({"deceasedDateTime": "2020-03", "extension": [death("1")]}, "informal", "2020-03"),
        ({"deceasedDateTime": "2020-03-04", "extension": [death("U")]}, "", ""),
    ],
)
def test_a_death_is_told_with_how_it_was_notified(more: Tree, death_told: str, on: str) -> None:
    """Formal, informal, taken back; one of which nothing more is told counts as informal."""
    person = read(**more)
    assert (person.deceased, person.deceased_on) == (death_told, on)


@pytest.mark.parametrize(
    ("security", "restricted", "withheld"),
    [
        ([level("U")], False, False),
        ([level("R")], True, False),
        ([level("V")], True, True),
        ([level("REDACTED")], True, True),
        ([], True, False),
        ([level("U"), level("R")], True, False),
        ([level("Z")], True, False),
    ],
)
def test_only_a_plain_u_is_unrestricted(security: list[Tree], restricted: bool, withheld: bool) -> None:
    """Anything else, and nothing at all, keeps where they live back."""
    person = read(meta={"security": security})
    assert (person.restricted, person.withheld) == (restricted, withheld)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[" * 5000,
        dumped(searchset(patient())),
        dumped(patient(id="9990001015")),
        dumped(patient(identifier=patient(BERT)["identifier"])),
        dumped(patient(birthDate="5 July 1941")),
        dumped(patient(extension=[death("9")])),
        dumped(patient(generalPractitioner=[{"identifier": {"system": ODS_SYSTEM, "value": "?"}}])),
        dumped(patient())[:-2],
        dumped(patient()).replace(b"Sample", b"Samp\xffe"),
    ],
)
def test_what_is_not_an_answer_is_refused_without_a_word_of_it(body: bytes) -> None:
    """Another shape, another number, an unknown code, half a body: nobody's data is in the error."""
    with pytest.raises(Invalid) as caught:
        read_patient(body)
    assert caught.value.code == "malformed"
    assert not any(text in str(caught.value) for text in (ADA.value, BERT.value, "Sample", "1941"))


def test_nobody_is_printed() -> None:
    """A person in a traceback or a log line tells nothing of themselves."""
    assert not any(text in repr(read()) for text in (ADA.value, "Sample", "1941"))


def test_a_problem_is_its_code() -> None:
    """And nothing where the body has none."""
    coded = {"resourceType": "OperationOutcome", "issue": [{"details": {"coding": [{"code": "A_CODE"}]}}]}
    no_text = dumped(coded).replace(b"A_CODE", b"A_\xff")
    told = [read_problem(body) for body in (dumped(coded), dumped(patient()), b"no", no_text)]
    assert told == ["A_CODE", "", "", ""]


@pytest.mark.corpus
def test_every_published_person_is_read_whole(corpus: Path) -> None:
    """Each name, address, contact, date and status of the published answers is in what is read of them."""
    seen = 0
    for path in sorted((corpus / "spine" / "pds").glob("*.json")):
        tree = orjson.loads(path.read_bytes())
        for resource in _patients(tree):
            seen += 1
            if not is_nhs_number(resource["id"]):  # one was published with a number that fails the check
                with pytest.raises(Invalid):
                    read_patient(orjson.dumps(resource))
                resource["id"] = resource["identifier"][0]["value"] = ADA.value
            person = read_patient(orjson.dumps(resource))
            assert person.number.value == resource["id"]
            assert (person.verification, person.version) == ("01", resource["meta"]["versionId"])
            assert person.confidentiality == resource["meta"]["security"][0]["code"]
            assert [(n.family, *n.given) for n in person.names] == [
                (n["family"], *n["given"]) for n in resource.get("name", ())
            ]
            assert (person.birth_date, person.gender) == (
                resource.get("birthDate", ""),
                resource.get("gender", ""),
            )
            assert [(a.use, a.line, a.postal_code, a.period.start) for a in person.addresses] == [
                (a["use"], tuple(a["line"]), a["postalCode"], a["period"]["start"])
                for a in resource.get("address", ())
            ]
            assert [(t.system, t.value) for t in person.telecoms] == [
                (t["system"], t["value"]) for t in resource.get("telecom", ())
            ]
            assert person.deceased_on == resource.get("deceasedDateTime", "")[:10]
            assert person.deceased == ("formal" if "deceasedDateTime" in resource else "")
            assert (person.practice == OdsCode("Y12345")) is ("generalPractitioner" in resource)
            if person.restricted:
                assert not any(name in resource for name in WHEREABOUTS)
    assert seen >= 9


@pytest.mark.corpus
def test_the_published_searches_and_relations_are_read(corpus: Path) -> None:
    """A search's score; and who is related, by number or by their details."""
    folder = corpus / "spine" / "pds"
    (match,) = read_matches((folder / "PatientSearch.json").read_bytes())
    assert match.score == 0.75
    (minimal,) = read_matches((folder / "Minimal_PatientSearch.json").read_bytes())
    assert minimal.person.demographics.is_empty
    assert minimal.person.standing(7) == Standing(verification="01", checked=7)
    (by_number,) = read_related((folder / "Referenced_RelatedPersonBundle.json").read_bytes())
    (by_details,) = read_related((folder / "Personal_Details_RelatedPersonBundle.json").read_bytes())
    assert by_number.relationships == by_details.relationships == ("Guardian",)
    assert (by_number.number is None, by_details.number is None) == (False, True)
    assert [(len(by_details.names), len(by_details.addresses), len(by_details.telecoms))] == [(1, 1, 1)]


def _patients(tree: Tree) -> list[Tree]:
    resources = [entry["resource"] for entry in tree["entry"]] if "entry" in tree else [tree]
    return [one for one in resources if one["resourceType"] == "Patient"]
