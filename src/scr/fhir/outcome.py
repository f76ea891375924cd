"""OperationOutcome: how FHIR says what went wrong. https://hl7.org/fhir/R4/operationoutcome.html"""

from __future__ import annotations

import re

import orjson

from scr.errors import ScrError
from scr.fhir.canonical import ERROR_SYSTEM
from scr.fhir.entry import Resource
from scr.fhir.identifiers import is_nhs_number

_TEN = re.compile(r"(?<!\d)\d(?:[\s\-\u2010-\u2015]?\d){9}(?!\d)")
_SEPARATOR = re.compile(r"\D")


def issue(
    severity: str, code: str, text: str, *, system: str = ERROR_SYSTEM, detail: str | None = None
) -> Resource:
    """One issue: severity (fatal, error, warning, information), FHIR issue type, a sentence, our code.

    A sentence may name a parameter that is not known; where the name is an NHS Number, it is not repeated.
    """
    text = _TEN.sub(_masked, text)
    details: Resource = {"text": text}
    if detail is not None:
        details = {"coding": [{"system": system, "code": detail}], "text": text}
    return {"severity": severity, "code": code, "details": details}


def operation_outcome(issues: list[Resource]) -> Resource:
    """An OperationOutcome of one issue or more."""
    return {"resourceType": "OperationOutcome", "issue": issues}


def outcome_of(error: ScrError) -> Resource:
    """The OperationOutcome that tells a client of an error."""
    return operation_outcome([issue("error", error.issue, str(error), detail=error.code)])


def _masked(found: re.Match[str]) -> str:
    text = found.group()
    return "[number]" if is_nhs_number(_SEPARATOR.sub("", text)) else text


def outcome_bytes(error: ScrError) -> bytes:
    """The same as JSON bytes."""
    return to_bytes(outcome_of(error))


def to_bytes(outcome: Resource) -> bytes:
    """An OperationOutcome as JSON bytes."""
    return orjson.dumps(outcome)
