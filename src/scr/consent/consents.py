"""A FHIR Consent as rules: what a person says, so that it can be asked of an entry (``sharing``).

https://profiles.ihe.net/ITI/PCF/. Whatever of it is not understood to the last word is refused, with the
element named: an unreadable Consent is no permission, and no objection that was meant otherwise.
"""

from __future__ import annotations

from typing import Final

from msgspec import structs

from scr.consent.askers import AUTHOR, Asker
from scr.consent.sharing import SharingRule
from scr.errors import Unprocessable
from scr.fhir import canonical
from scr.fhir.canonical import HEADING_SYSTEM, LABEL_SYSTEM, PARTY_SYSTEM, RELATED_LABEL_SYSTEM
from scr.fhir.entry import Resource
from scr.fhir.headings import HEADINGS, headings_of_type
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, ODS_SYSTEM, NHSNumber, OdsCode
from scr.fhir.labels import label_token
from scr.fhir.privacy_consent import ALWAYS, Party, Provision, read_consent
from scr.terminology.systems import V3_ACT_CODE, V3_CONFIDENTIALITY

ROLE_SYSTEM: Final = "https://fhir.nhs.uk/England/CodeSystem/England-SDSJobRoleName"
USER_SYSTEM: Final = "https://fhir.nhs.uk/Id/sds-user-id"
_TYPES = "http://hl7.org/fhir/resource-types"
_WITHHELD_LEVELS = {"R": frozenset({"R", "V"}), "V": frozenset({"V"})}
"""Who objects to a confidentiality objects to what is above it too."""


def rules_of(consent: Resource) -> tuple[SharingRule, ...]:
    """The rules of a Consent; none where it is not active.

    Raises Unprocessable with the element for what cannot be read completely, active or not.
    """
    read = read_consent(consent)
    base = _rule(read.base, read.id, read.version)
    _check_author(base, read.base)
    exceptions = [_exception(base, read.base, nested) for nested in read.exceptions]
    if read.status != "active":
        return ()
    permits = tuple(rule for rule in exceptions if not rule.deny)
    return (structs.replace(base, unless=permits) if base.deny else base, *exceptions)


def _exception(base: SharingRule, above: Provision, nested: Provision) -> SharingRule:
    """An exception as a rule of its own: it holds within its base only."""
    own = _rule(nested, base.consent, base.version)
    if own.deny or not base.deny:
        _check_author(own, nested)
    changes: dict[str, object] = {}
    if above.classes and nested.classes:  # a heading and a type beside each other would be alternatives
        raise _narrowed_twice(above, nested, "class")
    for name, element in _ELEMENTS.items():
        both = getattr(base, name), getattr(own, name)
        if both[0] and both[1]:
            raise _narrowed_twice(above, nested, element)
        changes[name] = both[1] or both[0]
    if above.classes:
        changes |= {"headings": base.headings, "types": base.types}
    starts, ends = max(base.starts, own.starts), min(base.ends, own.ends)
    if starts >= ends:
        raise _refusal(f"{nested.at}.period", "lies outside the period of the base provision")
    if own.whole and not (own.askers or own.purposes or nested.period != ALWAYS):
        raise _refusal(nested.at, "says nothing of its own: an exception has to be narrower than its base")
    made: SharingRule = structs.replace(own, starts=starts, ends=ends, **changes)
    return made


def _check_author(rule: SharingRule, provision: Provision) -> None:
    """Whoever wrote an entry is let see what a deny keeps from the others, and is named nowhere else."""
    if AUTHOR in rule.askers:
        raise _refusal(f"{provision.at}.actor", "whoever wrote it stands in a permit within a deny alone")


def _narrowed_twice(above: Provision, nested: Provision, element: str) -> Unprocessable:
    return _refusal(f"{nested.at}.{element}", f"narrows what {above.at} has narrowed by the same element")


_ELEMENTS = {
    "askers": "actor",
    "sources": "actor",
    "purposes": "purpose",
    "labels": "securityLabel",
    "things": "data",
    "dated": "dataPeriod",
}


