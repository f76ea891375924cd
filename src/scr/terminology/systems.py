"""Addresses of the code systems that the project speaks of, and what it makes of a system that it meets."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from scr.fhir.canonical import BASE

SNOMED_CT = "http://snomed.info/sct"
DMD = "https://dmd.nhs.uk"
READ_V2 = "http://read.info/readv2"
CTV3 = "http://read.info/ctv3"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"
OPCS_4 = "https://fhir.hl7.org.uk/CodeSystem/OPCS-4"
BNF = "https://fhir.hl7.org.uk/Id/bnf-drug-codes"
ATC = "http://www.whocc.no/atc"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
V3_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
V3_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


class Standing(StrEnum):
    """What a code system is to a shared record."""

    NATIONAL = "national"
    """SNOMED CT and dm+d: what every code is to be understood by."""
    STANDARD = "standard"
    """It stands as it is: everybody reads it, and it needs no translation."""
    LEGACY = "legacy"
    """A known system of earlier days or of a supplier: its codes are to gain a national one."""
    LOCAL = "local"
    """Any other system, or none: the same."""


NATIONAL = (SNOMED_CT, DMD)
"""The systems that a code is translated into."""

LEGACY = {
    READ_V2: "Read v2",
    CTV3: "CTV3",
    "http://read.info/readctv3": "CTV3",
    "https://fhir.hl7.org.uk/Id/emis-drug-codes": "EMIS drug codes",
    "https://fhir.hl7.org.uk/Id/egton-codes": "EGTON codes",
    "https://fhir.hl7.org.uk/Id/multilex-drug-codes": "Multilex drug codes",
    "https://fhir.hl7.org.uk/Id/resipuk-gemscript-drug-codes": "Gemscript drug codes",
}
"""Systems of earlier days and of suppliers: their codes are a dictionary's, and so are the texts beside."""

CLASSIFICATIONS = frozenset({ICD_10, OPCS_4})
"""Mandated for hospitals, and coarser than SNOMED CT: such a code stands, and is no gap without a map."""

STANDARD = (
    LOINC,
    UCUM,
    ICD_10,
    "http://terminology.hl7.org/",
    "http://hl7.org/fhir/",
    "https://fhir.hl7.org.uk/",
    "https://fhir.nhs.uk/",
    "https://www.datadictionary.nhs.uk/",
    "http://dicom.nema.org/",
    "urn:ietf:",
    "urn:iso:",
    f"{BASE}/",
)
"""How the systems begin that need no translation: those of HL7, UK Core, the NHS and the project."""

ALIASES = {
    "http://read.info/readctv3": CTV3,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED_CT,
    "urn:oid:2.16.840.1.113883.2.1.3.2.4.15": SNOMED_CT,
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "urn:oid:2.16.840.1.113883.6.3": ICD_10,
}
"""Other addresses of a system, as they are met."""


@lru_cache(maxsize=4096)
def standing_of(system: str) -> Standing:
    """What a system is to a shared record, by its address."""
    if system in NATIONAL:
        return Standing.NATIONAL
    if system in LEGACY:
        return Standing.LEGACY
    known = ALIASES.get(system, system)
    return Standing.STANDARD if known.startswith(STANDARD) else Standing.LOCAL
