"""The people of a made-up area for trials of the misuse rules: who lives where, works where, is whose.

Everything that makes such rules hard is in it: surnames that many have, neighbours who share a postcode,
staff who are patients where they work, and relatives of theirs on the same list.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import lru_cache

from scr.fhir.identifiers import NHSNumber, is_nhs_number

HOSPITAL, PRACTICE, COMMUNITY, COUNCIL = "hospital", "practice", "community", "council"
DOCTOR, NURSE, THERAPIST, SOCIAL_WORKER = "R8000", "R8001", "R8003", "R8014"
_ROLES = {
    HOSPITAL: (DOCTOR, NURSE, NURSE, THERAPIST),
    PRACTICE: (DOCTOR, NURSE, THERAPIST),
    COMMUNITY: (NURSE, THERAPIST),
    COUNCIL: (SOCIAL_WORKER,),
}
_COMMON = ("Smith", "Jones", "Patel", "Khan", "Taylor", "Brown", "Williams", "Singh")
_BEGINNINGS = (
    "Ar",
    "Bel",
    "Cor",
    "Dun",
    "Els",
    "Far",
    "Gren",
    "Hol",
    "Ist",
    "Kel",
    "Lor",
    "Mar",
    "Nor",
    "Os",
)
_MIDDLES = ("ber", "cas", "den", "fen", "gar", "lin", "mer", "per", "ros", "ten", "ver", "win")
_ENDINGS = ("by", "croft", "field", "ham", "ley", "more", "son", "ton", "well", "wick", "worth", "dale")


@dataclass(slots=True, eq=False)
class Resident:
    """Somebody who lives in the area. ``stays`` are at the hospital: first day, last day, ward."""

    serial: int
    surname: str
    postcode: str
    practice: str
    stays: list[tuple[int, int, int]] = field(default_factory=list)
    caseload: bool = False
    social: bool = False
    key: str = ""

    @property
    def number(self) -> NHSNumber:
        """Their NHS Number, of the 999 range."""
        return _number(self.serial)


@dataclass(slots=True, eq=False)
class Member:
    """A member of staff; ``ward`` is their team at the hospital, ``self`` who they are as a resident."""

    user: str
    setting: str
    organisation: str
    role: str
    ward: int
    resident: Resident
    listed: bool = True

    @property
    def actor(self) -> str:
        """As the audit names them."""
        return f"https://issuer.example|{self.user}"


@dataclass(slots=True, eq=False)
class Area:
    """Who there is. ``kin`` are the residents of each member's household, without the member."""

    residents: list[Resident]
    staff: list[Member]
    kin: dict[str, list[Resident]]
    vips: list[Resident]
    organisations: dict[str, list[str]]


def make_area(draw: random.Random, staff: int, residents: int, days: int, back: int) -> Area:
    """So many staff and residents; stays of ``back`` days before the history and of its ``days``."""
    practices = [f"ZZP{n:02d}" for n in range(max(3, staff // 30))]
    organisations = {
        HOSPITAL: ["ZZH01", "ZZH02"][: 1 + (staff >= 150)],
        PRACTICE: practices,
        COMMUNITY: ["ZZC01"],
        COUNCIL: ["ZZS01"],
    }
    people = [_resident(draw, n, practices, residents) for n in range(residents)]
    for one in people:
        if draw.random() < 0.45:
            first = draw.randrange(-back, days)
            one.stays.append((first, first + draw.choice((0, 0, 1, 2, 4, 7)), draw.randrange(_wards(staff))))
        one.caseload, one.social = draw.random() < 0.05, draw.random() < 0.04
    members = _members(draw, staff, organisations, people)
    homes: dict[str, list[Resident]] = {}
    for one in people:
        homes.setdefault(one.postcode, []).append(one)
    kin = {}
    for each in members:
        near = [one for one in homes[each.resident.postcode] if one is not each.resident]
        kin[each.user] = near[:2]
        for one in near[:2]:  # a household: most of it has one surname, and one practice
            one.practice = each.resident.practice
            if draw.random() < 0.7:
                one.surname = each.resident.surname
    return Area(people, members, kin, draw.sample(people, max(4, residents // 300)), organisations)


def _wards(staff: int) -> int:
    return max(1, staff // 40)


def _members(
    draw: random.Random, count: int, organisations: dict[str, list[str]], people: list[Resident]
) -> list[Member]:
    settings = [HOSPITAL] * 50 + [PRACTICE] * 32 + [COMMUNITY] * 12 + [COUNCIL] * 6
    homes = draw.sample(people, count)
    found = []
    for n in range(count):
        setting = settings[n * 37 % len(settings)]
        place = organisations[setting][n % len(organisations[setting])]
        role = _ROLES[setting][n // 3 % len(_ROLES[setting])]
        found.append(
            Member(f"u{n:05d}", setting, place, role, n % _wards(count), homes[n], draw.random() < 0.95)
        )
    return found


def _resident(draw: random.Random, serial: int, practices: list[str], total: int) -> Resident:
    rare = (draw.choice(_BEGINNINGS), draw.choice(_MIDDLES), draw.choice(_ENDINGS))
    surname = draw.choice(_COMMON) if draw.random() < 0.25 else "".join(rare)
    home = draw.randrange(max(1, total // 12))
    return Resident(
        serial, surname, f"ZZ{home // 100 + 1} {home // 10 % 10}{_letters(home)}", draw.choice(practices)
    )


def _letters(home: int) -> str:
    return "ABDEFGHJLN"[home % 10] + "PQRSTUWXYZ"[home // 7 % 10]


@lru_cache(maxsize=20_000)
def _number(serial: int) -> NHSNumber:
    return NHSNumber(_numbers(serial // 500)[serial % 500])


@lru_cache(maxsize=64)
def _numbers(block: int) -> list[str]:
    bodies = range(999_000_000 + block * 600, 999_000_000 + (block + 1) * 600)
    return [text for body in bodies for digit in range(10) if is_nhs_number(text := f"{body}{digit}")]
