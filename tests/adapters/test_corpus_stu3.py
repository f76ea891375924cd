"""Real-shape GP Connect responses through the STU3 decoder: nothing is dropped in silence."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhir.resources.STU3 import get_fhir_model_class as get_stu3_model_class

from scr.decode.fhir_json import decode
from scr.decode.tree import BadUnit, DecodeError, Unit
from scr.fhir.entry import Resource
from scr.fhir.stu3 import convert

pytestmark = pytest.mark.corpus

BECOMES = {"ProcedureRequest": "ServiceRequest", "ReferralRequest": "ServiceRequest"}


def _bundles(corpus: Path) -> list[Path]:
    found = sorted((corpus / "gp").glob("structured-*/*.json"))
    assert len(found) == 17
    return found


def _unit(raw: bytes) -> tuple[Unit, list[BadUnit]]:
    *bad, unit = decode(raw, "STU3")
    assert isinstance(unit, Unit)
    return unit, [b for b in bad if isinstance(b, BadUnit)]


def test_every_resource_of_every_response_is_carried_once(corpus: Path) -> None:
    """Input and output agree resource by resource, by type and id, and nothing is refused."""
    for path in _bundles(corpus):
        raw = path.read_bytes()
        unit, bad = _unit(raw)
        assert bad == []
        sent = [entry["resource"] for entry in orjson.loads(raw)["entry"]]
        given = [(r["resourceType"], r["id"]) for r in unit.tree["resources"]]
        assert len(given) == len(set(given)) == len(sent), path.name
        for resource in sent:
            kind = BECOMES.get(resource["resourceType"], resource["resourceType"])
            if "id" in resource:
                assert (kind, resource["id"]) in given
        assert unit.tree["patient"]["resourceType"] == "Patient"
        assert set(unit.tree["lost"]) <= {"MedicationStatement.taken"}, path.name


def test_every_resource_is_valid_r4(corpus: Path) -> None:
    """Each converted resource passes an independent model of R4."""
    for path in _bundles(corpus):
        unit, _ = _unit(path.read_bytes())
        for resource in unit.tree["resources"]:
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)


def test_references_within_a_response_still_lead_somewhere(corpus: Path) -> None:
    """A reference that met its resource before the conversion meets it after."""
    for path in _bundles(corpus):
        raw = path.read_bytes()
        sent = {
            f"{e['resource']['resourceType']}/{e['resource'].get('id')}" for e in orjson.loads(raw)["entry"]
        }
        met = {BECOMES.get(r.split("/")[0], r.split("/")[0]) + "/" + r.split("/")[1]
               for r in _references(orjson.loads(raw)) if r in sent}  # fmt: skip
        assert met
        unit, _ = _unit(raw)
        given = {f"{r['resourceType']}/{r['id']}" for r in unit.tree["resources"]}
        assert met == {r for r in _references(unit.tree["resources"]) if r in given}


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


SAID_OTHERWISE = [
    r"\.meta\.profile$",  # profiles of STU3
    r"^Observation\.related\.type$",  # the name of the R4 element
    r"^(ProcedureRequest|ReferralRequest)\.resourceType$",
    r"\.system = http://hl7\.org/fhir/",  # code systems that moved
    r"\.url = https?://fhir\.(nhs|hl7\.org)\.uk/STU3/StructureDefinition/Extension-",
    r"\.system = .*NHSNumberVerificationStatus-1$",
    r"\.extension\.url = Description(ID|Display)$",
    r"^MedicationRequest\.extension\.valueCodeableConcept\.coding\.(system = .*PrescriptionType-1|code = )",
    r"\.extension\.url = http://hl7\.org/fhir/StructureDefinition/encounter-associatedEncounter$",
    r"^Immunization\.notGiven = ",  # a status
    r"\.reference = #",  # of what was lifted
    r"\.reference = .*(ProcedureRequest|ReferralRequest)/",
    r"^List\.contained\.id = ",
]
"""What R4 says in other words: the path of a value, or the path with the value."""


def test_every_value_is_carried_or_its_path_is_named(corpus: Path) -> None:
    """Each scalar of each resource of every file is in the output, or its path is in ``lost``."""
    seen = 0
    for resource in _all_resources(corpus):
        before = list(_leaves(resource, str(resource["resourceType"])))
        if resource.get("notGiven") is True:  # then the status is another
            before.remove(("Immunization.status", "completed"))
        result = convert(resource)
        if not result.resources:
            assert result.lost
            continue
        after = {str(value).strip() for r in result.resources for _, value in _leaves(r, "")}
        for path, value in before:
            seen += 1
            told = (
                str(value).strip() in after
                or any(path == lost or path.startswith(lost) for lost in result.lost)
                or (path.startswith("List.entry.item:") and "List.entry.?" in result.lost)
                or any(re.search(p, path) or re.search(p, f"{path} = {value}") for p in SAID_OTHERWISE)
                or (_is_local_time(value) and any(a.startswith(str(value)) for a in after))
            )
            assert told, path
    assert seen > 90_000


def _is_local_time(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value) is not None


def _all_resources(corpus: Path) -> Iterator[Resource]:
    for path in sorted((corpus / "gp").rglob("*.json")):
        try:
            payload = orjson.loads(path.read_bytes())
        except orjson.JSONDecodeError:
            continue
        if payload["resourceType"] != "Bundle":
            yield payload
        for entry in payload.get("entry", ()):
            yield entry.get("resource") or entry


def _leaves(node: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}")
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(value, path)
    elif node not in (None, ""):
        yield path, node


NOT_CARRIED = {"resourceType", "meta.profile", "contained.resourceType", "contained.meta.profile"}

SENTINEL = "1987-06-05"
"""A value that is a string and a date, and stands nowhere by chance."""


def test_every_field_met_in_real_responses_has_a_rule(corpus: Path) -> None:
    """Each field counted in real responses changes the output and carries its value, or is in ``lost``.

    A field that others stand below is shown by those.
    """
    with (corpus / "gp" / "FIELD_COVERAGE.tsv").open(newline="") as rows:
        fields = [(row["resource"], row["path"]) for row in csv.DictReader(rows, delimiter="\t")]
    assert len(fields) > 600
    carried, lost = 0, set()
    for kind, path in fields:
        if path in NOT_CARRIED or any(k == kind and p.startswith(f"{path}.") for k, p in fields):
            continue
        base: Resource = {"resourceType": kind}
        if path.startswith("contained."):
            base["contained"] = [{"resourceType": "AllergyIntolerance"}]
        full = orjson.loads(orjson.dumps(base))
        _put(full, kind, path.split("."))
        without, result = convert(base), convert(full)
        if any(f"{kind}.{path}".startswith(gone.rstrip("?")) for gone in result.lost):
            lost.add(f"{kind}.{path}")
            continue
        assert result.resources != without.resources, (kind, path)
        whole = orjson.dumps(result.resources).decode()
        assert SENTINEL in whole or _is_not_text(full), (kind, path)
        carried += 1
    assert carried > 390
    assert lost == {"List.entry.item:.reference"}


def _put(node: Resource, kind: str, path: list[str]) -> None:
    """Put a value of the right STU3 shape at a path below a node of the STU3 type ``kind``."""
    name, *rest = path
    if name == "contained":
        _put(node["contained"][0], "AllergyIntolerance", rest)
        return
    field = next((f for n, f in _fields(kind).items() if (f.alias or n) == name), None)
    annotation = str(field.annotation) if field is not None else "str"
    inner = re.search(r"abc\.(\w+?)Type\b", annotation)
    value: Any = SENTINEL
    if inner is not None:
        value = {}
        if rest:
            _put(value, inner.group(1), rest)
        else:
            value[_TELLING.get(inner.group(1), "text")] = SENTINEL
        if inner.group(1) == "ObservationRelated":
            value = {"type": "has-member", "target": {"display": "another"}} | value
    elif "bool" in annotation:
        value = True
    elif "Decimal" in annotation or "Int" in annotation:
        value = 7
    elif field is not None and "enum_values" in (field.json_schema_extra or {}):
        value = field.json_schema_extra["enum_values"][0]
    node[name] = [value] if "List[" in annotation else value


_TELLING = {"Coding": "code", "Reference": "reference", "Extension": "url", "Identifier": "value",
            "Period": "start", "Quantity": "unit", "Duration": "unit", "Meta": "versionId"}  # fmt: skip


def _fields(kind: str) -> dict[str, Any]:
    return get_stu3_model_class(kind).model_fields


def _is_not_text(resource: Resource) -> bool:
    """Whether what was put is a number, a boolean or a code of FHIR's own."""
    return SENTINEL not in orjson.dumps(resource).decode()


