"""Who signs in to the pages of the demonstration: staff as CIS2 tells of them, citizens as NHS login does.

None of them exists. The citizens are people of the population, so that they have a record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from scr.demo.history import AS_OF
from scr.demo.people import population
from scr.demo.person import Person
from scr.demo.places import ORGANISATIONS, RECORD
from scr.demo.suppliers.staff import Staff, personas

Claims = dict[str, object]
_AGES = (4, 13, 16)
"""Of a mother's children: one for whom she acts, one to be looked at again, one who is past it."""


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody to be chosen: what the page says of them, and the claims of their ID token and UserInfo."""

    key: str
    name: str
    detail: str
    sub: str
    id_claims: Claims = field(default_factory=dict)
    userinfo: Claims = field(default_factory=dict)


def staff_role(member: Staff) -> Claims:
    """The role of a member of staff, as ``nhsid_nrbac_roles`` has it."""
    return _role(member.user, "02", member.role, member.role_name, member.organisation)


def staff_logins() -> tuple[Login, ...]:
    """Staff, each with the role that was selected; and one who holds two, and selected none."""
    chosen = tuple(
        _staff(
            member.client_id,
            member.name,
            f"{member.role_name}, {member.organisation_name}: {member.expect}",
            member.user,
            [staff_role(member)],
            f"{member.user}02",
        )
        for member in personas()
    )
    user = "999000000110"
    roles = [
        _role(user, "02", "R0001", "Privacy Officer", RECORD),
        _role(user, "03", "R8013", "Health Records Manager", RECORD),
    ]
    two = "Privacy Officer and Health Records Manager: holds two roles, and is asked for one"
    return (*chosen, _staff("two-roles", "Rosalind Achterberg", two, user, roles, ""))


def _role(user: str, profile: str, code: str, name: str, organisation: str) -> Claims:
    return {
        "person_orgid": f"{user}01",
        "person_roleid": f"{user}{profile}",
        "org_code": organisation,
        "role_code": f"S8000:G8000:{code}",
        "role_name": name,
        "activity_codes": [],
    }


def _staff(key: str, name: str, detail: str, user: str, roles: Sequence[Claims], selected: str) -> Login:
    codes = {str(role["org_code"]) for role in roles}
    organisations = [{"org_code": code, "org_name": ORGANISATIONS[code].name} for code in sorted(codes)]
    level: Claims = {"authentication_assurance_level": "3", "id_assurance_level": "3", "acr": "AAL3_ANY"}
    return Login(
        key,
        name,
        detail,
        user,
        {**level, "selected_roleid": selected} if selected else level,
        {
            "name": name,
            "nhsid_useruid": user,
            "nhsid_nrbac_roles": list(roles),
            "nhsid_user_orgs": organisations,
        },
    )


def citizen_logins(seed: int, size: int) -> tuple[Login, ...]:
    """A citizen, a mother of three, an attorney, a carer, and one who was not proofed."""
    people = population(seed, size)
    named = {person.persona: person for person in people if person.persona}
    children = _children(people)
    blessing, tariq, zofia = named["blessing"], named["tariq"], named["zofia"]
    edith, harjit, gwilym = named["edith"], named["harjit"], named["gwilym"]
    ages = " and ".join(str(_age(child)) for child in children) or "not in so small a population"
    return (
        _citizen(gwilym, "looks at his own record"),
        _citizen(blessing, f"a mother: her children are {ages}", "parental-responsibility", *children),
        _citizen(
            tariq, f"an attorney of {edith.given} {edith.family}, who has dementia",
            "health-and-welfare-lasting-power-of-attorney", edith,
        ),
        _citizen(zofia, f"cares for {harjit.given} {harjit.family}, who agreed to it", "consent", harjit),
        _citizen(harjit, "has not shown who she is yet: refused", level="P5"),
    )  # fmt: skip


def _children(people: Sequence[Person]) -> list[Person]:
    """The nearest in age to each of those that are wanted; a small population has fewer."""
    left = [person for person in people if _age(person) < 18]
    found: list[Person] = []
    for age in _AGES:
        if left:
            found.append(min(left, key=lambda person: (abs(_age(person) - age), person.nhs_number)))
            left.remove(found[-1])
    return found


def _age(person: Person) -> int:
    had = (AS_OF.month, AS_OF.day) >= (person.birth_date.month, person.birth_date.day)
    return AS_OF.year - person.birth_date.year - (not had)


def _citizen(
    person: Person, detail: str, relationship: str = "", *others: Person, level: str = "P9"
) -> Login:
    vot = {"P9": "P9.Cp.Cd", "P5": "P5.Cp.Cd"}[level]
    told: Claims = {
        "nhs_number": person.nhs_number,
        "birthdate": person.birth_date.isoformat(),
        "family_name": person.family,
        "given_name": person.given,
        "identity_proofing_level": level,
    }
    delegations = [
        {
            "sub": login_subject(other),
            "nhs_number": other.nhs_number,
            "name": f"{other.given} {other.family}",
            "relationship": relationship,
        }
        for other in others
    ]
    id_claims: Claims = {
        "nhs_number": person.nhs_number,
        "identity_proofing_level": level,
        "vot": vot,
        "vtm": "https://trust-mark.example/nhs-login",
    }
    name = f"{person.given} {person.family}"
    return Login(
        person.persona, name, detail, login_subject(person), id_claims, told | {"delegations": delegations}
    )


def login_subject(person: Person) -> str:
    """NHS login's id of somebody: always the same, and not the NHS Number."""
    return hashlib.sha256(f"nhs-login {person.nhs_number}".encode()).hexdigest()[:24]
