"""Who may hold something about a person: which sources are asked, and which are not, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from scr.fhir.identifiers import OdsCode
from scr.mapping.provider import GP_PRACTICE, Provider
from scr.sources.neighbour import for_a_neighbour
from scr.sources.protocol import Outcome, Source, SourceResult


@dataclass(frozen=True, slots=True)
class Plan:
    """``pulls`` are asked live; ``held`` may have in the store what they sent, or what was written here for
    them; ``not_asked`` say why. ``former`` are GP practices that the person is not registered with: of theirs
    there is what was written here alone."""

    pulls: tuple[Source, ...]
    held: tuple[Provider, ...]
    not_asked: tuple[SourceResult, ...]
    former: tuple[Provider, ...] = ()


def locate(
    providers: Mapping[OdsCode, Provider], pulls: Mapping[OdsCode, Source], registered: frozenset[OdsCode]
) -> Plan:
    """Plan one question. ``providers`` are those that contribute to the answer, the others do not exist.

    A GP practice is asked only where the person is registered with it (``registered``): its record
    is that of its own patients, and goes with them to the next. What its staff wrote here stays. Every other
    provider may hold something about anybody in the area.
    Where no registration is known, one line of the ledger says that the GP record is missing.
    """
    asked: list[Source] = []
    held: list[Provider] = []
    former: list[Provider] = []
    for ods, provider in sorted(providers.items()):
        if provider.organisation_type == GP_PRACTICE and ods not in registered:
            former.append(provider)
            continue
        if ods in pulls:
            asked.append(pulls[ods])
        held.append(provider)
    return Plan(tuple(asked), tuple(held), _without_practice(providers, registered), tuple(former))


def _without_practice(
    providers: Mapping[OdsCode, Provider], registered: frozenset[OdsCode]
) -> tuple[SourceResult, ...]:
    """What the ledger says of the GP record where there is no practice to ask."""
    practices = {ods for ods, p in providers.items() if p.organisation_type == GP_PRACTICE}
    strangers = tuple(sorted(registered - practices))
    found = [
        SourceResult(
            source=ods,
            name=f"GP practice {ods}",
            outcome=Outcome.NOT_ASKED,
            code="practice-not-connected",
            detail="The person is registered there, and the practice is not connected.",
        )
        for ods in strangers
    ]
    if practices and not registered:
        found.append(
            SourceResult(
                source=OdsCode("UNKNOWN"),
                name="The GP practice",
                outcome=Outcome.NOT_ASKED,
                code="no-registration",
                detail="No registration with a GP practice is known.",
            )
        )
    return tuple(found)


def without_neighbours(plan: Plan, providers: Mapping[OdsCode, Provider]) -> Plan:
    """The plan of a question that a neighbour asks: no neighbour is asked for it again, and nothing that one
    sent is passed on. It has its own, and would else be asked in a circle."""
    neighbours = {ods for ods, provider in providers.items() if provider.is_neighbour}
    passed_over = {s.ods: s.name for s in plan.pulls if s.ods in neighbours}
    passed_over |= {p.ods: p.name for p in plan.held if p.ods in neighbours}
    return replace(
        plan,
        pulls=tuple(s for s in plan.pulls if s.ods not in neighbours),
        held=tuple(p for p in plan.held if p.ods not in neighbours),
        not_asked=(*plan.not_asked, *(for_a_neighbour(ods, name) for ods, name in passed_over.items())),
    )
