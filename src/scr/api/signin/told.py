"""As whom somebody may come in, by what an upstream told of them: one way each, of which they choose one.

A member of staff comes in one role and never with the union of several; a citizen as themselves, or for one
of those whom NHS login lists as theirs to act for, and for nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from scr.api.auth.token import Acting, NrbacRole
from scr.api.signin.id_token import IdToken
from scr.api.signin.person import SignedIn
from scr.errors import Forbidden, Unauthenticated
from scr.settings import Upstream

_RELATIONSHIPS = {
    "parental-responsibility": "Your child",
    "consent": "They agreed to it",
    "best-interest": "In their best interest",
    "health-and-welfare-lasting-power-of-attorney": "You are their attorney",
    "court-appointed-personal-welfare-deputy": "You are their deputy",
}
"""By what right, in words: codes of England-NHSProxyLegalBasis."""


class Organisation(msgspec.Struct, frozen=True):
    """One of CIS2's ``nhsid_user_orgs``."""

    org_code: str
    org_name: str = ""


class Delegation(msgspec.Struct, frozen=True):
    """One of NHS login's ``delegations``: a person for whom the citizen may act, and by what right."""

    sub: str
    nhs_number: str
    name: str = ""
    relationship: str = ""


class Told(msgspec.Struct, frozen=True):
    """What the UserInfo endpoint says; of CIS2's and NHS login's claims those that are read."""

    sub: str
    name: str = ""
    given_name: str = ""
    family_name: str = ""
    nhsid_useruid: str = ""
    selected_roleid: str | None = None
    nhsid_nrbac_roles: list[NrbacRole] = []
    nhsid_user_orgs: list[Organisation] = []
    nhs_number: str = ""
    identity_proofing_level: str = ""
    delegations: list[Delegation] = []

    def __repr__(self) -> str:
        """Without anybody in it."""
        return "Told()"


class Option(msgspec.Struct, frozen=True):
    """One way to come in. ``title`` and ``hint`` are what is shown of it."""

    person: SignedIn
    title: str
    hint: str = ""


def options(upstream: Upstream, signed: IdToken, told: Told, now: int) -> Sequence[Option]:
    """The ways to come in, one at least. ``now`` is seconds. Raises Unauthenticated, Forbidden."""
    if told.sub != signed.sub:
        raise Unauthenticated("what was told is of somebody else: begin again", code="other-subject")
    person = SignedIn(
        population=upstream.people,
        upstream=upstream.name,
        issuer=upstream.url,
        subject=signed.sub,
        name=told.name or f"{told.given_name} {told.family_name}".strip(),
        signed_in=now,
        auth_time=None if signed.auth_time is None else int(signed.auth_time),
        sid=signed.sid,
    )
    if upstream.people == "staff":
        return _of_staff(person, signed, told)
    return _of_citizen(upstream, person, signed, told)


def _of_staff(person: SignedIn, signed: IdToken, told: Told) -> Sequence[Option]:
    if not told.nhsid_useruid:  # without it, it would be taken for a system
        raise Unauthenticated("the sign-in names no member of staff", code="no-user")
    person = msgspec.structs.replace(
        person, user_id=told.nhsid_useruid, assurance=str(signed.authentication_assurance_level)
    )
    names = {each.org_code: each.org_name for each in told.nhsid_user_orgs}
    roles = told.nhsid_nrbac_roles
    selected = _agreed([signed.selected_roleid or "", told.selected_roleid or ""])
    if selected:
        roles = [role for role in roles if role.person_roleid == selected]
        if len(roles) != 1:
            raise Unauthenticated("the selected role is not one that is held", code="role-not-held")
    if not roles:
        raise Forbidden("there is no role with which to come in here", code="no-role")
    return [
        Option(
            msgspec.structs.replace(person, role=role, organisation_name=names.get(role.org_code, "")),
            role.role_name.strip('"') or role.role_code,
            names.get(role.org_code) or role.org_code,
        )
        for role in roles
    ]


def _of_citizen(upstream: Upstream, person: SignedIn, signed: IdToken, told: Told) -> Sequence[Option]:
    number = _agreed([signed.nhs_number, told.nhs_number])
    level = _agreed([signed.identity_proofing_level, told.identity_proofing_level])
    if not number:
        raise Forbidden("the sign-in does not tell whose record it is about", code="no-number")
    if upstream.vtr and _parts(signed.vot) not in map(_parts, upstream.vtr):
        raise Forbidden("the sign-in was not as sure as was asked for", code="bad-vot")
    if upstream.vtm and signed.vtm != upstream.vtm:
        raise Unauthenticated("the sign-in has another trust mark than it must have", code="bad-vtm")
    own = msgspec.structs.replace(person, nhs_number=number, assurance=level, vot=signed.vot)
    own.actor()  # what contradicts itself is refused before anybody else is named
    acting = Acting(
        sub=own.subject, name=own.name, nhs_number=number, identity_proofing_level=level, vot=signed.vot
    )
    others = [each for each in told.delegations if each.sub != own.subject and each.nhs_number != number]
    return [
        Option(own, own.name, "Your own record"),
        *(
            Option(_for(own, each, acting), each.name, _RELATIONSHIPS.get(each.relationship, ""))
            for each in others
        ),
    ]


def _for(own: SignedIn, other: Delegation, acting: Acting) -> SignedIn:
    """A composite: the person is the other one, and who signed in acts for them."""
    acting = msgspec.structs.replace(acting, relationship=other.relationship)
    return msgspec.structs.replace(
        own, subject=other.sub, name=other.name, nhs_number=other.nhs_number, vot="", act=acting
    )


def _agreed(values: Iterable[str]) -> str:
    """What is told in two places is the same there, or in one of them alone."""
    told = {value for value in values if value}
    if len(told) > 1:
        raise Unauthenticated("the sign-in says two things of the same", code="bad-token")
    return next(iter(told), "")


def _parts(vector: str) -> frozenset[str]:
    """A vector of trust (RFC 8485): the order of its parts says nothing."""
    return frozenset(vector.split("."))
