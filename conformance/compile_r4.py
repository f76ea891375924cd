"""Write ``r4-structure.json``: what FHIR R4 allows where, compiled from the ``fhir.resources`` classes.

``python conformance/compile_r4.py`` writes the file beside this script; ``scr.fhir.structure`` reads it
at start-up, so that nothing in the running program has to import the classes. The elements are in the
order of the specification; each is one word: its type, ``*`` where it repeats and ``!`` where it is required.

``fhir.resources`` leaves two things out of its metadata, and they are supplied here by hand from
https://hl7.org/fhir/R4/valuesets.html: the sets of codes that it cuts short with a ``+``, and the
required bindings of concepts and of codes with long lists.
"""

from __future__ import annotations

import re
import sys
import typing
from pathlib import Path
from typing import Any

import orjson
from fhir.resources.R4B import get_fhir_model_class
from fhir_core.fhirabstractmodel import FHIRAbstractModel

RESOURCES = (
    "AllergyIntolerance", "Appointment", "Binary", "Bundle", "CarePlan", "CareTeam", "Communication",
    "Composition", "Condition", "Consent", "DetectedIssue", "Device", "DeviceRequest", "DeviceUseStatement",
    "DiagnosticReport", "DocumentReference", "Encounter", "EpisodeOfCare", "FamilyMemberHistory", "Flag",
    "Goal", "HealthcareService", "ImagingStudy", "Immunization", "ImmunizationRecommendation", "Linkage",
    "List", "Location", "Media", "Medication", "MedicationAdministration", "MedicationDispense",
    "MedicationRequest", "MedicationStatement", "Observation", "OperationOutcome", "Organization",
    "Parameters", "Patient", "Practitioner", "PractitionerRole", "Procedure", "Provenance",
    "QuestionnaireResponse", "RelatedPerson", "RiskAssessment", "Schedule", "ServiceRequest", "Slot",
    "Specimen", "Task",
)  # fmt: skip

_OBSERVATION_STATUS = "registered preliminary final amended corrected cancelled entered-in-error unknown"
_ENCOUNTER_STATUS = "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown"
_CODES = {
    "RiskAssessment.status": _OBSERVATION_STATUS,
    "DetectedIssue.status": _OBSERVATION_STATUS,
    "Observation.status": _OBSERVATION_STATUS,
    "DeviceUseStatement.status": "active completed entered-in-error intended stopped on-hold",
    "DiagnosticReport.status": (
        "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown"
    ),
    "Encounter.status": _ENCOUNTER_STATUS,
    "EncounterStatusHistory.status": _ENCOUNTER_STATUS,
    "Task.status": (
        "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed "
        "entered-in-error"
    ),
    "Composition.confidentiality": "U L M N R V",
    "DeviceUdiCarrier.entryType": "barcode rfid manual card self-reported unknown",
    "Quantity.comparator": "< <= >= >",
    "Age.comparator": "< <= >= >",
    "Count.comparator": "< <= >= >",
    "Distance.comparator": "< <= >= >",
    "Duration.comparator": "< <= >= >",
    "OperationOutcomeIssue.code": (
        "invalid structure required value invariant security login unknown expired forbidden suppressed "
        "processing not-supported duplicate multiple-matches not-found deleted too-long code-invalid "
        "extension too-costly business-rule conflict transient lock-error no-store exception timeout "
        "incomplete throttled informational"
    ),
}
"""Full sets where the metadata has none, or one that ends in ``+``."""

_NOT_REQUIRED = {"Expression.language"}
"""Elements with a list of codes in the metadata whose binding is not a required one."""

_THO = "http://terminology.hl7.org/CodeSystem/"
_CONCEPTS = {
    "AllergyIntolerance.clinicalStatus": ("allergyintolerance-clinical", "active inactive resolved"),
    "AllergyIntolerance.verificationStatus": (
        "allergyintolerance-verification",
        "unconfirmed confirmed refuted entered-in-error",
    ),
    "Condition.clinicalStatus": (
        "condition-clinical",
        "active recurrence relapse inactive remission resolved",
    ),
    "Condition.verificationStatus": (
        "condition-ver-status",
        "unconfirmed provisional differential confirmed refuted entered-in-error",
    ),
}
"""CodeableConcepts whose binding is required: the code system and its codes."""

_PRIMITIVES = {
    "Base64Binary": "base64Binary", "Canonical": "canonical", "Code": "code", "Date": "date",
    "DateTime": "dateTime", "Decimal": "decimal", "Id": "id", "Instant": "instant", "Integer": "integer",
    "Markdown": "markdown", "Oid": "oid", "PositiveInt": "positiveInt", "String": "string", "Time": "time",
    "UnsignedInt": "unsignedInt", "Uri": "uri", "Url": "url", "Xhtml": "xhtml",
}  # fmt: skip
_ONLY_IN_R4B = {"CodeableReference", "RatioRange"}
"""Types of R4B that R4 does not know: an element of such a type is left out."""

