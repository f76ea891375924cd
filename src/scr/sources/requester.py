"""Who asks, as one shared care record tells another: a signed JWT in a header of each request.

The claims about the person who asks are those of the JWT of IHE IUA
(https://profiles.ihe.net/ITI/IUA/index.html#371-get-access-token-iti-71); what IUA has no word for stands
beside them. It is good for a minute and for one request. It never names the patient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx
import msgspec

from scr.consent.actor import ActorKind
from scr.consent.breakglass import BTG
from scr.fhir.identifiers import ODS_SYSTEM
from scr.sources.backend_services import Signer
from scr.sources.http import RENEWED
from scr.sources.protocol import Question
from scr.store.keys import random_id

HEADER: Final = "X-SCR-Requester"
TYPE: Final = "requester+jwt"
SECONDS: Final = 60
ROLE_SYSTEM: Final = "https://fhir.nhs.uk/England/CodeSystem/England-SDSJobRoleName"
PURPOSE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ORGANISATION: Final = f"{ODS_SYSTEM}|"
"""How ``subject_organization_id`` begins: an ODS code follows."""


class Coded(msgspec.Struct, frozen=True):
    """A code."""

    system: str
    code: str


class Iua(msgspec.Struct, frozen=True):
    """The professional who asks: ``extensions.ihe_iua``."""

    subject_organization_id: str
    subject_role: list[Coded]
    purpose_of_use: list[Coded]
    subject_name: str = ""
    subject_organization: str = ""


class Beside(msgspec.Struct, frozen=True):
    """What IUA has no word for: ``extensions.shared_care_record``.

    ``ties`` are the kinds of relationship that the organisation has with the person; ``asked_by`` the issuers
    of the records through which the question went, the first that asked leading; ``broken_glass`` whether the
    glass was broken for it there; ``correlation`` the id of its audit row there.
    """

    asked_by: list[str]
    ties: list[str] = []
    broken_glass: bool = False
    correlation: str = ""


class Extensions(msgspec.Struct, frozen=True):
    """Both."""

    ihe_iua: Iua
    shared_care_record: Beside


class RequesterClaims(msgspec.Struct, frozen=True):
    """The claims. Times are seconds since 1970; ``acr`` is how surely the professional signed in."""

    iss: str
    sub: str
    aud: str
    iat: float
    exp: float
    jti: str
    extensions: Extensions
    acr: str = ""


@dataclass(frozen=True, slots=True)
class Requester:
    """Tells one neighbour who asks. ``issuer`` is we, ``audience`` its FHIR base; ``clock`` gives seconds."""

    issuer: str
    audience: str
    signer: Signer
    clock: Callable[[], float]

    def extensions(self, question: Question) -> dict[str, object]:
        """What puts a new assertion on each sending of a request about this question."""

        def renew(request: httpx.Request) -> httpx.Request:
            token = self.signer.sign(msgspec.to_builtins(self.claims(question)), TYPE)
            headers = [*request.headers.multi_items(), (HEADER, token)]
            return httpx.Request(
                request.method,
                request.url,
                headers=headers,
                stream=request.stream,
                extensions=request.extensions,
            )

        return {RENEWED: renew}

    def claims(self, question: Question) -> RequesterClaims:
        """Who asks this question, and why; of the patient nothing."""
        actor, errand = question.actor, question.errand
        now = self.clock()
        return RequesterClaims(
            iss=self.issuer,
            sub=actor.user_id or actor.subject,
            aud=self.audience,
            iat=int(now),
            exp=int(now) + SECONDS,
            jti=random_id(),
            acr=actor.assurance,
            extensions=Extensions(
                Iua(
                    f"{ORGANISATION}{actor.organisation}",
                    [Coded(ROLE_SYSTEM, actor.role or "")],
                    [Coded(PURPOSE_SYSTEM, errand.purpose)],
                    actor.name,
                    actor.organisation_name,
                ),
                Beside([self.issuer], sorted(errand.ties), errand.purpose == BTG, question.trace_id),
            ),
        )


def can_be_told(question: Question) -> bool:
    """Whether whoever asks can be told of: a professional in a role at an organisation, who asks here."""
    actor = question.actor
    known = actor.role is not None and actor.organisation is not None and bool(actor.subject)
    return actor.kind is ActorKind.PROFESSIONAL and actor.through is None and known
