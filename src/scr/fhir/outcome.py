"""OperationOutcome: how FHIR says what went wrong. https://hl7.org/fhir/R4/operationoutcome.html"""

from __future__ import annotations

import orjson

from scr.errors import ScrError
from scr.fhir.canonical import ERROR_SYSTEM
from scr.fhir.entry import Resource


def issue(
    severity: str, code: str, text: str, *, system: str = ERROR_SYSTEM, detail: str | None = None
) -> Resource:
    """One issue: severity (fatal, error, warning, information), FHIR issue type, a sentence, our code."""
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


def outcome_bytes(error: ScrError) -> bytes:
    """The same as JSON bytes."""
    return to_bytes(outcome_of(error))


def to_bytes(outcome: Resource) -> bytes:
    """An OperationOutcome as JSON bytes."""
    return orjson.dumps(outcome)
