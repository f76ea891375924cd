"""The person's own say: the rules that their Consents come to, and what these say of an entry.

Pure. A Consent has one base and exceptions to it (``fhir.privacy_consent``). Among all rules that bear
on an entry a deny wins, whichever Consent it stands in and whatever came later: R4 leaves open which of
two provisions beside each other holds. Only an exception of the very Consent takes something out of its
own deny. What is not known of an asker or an entry counts for a deny and against a permit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct, structs

from scr.consent.actor import Actor
from scr.consent.askers import AUTHOR, NOBODY, Name, named, names_of, untold_of, writes_as
from scr.consent.askers import Asker as Asker
from scr.consent.purposes import meant_by
from scr.fhir.dates import milliseconds
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS
from scr.fhir.privacy_consent import ALWAYS
from scr.terminology.systems import V3_ACT_CODE, V3_CONFIDENTIALITY

_CONTENTS = "Binary"
_DOCUMENTS = frozenset({"DocumentReference", "DiagnosticReport", "Media"})
"""Resources whose contents may stand in a Binary."""

Kind = Literal["record", "source", "category", "label", "entry", "dated"]
"""What a rule is about, the narrowest of it: for the words in which it is told."""


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
    def sealed(self) -> bool:
        """Whether it keeps something from everybody but who wrote it, and does nothing else."""
        wrote = structs.replace(self, deny=False, askers=(AUTHOR,), unless=())
        return self.deny and not self.askers and self.unless == (wrote,)

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
    _index: dict[str, list[SharingRule]] = field(default_factory=dict, init=False, repr=False, compare=False)

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
    def sources(self) -> frozenset[str]:
        """The sources of which nothing is shared with the asker: ODS codes, and what is a source of ours."""
        return frozenset(
            source
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

    def sealed(self, source: str) -> frozenset[str]:
        """The headings of which nothing that a source told is shared with the asker, who did not write it."""
        found: set[str] = set()
        for rule in self.denies:
            if not rule.unless or rule.types or rule.labels or rule.things or rule.dated:
                continue
            if rule.sources and source not in rule.sources:
                continue
            if all(one.sources and source not in one.sources for one in rule.unless):
                found.update(rule.headings or HEADINGS)
        return frozenset(found)

    def on(self, entry: Entry) -> Verdict:
        """What the person has said of an entry: a deny wins."""
        index = self._index or self._indexed()
        for key in _keys_of(entry) if index else ():
            for rule in index.get(key, ()):
                if _bears(rule, entry, True) and not any(_bears(one, entry, False) for one in rule.unless):
                    return Verdict("deny", rule)
        for rule in self.permits:
            if _bears(rule, entry, False):
                return Verdict("permit", rule)
        return SILENT

    def _indexed(self) -> dict[str, list[SharingRule]]:
        """The denies by what they are looked up by, made when the first entry is asked about."""
        for rule in self.denies:
            for key in _keys(rule):
                self._index.setdefault(key, []).append(rule)
        return self._index


NOTHING_SAID: Final = Say()


def in_force(
    rules: Sequence[SharingRule],
    actor: Actor,
    now: datetime,
    *,
    purpose: str = "TREAT",
    own: bool = False,
) -> Say:
    """Those of the rules that are about this asker now. ``own``: the asker is the person, whom none binds."""
    if not rules:
        return NOTHING_SAID
    at, mine, unknown, meant = milliseconds(now), names_of(actor), untold_of(actor), meant_by(purpose)
    denies: list[SharingRule] = []
    permits: list[SharingRule] = []
    for rule in rules:
        if not (rule.starts <= at < rule.ends) or (rule.purposes and meant.isdisjoint(rule.purposes)):
            continue
        if not rule.deny:
            if named(rule.askers, mine, NOBODY):
                permits.append(rule)
        elif not own and named(rule.askers, mine, unknown):
            denies.append(_with_exceptions(rule, at, meant, mine) if rule.unless else rule)
    return Say(tuple(denies), tuple(permits)) if denies or permits else NOTHING_SAID


def verdict(
    rules: Sequence[SharingRule],
    actor: Actor,
    entry: Entry,
    now: datetime,
    *,
    purpose: str = "TREAT",
    own: bool = False,
) -> Verdict:
    """What the person has said of one entry to one asker. For many entries, ``in_force`` once."""
    return in_force(rules, actor, now, purpose=purpose, own=own).on(entry)


def _with_exceptions(rule: SharingRule, at: int, meant: frozenset[str], mine: frozenset[Name]) -> SharingRule:
    """A deny with those of its exceptions that are in force for who asks, beyond doubt."""
    unless: list[SharingRule] = []
    for one in rule.unless:
        if not (one.starts <= at < one.ends) or (one.purposes and meant.isdisjoint(one.purposes)):
            continue
        if named(one.askers, mine, NOBODY):
            unless.append(one)
        elif AUTHOR in one.askers and (wrote := _written_by(one, writes_as(mine))):
            unless.append(wrote)
    return structs.replace(rule, unless=tuple(unless))


def _written_by(rule: SharingRule, organisation: str) -> SharingRule | None:
    """A rule narrowed to what one organisation has written; None where it is about nothing of that."""
    if not organisation or (rule.sources and organisation not in rule.sources):
        return None
    return structs.replace(rule, sources=(organisation,))


def _keys(rule: SharingRule) -> Iterable[str]:
    """What a rule is looked up by: the first of what narrows it."""
    if rule.things:
        return (*rule.things, _CONTENTS) if _names_document(rule) else rule.things
    if rule.sources:
        return [f"@{source}" for source in rule.sources]
    if rule.headings or rule.types:
        return [*(f"#{heading}" for heading in rule.headings), *(f"!{kind}" for kind in rule.types)]
    return ("",)


def _keys_of(entry: Entry) -> tuple[str, ...]:
    """What the rules that can bear on an entry are looked up by."""
    keys = ("", f"@{entry.source}", f"#{entry.heading}", f"!{entry.type}", entry.reference)
    return (*keys, _CONTENTS) if entry.type == _CONTENTS else keys


def _names_document(rule: SharingRule) -> bool:
    return any(thing.partition("/")[0] in _DOCUMENTS for thing in rule.things)


def _bears(rule: SharingRule, entry: Entry, doubtful: bool) -> bool:
    """Whether a rule is about an entry that it was looked up for. ``doubtful``: also where it is not known.

    A Binary does not say whose contents it is: where a document is withheld, none goes out alone.
    """
    if rule.things and entry.reference not in rule.things and not (doubtful and entry.type == _CONTENTS):
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
