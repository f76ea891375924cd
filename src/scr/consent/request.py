"""What is asked and what is answered: ``AccessRequest`` and ``Decision``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from scr.consent.actor import Actor, ActorKind
from scr.consent.breakglass import BrokenGlass
from scr.consent.proxies import Online
from scr.consent.sharing import SharingRule
from scr.consent.ties import Tie
from scr.fhir.identifiers import OdsCode
from scr.fhir.standing import NOT_HEARD, Standing

STAFF = frozenset({ActorKind.PROFESSIONAL})


class Interaction(StrEnum):
    """What is to be done; the value is the SMART letter that a scope must grant."""

    READ = "r"
    SEARCH = "s"
    CREATE = "c"
    UPDATE = "u"


class Obligation(StrEnum):
    """What whoever carries out a permit has to do beside it."""

    HIDE_WHEREABOUTS = "hide-whereabouts"
    """Show the clinical core only, and name no source (``fhir/restricted.py``)."""
    TELL_OF_WITHHELD = "tell-of-withheld"
    """Say that what is marked as more confidential is withheld, wherever there is any."""
    REVIEW_AFTERWARDS = "review-afterwards"
    """A broken glass opened it: somebody looks at it afterwards."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that spoke: a stable code, and a sentence that a person understands."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """Who asks to do what, and the facts of the person whom it is about.

    ``relationships``: organisations that care for the person now; ``ties``: the same with their kinds and
    ends. ``objections``: organisations whose knowledge the person does not want shared, as a source told;
    ``rules`` is what the person's own Consents come to. ``standing`` is that of everybody who is read as
    one with the person. ``glass`` is open for this person, or None.
    ``organisations`` gives the type of each organisation that is known, by ODS code, as the providers'
    files write it. ``patients`` are the logical ids of the Patients whose record it is; none of nobody known.
    ``online`` is what is known of a citizen or carer who asks. ``serves`` says which kinds
    of actor the face that asks is for.
    """

    actor: Actor
    interaction: Interaction
    relationships: frozenset[OdsCode] = frozenset()
    objections: frozenset[OdsCode] = frozenset()
    purpose: str = "TREAT"
    standing: Standing = NOT_HEARD
    rules: tuple[SharingRule, ...] = ()
    ties: tuple[Tie, ...] = ()
    glass: BrokenGlass | None = None
    organisations: Mapping[str, str] = field(default_factory=dict)
    online: Online | None = None
    serves: frozenset[ActorKind] = STAFF
    patients: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """Permit or deny, the reasons, and the hash of the policy that said so.

    ``rule`` is the name of the rule that denied, empty for a permit. A permit that a broken glass gave has
    the denials that it lifted among its reasons.
    """

    permit: bool
    reasons: tuple[Reason, ...]
    policy: str
    obligations: frozenset[Obligation] = frozenset()
    rule: str = ""

    @property
    def code(self) -> str:
        """The code of the reason that decided."""
        return self.reasons[0].code
