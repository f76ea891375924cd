"""The person's own say: the rules that their Consents come to, and what these say of an entry.

Pure. A Consent has one base and exceptions to it (``fhir.privacy_consent``). Among all rules that bear
on an entry a deny wins, whichever Consent it stands in and whatever came later: R4 leaves open which of
two provisions beside each other holds. Only an exception of the very Consent takes something out of its
own deny. What is not known of an asker or an entry counts for a deny and against a permit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct, structs

from scr.consent.actor import Actor, ActorKind
from scr.errors import Unprocessable
from scr.fhir.canonical import HEADING_SYSTEM, LABEL_SYSTEM, RELATED_LABEL_SYSTEM
from scr.fhir.dates import milliseconds
from scr.fhir.entry import Entry, Resource
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

Kind = Literal["record", "source", "category", "label", "entry", "dated"]
"""What a rule is about, the narrowest of it: for the words in which it is told."""


class Asker(Struct, frozen=True, array_like=True):
    """Whom a rule is about. ``kind`` ``person`` is somebody who signs in for themselves, a carer say.

    ``value`` is an ODS code, a job role code, a national user id, or for a person ``issuer|sub`` or ten
    digits of an NHS Number.
    """

    kind: Literal["organisation", "role", "professional", "person"]
    value: str


class SharingRule(Struct, frozen=True, array_like=True):
    """One thing that a person has said; empty is: not narrowed by this.

    Within one field any of the values will do, and all fields that are narrowed have to hold; but a
    category is a heading or a type, either of them. ``starts`` and ``ends`` are milliseconds UTC, the
    end not in it. ``dated``: only what has its clinical date there. ``consent`` and ``version`` are of the
    Consent that it stands in. ``unless`` are the exceptions to a deny in the same Consent.
    """

    deny: bool
    consent: str = ""
    version: str = ""
    askers: tuple[Asker, ...] = ()
    purposes: tuple[str, ...] = ()
    starts: int = ALWAYS[0]
    ends: int = ALWAYS[1]
    sources: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    dated: tuple[int, int] | None = None
    unless: tuple[SharingRule, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it is about all of the record."""
        return not (self.sources or self.headings or self.types or self.labels or self.things or self.dated)

    @property
    def kind(self) -> Kind:
        """What it is about."""
        if self.things:
            return "entry"
        if self.labels:
            return "label"
        if self.headings or self.types:
            return "category"
        if self.dated:
            return "dated"
        return "source" if self.sources else "record"


