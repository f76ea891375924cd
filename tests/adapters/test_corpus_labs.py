"""The published pathology and screening messages against their published FHIR, field by field.

The publication is STU3: it is converted to R4 by the project's own conversion, which loses nothing of
it, so that every leaf of the one can be held against every leaf of the other. A resource is known by
what it is about and not by its id; where a reference leads, the name of what it leads to is compared.
Each difference stands in ``EXPLAINED`` with its reason, or the test fails; so does an explanation of
a difference that does not occur.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class

from scr.data import DataFiles
from scr.decode.tree import Unit
from scr.fhir.identifiers import OdsCode
from scr.fhir.stu3 import convert
from scr.fhir.validate import validate
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.run import Mapped, MappingContext, claim, map_unit

pytestmark = pytest.mark.corpus

FILES = ("pathology_2", "pathology_3", "screening")
PATHOLOGY = ("pathology_2", "pathology_3")
Resource = dict[str, Any]
Facts = dict[str, tuple[str, ...]]

_SUBJECT = "the-person"


class Explained(NamedTuple):
    """A difference that is meant: in which files, of which fact, and what stands on each side."""

    files: tuple[str, ...]
    fact: str
    published: tuple[str, ...]
    ours: tuple[str, ...]
    because: str


_VERIFIED = "the message does not say that the number was verified: it says that it is the official one (OPI)"
_OWN_SYSTEM = "an identifier is only one with a system: the laboratory's own, where there is no national one"
_PERFORMERS = (
    "the publication has the department as the sort of the hospital, and an empty Practitioner, and so"
    " lists two performers; here the department is an Organization, part of the hospital"
)
_UNKNOWN = "a department called UNKNOWN is none, and an empty Practitioner is nobody"
_SPECIMEN_DATE = "the time that a result is about is when its specimen was taken"
_CATEGORY = "UK Core requires the category of laboratory results"
_ISSUED = "a result was issued with its report"
_SYSTEM_OF_URI = "urn:edifact:000000004400001"
_LAB = "http://terminology.hl7.org/CodeSystem/v2-0074"
_LABORATORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_GMP = "https://fhir.hl7.org.uk/Id/gmp-number"
_STATUS = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"
_STATUS_EXTENSION = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
_ON_BEHALF = "http://hl7.org/fhir/3.0/StructureDefinition/extension-ProcedureRequest.requester.onBehalfOf"
_HOSPITAL = "ST JAMES'S UNIVERSITY HOSPITAL"
_HUB = "Southern Bowel Cancer Screening Programme Hub"
_FOB = "368481000000103"
_REQUESTED = "a report came: its state says nothing of the request, so that `active` would be a guess"
_ROLE = "STU3's requester has an agent and on whose behalf; R4 has one, a PractitionerRole of the two"


def _explained() -> Iterator[Explained]:
    """The table."""
    yield Explained(FILES, "Patient identifier.extension.url", (_STATUS_EXTENSION,), (), _VERIFIED)
    coding = "Patient identifier.extension.valueCodeableConcept.coding"
    yield Explained(FILES, f"{coding}.system", (_STATUS,), (), _VERIFIED)
    yield Explained(FILES, f"{coding}.code", ("01",), (), _VERIFIED)
    yield Explained(FILES, f"{coding}.display", ("Number present and verified",), (), _VERIFIED)
    yield from _of_people()
    yield from _of_the_request()
    yield from _of_the_report()
    yield from _of_specimens()
    yield from _of_results()


def _of_people() -> Iterator[Explained]:
    for file, name in (("pathology_2", "DR A DOCTOR"), ("pathology_3", "SCOTT")):
        yield Explained((file,), f"Practitioner {name} identifier.system", (), (_GMP,), _OWN_SYSTEM)
    for files, name, department in ((PATHOLOGY, _HOSPITAL, "Haematology"), (("screening",), _HUB, "UNKNOWN")):
        because = _PERFORMERS if department != "UNKNOWN" else _UNKNOWN
        at = f"Organization {name} type.coding"
        yield Explained(files, f"{at}.code", ("dept",), (), because)
        yield Explained(files, f"{at}.display", (department,), (), because)
    at = "Organization Haematology"
    kind = "http://terminology.hl7.org/CodeSystem/organization-type"
    yield Explained(PATHOLOGY, f"{at} name", (), ("Haematology",), _PERFORMERS)
    yield Explained(PATHOLOGY, f"{at} partOf", (), (f"Organization {_HOSPITAL}",), _PERFORMERS)
    yield Explained(PATHOLOGY, f"{at} type.coding.code", (), ("dept",), _PERFORMERS)
    yield Explained(PATHOLOGY, f"{at} type.coding.system", (), (kind,), _PERFORMERS)
    yield Explained(PATHOLOGY, f"{at} type.coding.display", (), ("Hospital Department",), _PERFORMERS)
    for file, organisation, person in (
        ("pathology_2", "L99999", "DR A DOCTOR"),
        ("pathology_3", "NORTH DOWN GP", "SCOTT"),
    ):
        behalf, doctor = f"Organization {organisation}", f"Practitioner {person}"
        yield Explained((file,), "PractitionerRole practitioner", (), (doctor,), _ROLE)
        yield Explained((file,), "PractitionerRole organization", (), (behalf,), _ROLE)
        yield Explained((file,), "ServiceRequest requester", (doctor,), ("PractitionerRole",), _ROLE)
        yield Explained((file,), "ServiceRequest extension.valueReference", (behalf,), (), _ROLE)
    yield Explained(PATHOLOGY, "ServiceRequest extension.url", (_ON_BEHALF,), (), _ROLE)
    empty = "the publication has an Organization without name or number for whom the message does not name"
    yield Explained(("screening",), "ServiceRequest extension.url", (_ON_BEHALF,), (), empty)
    fact = "ServiceRequest extension.valueReference"
    yield Explained(("screening",), fact, ("Organization (empty)",), (), empty)


def _of_the_request() -> Iterator[Explained]:
    yield Explained(FILES, "ServiceRequest status", ("active",), ("unknown",), _REQUESTED)
    yield Explained(
        FILES,
        "ServiceRequest code.coding.display",
        ("Laboratory test (procedure)",),
        ("Laboratory test",),
        "the preferred term, without the semantic tag",
    )
    for part, value in (
        ("system", "http://snomed.info/sct"),
        ("code", "108252007"),
        ("display", "Laboratory procedure"),
    ):
        fact = f"ServiceRequest category.coding.{part}"
        yield Explained(FILES, fact, (), (value,), "requests are told apart by their category")
    specimen = "what the request led to can be followed from it and back"
    yield Explained(FILES, "ServiceRequest specimen", (), ("Specimen",), specimen)
    yield Explained(FILES, "Specimen request", (), ("ServiceRequest",), specimen)
    nobody = ("Practitioner (empty)",)
    laboratory = ("Organization Haematology", f"Organization {_HOSPITAL}")
    yield Explained(PATHOLOGY, "ServiceRequest performer", nobody, laboratory, _PERFORMERS)
    hub = (f"Organization {_HUB}",)
    yield Explained(("screening",), "ServiceRequest performer", nobody, hub, _UNKNOWN)


def _of_the_report() -> Iterator[Explained]:
    rfc = "https://tools.ietf.org/html/rfc4122"
    own = f"{_SYSTEM_OF_URI}:report"
    because = "the laboratory's number is no UUID, of which that system is"
    yield Explained(FILES, "DiagnosticReport identifier.system", (rfc,), (own,), because)
    for part, value in (("system", _LAB), ("code", "LAB"), ("display", "Laboratory")):
        yield Explained(FILES, f"DiagnosticReport category.coding.{part}", (), (value,), _CATEGORY)
    taken = ("2010-02-23T15:41:00+00:00",)
    yield Explained(PATHOLOGY, "DiagnosticReport effectiveDateTime", (), taken, _SPECIMEN_DATE)
    text = "a reader sees whose report it is"
    haematology = ("Laboratory report, Haematology",)
    yield Explained(PATHOLOGY, "DiagnosticReport code.text", (), haematology, text)
    yield Explained(("screening",), "DiagnosticReport code.text", (), ("Screening report",), text)
    yield from _performers("DiagnosticReport")


def _of_specimens() -> Iterator[Explained]:
    system = "Specimen accessionIdentifier.system"
    yield Explained(PATHOLOGY, system, (), (f"{_SYSTEM_OF_URI}:specimen",), _OWN_SYSTEM)
    listed = ("urn:edifact:code-list:920",)
    yield Explained(("pathology_2",), "Specimen type.coding.system", (), listed, _OWN_SYSTEM)
    text = "a sort that has no code is text, and a name of no coding"
    for files, name in ((PATHOLOGY, "VENOUS BLOOD"), (("screening",), "Faeces")):
        yield Explained(files, "Specimen type.text", (), (name,), text)
        if name == "Faeces":
            yield Explained(files, "Specimen type.coding.display", (name,), (), text)
    yield Explained(("pathology_3",), "Specimen type.coding.display", ("VENOUS BLOOD",), (), text)


def _of_results() -> Iterator[Explained]:
    names = {"B12/FOLATE": "B12/FOLATE", "42T..": "Serum vitamin B12", "42UE.": "Plasma folate level"}
    for code, name in names.items():
        yield from _of_a_result(PATHOLOGY, code, name, "2010-02-25T15:41:00+00:00")
        taken = ("2010-02-23T15:41:00+00:00",)
        yield Explained(PATHOLOGY, f"Observation {code} effectiveDateTime", (), taken, _SPECIMEN_DATE)
    yield Explained(
        PATHOLOGY,
        "Observation B12/FOLATE code.coding.display",
        ("B12/FOLATE",),
        (),
        "a test that has no code is text, and a name of no coding",
    )
    yield from _of_a_result(
        ("screening",), _FOB, "Bowel cancer screening result", "2009-11-10T11:45:00+00:00"
    )
    found = ("Bowel cancer screening programme FOB test normal (finding)",)
    fact = f"Observation {_FOB} valueCodeableConcept.text"
    yield Explained(("screening",), fact, (), found, "what the laboratory wrote is kept beside the code")
    flag = ("https://fhir.nhs.uk/England/CodeSystem/England-DeviatingResultIndicator",)
    fact = "Observation 42UE. interpretation.coding.system"
    yield Explained(("pathology_3",), fact, (), flag, "the NHS publishes the flags of PMIP as a code system")


def _of_a_result(files: tuple[str, ...], code: str, name: str, issued: str) -> Iterator[Explained]:
    at = f"Observation {code}"
    yield Explained(
        files, f"{at} code.text", (), (name,), "what the laboratory wrote is kept beside the code"
    )
    yield Explained(files, f"{at} issued", (), (issued,), _ISSUED)
    yield Explained(files, f"{at} basedOn", (), ("ServiceRequest",), "a result leads to its request")
    for part, value in (("system", _LABORATORY), ("code", "laboratory"), ("display", "Laboratory")):
        yield Explained(files, f"{at} category.coding.{part}", (), (value,), _CATEGORY)
    yield from _performers(at, files)


def _performers(label: str, files: tuple[str, ...] = FILES) -> Iterator[Explained]:
    nobody = "Practitioner (empty)"
    for some, hospital, department in ((PATHOLOGY, _HOSPITAL, "Haematology"), (("screening",), _HUB, "")):
        if set(some) & set(files):
            published = (f"Organization {hospital}", nobody)
            first = (f"Organization {department}",) if department else ()
            ours = (*first, f"Organization {hospital}")
            because = _PERFORMERS if department else _UNKNOWN
            yield Explained(some, f"{label} performer", published, ours, because)


EXPLAINED = tuple(_explained())


@cache
def adapter() -> Adapter:
    """The adapter that is shipped."""
    return load_adapter(DataFiles(), "pathology-edifact")


@cache
def mapped(corpus: Path, file: str) -> tuple[Unit, Mapped]:
    """The one message of a file, and what it gives."""
    (unit,) = adapter().units((corpus / "labs" / f"{file}.edifact.dat").read_bytes())
    assert isinstance(unit, Unit)
    context = MappingContext(OdsCode("X99999"), _SUBJECT, b"key of the test", 0, adapter().maps)
    return unit, map_unit(adapter(), unit, context)


def ours(corpus: Path, file: str) -> list[Resource]:
    """What a file gives, without what every entry of the record gets."""
    made = [orjson.loads(entry.body) for entry in mapped(corpus, file)[1].entries]
    for body in made:
        del body["meta"]
        if body["resourceType"] == "Patient":
            del body["link"]
    return made


def published(corpus: Path, file: str) -> list[Resource]:
    """The published Bundle as R4, without its MessageHeader: that is about the transport."""
    bundle = orjson.loads((corpus / "labs" / f"{file}.fhir.json").read_bytes())
    found: list[Resource] = []
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] != "MessageHeader":
            converted = convert(entry["resource"])
            assert converted.lost == ()
            found.extend({**made, "_at": entry["fullUrl"]} for made in converted.resources)
    return found


def facts(resources: list[Resource]) -> Facts:
    """Every leaf, by the resource's name and the path without places in lists."""
    names = {}
    for resource in resources:
        names[resource.pop("_at", f"{resource['resourceType']}/{resource['id']}")] = label(resource)
    names[f"Patient/{_SUBJECT}"] = "Patient"
    found: dict[str, list[str]] = defaultdict(list)
    for resource in resources:
        own = label(resource)
        for path, value in leaves({k: v for k, v in resource.items() if k not in {"id", "resourceType"}}):
            if path.endswith(".reference"):
                found[f"{own} {path.removesuffix('.reference')}"].append(names[value])
            else:
                found[f"{own} {path}"].append(value)
    return {fact: tuple(sorted(values)) for fact, values in found.items()}


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value with its path; numbers and spaces so that only what they mean is compared."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value, path)
    elif isinstance(node, int | float):
        yield path, str(float(node))
    else:
        yield path, " ".join(str(node).replace(".000+", "+").split())


