"""The operations of the FHIR endpoint: documents, the last of each kind, documents found."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from fhir.resources.R4B.bundle import Bundle
from tests.functional.deployment import (
    ADA,
    BASE,
    CLEO,
    RESTRICTED,
    SECRETS,
    Deployment,
    Said,
    Tree,
    checked,
    observation,
)

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM

pytestmark = pytest.mark.asyncio(loop_scope="module")
IDENTIFIER = f"{NHS_NUMBER_SYSTEM}|{ADA.value}"
REQUIRED = {"11450-4", "48765-2", "10160-0"}


def nodes(node: Any) -> Iterator[Tree]:
    """Every object of a resource."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    for one in node if isinstance(node, list) else ():
        yield from nodes(one)


def held(said: Said) -> dict[str, Tree]:
    """The sections of a document by code, held to what every document must be: each reference leads to
    something in it."""
    assert said.status == 200, said.body
    Bundle.model_validate_json(said.raw)
    entries = said.body["entry"]
    assert said.body["type"] == "document"
    assert entries[0]["resource"]["resourceType"] == "Composition"
    there = {one["fullUrl"] for one in entries}
    assert len(there) == len(entries)
    for entry in entries:
        for node in nodes(entry["resource"]):
            reference = node.get("reference")
            if isinstance(reference, str):
                assert {reference, f"{BASE}/{reference}"} & there, reference
    return {one["code"]["coding"][0]["code"]: one for one in entries[0]["resource"]["section"]}


def named(said: Said, section: Tree) -> list[Tree]:
    """What stands in a section."""
    by_url = {one["fullUrl"]: one["resource"] for one in said.body["entry"]}
    return [by_url.get(one["reference"]) or by_url[f"{BASE}/{one['reference']}"] for one in section["entry"]]


async def post(deployment: Deployment, path: str, body: Tree) -> Said:
    """An operation by POST."""
    headers = {"Authorization": deployment.bearer(), "content-type": "application/fhir+json"}
    return checked(
        await deployment.client.post(f"{BASE}/{path}", headers=headers, content=orjson.dumps(body))
    )


async def test_a_summary_has_what_is_known_and_says_what_is_not(deployment: Deployment) -> None:
    """The three sections that a summary must have, what stands there, and a coded word where nothing does."""
    subject = await deployment.subject()
    said = await deployment.get(f"Patient/{subject}/$summary")
    sections = held(said)
    assert sections.keys() >= {*REQUIRED, "11369-6", "30954-2", "47519-4", "46264-8", "sources"}
    problems = [one["code"]["coding"][0]["code"] for one in named(said, sections["11450-4"])]
    assert set(problems) == {"I48.0", "38341003"}
    assert [one["code"]["coding"][0]["code"] for one in named(said, sections["48765-2"])] == ["91936005"]
    [unknown] = named(said, sections["10160-0"])
    assert unknown["medicationCodeableConcept"]["coding"][0]["code"] == "no-medication-info"
    assert [one["code"]["coding"][0]["code"] for one in named(said, sections["11348-0"])] == ["195967001"]
    assert sections["11369-6"]["emptyReason"]["coding"][0]["code"] == "none"
    assert "Paroxysmal atrial fibrillation" in sections["11450-4"]["text"]["div"]
    composition = said.body["entry"][0]["resource"]
    assert composition["subject"] == {"reference": f"Patient/{subject}"}
    again = await deployment.get(f"Patient/{subject}/$summary")
    assert again.body["identifier"] == said.body["identifier"]


async def test_a_summary_is_found_by_number(deployment: Deployment) -> None:
    """By GET and by POST, without the number in any address of the answer; nobody's is nobody's."""
    subject = await deployment.subject()
    by_get = await deployment.get("Patient/$summary", identifier=IDENTIFIER)
    told = {"name": "identifier", "valueIdentifier": {"system": NHS_NUMBER_SYSTEM, "value": ADA.value}}
    by_post = await post(deployment, "Patient/$summary", {"resourceType": "Parameters", "parameter": [told]})
    for said in (by_get, by_post):
        held(said)
        assert said.body["entry"][0]["resource"]["subject"]["reference"] == f"Patient/{subject}"
    refused = await deployment.get("Patient/$summary", identifier=f"{NHS_NUMBER_SYSTEM}|{CLEO.value}")
    unknown = await deployment.get("Patient/$summary", identifier=f"{NHS_NUMBER_SYSTEM}|{SECRETS[3]}")
    assert (refused.status, refused.code) == (unknown.status, unknown.code) == (403, "no-relationship")


