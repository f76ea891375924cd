"""One STU3 resource to R4."""

from __future__ import annotations

from dataclasses import dataclass

from scr.fhir.entry import Resource
from scr.fhir.stu3.clinical import CLINICAL
from scr.fhir.stu3.extensions import move_to_elements
from scr.fhir.stu3.fit import fit
from scr.fhir.stu3.medicines import MEDICINES
from scr.fhir.stu3.people import PEOPLE
from scr.fhir.stu3.requests import REQUESTS
from scr.fhir.stu3.rules import Place, TypeRules, apply, nodes, parts

RULES: dict[str, TypeRules] = {**PEOPLE, **CLINICAL, **MEDICINES, **REQUESTS}
"""The rules of every type that is converted, by its name in STU3."""

_ENDED_ALLERGIES = "1103671000000101"
_LOCAL_ID = 16
"""A contained id shorter than this is taken to be unique only within its own resource."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of one STU3 resource.

    ``resources`` are R4: the resource itself first, then those lifted out of it; none where the type
    has no rules. ``lost`` are the paths, in the source, of what they do not carry (``Patient.animal``;
    the bare type where the whole resource is not carried); never a value.
    """

    resources: tuple[Resource, ...]
    lost: tuple[str, ...]


def convert(resource: Resource) -> Converted:
    """Convert an STU3 resource to R4; it is changed in place, so it must be the caller's to give.

    What is done for each type stands in the tables; two things beside them. ``meta.profile`` goes,
    for the profiles are of STU3 (and nothing is lost by that). The allergies that GP Connect puts
    *contained* in its list of ended allergies become resources of their own, so that they are found
    where allergies are looked for.
    """
    kind = resource.get("resourceType")
    rules = RULES.get(kind) if isinstance(kind, str) else None
    if rules is None:
        return Converted((), (Place(str(kind), {}).path,))
    place = Place(str(kind), {})
    lifted = _lift_ended_allergies(resource) if kind == "List" else []
    _convert_contained(resource, place)
    _convert_one(resource, rules, place)
    resources = [resource]
    for allergy in lifted:
        _convert_one(allergy, RULES["AllergyIntolerance"], Place("AllergyIntolerance", place.lost))
        resources.append(allergy)
    return Converted(tuple(resources), tuple(place.lost))


def _convert_one(resource: Resource, rules: TypeRules, place: Place) -> None:
    resource["resourceType"] = rules.becomes
    meta = resource.get("meta")
    if isinstance(meta, dict):
        meta.pop("profile", None)
    move_to_elements(resource, rules.becomes)
    apply(resource, rules.elements, place)
    if rules.finish is not None:
        rules.finish(resource)
    fit(resource, rules.becomes, place)


def _convert_contained(resource: Resource, place: Place) -> None:
    """Convert what is contained; one of a type without rules is taken out and named."""
    if "contained" not in resource:
        return
    kept = []
    for inner in parts(resource["contained"]):
        rules = RULES.get(str(inner.get("resourceType"))) if isinstance(inner, dict) else None
        if rules is None:
            place.at("contained").lose()
        else:
            _convert_one(inner, rules, Place(str(inner["resourceType"]), place.lost))
            kept.append(inner)
    resource["contained"] = kept


def _lift_ended_allergies(resource: Resource) -> list[Resource]:
    """Take the allergies out of a list of ended allergies, and have its entries point to them.

    An ended allergy without a status is resolved: that is what its list says of it.
    """
    contained = parts(resource.get("contained"))
    if not contained or not _is_of_ended_allergies(resource):
        return []
    lifted = [inner for inner in nodes(contained) if inner.get("resourceType") == "AllergyIntolerance"]
    resource["contained"] = [inner for inner in contained if not any(inner is each for each in lifted)]
    moved: dict[str, str] = {}
    for allergy in lifted:
        allergy.setdefault("clinicalStatus", "resolved")
        local = allergy.get("id")
        if isinstance(local, str):
            allergy["id"] = local if len(local) >= _LOCAL_ID else f"ended-{local}"
            moved[f"#{local}"] = f"AllergyIntolerance/{allergy['id']}"
    for entry in nodes(resource.get("entry")):
        for item in nodes(entry.get("item")):
            local = item.get("reference")
            if isinstance(local, str):
                item["reference"] = moved.get(local, local)
    return lifted


def _is_of_ended_allergies(resource: Resource) -> bool:
    code = resource.get("code")
    codings = nodes(code.get("coding")) if isinstance(code, dict) else []
    return any(coding.get("code") == _ENDED_ALLERGIES for coding in codings)
