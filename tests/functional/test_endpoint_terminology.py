"""The terminology operations over a whole deployment, with a release loaded while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from tests.functional.deployment import BASE, Deployment, Said, checked, url_of
from tests.unit.terminology.operations.small import (
    ASTHMA,
    CHILDHOOD,
    FINDING,
    LOCAL,
    REFSET,
    SMALL,
    VALUE_SET,
)

from scr.terminology.operations.question import OPERATIONS
from scr.terminology.systems import ICD_10, SNOMED_CT

pytestmark = pytest.mark.asyncio(loop_scope="module")
SCT = f"{SNOMED_CT}?fhir_vs"
KNOWN = {"system": SNOMED_CT, "code": ASTHMA}
GENDER = "http://hl7.org/fhir/administrative-gender"


@pytest_asyncio.fixture(loop_scope="module")
async def loaded(deployment: Deployment) -> AsyncIterator[Deployment]:
    """The module's deployment, with the small release in force."""
    home = deployment.services.settings.home
    if not (home / "terminology" / "current").exists():
        SMALL.put_in_force(home)
    yield deployment


async def post(deployment: Deployment, operation: str, *parameter: dict[str, Any]) -> Said:
    """An operation by POST."""
    body = orjson.dumps({"resourceType": "Parameters", "parameter": list(parameter)})
    headers = {"Authorization": deployment.bearer(), "content-type": "application/fhir+json"}
    return checked(await deployment.client.post(url_of(operation), headers=headers, content=body))


def values(said: Said) -> dict[str, Any]:
    """The simple parameters of an answer."""
    assert said.status == 200, said.body
    return {
        part["name"]: value
        for part in said.body["parameter"]
        for key, value in part.items()
        if key.startswith("value")
    }


def codes(said: Said) -> list[str]:
    """The codes of an expansion."""
    assert said.status == 200, said.body
    return [one["code"] for one in said.body["expansion"].get("contains", ())]


async def test_metadata_lists_every_operation(deployment: Deployment) -> None:
    """What the capability statement names is what there is."""
    response = await deployment.client.get(f"{BASE}/metadata")
    CapabilityStatement.model_validate_json(response.content)
    listed = {
        f"{one['type']}/${operation['name']}"
        for one in orjson.loads(response.content)["rest"][0]["resource"]
        for operation in one.get("operation", ())
    }
    named = ("everything", "claim-relationship", "break-glass", "explain-access")
    of_patients = {f"Patient/${name}" for name in named}
    assert set(OPERATIONS) | of_patients <= listed


async def test_each_operation_answers(loaded: Deployment) -> None:
    """By GET, over a release that was loaded while the server ran."""
    looked_up = await loaded.get("CodeSystem/$lookup", system=SNOMED_CT, code=ASTHMA)
    assert values(looked_up)["display"] == "Asthma"
    valid = await loaded.get("CodeSystem/$validate-code", url=SNOMED_CT, code=ASTHMA, display="Cough")
    assert (values(valid)["result"], values(valid)["display"]) == (False, "Asthma")
    compared = await loaded.get("CodeSystem/$subsumes", system=SNOMED_CT, codeA=FINDING, codeB=CHILDHOOD)
    assert values(compared)["outcome"] == "subsumes"
    typed = await loaded.get("ValueSet/$expand", url=f"{SCT}=isa/{FINDING}", filter="asth", count="10")
    assert codes(typed) == [ASTHMA, CHILDHOOD]
    constrained = await loaded.get("ValueSet/$expand", url=f"{SCT}=ecl/< {FINDING} MINUS ^{REFSET}")
    assert codes(constrained) == [CHILDHOOD]
    inside = await loaded.get(
        "ValueSet/$validate-code", url=f"{SCT}=refset/{REFSET}", system=SNOMED_CT, code=ASTHMA
    )
    assert values(inside)["result"] is True
    translated = await loaded.get("ConceptMap/$translate", system=SNOMED_CT, code=ASTHMA, targetsystem=ICD_10)
    assert values(translated)["result"] is True
    [match] = [one["part"] for one in translated.body["parameter"] if one["name"] == "match"]
    assert {"system": ICD_10, "code": "J459"} in [part.get("valueCoding") for part in match]


async def test_parameters_are_read_from_a_body(loaded: Deployment) -> None:
    """Codings, codeable concepts, a value set that comes along; the same answers as by GET."""
    coding = {"system": SNOMED_CT, "code": ASTHMA}
    looked_up = await post(loaded, "CodeSystem/$lookup", {"name": "coding", "valueCoding": coding})
    assert values(looked_up)["display"] == "Asthma"
    inline = {
        "resourceType": "ValueSet", "status": "active",
        "compose": {"include": [{"system": LOCAL}], "exclude": [{"valueSet": [VALUE_SET + "clinics"]}]},
    }  # fmt: skip
    given = {"name": "valueSet", "resource": inline}
    assert codes(await post(loaded, "ValueSet/$expand", given)) == ["b"]
    concept = {"coding": [{"system": LOCAL, "code": "a"}, {"system": LOCAL, "code": "b"}]}
    one_is_valid = {"name": "codeableConcept", "valueCodeableConcept": concept}
    assert values(await post(loaded, "ValueSet/$validate-code", given, one_is_valid))["result"] is True
    pair = [{"name": f"coding{side}", "valueCoding": coding} for side in "AB"]
    assert values(await post(loaded, "CodeSystem/$subsumes", *pair))["outcome"] == "equivalent"


