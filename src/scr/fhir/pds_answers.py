"""The answers of the Personal Demographics Service (FHIR R4), read into what ``pds`` says of persons.

https://digital.nhs.uk/developer/api-catalogue/personal-demographics-service-fhir

An answer is read by its shape, in one pass; what has not that shape is malformed as a whole.
"""

from __future__ import annotations

import re
from typing import Literal, TypeVar

import msgspec

from scr.errors import Invalid
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, ODS_SYSTEM, NHSNumber, OdsCode
from scr.fhir.pds import PdsAddress, PdsMatch, PdsName, PdsPerson, PdsRelated, PdsTelecom, Period
from scr.fhir.person import DEATH, VERIFICATION
from scr.fhir.standing import Death

T = TypeVar("T")

_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_DEATHS: dict[str, Death] = {"1": "informal", "2": "formal", "U": ""}
"""UKCore-DeathNotificationStatus. ``U``: a notice that was taken back."""
_VERIFICATIONS = frozenset({"01", "02", "03", "04", "05", "06", "07", "08"})
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?\Z")
_VERSION = re.compile(r"[A-Za-z0-9.\-]{1,64}\Z")


def read_patient(body: bytes) -> PdsPerson:
    """A Patient of PDS. Raises Invalid ``malformed`` for what is not one, without a word of it."""
    return _person(_decoded(body, _PATIENT))


def read_matches(body: bytes) -> tuple[PdsMatch, ...]:
    """The persons of a search's Bundle. Raises Invalid ``malformed``."""
    bundle = _decoded(body, _MATCHES)
    if bundle.total is not None and bundle.total != len(bundle.entry):
        raise _malformed("its total is not the count of its entries")
    return tuple(PdsMatch(_person(entry.resource), entry.search.score) for entry in bundle.entry)


def read_related(body: bytes) -> tuple[PdsRelated, ...]:
    """The RelatedPersons of a Bundle. Raises Invalid ``malformed``."""
    return tuple(_related(entry.resource) for entry in _decoded(body, _RELATED).entry)


def read_problem(body: bytes) -> str:
    """The code of an OperationOutcome's first issue (``INVALIDATED_RESOURCE``, say); empty if it has none."""
    try:
        issues = _OUTCOME.decode(body).issue
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    coded = [coding.code for issue in issues for coding in issue.details.coding if coding.code]
    return coded[0][:80] if coded else ""


class _Coding(msgspec.Struct):
    system: str = ""
    code: str = ""


class _Concept(msgspec.Struct):
    coding: tuple[_Coding, ...] = ()


class _Extension(msgspec.Struct, rename="camel"):
    url: str = ""
    value_codeable_concept: _Concept = msgspec.field(default_factory=_Concept)
    extension: tuple[_Extension, ...] = ()


class _Identifier(msgspec.Struct):
    system: str = ""
    value: str = ""
    period: Period = Period()
    extension: tuple[_Extension, ...] = ()


class _Reference(msgspec.Struct):
    identifier: _Identifier = msgspec.field(default_factory=_Identifier)


class _Meta(msgspec.Struct, rename="camel"):
    version_id: str = ""
    security: tuple[_Coding, ...] = ()


class _Patient(msgspec.Struct, rename="camel", tag_field="resourceType", tag="Patient"):
    id: str
    identifier: tuple[_Identifier, ...] = ()
    meta: _Meta = msgspec.field(default_factory=_Meta)
    name: tuple[PdsName, ...] = ()
    gender: str = ""
    birth_date: str = ""
    deceased_date_time: str = ""
    deceased_boolean: bool = False
    address: tuple[PdsAddress, ...] = ()
    telecom: tuple[PdsTelecom, ...] = ()
    general_practitioner: tuple[_Reference, ...] = ()
    extension: tuple[_Extension, ...] = ()


class _RelatedPerson(msgspec.Struct, tag_field="resourceType", tag="RelatedPerson"):
    id: str
    patient: _Reference = msgspec.field(default_factory=_Reference)
    active: bool = True
    period: Period = Period()
    relationship: tuple[_Concept, ...] = ()
    name: tuple[PdsName, ...] = ()
    address: tuple[PdsAddress, ...] = ()
    telecom: tuple[PdsTelecom, ...] = ()


class _Search(msgspec.Struct):
    score: float = 0.0


