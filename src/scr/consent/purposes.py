"""Purposes of use, and which a purpose is a kind of: v3-ActReason, as far as looks here have one.

http://terminology.hl7.org/CodeSystem/v3-ActReason
"""

from __future__ import annotations

_KINDS = {
    "ETREAT": frozenset({"ETREAT", "TREAT"}),
    "BTG": frozenset({"BTG", "ETREAT", "TREAT"}),
}


def meant_by(purpose: str) -> frozenset[str]:
    """The purpose, and those that it is a kind of: who names treatment means the one in an emergency too."""
    return _KINDS.get(purpose) or frozenset({purpose})