@pytest.mark.parametrize(
    ("operation", "query", "status", "issue", "says"),
    [
        ("CodeSystem/$lookup", {"system": SNOMED_CT, "code": "1234567"}, 404, "code-invalid", "has no code"),
        ("CodeSystem/$lookup", {"system": "urn:x", "code": "1"}, 404, "not-found", "system is not known"),
        ("CodeSystem/$lookup", {"system": SNOMED_CT}, 400, "invalid", "code: this parameter is needed"),
        ("CodeSystem/$lookup", {**KNOWN, "colour": "1"}, 400, "invalid", "colour"),
        ("CodeSystem/$lookup", {**KNOWN, "version": "2"}, 404, "not-found", "20260101"),
        ("CodeSystem/$lookup", {**KNOWN, "_format": "ttl"}, 406, "not-supported", "JSON and XML"),
        ("ValueSet/$expand", {"url": "urn:x"}, 404, "not-found", "value set is not known"),
        ("ValueSet/$expand", {"url": f"{SCT}=ecl/<"}, 400, "invalid", "character 2"),
        ("ValueSet/$expand", {"url": SCT, "count": "-1"}, 400, "invalid", "count"),
        ("ValueSet/$expand", {"url": SCT, "count": "99999"}, 422, "too-costly", "pages"),
        ("ValueSet/$expand", {"url": SCT, "activeOnly": "yes"}, 400, "invalid", "true or false"),
        ("ValueSet/$expand", {"valueSet": "{}"}, 400, "invalid", "body of a POST"),
        ("ConceptMap/$translate", {"url": "urn:x", "system": "urn:y", "code": "1"}, 404, "not-found", "map"),
        ("ConceptMap/$closure", {}, 404, "not-found", ""),
    ],
)  # fmt: skip
async def test_a_refusal_is_an_outcome(
    loaded: Deployment, operation: str, query: dict[str, str], status: int, issue: str, says: str
) -> None:
    """With the status, the FHIR issue code, and the parameter or the place."""
    said = await loaded.get(operation, **query)
    [found] = said.body["issue"]
    assert (said.status, found["code"]) == (status, issue)
    assert says in found["details"]["text"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"resourceType":"Patient"}', b'{"parameter":{}}'])
async def test_a_body_that_is_no_parameters_is_refused(deployment: Deployment, body: bytes) -> None:
    """400, whatever it is."""
    headers = {"Authorization": deployment.bearer()}
    said = checked(await deployment.client.post(url_of("CodeSystem/$lookup"), headers=headers, content=body))
    assert said.status == 400


async def test_a_token_is_needed_and_a_role_is_not(deployment: Deployment) -> None:
    """Nobody without a token; a receptionist's and a system's serve; the audit tells of the refused alone."""
    before = len(deployment.audit())
    query = {"system": GENDER, "code": "male"}
    said = checked(await deployment.client.get(url_of("CodeSystem/$lookup"), params=query))
    assert said.status == 401
    assert (await deployment.get("CodeSystem/$lookup", role="R8009", **query)).status == 200
    system = deployment.issuer.bearer(nhsid_useruid=None, client_id="pas", sub="pas")
    response = await deployment.client.get(
        url_of("CodeSystem/$lookup"), params=query, headers={"Authorization": system}
    )
    assert response.status_code == 200
    told = deployment.audit()[: len(deployment.audit()) - before]
    assert [(row.outcome, row.code) for row in told] == [("refused", "no-token")]


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("CodeSystem", GENDER),
        ("CodeSystem", SNOMED_CT),
        ("ValueSet", "http://terminology.hl7.org/ValueSet/v3-Confidentiality"),
        ("ValueSet", VALUE_SET + "clinics"),
        ("ConceptMap", "https://fhir.shared-care-record.example/ConceptMap/cld-ethnicity"),
    ],
)
async def test_a_resource_is_found_by_its_address_and_read_by_its_id(
    loaded: Deployment, kind: str, url: str
) -> None:
    """One match, whose link leads to itself; everything in a list of all can be opened."""
    found = await loaded.get(kind, url=url)
    assert found.body["total"] == 1
    [entry] = found.body["entry"]
    read = await loaded.get(f"{kind}/{entry['resource']['id']}")
    assert read.body == entry["resource"]
    assert read.body["url"] == url
    every = await loaded.get(kind, _count="3")
    assert every.body["total"] > 3 or kind == "ValueSet"
    assert len(every.body["entry"]) == 3
    assert (await loaded.get(kind, url="urn:nowhere")).body["total"] == 0
    assert (await loaded.get(f"{kind}/nowhere")).status == 404


async def test_the_projects_maps_translate_both_ways(deployment: Deployment) -> None:
    """A table of `terminology/maps` is a ConceptMap by its name and by its address."""
    forwards = await deployment.get("ConceptMap/$translate", url="sex", code="M")
    assert values(forwards)["result"] is True
    address = "https://fhir.shared-care-record.example/ConceptMap/sex"
    backwards = await deployment.get("ConceptMap/$translate", url=address, code="male", reverse="true")
    sources = [part["part"][1]["valueCoding"]["code"] for part in backwards.body["parameter"][1:]]
    assert "M" in sources