async def test_a_source_that_is_missing_is_told_in_the_document(fresh: Deployment) -> None:
    """In the section's state and text, in the last section, and in the header; nothing is called none."""
    fresh.neighbour.status = 500
    subject = await fresh.subject()
    for path in ("$summary", "$record-document"):
        said = await fresh.get(f"Patient/{subject}/{path}")
        sections = held(said)
        assert "QXX=down" in said.headers["x-scr-ledger"]
        part = sections["11450-4" if path == "$summary" else "problems"]
        assert part["extension"][0]["valueCoding"]["code"] == "incomplete"
        for one in (part, sections["sources"]):
            assert "Sample Neighbour could not be reached" in one["text"]["div"]
        states = {one["extension"][0]["valueCoding"]["code"] for one in sections.values()}
        assert "none" not in states


async def test_a_record_is_a_document_by_its_headings(deployment: Deployment) -> None:
    """Every entry that stands under a heading in the record stands there in the document."""
    subject = await deployment.subject()
    said = await deployment.get(f"Patient/{subject}/$record-document")
    sections = held(said)
    everything = await deployment.get(f"Patient/{subject}/$everything")
    for kind, heading in (("Condition", "problems"), ("Observation", "findings"), ("Observation", "results")):
        there = [one for one in named(said, sections[heading]) if one["resourceType"] == kind]
        assert there
        assert {one["id"] for one in there} <= {one["id"] for one in everything.matches}
    shown = {one["resource"]["id"] for one in said.body["entry"]}
    clinical = {"Condition", "Observation", "AllergyIntolerance", "Encounter", "List", "DetectedIssue"}
    assert {one["id"] for one in everything.matches if one["resourceType"] in clinical} <= shown


async def test_a_composition_is_a_document_with_what_it_leads_to(deployment: Deployment) -> None:
    """The contents of the record with its lists and their lines; kept nowhere, so it cannot be kept."""
    subject = await deployment.subject()
    [contents, *_] = (await deployment.get("Composition", patient=subject)).ids
    said = await deployment.get(f"{contents}/$document")
    sections = held(said)
    problems, visits = named(said, sections["problems"])
    assert (problems["title"], visits["title"]) == ("Problems", "Diagnoses of visits")
    there = {f"{one['resource']['resourceType']}/{one['resource']['id']}" for one in said.body["entry"]}
    assert {one["item"]["reference"] for one in problems["entry"] + visits["entry"]} <= there
    assert (await deployment.get(f"{contents}/$document", persist="true")).code == "no-persist"
    assert (await deployment.get("Composition/" + "y" * 26 + "/$document")).status == 404


async def test_whoever_may_see_less_has_less_in_the_document(deployment: Deployment) -> None:
    """A role that opens a summary's headings alone: the others are not spoken of."""
    subject = await deployment.subject(role="R1460")
    said = await deployment.get(f"Patient/{subject}/$record-document", role="R1460")
    sections = held(said)
    assert "problems" in sections
    assert sections.keys().isdisjoint({"findings", "results", "documents"})
    assert "27113001" not in said.raw.decode()


async def test_the_last_of_each_kind(fresh: Deployment) -> None:
    """One of each code, or as many as are wanted, of what a search finds; with pages, by GET and POST."""
    fresh.neighbour.resources.append(observation("o9", "86290005", "2024-01-01"))
    subject = await fresh.subject()
    said = await fresh.get("Observation/$lastn", patient=subject, category="vital-signs")
    found = [(one["code"]["coding"][0]["code"], one["effectiveDateTime"]) for one in said.matches]
    assert found == [("27113001", "2025-06-10"), ("86290005", "2024-01-01")]
    assert said.link("self") == f"{BASE}/Observation/$lastn?patient={subject}&category=vital-signs&max=1"
    parts = [
        {"name": "patient", "valueReference": {"reference": f"Patient/{subject}"}},
        {"name": "category", "valueString": "vital-signs"},
        {"name": "max", "valuePositiveInt": 2},
    ]
    posted = await post(fresh, "Observation/$lastn", {"resourceType": "Parameters", "parameter": parts})
    assert len(posted.matches) == 3
    page = await fresh.get("Observation/$lastn", patient=subject, category="vital-signs", _count="1")
    rest = await fresh.get(page.link("next") or "")
    assert page.ids + rest.ids == said.ids
    for query, code in (
        ({"patient": subject}, "parameter-needed"),
        ({"patient": subject, "code": "1", "max": "0"}, "bad-parameter"),
        ({"patient": subject, "code": "1", "_sort": "date"}, "bad-parameter"),
    ):
        assert (await fresh.get("Observation/$lastn", **query)).code == code


def letter(logical: str, binary: str, **more: object) -> Tree:
    """A document whose contents are a Binary."""
    content = [{"attachment": {"contentType": "text/html", "url": f"Binary/{binary}", "title": "../../etc"}}]
    about = {"reference": "Patient/n-ada"}
    return {
        "resourceType": "DocumentReference", "id": logical, "status": "current", "subject": about,
        "date": "2025-03-04T10:00:00Z", "content": content, **more,
    }  # fmt: skip


