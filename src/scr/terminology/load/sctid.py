"""SNOMED CT identifiers: what they name, and their check digit (Release File Specification, chapter 6).

From the right: the check digit, two digits for the partition, and in an extension the seven of its namespace.
"""

from __future__ import annotations

CONCEPT, DESCRIPTION, RELATIONSHIP = "0", "1", "2"
_SHORTEST, _LONGEST = 6, 18
_TIMES = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_TURNED = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def _tables() -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]:
    times = tuple(tuple(map(int, row)) for row in _TIMES)
    turned = tuple(tuple(map(int, row)) for row in _TURNED)
    return times, turned


_D, _P = _tables()


def is_sctid(text: str, kind: str = CONCEPT) -> bool:
    """Whether a text is an identifier of a kind (``CONCEPT``, ``DESCRIPTION``, ``RELATIONSHIP``)."""
    if not (text.isascii() and text.isdigit() and _SHORTEST <= len(text) <= _LONGEST and text[0] != "0"):
        return False
    return text[-2] == kind and text[-3] in "01" and _sums_up(text)


def with_check_digit(text: str) -> str:
    """An identifier from everything before its check digit (Verhoeff's)."""
    total = 0
    for place, digit in enumerate(reversed(text), 1):
        total = _D[total][_P[place % 8][ord(digit) - 48]]
    return text + str(_D[total].index(0))


def namespace(text: str) -> str:
    """The seven digits of an extension; nothing for the International release."""
    return text[-10:-3] if text[-3] == "1" else ""


def _sums_up(text: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(text)):
        total = _D[total][_P[place % 8][ord(digit) - 48]]
    return total == 0
