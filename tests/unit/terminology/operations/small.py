"""A small release with the resources of a deployment, and the check that an answer is valid R4."""

from __future__ import annotations

from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from tests.support.small_release import Small, SmallMap, SmallRelease

from scr.terminology.systems import ICD_10, READ_V2, SNOMED_CT

LOCAL = "urn:example:local"
VALUE_SET = "urn:example:ValueSet/"
REFSET = "999000011000999103"
FINDING, ASTHMA, CHILDHOOD, GONE, SITE, LUNG = (
    "404684003", "195967001", "233678006", "900000000000101", "363698007", "39607008",
)  # fmt: skip

SMALL = SmallRelease(
    concepts={
        SNOMED_CT: {
            "138875005": Small("SNOMED CT Concept"),
            FINDING: Small("Clinical finding", ["138875005"]),
            ASTHMA: Small("Asthma", [FINDING], ["Bronchial asthma"], attributes=[(1, SITE, LUNG)]),
            CHILDHOOD: Small("Childhood asthma", [ASTHMA], attributes=[(1, SITE, LUNG)]),
            GONE: Small("Asthma attack", active=False, replaced_by=ASTHMA),
            SITE: Small("Finding site", ["138875005"]),
            LUNG: Small("Lung structure", ["138875005"]),
            REFSET: Small("Respiratory reference set", ["138875005"]),
        },
        LOCAL: {"a": Small("Asthma clinic"), "b": Small("Baby clinic", ["a"]), "c": Small("Clinic c", ["b"])},
    },
    refsets={REFSET: [ASTHMA, GONE]},
    maps=[
        SmallMap("read", READ_V2, SNOMED_CT, {"H33..": [ASTHMA], "zz...": []}),
        SmallMap(f"{SNOMED_CT}?fhir_cm=999002271000000101", SNOMED_CT, ICD_10, {ASTHMA: ["J459"]}),
    ],
    resources=[
        {
            "resourceType": "ValueSet", "url": VALUE_SET + "clinics", "version": "2", "status": "active",
            "compose": {
                "include": [
                    {"system": LOCAL, "filter": [{"property": "concept", "op": "is-a", "value": "a"}]},
                ],
                "exclude": [{"system": LOCAL, "concept": [{"code": "b"}]}],
            },
        },
        {
            "resourceType": "ValueSet", "url": VALUE_SET + "ring", "status": "active",
            "compose": {"include": [{"valueSet": [VALUE_SET + "ring"]}]},
        },
    ],
)  # fmt: skip


def valid(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource, after ``fhir.resources`` took it for valid R4."""
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    return resource
