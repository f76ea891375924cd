"""What a person says of the sharing of their record: R4 Consent in the shape of IHE PCF.

https://profiles.ihe.net/ITI/PCF/: scope ``patient-privacy``, category LOINC 59284-0, who says it and for
which organisation, a source and a policy, one base provision with a type and one level of exceptions.
What stands there and is not read here could turn the sense of the rest, so it is refused, by its place
and never by its value. https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from scr.errors import Unprocessable
from scr.fhir.dates import interval
from scr.fhir.entry import Resource
from scr.fhir.labels import Code
from scr.fhir.validate import validate

SCOPE: Final = ("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")
CATEGORY: Final = ("http://loinc.org", "59284-0")
ALWAYS: Final = (-62_135_596_800_000, 253_402_300_800_000)
"""The interval of what has no dates, in milliseconds UTC."""

_NEVER = "9999"
"""How many systems write the year of an end that there is not."""
_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_ACTIONS = "http://terminology.hl7.org/CodeSystem/consentaction"
_REASONS = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_READING = frozenset({"access", "use", "disclose"})
_RULES = {"OPTIN": "permit", "OPTINR": "permit", "OPTOUT": "deny", "OPTOUTE": "deny"}
_ROLES = {"IRCP": "asker", "PRCP": "asker", "CST": "source"}

_READ = frozenset(
    {"type", "period", "actor", "action", "securityLabel", "purpose", "class", "dataPeriod", "data"}
)
_HARMLESS = frozenset({"id", "extension", "provision"})


@dataclass(frozen=True, slots=True)
class Party:
    """An actor of a provision: ``asker`` who is told, or ``source`` whose knowledge it is about.

    ``type`` is the resource type of the reference, and ``system`` and ``value`` its identifier. ``at`` is
    its place in the Consent.
    """

    side: str
    type: str
    system: str
    value: str
    at: str


@dataclass(frozen=True, slots=True)
class Provision:
    """One provision as it stands. Empty is: not narrowed by this. Intervals are half-open, in ms UTC."""

    type: str
    at: str
    period: tuple[int, int] = ALWAYS
    parties: tuple[Party, ...] = ()
    labels: tuple[Code, ...] = ()
    classes: tuple[Code, ...] = ()
    purposes: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    dated: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class PrivacyConsent:
    """What was read. ``patient`` is the logical id of the Patient whose it is."""

    id: str
    version: str
    status: str
    patient: str
    base: Provision
    exceptions: tuple[Provision, ...]


def is_privacy_consent(resource: Resource) -> bool:
    """Whether a resource is a Consent about sharing, and not one to research or about care in advance."""
    return resource.get("resourceType") == "Consent" and SCOPE in _codes(resource.get("scope"))


def read_consent(resource: Resource) -> PrivacyConsent:
    """Read a Consent completely. Raises Unprocessable with the element for what cannot be read."""
    if resource.get("resourceType") != "Consent":
        raise _refusal("Consent", "a Consent is needed here")
    _of_the_profile(resource)
    provision = resource["provision"]
    base = _provision(provision, "Consent.provision")
    _rule_agrees(resource, base)
    exceptions = tuple(_exceptions(provision))
    meta = resource.get("meta") or {}
    return PrivacyConsent(
        id=str(resource.get("id", "")),
        version=str(meta.get("versionId", "")),
        status=str(resource["status"]),
        patient=_patient(resource),
        base=base,
        exceptions=exceptions,
    )


def _of_the_profile(resource: Resource) -> None:
    """Valid R4, and in the shape of the profile; nothing that has to be understood and is not."""
    for problem in validate(resource):
        raise _refusal(problem.path, problem.sentence, code="invalid-fhir")
    _no_modifiers(resource)
    if set(_codes(resource["scope"])) != {SCOPE}:
        raise _refusal("Consent.scope", f"must be {SCOPE[1]} of {SCOPE[0]}, and nothing else")
    if CATEGORY not in {code for concept in resource["category"] for code in _codes(concept)}:
        raise _refusal("Consent.category", f"must have {CATEGORY[1]} of {CATEGORY[0]}")
    for name in ("performer", "organization", "policy", "provision"):
        if name not in resource:
            raise _refusal(f"Consent.{name}", "has to stand")
    if not any(name in resource for name in ("sourceAttachment", "sourceReference")):
        raise _refusal("Consent.source", "has to stand: where the person's own word is kept")
    for number, policy in enumerate(resource["policy"]):
        if "uri" not in policy:
            raise _refusal(f"Consent.policy[{number}].uri", "has to stand")
    if "contained" in resource:
        raise _refusal("Consent.contained", "is not taken: refer to what stands on its own")


def _exceptions(provision: Resource) -> Iterator[Provision]:
    for number, nested in enumerate(provision.get("provision", ())):
        at = f"Consent.provision.provision[{number}]"
        if "provision" in nested:
            raise _refusal(f"{at}.provision", "exceptions have no exceptions here: write another Consent")
        yield _provision(nested, at)


def _provision(node: Resource, at: str) -> Provision:
    for name in node:
        if name.lstrip("_") not in _READ | _HARMLESS:
            raise _refusal(f"{at}.{name}", "is not read here, and could turn the sense of the rest")
    if "type" not in node:
        raise _refusal(f"{at}.type", "has to stand: permit or deny")
    if "action" in node and not _about_reading(node["action"]):
        raise _refusal(f"{at}.action", f"must be of {_ACTIONS}: {', '.join(sorted(_READING))}")
    return Provision(
        type=node["type"],
        at=at,
        period=_period(node, "period", at) or ALWAYS,
        parties=tuple(_party(actor, f"{at}.actor[{n}]") for n, actor in enumerate(node.get("actor", ()))),
        labels=tuple(
            _coding(c, f"{at}.securityLabel[{n}]") for n, c in enumerate(node.get("securityLabel", ()))
        ),
        classes=tuple(_coding(c, f"{at}.class[{n}]") for n, c in enumerate(node.get("class", ()))),
        purposes=tuple(_purpose(c, f"{at}.purpose[{n}]") for n, c in enumerate(node.get("purpose", ()))),
        things=tuple(_thing(one, f"{at}.data[{n}]") for n, one in enumerate(node.get("data", ()))),
        dated=_period(node, "dataPeriod", at),
    )


def _period(node: Resource, name: str, at: str) -> tuple[int, int] | None:
    """A Period, closed at both ends; a day is one in London."""
    if name not in node:
        return None
    period = node[name]
    low, high = ALWAYS
    if "start" in period:
        low = _moment(period, "start", f"{at}.{name}")[0]
    if "end" in period and not period["end"].startswith(_NEVER):
        high = _moment(period, "end", f"{at}.{name}")[1]
    if not period.keys() & {"start", "end"}:
        raise _refusal(f"{at}.{name}", "must have a start or an end")
    if low >= high:
        raise _refusal(f"{at}.{name}", "must not end before it starts")
    return low, high


def _moment(period: Resource, end: str, at: str) -> tuple[int, int]:
    found = interval(period[end])
    if found is None:
        raise _refusal(f"{at}.{end}", "is not a date that there is")
    return found


def _party(actor: Resource, at: str) -> Party:
    codes = _codes(actor.get("role"))
    sides = {_ROLES.get(code) if system == _PARTICIPATION else None for system, code in codes}
    if len(sides) != 1 or None in sides:
        known = ", ".join(sorted(_ROLES))
        raise _refusal(f"{at}.role", f"must be one of {_PARTICIPATION}: {known}")
    reference = actor["reference"]
    identifier = reference.get("identifier") or {}
    kind, system, value = reference.get("type"), identifier.get("system"), identifier.get("value")
    if "reference" in reference or not (kind and system and value):
        raise _refusal(
            f"{at}.reference", "must have a type and an identifier with its system, and no address"
        )
    return Party(str(sides.pop()), str(kind), str(system), str(value), at)


def _thing(data: Resource, at: str) -> str:
    if data.get("meaning") != "instance":
        raise _refusal(f"{at}.meaning", "must be instance")
    reference = data["reference"].get("reference", "")
    kind, _, logical = reference.partition("/")
    if (
        not kind.isalpha()
        or not logical
        or "/" in logical
        or set(data["reference"]) - {"reference", "type", "display"}
    ):
        raise _refusal(f"{at}.reference", "must be a relative address such as DocumentReference/[id]")
    return str(reference)


def _purpose(coding: Resource, at: str) -> str:
    system, code = _coding(coding, at)
    if system != _REASONS:
        raise _refusal(at, f"must be of {_REASONS}")
    return code


def _coding(coding: Resource, at: str) -> Code:
    if not coding.get("system") or not coding.get("code"):
        raise _refusal(at, "must have a system and a code")
    return str(coding["system"]), str(coding["code"])


def _rule_agrees(resource: Resource, base: Provision) -> None:
    """A coded rule beside the provisions has to say what they say."""
    if "policyRule" not in resource:
        return
    codes = _codes(resource["policyRule"])
    if not codes or any(system != _ACT_CODE or _RULES.get(code) != base.type for system, code in codes):
        raise _refusal("Consent.policyRule", "is not one that says the same as the base provision")


def _about_reading(concepts: list[Resource]) -> bool:
    """Whether the actions are those of seeing a record, by which nothing else is meant."""
    codes = [_codes(concept) for concept in concepts]
    return all(one and all(s == _ACTIONS and c in _READING for s, c in one) for one in codes)


def _patient(resource: Resource) -> str:
    reference = (resource.get("patient") or {}).get("reference", "")
    kind, _, logical = reference.partition("/")
    if kind != "Patient" or not logical or "/" in logical:
        raise _refusal("Consent.patient.reference", "must be Patient/[id], as this server gave it")
    return str(logical)


def _no_modifiers(resource: Resource) -> None:
    """Nothing may stand that a reader has to understand and that is not read here."""
    stack: list[tuple[str, Any]] = [("Consent", resource)]
    while stack:
        at, node = stack.pop()
        if isinstance(node, dict):
            for name in ("modifierExtension", "implicitRules", "_implicitRules"):
                if name in node:
                    raise _refusal(f"{at}.{name}", "is not understood here")
            stack.extend((f"{at}.{name}", value) for name, value in node.items())
        elif isinstance(node, list):
            stack.extend((f"{at}[{number}]", value) for number, value in enumerate(node))


def _codes(concept: Any) -> list[Code]:
    codings = concept.get("coding", ()) if isinstance(concept, dict) else ()
    return [(str(c.get("system", "")), str(c.get("code", ""))) for c in codings if isinstance(c, dict)]


def _refusal(at: str, sentence: str, *, code: str = "unreadable-consent") -> Unprocessable:
    return Unprocessable(sentence, code=code, where=at)
