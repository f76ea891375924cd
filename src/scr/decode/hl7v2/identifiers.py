"""Which identifier of PID is the NHS Number: the spellings in which HL7 v2 of the NHS says so.

``^^^NHS``, ``^^^&NHS``, ``^^^NHSNBR^NHSNMBR`` and the identifier type ``NH`` are all met; so is a number
in PID-2 or PID-4 where a system still writes v2.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from scr.decode.hl7v2.composites import Composite
from scr.decode.hl7v2.views import Segment

_AUTHORITIES = frozenset({"NHS", "NHSNBR", "NHSNMBR", "NHSNUMBER", "NHSNO", "2.16.840.1.113883.2.1.4.1"})
_TYPES = frozenset({"NH", "NHS", "NHSNBR", "NHSNMBR", "NHSNUMBER", "NHSNO"})


def nhs_numbers(patient: Segment | None) -> list[str]:
    """The values that are said to be NHS Numbers, without spaces, each once; they are not checked here."""
    values = (i.get("id_number") for i in _identifiers(patient) if _is_nhs_number(i))
    return list(dict.fromkeys("".join(value.split()) for value in values if value))


def local_identifiers(patient: Segment | None) -> list[Composite]:
    """The other identifiers (CX) of PID-3."""
    listed = patient.get("patient_identifier_list") if patient is not None else None
    return [i for i in listed or [] if i.get("id_number") and not _is_nhs_number(i)]


def _identifiers(patient: Segment | None) -> Iterator[Composite]:
    if patient is None:
        return
    yield from patient.get("patient_identifier_list") or []
    for field in ("patient_id", "alternate_patient_id"):
        value = patient.get(field)
        yield from value if isinstance(value, list) else [value] if value is not None else []


def _is_nhs_number(identifier: Composite) -> bool:
    parts = identifier.parts
    authority, kind = parts[3:4], parts[4:5]
    return _says_nhs_number(
        authority[0] if authority else "", kind[0] if kind else "", identifier.delimiters.subcomponent
    )


@lru_cache(maxsize=1024)
def _says_nhs_number(authority: str, kind: str, separator: str) -> bool:
    """CX-4 and CX-5 as they were sent: a sender writes the same few in every message."""
    names = authority.split(separator)[:2] if separator else [authority]
    said = {name.upper().replace(" ", "") for name in names}
    return bool(said & _AUTHORITIES) or kind.strip().upper() in _TYPES