GOLD_KEEPS_BOTH = re.compile(r"/STU3/StructureDefinition/|encounter-associatedEncounter\Z")


def test_the_gold_pair(corpus: Path) -> None:
    """The published pair of an allergy: the same, but that the old extensions do not stay beside the new."""
    folder = corpus / "gp" / "stu3-to-r4" / "test-data"
    name = "allergyintolerance/AllergyIntolerance_000.json"
    ours = convert(orjson.loads((folder / "careconnect" / name).read_bytes()))
    gold = orjson.loads((folder / "ukcore" / name).read_bytes())
    kept = [e for e in gold["extension"] if not GOLD_KEEPS_BOTH.search(e["url"])]
    assert len(kept) == 2
    gold["extension"] = kept
    assert ours.resources == (gold,)
    assert ours.lost == ()


def test_odd_payloads_are_read_or_refused_with_a_reason(corpus: Path) -> None:
    """Specification examples, edge cases and errors: a unit, or an error of a known code."""
    read = 0
    refused: list[str] = []
    for folder in ("spec-examples", "edge-cases", "errors"):
        for path in sorted((corpus / "gp" / folder).rglob("*.json")):
            try:
                unit, bad = _unit(path.read_bytes())
            except DecodeError as error:
                refused.append(error.code)
                continue
            read += 1
            assert unit.tree["resources"] or unit.tree["outcomes"]
            assert all(b.error.code in {"no-resource", "unsupported-type"} for b in bad)
    assert set(refused) == {"not-json", "unsupported-type"}
    assert (read, len(refused)) == (69, 25)


def test_a_repeated_resource_stands_once(corpus: Path) -> None:
    """A response that holds one allergy twice, word for word, gives it once."""
    unit, _ = _unit((corpus / "gp/edge-cases/duplicated-resource-bundle.json").read_bytes())
    assert len(unit.tree["resources"]) == 1


def test_ended_allergies_are_found_where_allergies_are(corpus: Path) -> None:
    """The allergies contained in a list of ended allergies come out as resolved resources of their own."""
    unit, _ = _unit((corpus / "gp/edge-cases/correctAllergiesContainedResourceResponse.json").read_bytes())
    resolved = [
        r["id"]
        for r in unit.tree["resources"]
        if r["resourceType"] == "AllergyIntolerance"
        and r["clinicalStatus"]["coding"][0]["code"] == "resolved"
    ]
    assert len(resolved) == 2
    ended = next(r for r in unit.tree["resources"] if r["id"] == "ended-allergies")
    assert "contained" not in ended
    assert ended["entry"][0]["item"]["reference"] == f"AllergyIntolerance/{resolved[0]}"
