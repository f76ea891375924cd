"""Who may see whose record online: ages, narrowing, choices and what is told of looks, by properties."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.access import choices
from scr.access.choices import Words
from scr.access.delegating import plain_code
from scr.access.looked import Teller
from scr.consent.actor import Actor, ActorKind
from scr.consent.consents import rules_of
from scr.consent.decide import AccessRequest, Interaction, Ruling, decide
from scr.consent.policy import ONLINE, load_policy
from scr.consent.proxies import Online
from scr.data import DataFiles, packaged_root
from scr.errors import Invalid
from scr.fhir.choices import Choice, consent_of, withdrawn
from scr.fhir.dates import milliseconds
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS, headings_of_type
from scr.store.delegations import Delegated, State, Terms
from scr.store.trail import AuditRow

POLICY = load_policy(DataFiles(packaged_root()))
LONDON = ZoneInfo("Europe/London")
TYPES = ("Observation", "Condition", "Flag", "DocumentReference", "Task", "Consent")
CARER = Actor(
    ActorKind.CARER,
    "issuer|carl",
    scopes=frozenset({"patient/*.cruds"}),
    assurance="P9",
)
moments = st.integers(0, 20 * 366 * 86_400).map(
    lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
births = st.dates(date(2008, 1, 1), date(2028, 1, 1))


def delegated(basis: str, now: datetime, **changes: object) -> Delegated:
    """An access of Carl's that is in force, reviewed and used at an instant."""
    at = milliseconds(now)
    terms = Terms(basis, "Carl", carer="issuer|carl", reviewed=at, contributes=True)
    made = Delegated("d", "p", at - 1, at + 1000, terms, accepted=True, used=at)
    return replace(made, **changes)  # type: ignore[arg-type]


def request(one: Delegated, born: str, letter: Interaction = Interaction.READ) -> AccessRequest:
    """Carl asks by it."""
    online = Online(born=born, delegation=one.rests_on())
    return AccessRequest(CARER, letter, purpose="FAMRQT", serves=ONLINE, online=online)


@given(births, moments)
def test_a_parent_is_out_from_the_sixteenth_birthday_in_london(born: date, now: datetime) -> None:
    """Whatever was reviewed, winter or summer: in before that midnight, and out from it on; and not at all
    before the birth."""
    one = delegated("parental-responsibility", now)
    day = born.replace(year=born.year + 16) if (born.month, born.day) != (2, 29) else None
    sixteen = day or date(born.year + 16, 2, 29)
    today = now.astimezone(LONDON).date()
    decision = decide(request(one, born.isoformat()), POLICY, now)
    code = "birthday" if today >= sixteen else "permitted" if today >= born else "no-birth-date"
    assert (decision.code, decision.permit) == (code, code == "permitted")


@given(births, st.sampled_from([-1, 0, 1]), st.integers(1, 3))
def test_a_review_counts_from_the_thirteenth_birthday_on(born: date, off: int, years: int) -> None:
    """One from before that midnight does not, one from it on does; until then none is needed."""
    birthday = datetime(born.year + 13, born.month, min(born.day, 28), tzinfo=LONDON)
    reviewed = birthday + timedelta(seconds=off)
    now = birthday + timedelta(days=300 * years)
    one = delegated("parental-responsibility", now)
    one = replace(one, terms=Terms("parental-responsibility", "C", reviewed=milliseconds(reviewed)))
    told = f"{born.year}-{born.month:02}-{min(born.day, 28):02}"
    assert decide(request(one, told), POLICY, now).code == ("review-due" if off < 0 else "permitted")


@given(st.sets(st.sampled_from(sorted(HEADINGS))), st.booleans(), st.sampled_from(list(Interaction)))
def test_a_narrowed_access_opens_no_more_than_a_whole_one(
    headings: set[str], contributes: bool, letter: Interaction
) -> None:
    """Of no entry and for no interaction; under a heading that was not given there is nothing."""
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    whole = delegated("consent", now)
    terms = Terms("consent", "C", headings=tuple(headings), contributes=contributes)
    wide = Ruling(request(whole, "1980-01-01", letter), POLICY, now)
    narrow = Ruling(request(replace(whole, terms=terms), "1980-01-01", letter), POLICY, now)
    always = {"demographics", "supporting"}
    for kind in TYPES:
        for heading in headings_of_type(kind):
            entry = Entry(kind, "1", "ZZG01", heading, b"{}")
            assert wide.permits(entry) or not narrow.permits(entry)
            assert heading in headings | always or not narrow.permits(entry)
    if letter in (Interaction.CREATE, Interaction.UPDATE) and not contributes:
        assert not narrow.whole.permit


