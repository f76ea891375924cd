"""What a GP system checks before it answers: headers, token and parameters of `$gpc.getstructuredrecord`.

GP Connect Access Record: Structured 1.x. Refusals are OperationOutcomes with Spine codes.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import msgspec

from scr.demo.places import PRACTICE_ASIDS
from scr.demo.suppliers.process import FHIR_JSON, Resource
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, ODS_SYSTEM, is_nhs_number

INTERACTION = "urn:nhs:names:services:gpconnect:fhir:operation:gpc.getstructuredrecord-1"
SPINE_CODES = "https://fhir.nhs.uk/STU3/CodeSystem/Spine-ErrorOrWarningCode-1"
OUTCOME_PROFILE = "https://fhir.nhs.uk/STU3/StructureDefinition/GPConnect-OperationOutcome-1"
PARTS: dict[str, frozenset[str]] = {
    "includeAllergies": frozenset({"includeResolvedAllergies"}),
    "includeMedication": frozenset({"includePrescriptionIssues", "medicationSearchFromDate"}),
    "includeConsultations": frozenset({"consultationSearchPeriod", "includeNumberOfMostRecent"}),
    "includeProblems": frozenset({"filterStatus", "filterSignificance"}),
    "includeImmunisations": frozenset({"includeNotGiven", "includeStatus"}),
    "includeUncategorisedData": frozenset({"uncategorisedDataSearchPeriod"}),
    "includeInvestigations": frozenset({"investigationSearchPeriod"}),
    "includeReferrals": frozenset({"referralSearchPeriod"}),
    "includeDiaryEntries": frozenset({"diaryEntriesSearchDate"}),
}
"""The parameters that are known, and the parts that each may have."""


class Refused(Exception):
    """The request is not answered, in the words of the Spine."""

    def __init__(self, status: int, code: str, issue: str, diagnostics: str) -> None:
        super().__init__(code)
        self.status = status
        self.outcome = outcome("error", code, issue, diagnostics)


def outcome(severity: str, code: str, issue: str, diagnostics: str) -> Resource:
    """An OperationOutcome (STU3) of the GP Connect profile."""
    coding = {"system": SPINE_CODES, "code": code, "display": code.replace("_", " ").capitalize()}
    return {
        "resourceType": "OperationOutcome",
        "meta": {"profile": [OUTCOME_PROFILE]},
        "issue": [
            {
                "severity": severity,
                "code": issue,
                "details": {"coding": [coding]},
                "diagnostics": diagnostics,
            }
        ],
    }


class Identifier(msgspec.Struct):
    """A FHIR Identifier, as far as it matters here."""

    system: str = ""
    value: str = ""


class Period(msgspec.Struct):
    """A FHIR Period whose ends are dates."""

    start: str = ""
    end: str = ""


class Part(msgspec.Struct, rename="camel"):
    """One part of a parameter."""

    name: str
    value_boolean: bool | None = None
    value_code: str | None = None
    value_string: str | None = None
    value_date: str | None = None
    value_period: Period | None = None
    value_integer: int | None = None
    value_positive_int: int | None = None


class Parameter(msgspec.Struct, rename="camel"):
    """One parameter."""

    name: str
    value_identifier: Identifier | None = None
    part: list[Part] = []


class Parameters(msgspec.Struct, rename="camel"):
    """The body of the request (FHIR STU3 Parameters)."""

    resource_type: str
    parameter: list[Parameter] = []


class Organisation(msgspec.Struct, rename="camel"):
    """The requesting organisation in the token."""

    resource_type: str
    identifier: list[Identifier]
    name: str = ""


class Named(msgspec.Struct, rename="camel"):
    """The requesting device or practitioner in the token."""

    resource_type: str
    identifier: list[Identifier]


class Claims(msgspec.Struct):
    """The token's claims, all of which the specification requires."""

    iss: str
    sub: str
    aud: str
    exp: int
    iat: int
    reason_for_request: str
    requested_scope: str
    requesting_device: Named
    requesting_organization: Organisation
    requesting_practitioner: Named


class JoseHeader(msgspec.Struct):
    """The token's header."""

    alg: str
    typ: str = "JWT"


@dataclass(frozen=True, slots=True)
class Question:
    """A request that passed: whom it is about, at which practice, and what of the record it wants."""

    nhs_number: str
    practice: str
    sections: dict[str, dict[str, Part]]
    unknown: tuple[str, ...]


def read_question(headers: Mapping[str, str], body: bytes, known_asid: str) -> Question:
    """Check everything; raises Refused at the first thing that is wrong."""
    practice = _check_headers(headers, known_asid)
    _check_token(headers.get("Authorization", ""))
    try:
        parameters = msgspec.json.decode(body, type=Parameters)
    except msgspec.ValidationError as error:
        raise Refused(422, "INVALID_RESOURCE", "invalid", f"not a Parameters resource: {error}") from None
    except msgspec.DecodeError:
        raise Refused(400, "BAD_REQUEST", "invalid", "the body is not JSON") from None
    if parameters.resource_type != "Parameters":
        raise Refused(422, "INVALID_RESOURCE", "invalid", "a Parameters resource is needed")
    return Question(_number(parameters), practice, *_sections(parameters))