def _rule(provision: Provision, consent: str, version: str) -> SharingRule:
    deny = provision.type == "deny"
    headings, types = _categories(provision)
    return SharingRule(
        deny=deny,
        consent=consent,
        version=version,
        askers=tuple(_asker(one) for one in provision.parties if one.side == "asker"),
        sources=tuple(_source(one) for one in provision.parties if one.side == "source"),
        purposes=provision.purposes,
        starts=provision.period[0],
        ends=provision.period[1],
        headings=headings,
        types=types,
        labels=_labels(provision),
        things=provision.things,
        dated=provision.dated,
    )


def _asker(party: Party) -> Asker:
    match (party.type, party.system):
        case ("Organization", system) if system == ODS_SYSTEM:
            return Asker("organisation", _ods(party))
        case ("Organization", system) if system == PARTY_SYSTEM and party.value == canonical.AUTHOR:
            return AUTHOR
        case ("PractitionerRole", system) if system == ROLE_SYSTEM:
            return Asker("role", party.value)
        case ("Practitioner", system) if system == USER_SYSTEM:
            return Asker("professional", party.value)
        case ("RelatedPerson", system) if system == NHS_NUMBER_SYSTEM:
            return Asker("person", _nhs_number(party))
        case ("RelatedPerson", system):
            return Asker("person", f"{system}|{party.value}")
    raise _refusal(
        f"{party.at}.reference",
        "must be an Organization by ODS code or as who wrote it, a PractitionerRole by job role code, a "
        "Practitioner by national user id, or a RelatedPerson by NHS Number or by how they sign in",
    )


def _source(party: Party) -> str:
    if party.type != "Organization" or party.system != ODS_SYSTEM:
        raise _refusal(f"{party.at}.reference", "a source must be an Organization by ODS code")
    return _ods(party)


def _ods(party: Party) -> str:
    try:
        return OdsCode.parse(party.value).value
    except ValueError:
        raise _refusal(f"{party.at}.reference.identifier.value", "is not an ODS code") from None


def _nhs_number(party: Party) -> str:
    try:
        return NHSNumber.parse(party.value).value
    except ValueError:
        raise _refusal(f"{party.at}.reference.identifier.value", "is not an NHS Number") from None


def _categories(provision: Provision) -> tuple[tuple[str, ...], tuple[str, ...]]:
    headings: list[str] = []
    types: list[str] = []
    for number, (system, code) in enumerate(provision.classes):
        if system == HEADING_SYSTEM and code in HEADINGS:
            headings.append(code)
        elif system == _TYPES and headings_of_type(code):
            types.append(code)
        else:
            raise _refusal(
                f"{provision.at}.class[{number}]",
                f"must be a heading of {HEADING_SYSTEM} or a resource type of {_TYPES} that is served here",
            )
    return tuple(headings), tuple(types)


def _labels(provision: Provision) -> tuple[str, ...]:
    """Tokens that stand for the labels, those that an entry has by what it belongs with too."""
    if provision.labels and provision.type != "deny":
        raise _refusal(f"{provision.at}.securityLabel", "a label can be denied, and not permitted")
    found: list[str] = []
    for number, (system, code) in enumerate(provision.labels):
        if system == LABEL_SYSTEM:
            found += [label_token((one, code)) for one in (LABEL_SYSTEM, RELATED_LABEL_SYSTEM)]
        elif system == V3_CONFIDENTIALITY and code in _WITHHELD_LEVELS:
            found += [label_token((system, level)) for level in sorted(_WITHHELD_LEVELS[code])]
        elif system == V3_ACT_CODE:
            found.append(label_token((system, code)))
        else:
            raise _refusal(
                f"{provision.at}.securityLabel[{number}]",
                f"must be a label of {LABEL_SYSTEM}, a sensitivity, or the confidentiality R or V",
            )
    return tuple(found)


def _refusal(at: str, sentence: str) -> Unprocessable:
    return Unprocessable(sentence, code="unreadable-consent", where=at)