class _FoundPatient(msgspec.Struct):
    resource: _Patient
    search: _Search = msgspec.field(default_factory=_Search)


class _FoundRelated(msgspec.Struct):
    resource: _RelatedPerson


class _Matches(msgspec.Struct, tag_field="resourceType", tag="Bundle"):
    type: Literal["searchset"]
    total: int | None = None
    entry: tuple[_FoundPatient, ...] = ()


class _Relateds(msgspec.Struct, tag_field="resourceType", tag="Bundle"):
    type: Literal["searchset"]
    entry: tuple[_FoundRelated, ...] = ()


class _Issue(msgspec.Struct):
    details: _Concept = msgspec.field(default_factory=_Concept)


class _Outcome(msgspec.Struct, tag_field="resourceType", tag="OperationOutcome"):
    issue: tuple[_Issue, ...] = ()


_PATIENT = msgspec.json.Decoder(_Patient)
_MATCHES = msgspec.json.Decoder(_Matches)
_RELATED = msgspec.json.Decoder(_Relateds)
_OUTCOME = msgspec.json.Decoder(_Outcome)


def _decoded(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _malformed("it has not the shape of one") from None


def _person(patient: _Patient) -> PdsPerson:
    number = _number(patient.id)
    own = [one for one in patient.identifier if one.system == NHS_NUMBER_SYSTEM]
    if any(one.value != number.value for one in own):
        raise _malformed("its identifier is another number than its id")
    deceased, deceased_on = _death(patient)
    levels = [one.code for one in patient.meta.security if one.system == _CONFIDENTIALITY]
    return PdsPerson(
        number=number,
        verification=_verification(own),
        version=patient.meta.version_id if _VERSION.match(patient.meta.version_id) else "",
        confidentiality=levels[0] if len(levels) == 1 else "",
        names=patient.name,
        birth_date=_date(patient.birth_date),
        gender=patient.gender,
        addresses=patient.address,
        telecoms=patient.telecom,
        practice=_practice(patient.general_practitioner),
        deceased=deceased,
        deceased_on=deceased_on,
    )


def _number(text: str) -> NHSNumber:
    try:
        return NHSNumber(text)
    except ValueError:
        raise _malformed("its id is not an NHS Number") from None


def _verification(own: list[_Identifier]) -> str:
    codes = [code for one in own for code in _codes(one.extension, VERIFICATION)]
    if any(code not in _VERIFICATIONS for code in codes):
        raise _malformed("its verification status is none of 01 to 08")
    return codes[0] if codes else ""


def _death(patient: _Patient) -> tuple[Death, str]:
    """How a death was notified, and its date. A death of which nothing more is told is an informal one."""
    parts = [part for one in patient.extension if one.url == DEATH for part in one.extension]
    codes = _codes(parts, "deathNotificationStatus")
    if any(code not in _DEATHS for code in codes):
        raise _malformed("its death notification status is none that is known")
    told = bool(patient.deceased_date_time) or patient.deceased_boolean
    deceased = _DEATHS[codes[0]] if codes else "informal" if told else ""
    return deceased, _date(patient.deceased_date_time[:10]) if deceased else ""


def _practice(references: tuple[_Reference, ...]) -> OdsCode | None:
    """The practice of the latest registration."""
    found = [one.identifier for one in references if one.identifier.system == ODS_SYSTEM]
    if not found:
        return None
    try:
        return OdsCode.parse(max(found, key=lambda one: one.period.start).value)
    except ValueError:
        raise _malformed("its practice has no ODS code") from None


def _related(resource: _RelatedPerson) -> PdsRelated:
    other = resource.patient.identifier
    return PdsRelated(
        id=resource.id,
        relationships=tuple(one.code for concept in resource.relationship for one in concept.coding),
        number=_number(other.value) if other.system == NHS_NUMBER_SYSTEM else None,
        active=resource.active,
        period=resource.period,
        names=resource.name,
        addresses=resource.address,
        telecoms=resource.telecom,
    )


def _codes(extensions: tuple[_Extension, ...] | list[_Extension], url: str) -> list[str]:
    return [
        coding.code for one in extensions if one.url == url for coding in one.value_codeable_concept.coding
    ]


def _date(text: str) -> str:
    if text and not _DATE.match(text):
        raise _malformed("one of its dates is none")
    return text


def _malformed(why: str) -> Invalid:
    return Invalid(f"this is no answer of PDS: {why}", code="malformed")
