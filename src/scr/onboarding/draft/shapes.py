"""What a value is by its shape alone: check digits, lengths, alphabets of the NHS's numbers and codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from scr.fhir.identifiers import NHSNumber

_D = ((0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 0, 6, 7, 8, 9, 5), (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
      (3, 4, 0, 1, 2, 8, 9, 5, 6, 7), (4, 0, 1, 2, 3, 9, 5, 6, 7, 8), (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
      (6, 5, 9, 8, 7, 1, 0, 4, 3, 2), (7, 6, 5, 9, 8, 2, 1, 0, 4, 3), (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
      (9, 8, 7, 6, 5, 4, 3, 2, 1, 0))  # fmt: skip
_P = ((0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
      (8, 9, 1, 6, 0, 4, 3, 5, 2, 7), (9, 4, 5, 3, 1, 2, 6, 8, 7, 0), (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
      (2, 7, 9, 3, 8, 0, 6, 4, 1, 5), (7, 0, 4, 6, 9, 1, 3, 2, 5, 8))  # fmt: skip
"""Verhoeff's tables of multiplication and permutation."""
_PARTITIONS = frozenset({"00", "01", "02", "10", "11", "12"})

_POSTCODE = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}\Z", re.IGNORECASE)
_PHONE = re.compile(r"(\+44|0044|0)[\d\s()-]{8,14}\Z")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+\Z")
_READ = re.compile(r"[A-Za-z0-9]{1,5}\.{0,4}(\d\d|[A-Za-z0-9]{2})?\Z")
_ICD = re.compile(r"[A-Z]\d\d(\.?\d{1,2})?[XDA+*]{0,2}\Z")
_OPCS = re.compile(r"[A-Z]\d\d(\.?\d)?\Z")
_ODS = re.compile(r"([A-Z]\d{5}|[A-Z]{1,3}\d{3,6}|R[A-Z0-9]{2,4}|[A-Z0-9]{5,6})\Z")
_LOINC = re.compile(r"\d{1,5}-\d\Z")
_QUANTITY = re.compile(r"[<>]?\s*(-?\d+(?:\.\d+)?)\s*([A-Za-z%/°\[\]]{1,10}\d?)\Z")
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,6})?\Z")
_YES_NO = frozenset({"y", "n", "yes", "no", "true", "false", "t", "f"})
_SEX = frozenset(
    {"m", "f", "u", "o", "i", "male", "female", "other", "unknown", "indeterminate", "not known",
     "not specified", "not stated", "non-binary", "0", "1", "2", "9", "x"}
)  # fmt: skip


def is_nhs(value: str) -> bool:
    """Ten digits, with spaces or dashes or without, whose check digit is right."""
    try:
        NHSNumber.parse(value)
    except ValueError:
        return False
    return True


def is_snomed(value: str) -> bool:
    """A SNOMED CT identifier: 6 to 18 digits, a known partition, Verhoeff's check digit."""
    if not 6 <= len(value) <= 18 or not value.isascii() or not value.isdigit() or value[0] == "0":
        return False
    if value[-3:-1] not in _PARTITIONS:
        return False
    check = 0
    for place, digit in enumerate(reversed(value)):
        check = _D[check][_P[place % 8][int(digit)]]
    return check == 0


def is_read(value: str) -> bool:
    """A Read v2 or CTV3 code: five bytes, filled up with dots, and two of a term where they are sent."""
    core = value[:5]
    return len(value) in {5, 7} and _READ.match(value) is not None and ("." in core or _is_mixed(core))


def _is_mixed(core: str) -> bool:
    """Letters with digits, or the large and small letters of CTV3's own codes: no word of a language."""
    letters = any(c.isalpha() for c in core)
    own = core[0] == "X" and any(c.islower() for c in core) and core[1:] != core[1:].lower()
    return (letters and any(c.isdigit() for c in core)) or own


def is_ctv3(value: str) -> bool:
    """A Read code that only Clinical Terms Version 3 has: those of X."""
    return is_read(value) and value[0] == "X"


def is_loinc(value: str) -> bool:
    """A LOINC code: digits, a hyphen, and a check digit by modulus 10."""
    if _LOINC.match(value) is None:
        return False
    digits = value[:-2]
    odd = str(int("".join(reversed(digits))[::2][::-1]) * 2)
    total = sum(map(int, "".join(reversed(digits))[1::2] + odd))
    return -total % 10 == int(value[-1])


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: pattern.match(value) is not None


is_postcode, is_phone, is_email = _matches(_POSTCODE), _matches(_PHONE), _matches(_EMAIL)
is_icd10, is_opcs4, is_ods, is_number = _matches(_ICD), _matches(_OPCS), _matches(_ODS), _matches(_NUMBER)
is_gmc = _matches(re.compile(r"[CE]?\d{7}\Z"))
is_gmp = _matches(re.compile(r"G\d{7}\Z"))


def is_yes_no(value: str) -> bool:
    """A word for yes or no."""
    return value.lower() in _YES_NO


def is_sex(value: str) -> bool:
    """A code or word for a person's sex or gender."""
    return value.lower() in _SEX


def quantity_unit(value: str) -> str | None:
    """The unit of ``72.5 kg``; None where the value is no number with a unit."""
    match = _QUANTITY.match(value)
    return match[2] if match else None


_PRESSURE = re.compile(r"(\d{2,3})\s*/\s*(\d{2,3})(\s*mm ?hg)?\Z", re.IGNORECASE)


def is_pressure(value: str) -> bool:
    """A blood pressure, ``120/80``: two numbers as a living person has them, the larger one first."""
    match = _PRESSURE.match(value)
    return match is not None and 300 >= int(match[1]) > int(match[2]) >= 20 and int(match[1]) >= 60


UNSAID = ("unknown", "not known", "not recorded", "n/a", "tbc", "-")
"""Words that say nothing."""
_NO_NUMBER = frozenset(
    {*UNSAID, "na", "nil", "none", "not done", "not taken", "refused", "declined", "unable"}
)


def said(values: Sequence[str]) -> tuple[str, ...]:
    """The values without the words that stand where there is none."""
    return tuple(value for value in values if value.lower().rstrip(".") not in _NO_NUMBER)


def share(values: Sequence[str], test: Callable[[str], bool]) -> float:
    """How much of the values passes a test, 0 to 1."""
    return sum(map(test, values)) / len(values) if values else 0.0
