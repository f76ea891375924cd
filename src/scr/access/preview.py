"""Who could look, and why: what an organisation, a role or a carer would see of a record, by heading.

The rules are asked as they are at a look, about an entry that nobody has: it tells which part of the record
is open, and nothing of what stands there. A change can be tried before it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from scr.broker.known import Known
from scr.consent.account import Part, parts
from scr.consent.actor import Actor, ActorKind
from scr.consent.decide import Interaction, Obligation, decide
from scr.consent.policy import ONLINE, Policy
from scr.consent.proxies import Online
from scr.consent.request import STAFF, AccessRequest
from scr.consent.sharing import SharingRule
from scr.errors import Invalid
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import NHSNumber, OdsCode

Opens = Literal["all", "part", "none"]


@dataclass(frozen=True, slots=True)
class Asker:
    """Who is thought to look: a job role at an organisation; or a carer, by their subject."""

    role: str = ""
    organisation: OdsCode | None = None
    carer: str = ""

    def actor(self, policy: Policy, patient: NHSNumber) -> Actor:
        """Somebody with every scope and a sure sign-in. Raises Invalid for a role that there is not."""
        kind = ActorKind.CARER if self.carer else ActorKind.PROFESSIONAL
        if not self.carer and (self.role not in policy.roles or self.organisation is None):
            raise Invalid("a job role that the policy knows, and an organisation", code="unknown-role")
        return Actor(
            kind=kind,
            subject=self.carer or "what-if",
            role=None if self.carer else self.role,
            organisation=None if self.carer else self.organisation,
            scopes=frozenset({"user/*.rs"}),
            assurance=policy.assurance.get(kind, ("",))[0],
            patient=patient if self.carer else None,
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """One heading: how much of it is open, and why not all, in plain words."""

    heading: str
    title: str
    opens: Opens
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """Whether they could look at all, why or why not, and what each heading would show.

    ``code`` is stable, for programs. ``kept_back``: what is marked as more confidential stays closed to them.
    """

    permit: bool
    code: str
    why: str
    headings: tuple[Shown, ...]
    kept_back: bool = False


def preview(
    known: Known,
    actor: Actor,
    policy: Policy,
    now: datetime,
    *,
    online: Online | None = None,
    rules: Sequence[SharingRule] | None = None,
) -> Preview:
    """What an actor would see of a record. ``known`` is the person as the index knows them for that actor.

    ``online`` are the facts of a carer. ``rules``: what the person would have said, if not what they have.
    """
    carer = actor.kind is ActorKind.CARER
    request = replace(
        known.request(actor, Interaction.READ, "FAMRQT" if carer else "TREAT"),
        serves=ONLINE if carer else STAFF,
        online=online,
    )
    if rules is not None:
        request = replace(request, rules=tuple(rules))
    return _told(request, policy, now, [ods.value for ods in known.contributing])


def _told(request: AccessRequest, policy: Policy, now: datetime, sources: Sequence[str]) -> Preview:
    decision = decide(request, policy, now)
    by_heading: dict[str, list[Part]] = {}
    for part in parts(request, policy, now, sources):
        by_heading.setdefault(part.heading, []).append(part)
    shown = tuple(_shown(heading, found) for heading, found in by_heading.items())
    kept_back = decision.permit and Obligation.TELL_OF_WITHHELD in decision.obligations
    return Preview(decision.permit, decision.code, plain(decision.code), shown, kept_back)


def _shown(heading: str, found: Sequence[Part]) -> Shown:
    opened = [part.permit for part in found]
    opens: Opens = "all" if all(opened) else "part" if any(opened) else "none"
    codes = dict.fromkeys(part.reason.code for part in found if part.reason is not None)
    return Shown(heading, HEADINGS[heading], opens, tuple(plain(code) for code in codes))


def plain(code: str) -> str:
    """The rule in plain words, to the person whose record it is."""
    return PLAIN.get(code, "The rules of the record keep it closed to them.")


PLAIN: Mapping[str, str] = {
    "permitted": "They care for you, and their job lets them see this.",
    "break-glass": "They have broken the glass: somebody will look at this afterwards.",
    "no-relationship": "They have nothing to do with your care, as far as anybody has told.",
    "role-activity": "Their job does not need to see records.",
    "unknown-role": "Nobody in this job sees records here.",
    "heading": "Their job does not need to see this.",
    "agreement": "There is no agreement to share this with their kind of organisation.",
    "no-agreement": "There is no agreement to share records with their kind of organisation.",
    "consent": "You chose not to share it with them.",
    "objection": "You told the organisation that it came from that you do not want it shared.",
    "label": "It is marked as more confidential than their job may see.",
    "legal-bar": "The law keeps it back.",
    "deceased": "Nobody sees the record of somebody who has died online.",
    "no-delegation": "They have no access to your record.",
    "delegation-over": "Their access is over.",
    "delegation-suspended": "Their access rests until somebody has looked at it.",
    "delegation-unused": "They have not used their access for years, so it is over.",
    "birthday": "You have reached the age at which you decide for yourself.",
    "review-due": "You have reached an age at which their access has to be looked at again.",
    "capacity": "Their access holds only while you cannot decide for yourself.",
    "unknown-basis": "The rules of the record know no such access.",
    "not-online": "It is not shown online before somebody has looked at it.",
}
