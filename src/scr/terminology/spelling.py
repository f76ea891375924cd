"""Codes that are written in more than one way, in the one way in which they are kept.

ICD-10 stands in SNOMED CT's maps without its dot, filled up with ``X`` to four characters, and with ``D`` or
``A`` after it for a dagger or an asterisk (``A170D``, ``K20X``); records have ``A17.0`` and ``K20``. OPCS-4
is written with its dot or without. Read codes have five characters, filled up with dots.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from scr.terminology.systems import CTV3, ICD_10, OPCS_4, READ_V2

_ICD_10 = re.compile(r"([A-Z][0-9]{2})(?:\.?([0-9X][0-9]?))?(?:\.?-)?([DA])?")
_OPCS_4 = re.compile(r"([A-Z][0-9]{2})\.?([0-9])?")
_READ_LENGTH = 5


def icd_10(code: str) -> str:
    """``A17.0`` for ``A170``, ``A170D`` or ``A17.0``; ``K20`` for ``K20X``; anything else as it is."""
    if (found := _ICD_10.fullmatch(code)) is None:
        return code
    rest = found[2] or ""
    return found[1] if rest in ("", "X") else f"{found[1]}.{rest}"


def icd_10_mark(code: str) -> str:
    """``dagger``, ``asterisk`` or nothing: what the letter after a code says."""
    found = _ICD_10.fullmatch(code)
    return {"D": "dagger", "A": "asterisk", None: ""}[found[3]] if found else ""


def opcs_4(code: str) -> str:
    """``A01.1`` for ``A011``; anything else as it is."""
    if (found := _OPCS_4.fullmatch(code)) is None:
        return code
    return f"{found[1]}.{found[2]}" if found[2] else found[1]


def read(code: str) -> str:
    """A Read code filled up to five characters (``H33..`` for ``H33``)."""
    return code.ljust(_READ_LENGTH, ".")


def read_v2(code: str) -> str:
    """The same, without the two characters of a term code after it (``H33..11``)."""
    return read(code[:_READ_LENGTH] if len(code) == _READ_LENGTH + 2 else code)


def read_term(system: str, code: str) -> str:
    """The term code that came with a Read v2 code, or nothing."""
    return code[_READ_LENGTH:] if system == READ_V2 and len(code) == _READ_LENGTH + 2 else ""


SPELLINGS: Mapping[str, Callable[[str], str]] = {
    ICD_10: icd_10, OPCS_4: opcs_4, READ_V2: read_v2, CTV3: read,
}  # fmt: skip
"""By system, how a code of it is spelt here."""
