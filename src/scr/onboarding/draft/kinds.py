"""What a column may hold, and the systems whose codes are told by their shape."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Literal

from scr.onboarding.draft import shapes

Confidence = Literal["high", "medium", "low"]
MOSTLY = 0.9
"""So much of a column's values must pass a test, for it to be what the test is of."""


class Kind(StrEnum):
    """What a column may hold, as the terminal names it."""

    NHS_NUMBER = "NHS Number"
    DATE = "date"
    DATETIME = "date and time"
    TIME = "time of day"
    SNOMED = "SNOMED CT code"
    DMD = "dm+d code"
    READ_V2 = "Read v2 code"
    CTV3 = "CTV3 code"
    ICD_10 = "ICD-10 code"
    OPCS_4 = "OPCS-4 code"
    LOINC = "LOINC code"
    ODS = "ODS code"
    GMC = "GMC number"
    GMP = "GMP code"
    NAME = "name of a person"
    TITLE = "title"
    ADDRESS = "address"
    POSTCODE = "postcode"
    PHONE = "phone number"
    EMAIL = "e-mail address"
    SEX = "sex or gender"
    YES_NO = "yes or no"
    CODES = "closed list of codes"
    IDENTIFIER = "identifier"
    QUANTITY = "quantity"
    NUMBER = "number"
    PRESSURE = "blood pressure"
    TEXT = "free text"
    EMPTY = "nothing (empty in the sample)"


CODED = frozenset({Kind.SNOMED, Kind.DMD, Kind.READ_V2, Kind.CTV3, Kind.ICD_10, Kind.OPCS_4, Kind.LOINC})
PERSONAL = frozenset(
    {
        Kind.NHS_NUMBER,
        Kind.NAME,
        Kind.ADDRESS,
        Kind.POSTCODE,
        Kind.PHONE,
        Kind.EMAIL,
        Kind.IDENTIFIER,
        Kind.TEXT,
    }
)


Guess = tuple[Kind, Confidence, str]


_SYSTEMS: tuple[tuple[Kind, Callable[[str], bool], str], ...] = (
    (Kind.SNOMED, shapes.is_snomed, r"snomed|sct|concept|code"),
    (Kind.LOINC, shapes.is_loinc, r"loinc|code"),
    (Kind.CTV3, shapes.is_ctv3, r"ctv3|read|code"),
    (Kind.READ_V2, shapes.is_read, r"read|code"),
    (Kind.GMP, shapes.is_gmp, r"gp|gmp|doctor|code"),
    (Kind.GMC, shapes.is_gmc, r"gmc|consultant"),
    (Kind.OPCS_4, shapes.is_opcs4, r"opcs|procedure|operation"),
    (Kind.ICD_10, shapes.is_icd10, r"icd|icd10|diagnosis|primary diagnosis|code"),
    (Kind.ODS, shapes.is_ods, r"ods|practice|gp|organisation|provider|site|surgery|trust"),
)
"""Systems of codes: the shape, and what the name says. Shapes that are chance alone need the name."""
_ALIKE = frozenset({Kind.ICD_10, Kind.OPCS_4, Kind.READ_V2, Kind.CTV3})
"""Codes whose shapes others have too."""
_SHAPELY = frozenset({Kind.SNOMED, Kind.LOINC, Kind.GMP})


def coded(filled: tuple[str, ...], told: str, what: str) -> Guess | None:
    for kind, test, named in _SYSTEMS:
        if shapes.share(filled, test) < MOSTLY:
            continue
        hint = re.search(rf"\b({named})\b", told) is not None
        if kind in {Kind.READ_V2, Kind.CTV3} and not hint:
            hint = shapes.share(filled, lambda v: v[:5].endswith(".")) >= 0.3
        if not hint and (kind not in _SHAPELY or len(set(filled)) < 3):
            continue
        if kind is Kind.SNOMED and re.search(r"\b(dmd|dm d|medication|drug|vmp|amp|vtm|product)\b", told):
            kind = Kind.DMD
        named_so = re.search(r"\b(icd|icd10|icd 10|opcs|read|ctv3)\b", told) is not None
        sure: Confidence = "high" if hint and (kind not in _ALIKE or named_so) else "medium"
        return kind, sure, "" if sure == "high" else f"By their shape these are {kind.value}s: are they?"
    return None
