"""A person as the index knows them for one actor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scr.consent.actor import Actor
from scr.consent.breakglass import BrokenGlass
from scr.consent.decide import AccessRequest, Interaction
from scr.consent.sharing import SharingRule
from scr.consent.ties import Tie
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.standing import joined
from scr.sources.held import Seen
from scr.sources.protocol import Question
from scr.store.claims import Claim
from scr.store.labelled import lifts_on
from scr.store.links import Link
from scr.store.people import Person


@dataclass(frozen=True, slots=True)
class Known:
    """A person as the index knows them for one actor, and the organisations that have to do with them now.

    ``objections`` are the organisations whose knowledge the person does not want shared. ``contributing``
    are the providers that are live, for everybody or for this actor as a tester: whatever another one told,
    a relationship too, is not there. ``linked`` are the persons who are read as one with this one, whom the
    record is retained for, and ``links`` what joins them: ties, objections and what each has said
    of sharing (``rules``) are those of all. ``ties`` are why organisations have to do with the person, over
    or not, and ``claims`` what this actor, in this role, has claimed and nobody withdrew. ``organisations``
    are the types of all providers, by ODS code. ``former`` are the numbers that gave way to those of each
    person, by opaque key. ``by_neighbour``: a neighbouring record asks, for the actor. ``seen`` is what the
    store need not be asked again as long as nothing was written since; None of somebody who is linked.
    """

    person: Person
    registered: frozenset[OdsCode]
    contributing: frozenset[OdsCode]
    objections: frozenset[OdsCode] = frozenset()
    linked: tuple[Person, ...] = ()
    links: tuple[Link, ...] = ()
    rules: tuple[SharingRule, ...] = ()
    ties: tuple[Tie, ...] = ()
    claims: tuple[Claim, ...] = ()
    organisations: Mapping[str, str] = field(default_factory=dict, repr=False)
    former: Mapping[str, frozenset[NHSNumber]] = field(default_factory=dict, repr=False)
    by_neighbour: bool = False
    seen: Seen | None = field(default=None, repr=False)

    @property
    def glass(self) -> BrokenGlass | None:
        """The glass that the actor has broken for this person, the one that is open longest."""
        broken = [found for claim in self.claims if (found := claim.glass()) is not None]
        return max(broken, key=lambda each: each.until, default=None)

    @property
    def view(self) -> tuple[Person, ...]:
        """Every person of the record, the one retained first."""
        return (self.person, *self.linked)

    def request(self, actor: Actor, interaction: Interaction, purpose: str = "TREAT") -> AccessRequest:
        """The request that a decision about this person's record is made on.

        Whether an organisation has to do with the person is for its ties to say, and for the policy how
        long each lasts.
        """
        return AccessRequest(
            actor,
            interaction,
            objections=self.objections,
            purpose=purpose,
            standing=joined(person.standing for person in self.view),
            rules=self.rules,
            ties=self.ties,
            glass=self.glass,
            organisations=self.organisations,
            patients=frozenset(person.patient_id for person in self.view),
        )

    @property
    def asked_about(self) -> tuple[Person, ...]:
        """Whom live sources are asked about: the one retained, and those whose numbers are valid too.

        A number that the register has superseded, or took out of use, is asked for no more.
        """
        valid = {link.former for link in self.links if link.kind != "superseded"}
        others = (one for one in self.linked if one.key in valid and not one.standing.invalidated)
        return (self.person, *others)


def question_about(known: Known, person: Person, actor: Actor, deadline: float, trace_id: str) -> Question:
    """The question that a source is asked about one of the persons of a record."""
    return Question(
        nhs_number=person.nhs_number,
        person=person.key,
        subject=person.patient_id,
        actor=actor,
        deadline=deadline,
        known=() if person.demographics.is_empty else person.known_as,
        trace_id=trace_id,
        former=known.former.get(person.key, frozenset()),
        lifts=lifts_on(known.view),
        otherwise=person.otherwise,
    )
