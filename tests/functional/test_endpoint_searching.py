"""Searching over HTTP: what goes with the matches, in pages, in parts, in XML, and what is left out."""

from __future__ import annotations

import pytest
import pytest_asyncio
from tests.functional.deployment import ADA, BASE, Deployment, Said, Tree, observation

from scr.decode.fhir_xml import resource as read_xml
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM

pytestmark = pytest.mark.asyncio(loop_scope="module")
AMBULATORY = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
WARDS = 3
SEEN = 6
"""What was measured at a visit that is hidden is hidden too."""
UNITS = {"system": "http://unitsofmeasure.org"}


def to(reference: str) -> Tree:
    """A reference."""
    return {"reference": reference}


@pytest_asyncio.fixture(loop_scope="module")
async def subject(deployment: Deployment) -> str:
    """Ada's id, when the neighbour holds measurements of her at three visits, and one of them is hidden."""
    visits: list[Tree] = [
        {
            "resourceType": "Encounter", "id": f"v{n}", "status": "finished", "class": AMBULATORY,
            "subject": to("Patient/n-ada"),
        }
        for n in range(WARDS)
    ]  # fmt: skip
    restricted = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}
    visits[2]["meta"] = {"security": [restricted]}
    measured = [
        observation(
            f"m{n}", "27113001", f"2025-03-{n + 1:02}", encounter=to(f"Encounter/v{n % WARDS}"),
            valueQuantity={"value": 60 + n, "unit": "kg", "code": "kg"} | UNITS,
        )
        for n in range(9)
    ]  # fmt: skip
    deployment.neighbour.resources = [*visits, *measured]
    return await deployment.subject()


def included(said: Said) -> list[str]:
    """What goes with the matches, as ``Type/id``."""
    entries = [one for one in said.body.get("entry", ()) if one["search"]["mode"] == "include"]
    return [f"{one['resource']['resourceType']}/{one['resource']['id']}" for one in entries]


def timeless(resource: Tree) -> Tree:
    """A resource without the moment at which a live source was asked."""
    meta = {name: value for name, value in resource.get("meta", {}).items() if name != "lastUpdated"}
    return {**resource, "meta": meta}


def named(said: Said) -> set[str]:
    """The visits that the matches refer to."""
    return {one["encounter"]["reference"] for one in said.matches if "encounter" in one}


async def test_what_is_included_goes_with_its_page(deployment: Deployment, subject: str) -> None:
    """On every page the visits of its matches and no others, not counted; of the hidden one no trace."""
    asked = {"patient": subject, "_include": "Observation:encounter", "_sort": "value-quantity"}
    whole = await deployment.get("Observation", **asked)
    assert whole.body["total"] == len(whole.matches) == SEEN
    assert len(included(whole)) == WARDS - 1
    page = await deployment.get("Observation", **asked, _count="2")
    seen = list(page.ids)
    while True:
        assert set(included(page)) == named(page)
        assert page.body["total"] == SEEN
        if (link := page.link("next")) is None:
            break
        page = await deployment.get(link)
        seen += page.ids
    assert seen == whole.ids
    assert [one["valueQuantity"]["value"] for one in whole.matches] == [60, 61, 63, 64, 66, 67]


async def test_what_is_denied_is_found_by_no_chain(deployment: Deployment, subject: str) -> None:
    """A chain and ``_has`` see what the asker sees: nothing is found through the hidden visit."""
    found = await deployment.get("Observation", **{"patient": subject, "encounter.status": "finished"})
    assert found.body["total"] == SEEN
    missing = await deployment.get("Observation", **{"patient": subject, "encounter:missing": "true"})
    assert missing.body["total"] == 0
    visits = await deployment.get(
        "Encounter", **{"patient": subject, "_has:Observation:encounter:value-quantity": "ge60"}
    )
    assert visits.body["total"] == WARDS - 1
    heavy = await deployment.get("Observation", **{"patient": subject, "value-quantity": "gt65||kg"})
    assert heavy.body["total"] == 2


async def test_several_types_and_the_patient_with_what_refers_to_them(
    deployment: Deployment, subject: str
) -> None:
    """A search without a type, by GET and by POST, and the Patient by number with all that is about them."""
    query = {"patient": subject, "_type": "Observation,Encounter", "_total": "none"}
    both = await deployment.get("", **query)
    assert {one["resourceType"] for one in both.matches} == {"Observation", "Encounter"}
    assert "total" not in both.body
    assert (await deployment.post("_search", query)).ids == both.ids
    link = both.link("self") or ""
    assert link.startswith(f"{BASE}?patient=")
    assert (await deployment.get(link)).ids == both.ids
    whole = await deployment.get(
        "Patient", identifier=f"{NHS_NUMBER_SYSTEM}|{ADA.value}", _revinclude="Observation:patient"
    )
    assert len(whole.matches) == 1
    assert len(included(whole)) == SEEN
    assert (await deployment.get("Patient", _id=subject, family="Nobody")).body["total"] == 0