Effect = Literal["deny", "permit", "silent"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the person has said of one entry, and the rule that says it."""

    effect: Effect
    rule: SharingRule | None = None


SILENT: Final = Verdict("silent")


def rules_of(consent: Resource) -> tuple[SharingRule, ...]:
    """The rules of a Consent; none where it is not active.

    Raises Unprocessable with the element for what cannot be read completely, active or not.
    """
    read = read_consent(consent)
    base = _rule(read.base, read.id, read.version)
    exceptions = [_exception(base, read.base, nested) for nested in read.exceptions]
    if read.status != "active":
        return ()
    permits = tuple(rule for rule in exceptions if not rule.deny)
    return (structs.replace(base, unless=permits) if base.deny else base, *exceptions)


def unreadable(consent: str, version: str) -> SharingRule:
    """What a stored Consent comes to that cannot be read any more: nothing is shared."""
    return SharingRule(deny=True, consent=consent, version=version)


@dataclass(frozen=True, slots=True)
class Say:
    """What is in force for one asker at one moment (``in_force``).

    ``denies`` and ``permits`` are those that could bear on an entry. ``by_key``: whether source, type,
    heading and labels of an entry decide, so that what was found may be remembered by these.
    """

    denies: tuple[SharingRule, ...] = ()
    permits: tuple[SharingRule, ...] = ()
    _by_thing: Mapping[str, tuple[SharingRule, ...]] = field(default_factory=dict, repr=False)
    _general: tuple[SharingRule, ...] = field(default=(), repr=False)

    @property
    def by_key(self) -> bool:
        """Whether nothing but source, type, heading and labels matters."""
        return not any(
            one.things or one.dated for rule in (*self.denies, *self.permits) for one in (rule, *rule.unless)
        )

    @property
    def record(self) -> SharingRule | None:
        """The rule by which nothing at all of the record is shared with the asker."""
        return next((rule for rule in self.denies if rule.whole and not rule.unless), None)

    @property
    def permitted(self) -> SharingRule | None:
        """A rule that names the asker, and by which something may be shared with them."""
        return next((rule for rule in self.permits if rule.askers), None)

    @property
    def sources(self) -> frozenset[OdsCode]:
        """The sources of which nothing is shared with the asker."""
        return frozenset(
            OdsCode(source)
            for rule in self.denies
            if rule.kind == "source" and not rule.unless
            for source in rule.sources
        )

    @property
    def headings(self) -> frozenset[str]:
        """The headings of which nothing is shared with the asker, from any source."""
        return frozenset(
            heading
            for rule in self.denies
            if not (rule.sources or rule.labels or rule.things or rule.dated or rule.unless)
            for heading in rule.headings
        )

    def on(self, entry: Entry) -> Verdict:
        """What the person has said of an entry: a deny wins."""
        for rule in (*self._by_thing.get(entry.reference, ()), *self._general):
            if _bears(rule, entry, True) and not any(_bears(one, entry, False) for one in rule.unless):
                return Verdict("deny", rule)
        for rule in self.permits:
            if _bears(rule, entry, False):
                return Verdict("permit", rule)
        return SILENT


NOTHING_SAID: Final = Say()


def in_force(
    rules: Iterable[SharingRule],
    actor: Actor,
    now: datetime,
    *,
    purpose: str = "TREAT",
    own: bool = False,
) -> Say:
    """Those of the rules that are about this asker now. ``own``: the asker is the person, whom none binds."""
    at = milliseconds(now)
    denies: list[SharingRule] = []
    permits: list[SharingRule] = []
    by_thing: dict[str, list[SharingRule]] = {}
    for rule in rules:
        if not _holds(rule, actor, at, purpose, certain=not rule.deny) or (own and rule.deny):
            continue
        if not rule.deny:
            permits.append(rule)
            continue
        if rule.unless:
            unless = tuple(one for one in rule.unless if _holds(one, actor, at, purpose, certain=True))
            rule = structs.replace(rule, unless=unless)
        denies.append(rule)
        for thing in rule.things:
            by_thing.setdefault(thing, []).append(rule)
    if not denies and not permits:
        return NOTHING_SAID
    return Say(
        tuple(denies),
        tuple(permits),
        {thing: tuple(found) for thing, found in by_thing.items()},
        tuple(rule for rule in denies if not rule.things),
    )


def verdict(
    rules: Iterable[SharingRule],
    actor: Actor,
    entry: Entry,
    now: datetime,
    *,
    purpose: str = "TREAT",
    own: bool = False,
) -> Verdict:
    """What the person has said of one entry to one asker. For many entries, ``in_force`` once."""
    return in_force(rules, actor, now, purpose=purpose, own=own).on(entry)


def _holds(rule: SharingRule, actor: Actor, at: int, purpose: str, *, certain: bool) -> bool:
    """Whether a rule is in force and about this asker; ``certain``: beyond doubt."""
    if not rule.starts <= at < rule.ends or (rule.purposes and purpose not in rule.purposes):
        return False
    if not rule.askers:
        return True
    return any(_is(one, actor, certain) for one in rule.askers)


def _is(asker: Asker, actor: Actor, certain: bool) -> bool:
    """Whether an actor is the asker of a rule. Of what the token does not tell, only a deny may think so."""
    online = actor.kind in (ActorKind.CITIZEN, ActorKind.CARER)
    if asker.kind == "person" and "|" in asker.value:
        return actor.subject == asker.value
    if asker.kind == "person":
        return online and (not certain if actor.nhs_number is None else actor.nhs_number.value == asker.value)
    if online:
        return False
    if asker.kind == "organisation":
        return not certain if actor.organisation is None else actor.organisation.value == asker.value
    if actor.kind is ActorKind.SYSTEM:  # nobody's role and nobody's id: it is an organisation's
        return False
    told = actor.role if asker.kind == "role" else actor.user_id
    return told == asker.value if told else not certain


def _bears(rule: SharingRule, entry: Entry, doubtful: bool) -> bool:
    """Whether a rule is about an entry. ``doubtful``: also where it is not known."""
    if rule.things and entry.reference not in rule.things:
        return False
    if rule.sources and entry.source not in rule.sources:
        return False
    if (rule.headings or rule.types) and not (entry.heading in rule.headings or entry.type in rule.types):
        return False
    if rule.labels and not _labelled(rule.labels, entry.labels):
        return False
    if rule.dated is None:
        return True
    if entry.when is None:
        return doubtful
    if doubtful:
        return entry.when[0] < rule.dated[1] and rule.dated[0] < entry.when[1]
    return rule.dated[0] <= entry.when[0] and entry.when[1] <= rule.dated[1]


def _labelled(wanted: tuple[str, ...], labels: tuple[str, ...]) -> bool:
    """Whether an entry has one of the labels; a sensitivity without a confidentiality is restricted."""
    if not labels:
        return False
    return any(label in wanted for label in labels) or (_RESTRICTED in wanted and _sensitive_only(labels))


_RESTRICTED = f"{V3_CONFIDENTIALITY}|R"


def _sensitive_only(labels: tuple[str, ...]) -> bool:
    systems = {label.rpartition("|")[0] for label in labels if not label.endswith("|NOPAT")}
    return V3_ACT_CODE in systems and V3_CONFIDENTIALITY not in systems


def _exception(base: SharingRule, above: Provision, nested: Provision) -> SharingRule:
    """An exception as a rule of its own: it holds within its base only."""
    own = _rule(nested, base.consent, base.version)
    changes: dict[str, object] = {}
    for name, element in _ELEMENTS.items():
        both = getattr(base, name), getattr(own, name)
        if both[0] and both[1]:
            raise _refusal(
                f"{nested.at}.{element}", f"narrows what {above.at} has narrowed by the same element"
            )
        changes[name] = both[1] or both[0]
    starts, ends = max(base.starts, own.starts), min(base.ends, own.ends)
    if starts >= ends:
        raise _refusal(f"{nested.at}.period", "lies outside the period of the base provision")
    if own.whole and not (own.askers or own.purposes or nested.period != ALWAYS):
        raise _refusal(nested.at, "says nothing of its own: an exception has to be narrower than its base")
    made: SharingRule = structs.replace(own, starts=starts, ends=ends, **changes)
    return made


_ELEMENTS = {
    "askers": "actor",
    "sources": "actor",
    "purposes": "purpose",
    "headings": "class",
    "types": "class",
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
        "must be an Organization by ODS code, a PractitionerRole by job role code, a Practitioner by "
        "national user id, or a RelatedPerson by NHS Number or by how they sign in",
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
