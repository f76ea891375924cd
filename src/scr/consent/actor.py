"""Who asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from scr.fhir.identifiers import NHSNumber, OdsCode


class ActorKind(StrEnum):
    """What sort of actor it is: the rules differ."""

    PROFESSIONAL = "professional"
    CITIZEN = "citizen"
    CARER = "carer"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Through:
    """The neighbouring shared care record through which a professional asks, and what it says of them.

    ``client`` is its id as a client of ours, ``name`` what people call it. ``organisation_type`` is of the
    professional's organisation, as the neighbour was registered with it; ``ties`` are the kinds of
    relationship that the organisation has with the person, as the neighbour knows them; ``purpose`` is for
    what they ask, ``glass`` whether they have broken the glass there, and ``correlation`` the id of the audit
    row there.
    """

    client: str
    name: str
    organisation: OdsCode
    organisation_type: str = ""
    ties: frozenset[str] = frozenset()
    purpose: str = "TREAT"
    glass: bool = False
    correlation: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a system, as its token told.

    ``subject`` is the issuer's own id of it (``issuer|sub``). ``role`` is one national job role code
    (``R8000``; https://fhir.nhs.uk/England/CodeSystem/England-SDSJobRoleName): the one that was
    selected, never a union. ``scopes`` are SMART scopes: they narrow what the role allows. ``assurance``
    is how surely the sign-in told who it was: CIS2's level for staff (``3``), NHS login's proofing for
    citizens (``P9``); empty where the token does not tell. ``nhs_number`` is a citizen's or carer's own,
    where it is known; ``patient`` is the person whose token it is: the citizen themselves, or whom the
    carer acts for. ``app`` is the app of ours through which they ask, by its client's id; ``launch`` the
    logical id of the one Patient whom its token is held to, empty where it is held to none. ``through`` is
    the neighbour that asks for them; None for whoever asks here. ``basis`` is on what a carer acts for the
    person, as the sign-in tells it (a code of England-NHSProxyLegalBasis); empty where it does not.
    ``activities`` are those that a sign-in says the selected role was given; which count is for the policy.
    """

    kind: ActorKind
    subject: str
    name: str = ""
    role: str | None = None
    role_name: str = ""
    organisation: OdsCode | None = None
    organisation_name: str = ""
    user_id: str = ""
    scopes: frozenset[str] = frozenset()
    client: str = ""
    assurance: str = ""
    nhs_number: NHSNumber | None = field(default=None, repr=False)
    patient: NHSNumber | None = field(default=None, repr=False)
    app: str = ""
    launch: str = ""
    through: Through | None = None
    basis: str = ""
    activities: frozenset[str] = frozenset()

    @property
    def holder(self) -> str:
        """Who may go on with what this actor has begun: the subject in the same role, at the same place and
        with the same scopes. What was made for one of these tells of what another may not see."""
        return "\x1f".join(
            (self.subject, self.role or "", str(self.organisation or ""), *sorted(self.scopes))
        )