async def test_a_part_of_each_says_so(deployment: Deployment, subject: str) -> None:
    """``_elements`` and ``_summary`` on a search, on its pages and on a read; the count alone."""
    first = await deployment.get("Observation", patient=subject, _elements="valueQuantity", _count="5")
    second = await deployment.get(first.link("next") or "")
    for one in (*first.matches, *second.matches):
        assert one.keys() <= {"resourceType", "id", "meta", "status", "code", "valueQuantity"}
        assert "SUBSETTED" in [tag["code"] for tag in one["meta"]["tag"]]
    read = await deployment.get(f"Observation/{first.matches[0]['id']}", _summary="text")
    assert "subject" not in read.body
    counted = await deployment.get("Observation", patient=subject, _summary="count")
    assert (counted.body["total"], counted.matches, counted.link("next")) == (SEEN, [], None)


@pytest.mark.parametrize("asked", [{"_format": "xml"}, {}])
async def test_an_answer_in_xml_says_the_same(
    deployment: Deployment, subject: str, asked: dict[str, str]
) -> None:
    """By ``_format`` and by ``Accept``, found or refused, read back it is what JSON says."""
    headers = {"Authorization": deployment.bearer("R8000", "A81001")}
    if not asked:
        headers["Accept"] = "text/html;q=0.2, application/fhir+xml;q=0.9, application/json;q=0.5"
    for path in (f"Observation?patient={subject}&_sort=date", f"Patient/{subject}", "Observation?code=1"):
        plain = await deployment.get(path)
        url = f"{BASE}/{path}" + ("&" if "?" in path else "?") + "_pretty=true"
        url += "".join(f"&{name}={value}" for name, value in asked.items())
        response = await deployment.client.get(url, headers=headers)
        assert response.headers["content-type"] == "application/fhir+xml; charset=utf-8"
        assert response.status_code == plain.status
        made = read_xml(response.content)
        assert made["resourceType"] == plain.body["resourceType"]
        if plain.body["resourceType"] == "Bundle":
            there = [one["resource"] for one in made["entry"] if one["search"]["mode"] == "match"]
            assert [timeless(one) for one in there] == [timeless(one) for one in plain.matches]
        else:
            assert timeless(made) == timeless(plain.body)


@pytest.mark.parametrize("accept", ["text/turtle", "application/fhir+json;fhirVersion=3.0", "image/png;q=1"])
async def test_what_is_served_in_no_such_format_is_refused(deployment: Deployment, accept: str) -> None:
    """Before anything is asked for, and in JSON."""
    headers = {"Authorization": deployment.bearer("R8000", "A81001"), "Accept": accept}
    for path in ("Observation?patient=x", "metadata"):
        response = await deployment.client.get(f"{BASE}/{path}", headers=headers)
        assert (response.status_code, response.json()["issue"][0]["code"]) == (406, "not-supported")


async def test_what_is_left_out_is_told(deployment: Deployment, subject: str) -> None:
    """Leniently, an unknown parameter is in a warning and not in the link; strictly it is refused."""
    query = {"patient": subject, "colour": "red", "code": "27113001"}
    headers = {"Authorization": deployment.bearer("R8000", "A81001")}
    strict = await deployment.get("Observation", **query)
    assert (strict.status, strict.code) == (400, "unknown-parameter")
    response = await deployment.client.get(
        f"{BASE}/Observation", params=query, headers={**headers, "Prefer": "handling=lenient"}
    )
    body = response.json()
    assert body["total"] == SEEN
    assert "colour" not in body["link"][0]["url"]
    notes = [one for one in body["entry"][-1]["resource"]["issue"] if one["code"] == "not-supported"]
    assert [(one["severity"], "colour" in one["details"]["text"]) for one in notes] == [("warning", True)]


async def test_codes_are_found_by_what_they_mean(deployment: Deployment, subject: str) -> None:
    """``:in`` a value set that is known; one that is not, or a code that nobody has, is refused."""
    categories = "http://terminology.hl7.org/CodeSystem/observation-category"
    found = await deployment.get(
        "Observation", **{"patient": subject, "category:below": f"{categories}|vital-signs"}
    )
    assert found.body["total"] == SEEN
    unknown = await deployment.get("Observation", **{"patient": subject, "code:in": "http://none.example/vs"})
    assert (unknown.status, unknown.code) == (400, "unknown-value-set")
    nobodys = await deployment.get("Observation", **{"patient": subject, "category:above": f"{categories}|x"})
    assert (nobodys.status, nobodys.code) == (400, "unknown-code")
