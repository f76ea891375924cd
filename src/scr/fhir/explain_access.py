"""``Patient/[id]/$explain-access``: what is asked and what is answered, as FHIR R4 Parameters.

https://hl7.org/fhir/R4/parameters.html. In: ``role`` (valueCode, a job role of the policy), ``organisation``
(valueIdentifier, an ODS code), and if wanted ``purpose`` (valueCode of v3-ActReason), ``interaction``
(valueCode: read, search-type) and ``user`` (valueString, a user as the audit names them, whose claims
count then). Out: see ``told_access``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import orjson

from scr.errors import Invalid, Unprocessable
from scr.fhir.canonical import ERROR_SYSTEM, HEADING_SYSTEM
from scr.fhir.entry import Resource
from scr.fhir.identifiers import ODS_SYSTEM, OdsCode

_NAMES = ("role", "organisation", "purpose", "interaction", "user")
_INTERACTIONS = {"read": "r", "search-type": "s"}
_MOST_USER = 300


@dataclass(frozen=True, slots=True)
class AccessQuestion:
    """Who is thought to ask. ``interaction`` is the SMART letter."""

    role: str
    organisation: OdsCode
    purpose: str = "TREAT"
    interaction: str = "r"
    user: str = ""


@dataclass(frozen=True, slots=True)
class ToldRule:
    """One rule: of what it was asked (actor, person), what it said, and what would change that."""

    name: str
    asked_of: str
    question: str
    answer: str
    reason: str = ""
    code: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class ToldPart:
    """One heading of some sources, or some types under it: open, or why it is closed."""

    heading: str
    sources: tuple[str, ...]
    types: tuple[str, ...]
    permit: bool
    reason: str = ""
    code: str = ""
    remedy: str = ""


class _Identifier(msgspec.Struct, forbid_unknown_fields=True):
    value: str
    system: str = ODS_SYSTEM


class _Parameter(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    name: str
    value_code: str | None = None
    value_identifier: _Identifier | None = None
    value_string: str | None = None


class _Parameters(msgspec.Struct, forbid_unknown_fields=True, tag_field="resourceType", tag="Parameters"):
    parameter: list[_Parameter]


_decoder = msgspec.json.Decoder(_Parameters)


def read_question(body: bytes) -> AccessQuestion:
    """Read the request. Raises Invalid where it cannot be read, Unprocessable where something is amiss."""
    try:
        given = _decoder.decode(body).parameter
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid(
            "a Parameters resource with role and organisation is needed", code="bad-parameters"
        ) from None
    found = {one.name: one for one in given}
    if len(found) != len(given) or not found.keys() <= set(_NAMES):
        raise Unprocessable(
            f"each of {', '.join(_NAMES)} may stand once, and nothing else", code="bad-parameters"
        )
    interaction = _code(found, "interaction", "read")
    if interaction not in _INTERACTIONS:
        raise Unprocessable("interaction is read or search-type", code="bad-interaction")
    user = found["user"].value_string if "user" in found else ""
    if user is None or len(user) > _MOST_USER:
        raise Unprocessable("user is a valueString", code="bad-parameters")
    return AccessQuestion(
        role=_code(found, "role"),
        organisation=_organisation(found.get("organisation")),
        purpose=_code(found, "purpose", "TREAT"),
        interaction=_INTERACTIONS[interaction],
        user=user,
    )


def told_access(
    *,
    permit: bool,
    code: str,
    sentence: str,
    policy: str,
    obligations: Iterable[str],
    rules: Sequence[ToldRule],
    changes: Iterable[tuple[str, str]],
    parts: Sequence[ToldPart],
) -> bytes:
    """The answer: the decision on the record as a whole, its rules in order, what alone would change it, and
    what it comes to by heading. ``changes`` are what to change, and the code of the decision then."""
    return orjson.dumps(
        {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "permit", "valueBoolean": permit},
                _reason(code, sentence),
                {"name": "policy", "valueString": policy},
                *({"name": "obligation", "valueCode": one} for one in sorted(obligations)),
                *({"name": "rule", "part": _rule(one)} for one in rules),
                *({"name": "change", "part": _change(*change)} for change in changes),
                *({"name": "heading", "part": _part(one)} for one in parts),
            ],
        }
    )


def _rule(told: ToldRule) -> list[Resource]:
    parts: list[Resource] = [
        {"name": "name", "valueCode": told.name},
        {"name": "asked-of", "valueCode": told.asked_of},
        {"name": "question", "valueString": told.question},
        {"name": "answer", "valueCode": told.answer},
    ]
    if told.code:
        parts.append(_reason(told.code, told.reason))
    if told.remedy:
        parts.append({"name": "remedy", "valueString": told.remedy})
    return parts


def _part(told: ToldPart) -> list[Resource]:
    parts: list[Resource] = [
        {"name": "heading", "valueCoding": {"system": HEADING_SYSTEM, "code": told.heading}},
        *({"name": "type", "valueCode": kind} for kind in told.types),
        *(
            {"name": "source", "valueIdentifier": {"system": ODS_SYSTEM, "value": source}}
            for source in told.sources
        ),
        {"name": "permit", "valueBoolean": told.permit},
    ]
    if told.code:
        parts.append(_reason(told.code, told.reason))
    if told.remedy:
        parts.append({"name": "remedy", "valueString": told.remedy})
    return parts


def _reason(code: str, sentence: str) -> Resource:
    coding = {"system": ERROR_SYSTEM, "code": code, "display": sentence}
    return {"name": "reason", "valueCoding": coding}


def _change(what: str, code: str) -> list[Resource]:
    gives = {"name": "gives", "valueCoding": {"system": ERROR_SYSTEM, "code": code}}
    return [{"name": "what", "valueString": what}, gives]


def _code(found: dict[str, _Parameter], name: str, default: str = "") -> str:
    if name not in found and default:
        return default
    value = found[name].value_code if name in found else None
    if not value:
        raise Unprocessable(f"{name} is needed, a valueCode", code="bad-parameters")
    return value


def _organisation(given: _Parameter | None) -> OdsCode:
    identifier = None if given is None else given.value_identifier
    if identifier is None or identifier.system != ODS_SYSTEM:
        raise Unprocessable(
            f"organisation is a valueIdentifier of the system {ODS_SYSTEM}", code="bad-organisation"
        )
    try:
        return OdsCode.parse(identifier.value)
    except ValueError:
        raise Unprocessable("the organisation is no ODS code", code="bad-organisation") from None
