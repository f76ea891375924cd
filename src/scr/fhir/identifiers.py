"""Identifiers of the NHS, parsed once, so that no bare string travels as one."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from operator import mul

NHS_NUMBER_SYSTEM = "https://fhir.nhs.uk/Id/nhs-number"
ODS_SYSTEM = "https://fhir.nhs.uk/Id/ods-organization-code"

_WEIGHTS = (10, 9, 8, 7, 6, 5, 4, 3, 2)
_ZEROS = sum(_WEIGHTS) * ord("0")
_SEPARATORS = str.maketrans("", "", " -\u00a0\u2010\u2011\u2013")
_ODS = re.compile(r"[A-Z0-9]{3,12}\Z")


@dataclass(frozen=True, slots=True)
class NHSNumber:
    """A valid NHS Number: ten digits whose last is the modulus 11 check of the others.

    NHS Data Dictionary, attribute NHS NUMBER. An invalid one cannot be held: the constructor
    raises ValueError, without the digits. It prints itself masked, so that a log line or a
    traceback does not hold it; ``.value`` is the ten digits and ``.spaced`` the 3-3-4 form.
    """

    value: str = field(repr=False)

    def __post_init__(self) -> None:
        if not is_nhs_number(self.value):
            raise ValueError("not an NHS Number: ten digits with a modulus 11 check digit are needed")

    @classmethod
    def parse(cls, text: str) -> NHSNumber:
        """Read a number as people write it, with spaces or dashes; ValueError if it is not one."""
        return cls(text.translate(_SEPARATORS))

    @property
    def spaced(self) -> str:
        """As it is printed for people: ``999 123 4567``."""
        return f"{self.value[:3]} {self.value[3:6]} {self.value[6:]}"

    def __str__(self) -> str:
        return "NHS Number (masked)"


def is_nhs_number(digits: str) -> bool:
    """Ten ASCII digits, the last of them right by modulus 11.

    Ten zeros pass the arithmetic and are what some systems send for 'unknown': they are no number.
    """
    if len(digits) != 10 or not digits.isascii() or not digits.isdigit() or digits == "0000000000":
        return False
    total: int = sum(map(mul, _WEIGHTS, digits.encode())) - _ZEROS  # the tenth has no weight
    return -total % 11 == int(digits[9])


@dataclass(frozen=True, slots=True, order=True)
class OdsCode:
    """The code of an organisation in the Organisation Data Service, in capitals."""

    value: str

    def __post_init__(self) -> None:
        if not _ODS.match(self.value):
            raise ValueError("not an ODS code: 3 to 12 capital letters and digits are needed")

    @classmethod
    def parse(cls, text: str) -> OdsCode:
        """Read a code in either case, with white space around it; ValueError if it is not one."""
        return cls(text.strip().upper())

    def __str__(self) -> str:
        return self.value


_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648's base 32, in small letters
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_THREE, _SIX = (1 << 15) - 1, (1 << 30) - 1
_TRIPLES = [pair + third for pair in _PAIRS for third in _ALPHABET]


UNNAMED = "scr-made-"
"""How the local id begins of what its source gave none, and which was made of what it says. The like may
stand in another person's payload, word for word."""


def opaque_id(key: bytes, source: str, kind: str, local: str) -> str:
    """The logical id served for a source's own resource.

    A keyed hash over source, type and the source's id (26 characters, base 32, 130 bits): the same
    from pull to pull, not to be guessed, and telling nothing, so that it may stand in a path.
    """
    digest = hashlib.blake2b(f"{source}\x1f{kind}\x1f{local}".encode(), key=key, digest_size=20).digest()
    return written_id(int.from_bytes(digest[:17]) >> 6)


def written_id(bits: int) -> str:
    """130 bits as 26 characters of base 32. Small numbers are quick to cut."""
    a, b, c, d = bits >> 100, bits >> 70 & _SIX, bits >> 40 & _SIX, bits >> 10 & _SIX
    return (
        f"{_TRIPLES[a >> 15]}{_TRIPLES[a & _THREE]}{_TRIPLES[b >> 15]}{_TRIPLES[b & _THREE]}"
        f"{_TRIPLES[c >> 15]}{_TRIPLES[c & _THREE]}{_TRIPLES[d >> 15]}{_TRIPLES[d & _THREE]}"
        f"{_PAIRS[bits & 1023]}"
    )