def label(resource: Resource) -> str:
    """What a resource is called, on either side."""
    kind = str(resource["resourceType"])
    if kind == "Observation":
        coding = resource["code"].get("coding", [{}])[0]
        return f"{kind} {coding.get('code') or coding.get('display') or resource['code']['text']}"
    if kind in {"Practitioner", "Organization"}:
        named = resource.get("name")
        name = named[0]["text"] if isinstance(named, list) else named
        number = resource.get("identifier", [{}])[0].get("value")
        return f"{kind} {name or number or '(empty)'}"
    return kind


def differences(corpus: Path, file: str) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Every fact that is not the same on both sides: the published values, and ours."""
    left, right = facts(published(corpus, file)), facts(ours(corpus, file))
    pairs = {fact: (left.get(fact, ()), right.get(fact, ())) for fact in {**left, **right}}
    return {fact: pair for fact, pair in pairs.items() if pair[0] != pair[1]}


@pytest.mark.parametrize("file", FILES)
def test_every_difference_from_the_publication_is_explained(corpus: Path, file: str) -> None:
    """Patient, report, results, specimens, request and parties agree, but for what the table explains."""
    table = [each for each in EXPLAINED if file in each.files]
    expected = {each.fact: (each.published, each.ours) for each in table}
    assert len(expected) == len(table), "a fact is explained twice"
    assert differences(corpus, file) == expected


@pytest.mark.parametrize("file", FILES)
def test_what_matters_most_is_the_same_word_for_word(corpus: Path, file: str) -> None:
    """Whose it is, values, units, ranges, states, comments and members are in no table of excuses."""
    left, right = facts(published(corpus, file)), facts(ours(corpus, file))
    strict = (
        "value",
        "referenceRange",
        "status",
        "note",
        "hasMember",
        "identifier.value",
        "birthDate",
        "gender",
    )
    compared = 0
    for fact, values in left.items():
        own, _, path = fact.rpartition(" ")
        if path.startswith(strict) and own != "ServiceRequest":
            assert right[fact] == values, fact
            compared += 1
    assert compared > 6


@pytest.mark.parametrize("file", FILES)
def test_it_is_valid_r4(corpus: Path, file: str) -> None:
    """By the models of fhir.resources, and by the project's own check."""
    for entry in mapped(corpus, file)[1].entries:
        body = orjson.loads(entry.body)
        get_fhir_model_class(entry.type).model_validate(body)
        assert not validate(body)


@pytest.mark.parametrize("file", FILES)
def test_nothing_of_it_is_lost_but_a_wrong_count(corpus: Path, file: str) -> None:
    """Every element is read or ignored on purpose; the published files count too few segments."""
    _, made = mapped(corpus, file)
    assert [name.partition(" ")[0] for name in made.lost] == ["UNT.1.1"]
    assert (made.unmapped_codes, made.unread) == ((), ())


@pytest.mark.parametrize("file", FILES)
def test_its_claim_says_whose_it_is(corpus: Path, file: str) -> None:
    """The published numbers have right check digits; the same message with a wrong one says so."""
    unit, _ = mapped(corpus, file)
    told = claim(adapter(), unit)
    assert told.nhs_number is not None
    assert (told.problem, told.declined) == ("", "")
    number = told.nhs_number.value
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    (altered,) = adapter().units(unit.raw.replace(number.encode(), wrong.encode()))
    assert isinstance(altered, Unit)
    assert claim(adapter(), altered).problem == "bad-nhs-number"