def _check_headers(headers: Mapping[str, str], known_asid: str) -> str:
    for name in ("Ssp-TraceID", "Ssp-From", "Ssp-To", "Ssp-InteractionID"):
        if not headers.get(name, "").strip():
            raise Refused(400, "BAD_REQUEST", "invalid", f"header {name} is missing")
    if headers["Ssp-InteractionID"] != INTERACTION:
        raise Refused(400, "BAD_REQUEST", "invalid", "Ssp-InteractionID does not fit this operation")
    if headers["Ssp-From"] != known_asid:
        raise Refused(403, "ACCESS_DENIED", "forbidden", "Ssp-From is not a system that this one knows")
    content_type = headers.get("Content-Type", "").partition(";")[0].strip()
    if content_type not in {FHIR_JSON, "application/json+fhir"}:
        raise Refused(415, "BAD_REQUEST", "invalid", f"Content-Type must be {FHIR_JSON}")
    for practice, asid in PRACTICE_ASIDS.items():
        if headers["Ssp-To"] == asid:
            return practice
    raise Refused(404, "ORGANISATION_NOT_FOUND", "not-found", "Ssp-To is none of this system's practices")


_Struct = TypeVar("_Struct", bound=msgspec.Struct)


def _segment(text: str, kind: type[_Struct]) -> _Struct:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return msgspec.json.decode(raw, type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise Refused(400, "BAD_REQUEST", "invalid", f"Authorization: the JWT is wrong: {error}") from None


def _check_token(authorization: str) -> None:
    """Unsigned by specification: it says who asks, and proves nothing."""
    scheme, _, token = authorization.partition(" ")
    segments = token.strip().split(".")
    if scheme.lower() != "bearer" or len(segments) != 3:
        raise Refused(400, "BAD_REQUEST", "invalid", "Authorization: a Bearer JWT of three parts is needed")
    if _segment(segments[0], JoseHeader).alg != "none" or segments[2]:
        raise Refused(400, "BAD_REQUEST", "invalid", "Authorization: the JWT must be unsigned (alg none)")
    claims = _segment(segments[1], Claims)
    moment = time.time()
    wrong = [
        name
        for name, holds in (
            ("iss", bool(claims.iss)),
            ("sub", bool(claims.sub)),
            ("aud", bool(claims.aud)),
            ("exp", claims.exp == claims.iat + 300 and claims.exp > moment),
            ("iat", claims.iat <= moment + 5),
            ("reason_for_request", claims.reason_for_request == "directcare"),
            ("requested_scope", claims.requested_scope == "patient/*.read"),
            ("requesting_device", claims.requesting_device.resource_type == "Device"),
            ("requesting_organization", _is_organisation(claims.requesting_organization)),
            ("requesting_practitioner", claims.requesting_practitioner.resource_type == "Practitioner"),
        )
        if not holds
    ]
    if wrong:
        raise Refused(400, "BAD_REQUEST", "invalid", f"JWT claim {', '.join(wrong)} is missing or wrong")


def _is_organisation(organisation: Organisation) -> bool:
    return organisation.resource_type == "Organization" and any(
        item.system == ODS_SYSTEM and item.value for item in organisation.identifier
    )


def _number(parameters: Parameters) -> str:
    given = [item.value_identifier for item in parameters.parameter if item.name == "patientNHSNumber"]
    if len(given) != 1 or given[0] is None:
        raise Refused(422, "INVALID_PARAMETER", "invalid", "patientNHSNumber must be there once")
    if given[0].system != NHS_NUMBER_SYSTEM:
        raise Refused(
            400,
            "INVALID_IDENTIFIER_SYSTEM",
            "value",
            "patientNHSNumber: another system than the NHS Number's",
        )
    if not is_nhs_number(given[0].value):
        raise Refused(
            400, "INVALID_NHS_NUMBER", "value", "patientNHSNumber: ten digits with their check digit"
        )
    return given[0].value


def _sections(parameters: Parameters) -> tuple[dict[str, dict[str, Part]], tuple[str, ...]]:
    sections: dict[str, dict[str, Part]] = {}
    unknown = []
    for parameter in parameters.parameter:
        if parameter.name == "patientNHSNumber":
            continue
        if parameter.name not in PARTS:
            unknown.append(parameter.name)
            continue
        if parameter.name in sections:
            raise Refused(422, "INVALID_PARAMETER", "invalid", f"{parameter.name} is there twice")
        sections[parameter.name] = {part.name: part for part in parameter.part}
        _check_parts(parameter.name, sections[parameter.name])
    return sections, tuple(unknown)


def _check_parts(name: str, parts: dict[str, Part]) -> None:
    if strange := sorted(set(parts) - PARTS[name]):
        raise Refused(422, "INVALID_PARAMETER", "invalid", f"{name}: no part is called {strange[0]}")
    if name == "includeAllergies" and parts.get("includeResolvedAllergies", Part("")).value_boolean is None:
        raise Refused(422, "INVALID_PARAMETER", "invalid", f"{name}: includeResolvedAllergies is required")
    for part in parts.values():
        dates = [
            part.value_date,
            *((part.value_period.start, part.value_period.end) if part.value_period else ()),
        ]
        for text in filter(None, dates):
            try:
                date.fromisoformat(text)
            except ValueError:
                raise Refused(
                    422, "INVALID_PARAMETER", "invalid", f"{name}.{part.name}: a date is YYYY-MM-DD"
                ) from None
