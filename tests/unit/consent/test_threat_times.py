"""Threats: the last moment before something ends and the first after it, on days of 23 or 25 hours too."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.support import consents

from scr.consent.actor import Actor, ActorKind
from scr.consent.breakglass import BrokenGlass
from scr.consent.consents import rules_of
from scr.consent.decide import AccessRequest, Interaction, decide
from scr.consent.policy import load_policy
from scr.consent.proxies import Delegation, Online
from scr.consent.ties import Tie, TieKind
from scr.data import DataFiles
from scr.errors import Unprocessable
from scr.fhir.dates import milliseconds
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.standing import NOT_HEARD, Standing

POLICY = load_policy(DataFiles())
HERE, OTHER = OdsCode("ZZH01"), OdsCode("ZZG01")
TYPES = {"ZZH01": "hospital", "ZZG01": "gp-practice"}
MOMENT = timedelta(milliseconds=1)
DAY = 24 * 3600 * 1000
YEAR = 31_557_600_000
ADA = NHSNumber("9995100002")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _online(kind: ActorKind, online: Online, now: datetime, standing: Standing = NOT_HEARD) -> str:
    """What a citizen or carer who asks is told, by its code."""
    actor = Actor(kind, "login|1", scopes=frozenset({"patient/*.rs"}), assurance="P9", nhs_number=ADA)
    purpose = "PATRQT" if kind is ActorKind.CITIZEN else "FAMRQT"
    request = AccessRequest(
        actor, Interaction.READ, purpose=purpose, online=online, standing=standing, serves=frozenset({kind})
    )
    return decide(request, POLICY, now).code


def _child(born: str, now: datetime) -> str:
    return _online(ActorKind.CITIZEN, Online(own=True, born=born), now)


def _parent(born: str, now: datetime, basis: str = "parental-responsibility", capacity: str = "") -> str:
    at = milliseconds(now)
    delegation = Delegation(basis, at - YEAR, at + YEAR, reviewed=at - 1000, used=at - 1000)
    return _online(ActorKind.CARER, Online(born=born, capacity=capacity, delegation=delegation), now)  # type: ignore[arg-type]


BIRTHDAYS = [
    ("in summer", "2010-07-01", "2026-06-30T23:00:00+00:00", "2026-06-30T23:00:00+00:00"),
    ("in winter", "2010-01-15", "2026-01-15T00:00:00+00:00", "2026-01-15T00:00:00+00:00"),
    ("the day the clocks go forward", "2010-03-29", "2026-03-29T00:00:00+00:00", "2026-03-29T00:00:00+00:00"),
    ("the day after it", "2010-03-30", "2026-03-29T23:00:00+00:00", "2026-03-29T23:00:00+00:00"),
    ("the day the clocks go back", "2010-10-25", "2026-10-24T23:00:00+00:00", "2026-10-24T23:00:00+00:00"),
    ("the day after that", "2010-10-26", "2026-10-26T00:00:00+00:00", "2026-10-26T00:00:00+00:00"),
    ("29 February", "2012-02-29", "2028-02-29T00:00:00+00:00", "2028-02-29T00:00:00+00:00"),
    ("the last day of a year", "2010-12-31", "2026-12-31T00:00:00+00:00", "2026-12-31T00:00:00+00:00"),
    ("some day of a year", "2010", "2026-12-31T00:00:00+00:00", "2026-01-01T00:00:00+00:00"),
    ("some day of a summer month", "2010-06", "2026-06-29T23:00:00+00:00", "2026-05-31T23:00:00+00:00"),
    ("some day of February", "2010-02", "2026-02-28T00:00:00+00:00", "2026-02-01T00:00:00+00:00"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("born", "child", "parent"), [pytest.param(*row[1:], id=row[0]) for row in BIRTHDAYS]
)
def test_the_sixteenth_birthday_begins_at_midnight_in_london(born: str, child: str, parent: str) -> None:
    """The millisecond before it the parent may look and the child may not; from it on the other way round.

    Where the day is not known, the parent's access ends on the first that it can be, and the child's
    begins on the last.
    """
    assert (_child(born, _at(child) - MOMENT), _child(born, _at(child))) == ("too-young", "permitted")
    assert _parent(born, _at(parent) - MOMENT) == "permitted"
    assert _parent(born, _at(parent)) == _parent(born, _at(parent) + timedelta(days=365)) == "birthday"


@pytest.mark.parametrize(
    ("basis", "capacity", "code"),
    [
        ("consent", "", "permitted"),
        ("best-interest", "absent", "permitted"),
        ("best-interest", "present", "capacity"),
        ("best-interest", "", "capacity"),
        ("best-interest", "unknown", "capacity"),
        ("health-and-welfare-lasting-power-of-attorney", "absent", "permitted"),
        ("health-and-welfare-lasting-power-of-attorney", "", "capacity"),
        ("court-appointed-personal-welfare-deputy", "present", "capacity"),
        ("property-and-financial-affairs-power-of-attorney", "absent", "unknown-basis"),
        ("next-of-kin", "absent", "unknown-basis"),
        ("parental-responsibility", "", "birthday"),
        ("PARENTAL-RESPONSIBILITY", "", "unknown-basis"),
        ("", "", "unknown-basis"),
    ],
)
def test_who_looks_after_an_adult_needs_a_basis_that_holds_now(basis: str, capacity: str, code: str) -> None:
    """Being next of kin is none; one for want of capacity holds while that is known to be absent."""
    assert _parent("1941-07-05", _at("2026-06-01T12:00:00+00:00"), basis, capacity) == code


NOW = _at("2026-06-01T12:00:00+00:00")
T = milliseconds(NOW)
DELEGATIONS = [
    ("begins now", Delegation("consent", T, T + DAY), "permitted"),
    ("begins in a moment", Delegation("consent", T + 1, T + DAY), "delegation-over"),
    ("ends in a moment", Delegation("consent", T - DAY, T + 1), "permitted"),
    ("ends now", Delegation("consent", T - DAY, T), "delegation-over"),
    ("ends before it begins", Delegation("consent", T + DAY, T - DAY), "delegation-over"),
    ("never ends", Delegation("consent", T - DAY, None), "delegation-open-ended"),
    ("withdrawn, with a reason",
     Delegation("consent", T - DAY, T + DAY, suspended="withdrawn"), "delegation-suspended"),
    ("unused for a moment less",
     Delegation("consent", T - 6 * YEAR, T + DAY, used=T - 5 * YEAR + 1), "permitted"),
    ("unused for five years",
     Delegation("consent", T - 6 * YEAR, T + DAY, used=T - 5 * YEAR), "delegation-unused"),
    ("never used", Delegation("consent", T - 5 * YEAR, T + DAY), "delegation-unused"),
    ("used before it began", Delegation("consent", T - 5 * YEAR, T + DAY, used=0), "delegation-unused"),
]  # fmt: skip


@pytest.mark.parametrize(("delegation", "code"), [pytest.param(*row[1:], id=row[0]) for row in DELEGATIONS])
def test_a_delegation_begins_and_ends_to_the_millisecond(delegation: Delegation, code: str) -> None:
    """Its first moment is in it, its last is not."""
    assert _online(ActorKind.CARER, Online(born="1941-07-05", delegation=delegation), NOW) == code


def test_nobody_looks_online_at_the_record_of_the_dead_or_of_another() -> None:
    """However the death was told; and each kind of actor on its own ground only."""
    own, delegation = Online(own=True, born="1941-07-05"), Delegation("consent", T - DAY, T + DAY)
    carer = Online(born="1941-07-05", delegation=delegation)
    assert _online(ActorKind.CITIZEN, own, NOW) == _online(ActorKind.CARER, carer, NOW) == "permitted"
    for death in ("formal", "informal"):
        standing = Standing("01", deceased=death, checked=1)
        for kind, online in ((ActorKind.CITIZEN, own), (ActorKind.CARER, carer)):
            assert _online(kind, online, NOW, standing) == "deceased"
    assert _online(ActorKind.CITIZEN, Online(born="1941-07-05"), NOW) == "not-own-record"
    both = Online(own=True, born="1941-07-05", delegation=delegation)
    assert _online(ActorKind.CITIZEN, both, NOW) == "not-own-record"
    assert _online(ActorKind.CARER, both, NOW) == "no-delegation"
    assert _online(ActorKind.CARER, own, NOW) == "no-delegation"


DOCTOR = Actor(
    ActorKind.PROFESSIONAL, "issuer|1", role="R8000", organisation=HERE, scopes=frozenset({"user/*.rs"})
)


def _staff(now: datetime, *ties: Tie, glass: BrokenGlass | None = None, **more: object) -> str:
    request = AccessRequest(
        DOCTOR, Interaction.READ, ties=ties, glass=glass, organisations=TYPES, **more  # type: ignore[arg-type]
    )  # fmt: skip
    return decide(request, POLICY, now).code


def _tie(kind: TieKind, since: int, until: int | None, seen: int = T) -> Tie:
    mine = (DOCTOR.subject, "R8000") if kind == "self-claimed" else ("", "")
    return Tie(HERE, kind, since, HERE, seen, until, *mine)


NO = "no-relationship"
TIES = [
    ("a claim in its last moment", _tie("self-claimed", T - DAY, T + 1), "permitted"),
    ("a claim that is over", _tie("self-claimed", T - DAY, T), NO),
    ("a claim without an end", _tie("self-claimed", T - DAY, None), NO),
    ("a claim that begins tomorrow", _tie("self-claimed", T + DAY, T + 2 * DAY), NO),
    ("a visit that ended, in its last moment", _tie("encounter", 0, T - 180 * DAY + 1), "permitted"),
    ("a visit that ended half a year ago", _tie("encounter", 0, T - 180 * DAY), NO),
    ("a visit that nobody told of again", _tie("encounter", 0, None, T - 730 * DAY), NO),
    ("a visit told of two years ago, but a moment",
     _tie("encounter", 0, None, T - 730 * DAY + 1), "permitted"),
    ("a practice left now", _tie("registration", 0, T), NO),
    ("a practice to be left", _tie("registration", 0, T + 1), "permitted"),
    ("care of a year ago", _tie("care", 0, None, T - 365 * DAY), NO),
    ("a caseload that begins beyond what clocks differ", _tie("caseload", T + 30_001, None), NO),
    ("another organisation's", Tie(OTHER, "registration", 0, OTHER, T), NO),
]  # fmt: skip


@pytest.mark.parametrize(("tie", "code"), [pytest.param(*row[1:], id=row[0]) for row in TIES])
def test_a_relationship_ends_to_the_millisecond(tie: Tie, code: str) -> None:
    """Each kind at its own end; never that of another organisation."""
    assert _staff(NOW, tie) == code


def _glass(**changes: object) -> BrokenGlass:
    given = {
        "subject": DOCTOR.subject,
        "role": "R8000",
        "organisation": HERE,
        "since": T - DAY,
        "until": T + DAY,
    }
    return BrokenGlass("g", "person", **{**given, **changes})  # type: ignore[arg-type]


GLASSES = [
    ("one that is open", _glass(), "break-glass"),
    ("in its last moment", _glass(until=T + 1), "break-glass"),
    ("over", _glass(until=T), NO),
    ("withdrawn now", _glass(withdrawn=T), NO),
    ("withdrawn long ago", _glass(withdrawn=0), NO),
    ("another user's", _glass(subject="issuer|2"), NO),
    ("one user's of another issuer", _glass(subject="other|1"), NO),
    ("in another role", _glass(role="R8001"), NO),
    ("at another place", _glass(organisation=OTHER), NO),
    ("nobody's", _glass(subject=""), NO),
    ("tomorrow's", _glass(since=T + DAY, until=T + 2 * DAY), NO),
    ("for another purpose", _glass(purpose="TREAT"), NO),
]  # fmt: skip


@pytest.mark.parametrize(("glass", "code"), [pytest.param(*row[1:], id=row[0]) for row in GLASSES])
def test_a_glass_is_one_users_and_for_its_time(glass: BrokenGlass, code: str) -> None:
    """To the millisecond, in one role, at one place."""
    assert _staff(NOW, glass=glass) == code


PERIODS = [
    ("until a day in summer", {"end": "2026-06-30"}, "2026-06-30T23:00:00+00:00", True),
    ("until a day in winter", {"end": "2026-01-15"}, "2026-01-16T00:00:00+00:00", True),
    ("until the day the clocks go forward", {"end": "2026-03-29"}, "2026-03-29T23:00:00+00:00", True),
    ("until the day the clocks go back", {"end": "2026-10-25"}, "2026-10-26T00:00:00+00:00", True),
    ("until a month is over", {"end": "2026-02"}, "2026-03-01T00:00:00+00:00", True),
    ("until a second", {"end": "2026-06-01T12:00:00Z"}, "2026-06-01T12:00:01+00:00", True),
    ("until a second elsewhere", {"end": "2026-06-01T12:00:00+05:00"}, "2026-06-01T07:00:01+00:00", True),
    ("from a day in summer", {"start": "2026-07-01"}, "2026-06-30T23:00:00+00:00", False),
    ("from a day in winter", {"start": "2026-01-15"}, "2026-01-15T00:00:00+00:00", False),
    ("from the day the clocks go back", {"start": "2026-10-25"}, "2026-10-24T23:00:00+00:00", False),
    ("from a year", {"start": "2026"}, "2026-01-01T00:00:00+00:00", False),
]  # fmt: skip


@pytest.mark.parametrize(("period", "edge", "before"), [pytest.param(*row[1:], id=row[0]) for row in PERIODS])
def test_an_objection_holds_for_whole_days_in_london(period: dict[str, str], edge: str, before: bool) -> None:
    """On one side of its edge the record is closed, on the other open."""
    said = consents.consent({"type": "deny", "period": period}, "p")
    rules = rules_of({**said, "id": "c", "meta": {"versionId": "1"}})
    for now, closed in ((_at(edge) - MOMENT, before), (_at(edge), not before)):
        tie = Tie(HERE, "registration", 0, HERE, T)
        assert _staff(now, tie, rules=rules) == ("consent" if closed else "permitted")


def test_a_time_with_a_leap_second_is_refused_and_never_taken_for_open() -> None:
    """A Consent whose end cannot be read is none, so that it cannot be thought to be over."""
    said = consents.consent({"type": "deny", "period": {"end": "2016-12-31T23:59:60Z"}}, "p")
    with pytest.raises(Unprocessable):
        rules_of({**said, "id": "c", "meta": {"versionId": "1"}})
