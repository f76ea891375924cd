"""Whom the sources tell to be a child's parent: proposed to staff who record accesses, and to nobody else.

A proposal opens nothing. Somebody of staff asks for the document, and records what they have seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from scr.access.proxies import born
from scr.broker.known import Known
from scr.consent.actor import Actor
from scr.consent.policy import Policy
from scr.consent.proxies import Delegation, Online, carer_denial
from scr.consent.sharing import in_force
from scr.fhir.dates import milliseconds
from scr.fhir.entry import Entry
from scr.fhir.related import Related, parent_told
from scr.terminology.systems import V3_CONFIDENTIALITY

PARENTAL = "parental-responsibility"
_PLAIN = frozenset(f"{V3_CONFIDENTIALITY}|{level}" for level in "ULMN")


@dataclass(frozen=True, slots=True)
class Proposal:
    """One of them, and the ODS code of the source that tells it."""

    related: Related
    source: str


def proposals(
    entries: Iterable[Entry], known: Known, actor: Actor, policy: Policy, now: datetime
) -> list[Proposal]:
    """Of a child's RelatedPersons. None where the age is not known, or is that of who decides for themselves.

    What the person, or whoever decides for them, keeps from this actor, and what has a label, is left out.
    """
    carers, at = policy.proxies.carer, milliseconds(now)
    as_if = Delegation(PARENTAL, at - 1, at + 1, reviewed=at, used=at)
    if carers is None or carer_denial(Online(born=born(known), delegation=as_if), carers, now) is not None:
        return []
    say = in_force(known.rules, actor, now)
    sources = {ods.value for ods in known.contributing} - {ods.value for ods in known.objections}
    found: dict[tuple[str, str], Proposal] = {}
    for entry in entries:
        kept_back = say.record is not None or say.on(entry).effect == "deny"
        if kept_back or entry.source not in sources or not _PLAIN.issuperset(entry.labels):
            continue
        if (related := parent_told(entry, now)) is not None:
            found.setdefault((related.name.casefold(), entry.source), Proposal(related, entry.source))
    return list(found.values())
