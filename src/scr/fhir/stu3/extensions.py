"""CareConnect extensions that R4 or UK Core has another place for.

The same extension is met under several addresses (``fhir.nhs.uk`` and ``fhir.hl7.org.uk``, with and
without ``GPC-``), so it is known by the name at the end of its address. An extension that is not named
here stays as it is: an extension of any address is valid in R4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from scr.fhir.stu3.rules import Node, nodes

_STU3_NAME = re.compile(
    r"https?://[\w.]+/STU3/StructureDefinition/Extension-(?:CareConnect-)?(?:GPC-)?(\w+?(?:-sct\w+)?)(?:-\d+)?\Z"
)
_UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
_ASSOCIATED_ENCOUNTER = "http://hl7.org/fhir/StructureDefinition/encounter-associatedEncounter"
_NUMBER_STATUS = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"
_COURSE_OF_THERAPY = "https://fhir.nhs.uk/CodeSystem/medicationrequest-course-of-therapy"
_COURSES = {
    "acute": "acute",
    "repeat": "continuous",
    "repeat-dispensing": "continuous-repeat-dispensing",
}


def name_of(extension: Node) -> str:
    """The bare name of a CareConnect extension, ``PrescriptionType``; empty for any other."""
    return _name_at(str(extension.get("url")))


@lru_cache(maxsize=1024)
def _name_at(url: str) -> str:
    match = _STU3_NAME.match(url)
    return match.group(1) if match else ""


def modernise(extension: Node) -> None:
    """Give an extension its UK Core address and shape, if it has them."""
    rewrite = _REWRITES.get(name_of(extension))
    if rewrite is not None:
        rewrite(extension)


def move_to_elements(node: Node, kind: str) -> None:
    """Move what is an extension in STU3 and an element of the R4 type ``kind`` to that element."""
    extensions = node.get("extension")
    if not isinstance(extensions, list) or kind not in _MOVES:
        return
    node["extension"] = [e for e in extensions if not (isinstance(e, dict) and _MOVES[kind](node, e))]


def _description(extension: Node) -> None:
    """The term that a clinician chose: in UK Core its id is an Identifier in SNOMED CT."""
    extension["url"] = _UK_CORE + "CodingSCTDescId"
    for part in nodes(extension.get("extension")):
        url = str(part.get("url")).lower()
        if url == "descriptionid":
            value = part.pop("valueId", part.pop("valueString", None))
            part["url"] = "descriptionId"
            if value is not None:
                part["valueIdentifier"] = {"system": "http://snomed.info/sct", "value": value}
        elif url == "descriptiondisplay":
            part["url"] = "descriptionDisplay"


def _number_status(extension: Node) -> None:
    extension["url"] = _UK_CORE + "NHSNumberVerificationStatus"
    for coding in _codings(extension):
        if "NHSNumberVerificationStatus" in str(coding.get("system")):
            coding["system"] = _NUMBER_STATUS


def _allergy_end(extension: Node) -> None:
    extension["url"] = _UK_CORE + "AllergyIntoleranceEnd"


def _evidence(extension: Node) -> None:
    extension["url"] = _UK_CORE + "Evidence"


_REWRITES: dict[str, Callable[[Node], None]] = {
    "coding-sctdescid": _description,
    "coding-sctdecsid": _description,  # so spelt by one supplier
    "NHSNumberVerificationStatus": _number_status,
    "AllergyIntoleranceEnd": _allergy_end,
    "Evidence": _evidence,
}


def _course_of_therapy(node: Node, extension: Node) -> bool:
    """PrescriptionType is ``courseOfTherapyType``, where its code has one there."""
    if name_of(extension) != "PrescriptionType" or "courseOfTherapyType" in node:
        return False
    for coding in _codings(extension):
        course = _COURSES.get(str(coding.get("code")))
        if course is not None:
            text = extension["valueCodeableConcept"].get("text") or coding.get("display")
            therapy: Node = {"coding": [{"system": _COURSE_OF_THERAPY, "code": course}]}
            node["courseOfTherapyType"] = therapy | ({"text": text} if text else {})
            return True
    return False


def _date_recorded(node: Node, extension: Node) -> bool:
    """DateRecorded of an immunisation is ``recorded``."""
    if name_of(extension) != "DateRecorded" or "recorded" in node or "valueDateTime" not in extension:
        return False
    node["recorded"] = extension["valueDateTime"]
    return True


def _associated_encounter(node: Node, extension: Node) -> bool:
    """An allergy's encounter is an element in R4."""
    if extension.get("url") != _ASSOCIATED_ENCOUNTER or "encounter" in node:
        return False
    node["encounter"] = extension.get("valueReference")
    return True


_MOVES: dict[str, Callable[[Node, Node], bool]] = {
    "MedicationRequest": _course_of_therapy,
    "Immunization": _date_recorded,
    "AllergyIntolerance": _associated_encounter,
}


def _codings(extension: Node) -> list[Node]:
    concept = extension.get("valueCodeableConcept")
    return nodes(concept.get("coding")) if isinstance(concept, dict) else []
