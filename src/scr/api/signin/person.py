"""Who signed in: what the upstream told, and the one way from there to an actor."""

from __future__ import annotations

from typing import Literal

import msgspec

from scr.api.auth.people import citizen_or_carer, staff_or_system
from scr.api.auth.token import Acting, Claims, NrbacRole
from scr.consent.actor import Actor, ActorKind
from scr.errors import Unauthenticated

Population = Literal["staff", "citizens"]

OWN_SCOPES: dict[Population, str] = {"staff": "user/*.cruds", "citizens": "patient/*.cruds"}
"""At our own pages no app narrows what somebody may do: the policy alone decides."""


class SignedIn(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody who signed in. Times are seconds since 1970.

    ``issuer`` is the upstream's ``iss``, and ``subject`` its ``sub``; where ``act`` is there, the subject and
    ``nhs_number`` are the person's who is acted for, and ``act`` is who signed in (RFC 8693, 4.1). ``role``
    is the one that was selected, with its own activities. ``assurance`` is CIS2's level (``3``) or NHS
    login's proofing (``P9``); ``sid`` the upstream's session.
    """

    population: Population
    upstream: str
    issuer: str
    subject: str
    name: str
    signed_in: int
    auth_time: int | None = None
    sid: str = ""
    assurance: str = ""
    user_id: str = ""
    role: NrbacRole | None = None
    organisation_name: str = ""
    nhs_number: str = ""
    vot: str = ""
    act: Acting | None = None

    def __repr__(self) -> str:
        """Without a name or a number."""
        return f"SignedIn(population={self.population!r}, upstream={self.upstream!r})"

    @property
    def kind(self) -> ActorKind:
        """What sort of actor they are."""
        if self.population == "staff":
            return ActorKind.PROFESSIONAL
        return ActorKind.CITIZEN if self.act is None else ActorKind.CARER

    @property
    def login(self) -> str:
        """The upstream's id of whoever sat at the browser."""
        return self.subject if self.act is None else self.act.sub

    @property
    def shown(self) -> str:
        """Their name, and in which role or for whom they came, as they are shown it."""
        if self.act is not None:
            return f"{self.act.name}, for {self.name}"
        role = "" if self.role is None else self.role.role_name.strip('"')
        return ", ".join(part for part in (self.name, role) if part)

    def claims(self) -> dict[str, object]:
        """What a token of ours says of them, in the names that ``api.auth`` reads: who, and no more."""
        told: dict[str, object] = {"sub": self.subject, "name": self.name}
        if self.population == "staff":
            told |= {
                "nhsid_useruid": self.user_id,
                "authentication_assurance_level": self.assurance,
                "organisation_name": self.organisation_name,
            }
            if self.role is not None:
                told |= {
                    "selected_roleid": self.role.person_roleid,
                    "nhsid_nrbac_roles": [msgspec.to_builtins(self.role)],
                }
            return told
        if self.nhs_number:
            told["nhs_number"] = self.nhs_number
        if self.act is not None:
            return told | {"act": msgspec.to_builtins(self.act)}
        return told | {"identity_proofing_level": self.assurance, "vot": self.vot}

    def actor(self, scope: str | None = None, client: str = "") -> Actor:
        """Who asks, by the very functions that read tokens. ``scope`` as in a token; None: our own pages'.

        Raises Unauthenticated where what the upstream told makes nobody.
        """
        given = OWN_SCOPES[self.population] if scope is None else scope
        told = {**self.claims(), "iss": self.issuer, "aud": "", "exp": 0, "scope": given, "client_id": client}
        try:
            read = msgspec.convert(told, Claims)
        except msgspec.ValidationError:
            raise Unauthenticated("what the sign-in told cannot be read", code="bad-token") from None
        return staff_or_system(read) if self.population == "staff" else citizen_or_carer(read)
