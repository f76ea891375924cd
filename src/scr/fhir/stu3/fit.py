"""The pass over every node that makes it what R4 allows there.

What no table of the conversion speaks of is settled here, from the structure of R4 itself: an element
that R4 does not have is taken out and named; one that repeats in R4 and did not before becomes a list;
what is empty goes, for it says nothing. Addresses that moved between the versions (code systems,
resource types in references, extensions) are rewritten on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from scr.fhir.dates import LONDON
from scr.fhir.structure import Element, r4
from scr.fhir.stu3.extensions import modernise
from scr.fhir.stu3.rules import TERMINOLOGY, Node, Place

_MERGED = re.compile(r"(?:(?<=/)|\A)(?:ProcedureRequest|ReferralRequest)(?=/)")
_VERSIONED = re.compile(r"http://hl7\.org/fhir/(v[23])/([\w-]+)\Z")
_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?\Z")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,14})?\Z", re.ASCII)
_OLD_BASE = "http://hl7.org/fhir/"
_MOVED = frozenset({
    "admit-source", "allergy-intolerance-substance-exposure-risk", "appointment-cancellation-reason",
    "basic-resource-type", "condition-category", "contactentity-type", "data-absent-reason",
    "diagnosis-role", "diet", "discharge-disposition", "encounter-special-arrangements",
    "encounter-type", "immunization-origin", "list-empty-reason", "list-example-use-codes", "list-order",
    "location-physical-type", "medication-statement-category", "observation-category",
    "organization-type", "participant-type", "practitioner-role", "procedure-category",
    "reaction-event-certainty", "referencerange-meaning", "service-category", "service-type",
    "special-arrangements", "vaccine-status",
})  # fmt: skip
"""Code systems of HL7 that are under terminology.hl7.org since R4, by the end of their address."""


def fit(resource: Node, kind: str, place: Place) -> None:
    """Make ``resource`` what R4 allows for the type ``kind``, naming at ``place`` what is taken out."""
    _fit_node(resource, r4().types[kind], place)


def current_system(system: str) -> str:
    """The address that a code system has in R4."""
    if not system.startswith(_OLD_BASE):
        return system
    system = system.strip()
    if match := _VERSIONED.match(system):
        return f"{TERMINOLOGY}{match.group(1)}-{match.group(2)}"
    name = system[len(_OLD_BASE) :]
    return TERMINOLOGY + name if name in _MOVED else system


def current_reference(reference: str) -> str:
    """A reference with the resource type of R4 in it."""
    return _MERGED.sub("ServiceRequest", reference) if "Request/" in reference else reference


def _fit_node(node: Node, elements: dict[str, Element], place: Place) -> None:
    for name in list(node):
        element = elements.get(name)
        if element is None:
            if not _fit_other(node, name, elements, place):
                del node[name]
            continue
        value = node[name]
        if element.many != isinstance(value, list):
            value = node[name] = _fit_cardinality(value, element)
        if not element.primitive:
            value = node[name] = _fit_value(value, element.type, place, name)
        elif element.type in _TIDY and isinstance(value, str):
            value = node[name] = _TIDY[element.type](value)
        if value is None or value == "" or value == [] or value == {}:
            del node[name]


def _fit_cardinality(value: Any, element: Element) -> Any:
    """One value as a list of one where R4 has a list; a list of one as its value where R4 has not."""
    if element.many:
        return None if value is None else [value]
    return value[0] if len(value) == 1 else value


def _zoned(moment: str) -> str:
    """A time with its zone, which FHIR requires: a supplier's time without one is London's."""
    if not _LOCAL_TIME.match(moment):
        return moment
    try:
        return datetime.fromisoformat(moment).replace(tzinfo=LONDON).isoformat()
    except ValueError:
        return moment


def _number(text: str) -> object:
    """A decimal, which some send as a text."""
    if not _NUMBER.match(text):
        return text
    return float(text) if "." in text else int(text)


_TIDY: dict[str, Callable[[str], object]] = {
    "code": str.strip, "uri": str.strip, "decimal": _number, "dateTime": _zoned, "instant": _zoned,
}  # fmt: skip
"""What is put right in primitives: white space around codes, numbers as text, times without a zone."""


def _fit_other(node: Node, name: str, elements: dict[str, Element], place: Place) -> bool:
    """Whether a name that is no element may stand: ``resourceType``, or the extension of a primitive."""
    if name == "resourceType" and place.above is None:
        return True
    element = elements.get(name[1:]) if name.startswith("_") else None
    if element is None or not element.primitive:
        place.at(name).lose()
        return False
    node[name] = _fit_value(node[name], "Element", place, name)
    return node[name] not in (None, [], {})


def _fit_value(value: Any, kind: str, place: Place, name: str) -> Any:
    """What stands in an element of a complex type, fitted; what became empty is left out."""
    if isinstance(value, dict):
        _fit_complex(value, kind, place, name)
        return value
    if isinstance(value, list):
        for part in value:
            if isinstance(part, dict):
                _fit_complex(part, kind, place, name)
        return value if kind == "Element" else [part for part in value if part not in ({}, None)]
    return value


def _fit_complex(node: Node, kind: str, place: Place, name: str) -> None:
    if kind == "Resource":  # a contained resource was converted for itself
        return
    if kind == "Reference":
        if isinstance(node.get("reference"), str):
            node["reference"] = current_reference(node["reference"])
    elif kind == "Coding":
        if isinstance(node.get("system"), str):
            node["system"] = current_system(node["system"])
    elif kind == "Extension":
        modernise(node)
    _fit_node(node, r4().types[kind], place.at(name))