_COMPLEX = re.compile(r"abc\.(\w+?)Type\b")


def compile_structure() -> dict[str, Any]:
    """The whole table: ``types``, ``choices``, ``codes``, ``summaries`` and ``concepts``."""
    table: dict[str, Any] = {"resources": sorted(RESOURCES), "types": {}, "choices": {}, "codes": {}}
    waiting = ["Element", *RESOURCES]
    while waiting:
        name = waiting.pop()
        if name in table["types"] or name == "Resource":
            continue
        model = get_fhir_model_class(name)
        table["types"][name] = _elements(model)
        table["codes"].update(_codes(name, model))
        if groups := _choices(model):
            table["choices"][name] = groups
        waiting.extend(word.rstrip("*!") for word in table["types"][name].values() if word[0].isupper())
    for part in ("types", "choices", "codes"):
        table[part] = dict(sorted(table[part].items()))
    table["summaries"] = {name: _summary(get_fhir_model_class(name)) for name in sorted(RESOURCES)}
    table["concepts"] = {
        where: {"system": _THO + system, "codes": sorted(codes.split())}
        for where, (system, codes) in sorted(_CONCEPTS.items())
    }
    return table


def _elements(model: type[FHIRAbstractModel]) -> dict[str, str]:
    """Each element by its name in JSON; the extensions of primitives (``_name``) go without saying."""
    elements: dict[str, str] = {}
    for name, field in model.model_fields.items():
        if name == "fhir_comments" or name.endswith("__ext"):
            continue
        word, many = _type_of(field.annotation)
        if word in _ONLY_IN_R4B:
            continue
        extra = _extra(field)
        required = field.is_required() or extra.get("element_required", False)
        elements[field.alias or name] = word + ("*" if many else "") + ("!" if required else "")
    order = {name: place for place, name in enumerate(model.elements_sequence())}
    return dict(sorted(elements.items(), key=lambda pair: order.get(pair[0], -1)))


def _summary(model: type[FHIRAbstractModel]) -> list[str]:
    """The elements of a resource that are of its summary."""
    return sorted(set(model.summary_elements_sequence()) & _elements(model).keys())


def _type_of(annotation: Any) -> tuple[str, bool]:
    """The FHIR type that an annotation speaks of, and whether it is a list of them."""
    text = str(annotation)
    many = "List[" in text
    if found := _COMPLEX.search(text):
        return found.group(1), many
    for mark in _annotated(annotation):
        if type(mark).__name__ in _PRIMITIVES:
            return _PRIMITIVES[type(mark).__name__], many
    if "bool" in text:
        return "boolean", many
    if "bytes" in text:
        return "base64Binary", many
    if "UUID" in text:
        return "uuid", many
    raise TypeError(f"no FHIR type is known for {text}")


def _annotated(annotation: Any) -> list[Any]:
    """Every mark of an ``Annotated`` anywhere inside an annotation."""
    marks = list(getattr(annotation, "__metadata__", ()))
    for part in typing.get_args(annotation):
        marks.extend(_annotated(part))
    return marks


def _codes(name: str, model: type[FHIRAbstractModel]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, field in model.model_fields.items():
        where = f"{name}.{field.alias or key}"
        listed = _extra(field).get("enum_values")
        if where in _CODES:
            found[where] = sorted(_CODES[where].split())
        elif listed and where not in _NOT_REQUIRED:
            if not all(re.fullmatch(r"[\w-]+", code) for code in listed):
                raise ValueError(f"{where}: the codes in the metadata are not the whole set")
            found[where] = sorted(listed)
    return found


def _choices(model: type[FHIRAbstractModel]) -> list[list[Any]]:
    """The choice elements: ``[name, required, [the elements of which one may stand]]``."""
    groups: dict[str, list[Any]] = {}
    for name, field in model.model_fields.items():
        extra = _extra(field)
        if group := extra.get("one_of_many"):
            entry = groups.setdefault(group, [group, False, []])
            entry[1] = entry[1] or extra.get("one_of_many_required", False)
            entry[2].append(field.alias or name)
    return list(groups.values())


def _extra(field: Any) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def main() -> None:
    """Write the file and say where."""
    target = Path(__file__).with_name("r4-structure.json")
    target.write_bytes(orjson.dumps(compile_structure()) + b"\n")
    sys.stdout.write(f"{target}\n")


if __name__ == "__main__":
    main()