@given(moments, st.integers(-2, 2), st.booleans(), st.booleans(), st.booleans())
def test_an_access_is_in_force_only_between_its_taking_up_and_its_end(
    now: datetime, off: int, accepted: bool, ended: bool, suspended: bool
) -> None:
    """State and rules say the same at every instant: what is in force is permitted, and nothing else."""
    at = milliseconds(now)
    terms = Terms("consent", "C", suspended="looked after" if suspended else "")
    one = Delegated("d", "p", at - 5, at + off, terms, accepted, at + 9, at, at if ended else None)
    in_force = one.state(at) is State.IN_FORCE
    assert in_force is (accepted and not ended and not suspended and off > 0)
    if accepted:
        assert decide(request(one, "1980-01-01"), POLICY, now).permit is in_force


ods = st.lists(st.sampled_from(["ZZG01", "ZZH01", "ZZC01"]), max_size=2, unique=True).map(tuple)
some_choices = st.builds(
    Choice,
    effect=st.sampled_from(["deny", "permit", "seal"]),
    to=ods,
    roles=st.lists(st.sampled_from(["R8000", "R1290"]), max_size=1).map(tuple),
    carers=st.lists(st.just("https://login.example|carl"), max_size=1).map(tuple),
    of=ods,
    headings=st.lists(st.sampled_from(sorted(HEADINGS)), max_size=2, unique=True).map(tuple),
    labels=st.lists(st.sampled_from(sorted(POLICY.labels.labels)), max_size=1).map(tuple),
    entries=st.lists(st.just("DocumentReference/abc"), max_size=1).map(tuple),
    until=st.sampled_from(["", "2026-12-31"]),
    but=ods,
)


@given(some_choices)
def test_a_choice_that_is_taken_is_read_to_the_last_word(choice: Choice) -> None:
    """Its Consent comes to rules of that very effect, about those very askers; the way back comes to none."""
    now = milliseconds(datetime(2026, 6, 1, 12, tzinfo=UTC))
    try:
        choices.check(POLICY, choice, now)
    except Invalid:
        return
    consent = {**consent_of(choice, "p1", now), "id": "c1"}
    base, *exceptions = rules_of(consent)
    assert base.deny is (choice.effect != "permit")
    assert base.sealed is (choice.effect == "seal")
    askers = {one.value for one in base.askers}
    assert askers == {*choice.to, *choice.roles, *choice.carers}
    assert set(base.headings) == set(choice.headings)
    assert set(base.sources) == set(choice.of)
    assert base.things == choice.entries
    assert all(not rule.deny for rule in exceptions)
    let = {one.value for rule in exceptions for one in rule.askers}
    assert let == ({""} if choice.effect == "seal" else set(choice.but))
    assert Words(POLICY, {}).does(base).endswith(".")
    assert rules_of(withdrawn(consent, now)) == ()


@given(
    st.sampled_from(TYPES),
    st.sampled_from(TYPES),
    st.sampled_from(["success", "refused"]),
    st.sampled_from(["TREAT", "BTG", "FAMRQT", "XX"]),
    st.booleans(),
)
def test_what_is_told_of_a_look_tells_of_no_entry(
    kind: str, other: str, outcome: str, purpose: str, hides: bool
) -> None:
    """One entry that was read is told in the same words whatever it was; and where nobody is to learn where
    the person is, no place and no job is told."""
    teller = Teller(POLICY, {"ZZH01": "Sample Hospital"})
    row = AuditRow(
        1, "sub", "read", kind, outcome, "p", "Ann", "R8000", "ZZH01", purpose,
        details={"ledger": "3/4 answered; ZZH01=withheld", "decided": "label", "neighbour_name": "Next door"},
    )  # fmt: skip
    told = teller.told(row, hides=hides)
    assert told == teller.told(replace(row, what=other), hides=hides)
    assert told.allowed is (outcome == "success")
    assert told.glass is (purpose == "BTG")
    assert "withheld" not in str(told)
    assert ("Sample Hospital" in str(told)) is not hides
    assert not hides or (told.role, told.organisation, told.through) == ("", "", "")


@pytest.mark.parametrize("code", ["ab cd-23", "ABCD23", "a.b.c.d.2.3"])
def test_a_code_is_read_however_it_is_typed(code: str) -> None:
    """Small letters, spaces and dashes make no other code."""
    assert plain_code(code) == "ABCD23"
