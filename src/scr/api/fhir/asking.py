"""What is asked about a person at a look: of the policy, and of a neighbour that is asked."""

from __future__ import annotations

from dataclasses import replace

from scr.api.look import Look
from scr.broker.known import Known
from scr.consent.actor import Actor, ActorKind
from scr.consent.policy import Policy
from scr.consent.request import STAFF, AccessRequest
from scr.consent.ties import ties_in_force
from scr.fhir.dates import utc
from scr.fhir.identifiers import OdsCode
from scr.sources.protocol import Errand


def request_of(look: Look, actor: Actor, known: Known | None) -> AccessRequest:
    """The request that is decided on; of somebody who is not known, the one of whom nothing is known."""
    if look.serves != STAFF:
        return _online(look, actor, known)
    if known is None:
        return AccessRequest(actor, look.interaction)
    return known.request(actor, look.interaction, look.purpose)  # BTG under a broken glass


def _online(look: Look, actor: Actor, known: Known | None) -> AccessRequest:
    """The facts of one person count for nobody else."""
    if known is None:
        return AccessRequest(actor, look.interaction, purpose=look.purpose, serves=look.serves)
    asked = known.request(actor, look.interaction, look.purpose)
    return replace(asked, serves=look.serves, online=look.facts.get(known.person.key))


def objections_told(actor: Actor, known: Known) -> frozenset[OdsCode]:
    """The sources that the ledger tells of as withheld by the person's objection: a carer is told of none."""
    return frozenset() if actor.kind is ActorKind.CARER else known.objections


def errand_of(known: Known, actor: Actor, look: Look, policy: Policy) -> Errand:
    """Why the actor asks: what a neighbour that is asked is told of it."""
    ties = ties_in_force(known.ties, actor, policy.ties, utc(look.now))
    return Errand(look.purpose, frozenset(tie.kind for tie in ties))