def contents(logical: str, kind: str, data: bytes) -> Tree:
    """A Binary."""
    return {
        "resourceType": "Binary",
        "id": logical,
        "contentType": kind,
        "data": base64.b64encode(data).decode(),
    }


async def test_contents_go_with_their_document_alone(fresh: Deployment) -> None:
    """One that no document names, or only one that may not be seen, is found by nothing; one that a shown
    document names is found by $docref, and given in its own type, of which a browser runs nothing."""
    script = b"<script>fetch('https://other.test')</script>"
    fresh.neighbour.resources += [
        letter("d1", "b1"), contents("b1", "text/html", script),
        contents("b2", "application/pdf", b"%PDF"),
        letter("d3", "b3", meta={"security": [RESTRICTED]}), contents("b3", "application/pdf", b"%PDF"),
    ]  # fmt: skip
    subject = await fresh.subject()
    [found] = (await fresh.get("Binary", patient=subject)).ids
    everything = (await fresh.get(f"Patient/{subject}/$everything")).ids
    assert [one for one in everything if one.startswith("Binary/")] == [found]
    documents = await fresh.get(
        "DocumentReference/$docref", patient=subject, start="2025-03", end="2025-03-04"
    )
    assert [one["content"][0]["attachment"]["url"] for one in documents.matches] == [found]
    assert (await fresh.get("DocumentReference/$docref", patient=subject, start="2025-04")).matches == []
    assert (
        await fresh.get("DocumentReference/$docref", patient=subject, **{"on-demand": "true"})
    ).status == 400
    bearer = {"Authorization": fresh.bearer()}
    for accept, status, kind in (
        ("*/*", 200, "text/html"), ("text/html", 200, "text/html"), ("text/*", 200, "text/html"),
        ("application/pdf", 406, "application/fhir+json; charset=utf-8"),
        ("application/fhir+json", 200, "application/fhir+json; charset=utf-8"),
        ("application/fhir+xml", 200, "application/fhir+xml; charset=utf-8"),
    ):  # fmt: skip
        answer = await fresh.client.get(f"{BASE}/{found}", headers={**bearer, "Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (status, kind), accept
        assert answer.headers["x-content-type-options"] == "nosniff"
        if kind == "text/html":
            assert answer.content == script
            assert answer.headers["content-security-policy"].startswith("sandbox")
            assert answer.headers["content-disposition"] == (
                f'attachment; filename="{found.partition("/")[2]}.bin"'
            )
            assert answer.headers["cache-control"] == "no-store"
    gone = await fresh.client.get(f"{BASE}/Binary/{'y' * 26}", headers=bearer)
    assert checked(gone).status == 404


async def test_each_look_is_in_the_audit(deployment: Deployment) -> None:
    """Whose record it was, and by which operation."""
    subject = await deployment.subject()
    await deployment.get(f"Patient/{subject}/$summary")
    [row, *_] = deployment.audit()
    assert (row.what, row.action, row.outcome) == ("Patient/$summary", "query", "success")
    assert row.person is not None


async def test_a_resource_is_validated(deployment: Deployment) -> None:
    """Each problem with its place; by R4, by UK Core and by what is asked for; nothing is filed."""
    before = await deployment.entries()
    right = {"resourceType": "Observation", "status": "final", "code": {"text": "Weight"}}
    for body in (
        right,
        {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": right}]},
    ):
        said = await post(deployment, "Observation/$validate", body)
        assert [one["severity"] for one in said.body["issue"]] == ["information"]
    wrong = await post(deployment, "Observation/$validate", {**right, "status": "well", "x": 1})
    assert {(one["code"], one["expression"][0]) for one in wrong.body["issue"]} == {
        ("code-invalid", "Observation.status"),
        ("structure", "Observation.x"),
    }
    uk_core = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Observation-Lab"
    claimed = await post(deployment, "Observation/$validate", {**right, "meta": {"profile": [uk_core]}})
    assert ("error", "Observation.category") in {
        (one["severity"], one["expression"][0]) for one in claimed.body["issue"]
    }
    other = await post(deployment, "Condition/$validate?mode=update", right)
    assert {one["code"] for one in other.body["issue"]} == {"invalid", "required"}
    assert (await post(deployment, "Observation/$validate?mode=delete", right)).code == "bad-parameter"
    assert (
        await post(deployment, "Observation/$validate", {"resourceType": "Parameters"})
    ).code == "parameter-needed"
    unknown = await post(deployment, "Observation/$validate?profile=https://other.test/p", right)
    assert [(one["severity"], one["code"]) for one in unknown.body["issue"]] == [("error", "not-found")]
    assert await deployment.entries() == before
