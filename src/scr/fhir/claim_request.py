"""What a user sends who claims a relationship with a person, or breaks the glass: FHIR R4 Parameters.

https://hl7.org/fhir/R4/parameters.html. The parameters are ``identifier`` (the NHS Number), ``reason``,
``hours`` and ``purpose``. Nothing is guessed: one that is unknown, stands twice or is of another type is
refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import orjson

from scr.errors import Invalid, Unprocessable
from scr.fhir.dates import instant_text
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber

ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
LEAST_REASON, MOST_REASON = 10, 500
"""How many characters a reason has."""


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Whom a claim is about, why, for how many hours (None: as the policy has it), and for which purpose."""

    nhs_number: NHSNumber = field(repr=False)
    reason: str = field(repr=False)
    hours: int | None = None
    purpose: str = ""


class _Identifier(msgspec.Struct, forbid_unknown_fields=True):
    value: str
    system: str = ""


class _Coding(msgspec.Struct, forbid_unknown_fields=True):
    code: str
    system: str = ""
    display: str = ""


class _Parameter(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    name: str
    value_identifier: _Identifier | None = None
    value_string: str | None = None
    value_integer: int | None = None
    value_positive_int: int | None = None
    value_coding: _Coding | None = None


class _Parameters(msgspec.Struct, forbid_unknown_fields=True, tag_field="resourceType", tag="Parameters"):
    parameter: list[_Parameter]


_NAMES = ("identifier", "reason", "hours", "purpose")
_decoder = msgspec.json.Decoder(_Parameters)


def read_claim(body: bytes) -> ClaimRequest:
    """Read the request. Raises Invalid where it cannot be read, Unprocessable where something is amiss."""
    try:
        given = _decoder.decode(body).parameter
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid(
            "a Parameters resource with identifier, reason, and if wanted hours and purpose is needed",
            code="bad-parameters",
        ) from None
    found = {one.name: one for one in given}
    if len(found) != len(given) or not found.keys() <= set(_NAMES):
        raise Unprocessable(
            f"each of {', '.join(_NAMES)} may stand once, and nothing else", code="bad-parameters"
        )
    number, reason = found.get("identifier"), found.get("reason")
    if number is None or reason is None:
        raise Unprocessable("identifier and reason are needed", code="bad-parameters")
    return ClaimRequest(
        nhs_number=_number(number),
        reason=_reason(reason),
        hours=_hours(found["hours"]) if "hours" in found else None,
        purpose=_purpose(found["purpose"]) if "purpose" in found else "",
    )


def told_claim(claim: str, until: int, purpose: str, lifts: tuple[str, ...] = ()) -> bytes:
    """The answer: the claim's id, when it ends (ms UTC), and what a broken glass lifts."""
    coding = {"system": ACT_REASON, "code": purpose}
    return orjson.dumps(
        {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "claim", "valueString": claim},
                {"name": "until", "valueInstant": instant_text(until)},
                {"name": "purpose", "valueCoding": coding},
                *({"name": "lifts", "valueCode": one} for one in lifts),
            ],
        }
    )


def check_reason(text: str) -> str:
    """A reason without the space around it. Raises Unprocessable where it says nothing, or too much."""
    reason = " ".join(text.split())
    if not LEAST_REASON <= len(reason) <= MOST_REASON:
        raise Unprocessable(
            f"say why, in {LEAST_REASON} to {MOST_REASON} characters: the privacy officer reads it",
            code="no-reason",
        )
    return reason


def _number(given: _Parameter) -> NHSNumber:
    identifier = given.value_identifier
    if identifier is None or identifier.system != NHS_NUMBER_SYSTEM:
        raise Unprocessable(
            f"identifier is a valueIdentifier of the system {NHS_NUMBER_SYSTEM}", code="bad-identifier"
        )
    try:
        return NHSNumber.parse(identifier.value)
    except ValueError:
        raise Unprocessable("the identifier is no valid NHS Number", code="bad-identifier") from None


def _reason(given: _Parameter) -> str:
    return check_reason(given.value_string or "")


def _hours(given: _Parameter) -> int:
    hours = given.value_integer if given.value_positive_int is None else given.value_positive_int
    if hours is None or hours < 1:
        raise Unprocessable("hours is a valueInteger of 1 or more", code="bad-hours")
    return hours


def _purpose(given: _Parameter) -> str:
    coding = given.value_coding
    if coding is None or coding.system != ACT_REASON:
        raise Unprocessable(f"purpose is a valueCoding of the system {ACT_REASON}", code="bad-purpose")
    return coding.code
