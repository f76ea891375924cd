"""Whom a token names: each issuer tells of its own population, and of nobody else."""

from __future__ import annotations

import httpx
import pytest
from joserfc.jwk import ECKey
from tests.unit.api.issuing import URL, Claims, TestIssuer, role

from scr.api.auth import TokenVerifier
from scr.consent.actor import Actor, ActorKind
from scr.errors import Unauthenticated
from scr.fhir.identifiers import NHSNumber

EC = ECKey.generate_key("P-256", {"kid": "ec-1"})
CITIZEN = "9995100002"
CARER = "9995200007"
LOGIN: Claims = {
    "sub": "c-1", "name": "Ada Sample", "nhs_number": CITIZEN, "identity_proofing_level": "P9",
    "scope": "patient/*.rs", "nhsid_useruid": None, "nhsid_nrbac_roles": None, "selected_roleid": None,
}  # fmt: skip
ACT: Claims = {
    "sub": "c-2", "name": "Bert Sample", "nhs_number": CARER, "identity_proofing_level": "P9",
}  # fmt: skip


async def actor_of(people: str, **claims: object) -> Actor:
    """The actor of a good token of an issuer for staff or citizens."""
    issuer = TestIssuer(EC)
    trusted = issuer.settings().model_copy(update={"people": people})
    client = httpx.AsyncClient(transport=httpx.MockTransport(issuer.respond))
    return await TokenVerifier([trusted], client).actor(issuer.bearer(**claims))


@pytest.mark.parametrize(("told", "assurance"), [("3", "3"), (3, "3"), (None, "")])
async def test_staff_come_with_the_level_of_their_sign_in(told: object, assurance: str) -> None:
    """What CIS2 says of it, as a text or a number; nothing where it says nothing."""
    actor = await actor_of("staff", authentication_assurance_level=told)
    assert (actor.kind, actor.assurance, actor.user_id) == (ActorKind.PROFESSIONAL, assurance, "555000000100")
    assert (actor.nhs_number, actor.patient) == (None, None)


async def test_a_citizen_is_the_person_of_the_token() -> None:
    """With their own number and how they were proofed; no role, no organisation, and masked in print."""
    actor = await actor_of("citizens", **LOGIN, vot="P9.Cp.Cd")
    assert (actor.kind, actor.subject, actor.assurance) == (ActorKind.CITIZEN, f"{URL}|c-1", "P9")
    assert actor.nhs_number == actor.patient == NHSNumber(CITIZEN)
    assert (actor.role, actor.organisation, actor.user_id, actor.basis) == (None, None, "", "")
    assert actor.scopes == {"patient/*.rs"}
    assert CITIZEN not in repr(actor)


async def test_a_carer_is_whom_the_token_says_to_act() -> None:
    """The subject, the proofing and the number are the carer's; the person stays the person."""
    actor = await actor_of("citizens", **LOGIN, act=ACT | {"identity_proofing_level": "P5"})
    assert (actor.kind, actor.subject, actor.name) == (ActorKind.CARER, f"{URL}|c-2", "Bert Sample")
    assert (actor.nhs_number, actor.patient) == (NHSNumber(CARER), NHSNumber(CITIZEN))
    assert actor.assurance == "P5"


async def test_an_issuer_of_citizens_makes_nobody_a_clinician() -> None:
    """Its staff claims count for nothing; and one of staff makes nobody a citizen."""
    both = {**LOGIN, "nhsid_useruid": "555000000100", "selected_roleid": "1",
            "nhsid_nrbac_roles": [role("R8000", "A81001", "1")], "organisation_code": "RXX"}  # fmt: skip
    actor = await actor_of("citizens", **both)
    assert (actor.kind, actor.role, actor.organisation) == (ActorKind.CITIZEN, None, None)
    staff = await actor_of("staff", nhs_number=CITIZEN, identity_proofing_level="P9", vot="P9")
    assert (staff.kind, staff.nhs_number, staff.assurance) == (ActorKind.PROFESSIONAL, None, "")
    system = await actor_of("staff", **LOGIN, organisation_code="RXX")
    assert (system.kind, system.organisation, system.nhs_number) == (ActorKind.SYSTEM, None, None)


REFUSED: list[tuple[str, str, Claims, str]] = [
    ("staff that act for somebody", "staff", {"act": {"sub": "x"}}, "acting-for"),
    ("a carer of a carer", "citizens", {**LOGIN, "act": ACT | {"act": {"sub": "x"}}}, "acting-for"),
    ("a carer who is nobody", "citizens", {**LOGIN, "act": {"sub": ""}}, "bad-token"),
    ("an act without anybody", "citizens", {**LOGIN, "act": {}}, "bad-token"),
    ("a number that is none", "citizens", {**LOGIN, "nhs_number": "9995100003"}, "bad-token"),
    ("a carer's number that is none", "citizens", {**LOGIN, "act": ACT | {"nhs_number": "1"}}, "bad-token"),
    ("proofed in two ways", "citizens", {**LOGIN, "vot": "P5.Cp.Cd"}, "bad-token"),
    ("proofed twice", "citizens", {**LOGIN, "vot": "P9.P5.Cp"}, "bad-token"),
    ("a vector without proofing", "citizens", {**LOGIN, "vot": "Cp.Cd"}, "bad-token"),
    ("a proofing that only its vector tells", "citizens", {**LOGIN, "identity_proofing_level": "",
                                                           "vot": "P9.Cp"}, "bad-token"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("people", "claims", "code"), [pytest.param(*rest, id=name) for name, *rest in REFUSED]
)
async def test_a_token_that_does_not_say_plainly_who_it_is_is_refused(
    people: str, claims: Claims, code: str
) -> None:
    """And nobody's number stands in the error."""
    with pytest.raises(Unauthenticated) as caught:
        await actor_of(people, **claims)
    assert caught.value.code == code
    assert "999510000" not in str(caught.value)


async def test_a_citizen_without_a_number_has_none() -> None:
    """Nothing is guessed: whose record it would be is not known."""
    actor = await actor_of("citizens", **{**LOGIN, "nhs_number": None, "identity_proofing_level": None})
    assert (actor.kind, actor.nhs_number, actor.patient, actor.assurance) == (
        ActorKind.CITIZEN,
        None,
        None,
        "",
    )
