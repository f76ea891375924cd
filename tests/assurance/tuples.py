"""Random requests, entries and moments: most of them near to a permit, and every fact wrong at times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import yaml
from tests.assurance.oracle import CONFIDENTIALITY, SENSITIVITY, Oracle, ms

from scr.consent.actor import Actor, ActorKind
from scr.consent.breakglass import BrokenGlass
from scr.consent.proxies import Delegation, Online
from scr.consent.request import AccessRequest, Interaction
from scr.consent.sharing import Asker, SharingRule
from scr.consent.ties import DECLARED_KINDS, Tie
from scr.data import DataFiles, packaged_root
from scr.fhir.canonical import LABEL_SYSTEM, RELATED_LABEL_SYSTEM
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.privacy_consent import ALWAYS
from scr.fhir.standing import Death, Standing

HOUR = 3_600_000
DAY = 24 * HOUR
ALIVE: Death = ""
DEATHS: list[Death] = [*(ALIVE for _ in range(18)), "formal", "informal"]
START = datetime(2026, 6, 1, 12, tzinfo=UTC)
TYPES = {
    "ZZG01": "gp-practice", "ZZH01": "hospital", "ZZP01": "Pharmacy", "ZZC01": "council",
    "ZZR01": "care-home", "ZZL01": "laboratory", "ZZZ01": "a club",
}  # fmt: skip
ORGANISATIONS = [*map(OdsCode, TYPES), OdsCode("ZZZ02")]
ROLES = [
    "R8000", "R8000", "R8000", "R8001", "R8001", "R8002", "R8002", "R0260", "R0260", "R8014",
    "R1290", "R1290", "R1070", "R9725", "R9725", "R8009", "R0001", "R9999", None,
]  # fmt: skip
SCOPES = [
    "user/*.rs", "user/*.rs", "user/*.read", "patient/*.cruds", "user/Condition.r", "user/Observation.rs",
    "user/*.sr", "user/*.cud", "user/*.rs?category=x", "openid", "",
]  # fmt: skip
KINDS = ["Condition", "Observation", "DocumentReference", "CarePlan", "Patient", "Flag"]
SOURCES = [*TYPES, PERSON_SOURCE, "ZZZ09"]
LABELS = [
    *(f"{CONFIDENTIALITY}|{code}" for code in "UNRV?"),
    *(f"{SENSITIVITY}|{code}" for code in ("HIV", "SDV", "NOPAT")),
    *(f"{LABEL_SYSTEM}|{key}" for key in ("hfe-act", "abuse", "unclassified", "online-review", "of before")),
    f"{RELATED_LABEL_SYSTEM}|gender-recognition-act",
    f"{RELATED_LABEL_SYSTEM}|hiv",
]
BASES = [
    "parental-responsibility", "consent", "best-interest", "health-and-welfare-lasting-power-of-attorney",
    "court-appointed-personal-welfare-deputy", "next-of-kin",
]  # fmt: skip
BORN = [
    "1980-05-17",
    "2010-06-01",
    "2010-06-02",
    "2013-06-01",
    "2012-02-29",
    "2010",
    "2010-06",
    "",
    "x",
    "1940",
]


@dataclass(frozen=True, slots=True)
class Tuple:
    """One question."""

    request: AccessRequest
    entry: Entry | None
    now: datetime


def draw(rng: Random) -> Tuple:
    """The next question that a source of chance gives."""
    now = START + timedelta(minutes=rng.choice([0, 0, 1, -1, 12 * 60 - 61, 12 * 60 - 60, 60 * 24 * 200]))
    kind = rng.choices(list(ActorKind), [12, 2, 3, 1])[0]
    online = kind in (ActorKind.CITIZEN, ActorKind.CARER)
    actor = _actor(rng, kind, online)
    request = AccessRequest(
        actor,
        Interaction.READ if rng.random() < 0.8 else rng.choice(list(Interaction)),
        frozenset({actor.organisation} if actor.organisation and rng.random() < 0.75 else ()),
        frozenset(rng.sample(ORGANISATIONS, rng.choice([0, 0, 0, 1]))),
        _purpose(rng, online, kind),
        standing=_standing(rng),
        rules=tuple(_rule(rng, actor, ms(now)) for _ in range(rng.choice([0, 0, 0, 1, 2, 3]))),
        ties=tuple(_tie(rng, actor, ms(now)) for _ in range(rng.choice([0, 0, 1, 2]))),
        glass=_glass(rng, actor, ms(now)) if rng.random() < 0.3 else None,
        organisations=TYPES if rng.random() < 0.95 else {},
        online=_online(rng, kind, ms(now)) if online and rng.random() < 0.95 else None,
        serves=frozenset({kind if rng.random() < 0.95 else ActorKind.PROFESSIONAL}),
        patients=frozenset(rng.choice([["p1"], ["p1"], ["p1", "p3"], []])),
    )
    return Tuple(request, _entry(rng, ms(now)) if rng.random() < 0.8 else None, now)


def _actor(rng: Random, kind: ActorKind, online: bool) -> Actor:
    return Actor(
        kind,
        rng.choices(["issuer|user", ""], [30, 1])[0],
        role=None if online else rng.choice(ROLES),
        organisation=None if online or rng.random() < 0.03 else rng.choice(ORGANISATIONS),
        user_id=rng.choice(["", "555"]),
        scopes=frozenset(rng.sample(SCOPES, rng.choice([1, 2, 3, 0])) if rng.random() < 0.2 else SCOPES[:1]),
        assurance=rng.choices(["P9" if online else "3", "", "P5"], [15, 1, 1])[0],
        nhs_number=rng.choice([None, NHSNumber("9990000018")]) if online else None,
        launch=rng.choices(["", "p1", "p2"], [16, 3, 1])[0],
        activities=frozenset(rng.sample(GIVEN, rng.choice([0, 0, 1, 2]))),
    )


GIVEN = ("B0370", "B1611", "B0360", "B9999")
"""Activities that a sign-in may tell; the richer policy takes two of them from it."""


def _purpose(rng: Random, online: bool, kind: ActorKind) -> str:
    usual = "PATRQT" if kind is ActorKind.CITIZEN else "FAMRQT" if online else "TREAT"
    return rng.choices([usual, "ETREAT", "BTG", "HRESCH", "CAREMGT", ""], [40, 2, 4, 1, 2, 1])[0]


def _standing(rng: Random) -> Standing:
    return Standing(
        rng.choices(["", "01", "07", "77"], [20, 5, 5, 1])[0],
        rng.random() < 0.1,
        rng.choice(DEATHS),
        invalidated=int(rng.random() < 0.04),
    )


def _instant(rng: Random, now: int) -> int:
    return now + rng.choice([0, 1, -1, HOUR, -HOUR, 30_000, 30_001, -40 * DAY, -500 * DAY, 40 * DAY])


def _tie(rng: Random, actor: Actor, now: int) -> Tie:
    organisation = (
        actor.organisation if actor.organisation and rng.random() < 0.8 else rng.choice(ORGANISATIONS)
    )
    return Tie(
        organisation,
        rng.choice([*DECLARED_KINDS, "self-claimed", "self-claimed"]),
        _instant(rng, now),
        organisation,
        _instant(rng, now),
        rng.choice([None, _instant(rng, now)]),
        rng.choice([actor.subject, actor.subject, "issuer|other"]),
        rng.choice([actor.role or "", actor.role or "", "R8002"]),
    )


def _glass(rng: Random, actor: Actor, now: int) -> BrokenGlass:
    return BrokenGlass(
        "g1",
        "person",
        rng.choices([actor.subject, "issuer|other", ""], [10, 1, 1])[0],
        actor.role or "" if rng.random() < 0.9 else "R8002",
        actor.organisation if actor.organisation and rng.random() < 0.9 else rng.choice(ORGANISATIONS),
        _instant(rng, now) if rng.random() < 0.3 else now - HOUR,
        _instant(rng, now) if rng.random() < 0.3 else now + HOUR,
        None if rng.random() < 0.9 else now,
        "BTG" if rng.random() < 0.95 else "TREAT",
    )


def _online(rng: Random, kind: ActorKind, now: int) -> Online:
    carer = kind is ActorKind.CARER
    delegation = Delegation(
        rng.choice(BASES),
        _instant(rng, now) if rng.random() < 0.2 else now - 400 * DAY,
        rng.choices([now + 400 * DAY, None, _instant(rng, now)], [10, 1, 1])[0],
        rng.choice([None, now - 10 * DAY, now - 2000 * DAY]),
        rng.choice([None, now - DAY, now - 1826 * DAY, now - 1827 * DAY]),
        rng.choices(["", "looked-after"], [10, 1])[0],
        rng.choices([None, frozenset(rng.sample(sorted(HEADINGS), 12)), frozenset()], [10, 3, 1])[0],
        rng.random() < 0.5,
    )
    has = rng.random() < (0.75 if carer else 0.05)
    return Online(
        rng.random() < (0.05 if carer else 0.95),
        rng.choice(BORN),
        rng.choice(["", "present", "absent"]),
        delegation if has else None,
    )  # fmt: skip


def _asker(rng: Random, actor: Actor) -> Asker:
    return rng.choice(
        [
            Asker("organisation", actor.organisation.value if actor.organisation else "ZZH01"),
            Asker("organisation", "ZZH01"),
            Asker("role", actor.role or "R8000"),
            Asker("professional", "555"),
            Asker("person", "issuer|user"),
            Asker("person", "9990000018"),
        ]
    )


def _rule(rng: Random, actor: Actor, now: int, depth: int = 1, deny: bool | None = None) -> SharingRule:
    chosen = rng.random() < 0.6 if deny is None else deny
    some = rng.random
    return SharingRule(
        deny=chosen,
        askers=tuple(_asker(rng, actor) for _ in range(rng.choice([0, 1, 2]))),
        purposes=(rng.choice(["TREAT", "TREAT", "ETREAT", "BTG"]),) if some() < 0.15 else (),
        starts=now + rng.choice([-DAY, -DAY, 1]) if some() < 0.3 else ALWAYS[0],
        ends=now + rng.choice([DAY, DAY, 0]) if some() < 0.5 else ALWAYS[1],
        sources=tuple(rng.sample(SOURCES, 2)) if some() < 0.2 else (),
        headings=tuple(rng.sample(list(HEADINGS), 4)) if some() < 0.2 else (),
        types=tuple(rng.sample(KINDS, 2)) if some() < 0.2 else (),
        labels=tuple(rng.sample(LABELS, 3)) if some() < 0.1 else (),
        things=("Condition/e1", "Observation/e2") if some() < 0.15 else (),
        dated=(now - DAY, now) if some() < 0.15 else None,
        unless=tuple(_rule(rng, actor, now, 0, False) for _ in range(rng.choice([0, 1, 2])))
        if chosen and depth
        else (),
    )


def _entry(rng: Random, now: int) -> Entry:
    return Entry(
        type=rng.choice(KINDS),
        id=rng.choice(["e1", "e2"]),
        source=rng.choice(SOURCES),
        heading=rng.choice([*HEADINGS, "problems", "problems", "demographics", "of no policy"]),
        body=b"{}",
        when=rng.choice(
            [None, (now - HOUR, now), (now - 2 * DAY, now + DAY), (now - 9 * DAY, now - 8 * DAY)]
        ),
        labels=tuple(rng.sample(LABELS, rng.choice([0, 0, 0, 1, 1, 2]))),
    )


def oracle(folder: Path) -> Oracle:
    """The oracle of the policy in a folder."""
    return Oracle(folder, (LABEL_SYSTEM, RELATED_LABEL_SYSTEM), ALWAYS[1])


def shipped() -> tuple[DataFiles, Oracle]:
    """The policy as it is packaged."""
    return DataFiles(), oracle(packaged_root() / "consent")


def richer(home: Path) -> tuple[DataFiles, Oracle]:
    """A deployment's own policy that uses what the shipped one leaves out."""
    files: dict[str, Any] = {}
    for name in ("roles", "agreements", "labels", "proxies", "breakglass", "relationships"):
        text = DataFiles().find("consent", f"{name}.yaml").read_text(encoding="utf-8")
        files[name] = yaml.safe_load(text)
    roles = files["roles"]["roles"]
    roles["R8000"]["activities"] += ["sensitive-record"]
    roles["R8001"]["activities"] += ["B0082"]
    roles["R8002"]["activities"] += ["B1611"]
    files["roles"]["assurance"]["professional"] = ["3"]
    files["roles"]["granted"] = ["B0370", "B1611"]
    files["labels"]["bars"]["hfe-act"]["open_to"] = ["B1611"]
    files["labels"]["unclassified"]["professional"] = "withheld"
    files["agreements"]["organisations"] = {"ZZZ02": "hospice"}
    files["agreements"]["shared"][0]["from"] = ["gp", "hospital", "laboratory"]
    files["agreements"]["kept"] += [
        {"name": "letters", "to": ["council"], "headings": ["plans"], "purposes": ["TREAT"]}
    ]
    files["proxies"]["citizen"]["clearance"] = "R"
    folder = home / "consent"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return DataFiles(home), oracle(folder)
