"""Whom a token names: staff by the claims of NHS CIS2, citizens by those of NHS login, or a system.

An issuer tells of one population. What it says of the other counts for nothing, so that a citizen's issuer
makes nobody a clinician. Of the roles that a member of staff holds, the one that was selected counts.
"""

from __future__ import annotations

import msgspec

from scr.api.auth.token import Acting, Claims, NrbacRole
from scr.consent.actor import Actor, ActorKind
from scr.consent.scopes import held_by
from scr.errors import Unauthenticated
from scr.fhir.identifiers import NHSNumber, OdsCode


def staff_or_system(claims: Claims) -> Actor:
    """Who has CIS2's user id is a member of staff; who has none is a system. Raises Unauthenticated."""
    if claims.act is not None:
        raise Unauthenticated("a token for staff does not act for anybody", code="acting-for")
    if not claims.nhsid_useruid:
        return _system(claims, None)
    role = _selected(claims)
    return Actor(
        kind=ActorKind.PROFESSIONAL,
        subject=f"{claims.iss}|{claims.sub}",
        name=claims.name,
        role=None if role is None else role.role_code.rpartition(":")[2],
        role_name="" if role is None else role.role_name.strip('"'),
        organisation=None if role is None else _ods(role.org_code),
        organisation_name=claims.organisation_name,
        user_id=claims.nhsid_useruid,
        scopes=held_by(ActorKind.PROFESSIONAL, claims.scope.split()),
        client=claims.client_id,
        assurance=str(claims.authentication_assurance_level),
        activities=frozenset() if role is None else frozenset(role.activity_codes),
    )


def own_system(claims: Claims) -> Actor:
    """The system that one of our own tokens names, of the organisation that it was registered for."""
    return _system(claims, _ods(claims.organisation_code))


def citizen_or_carer(claims: Claims) -> Actor:
    """A citizen; or, where the token is one of the person and ``act`` names another, that other as a carer.

    The person is the token's ``sub`` and ``nhs_number``. Raises Unauthenticated.
    """
    acting = claims.act
    if acting is not None and acting.act is not msgspec.UNSET:
        raise Unauthenticated("a carer acts for the person themselves", code="acting-for")
    kind = ActorKind.CITIZEN if acting is None else ActorKind.CARER
    who: Claims | Acting = claims if acting is None else acting
    if not who.sub:
        raise Unauthenticated("the token names nobody", code="bad-token")
    return Actor(
        kind=kind,
        subject=f"{claims.iss}|{who.sub}",
        name=who.name,
        scopes=held_by(kind, claims.scope.split()),
        client=claims.client_id,
        assurance=_proofing(who),
        nhs_number=_number(who.nhs_number),
        patient=_number(claims.nhs_number),
        basis="" if acting is None else acting.relationship,
    )


def _system(claims: Claims, organisation: OdsCode | None) -> Actor:
    return Actor(
        kind=ActorKind.SYSTEM,
        subject=f"{claims.iss}|{claims.sub}",
        name=claims.name,
        organisation=organisation,
        scopes=held_by(ActorKind.SYSTEM, claims.scope.split()),
        client=claims.client_id,
    )


def _selected(claims: Claims) -> NrbacRole | None:
    """The one role of the id that was selected; none where several have it: which is meant is not told."""
    if not claims.selected_roleid:
        return None
    named = [role for role in claims.nhsid_nrbac_roles if role.person_roleid == claims.selected_roleid]
    return named[0] if len(named) == 1 else None


def _proofing(who: Claims | Acting) -> str:
    """``identity_proofing_level``; where ``vot`` (RFC 8485) says it too, both have to say the same."""
    level = who.identity_proofing_level
    told = [part for part in who.vot.split(".") if part.startswith("P")]
    if who.vot and told != [level]:
        raise Unauthenticated("the token says two things of how its bearer was proofed", code="bad-token")
    return level


def _number(text: str) -> NHSNumber | None:
    if not text:
        return None
    try:
        return NHSNumber.parse(text)
    except ValueError:
        raise Unauthenticated("the token's NHS Number is none", code="bad-token") from None


def _ods(text: str) -> OdsCode:
    try:
        return OdsCode.parse(text)
    except ValueError:
        raise Unauthenticated("the token's organisation is not an ODS code", code="bad-token") from None
