"""The misuse rules as data: what raises a rule, and that a mistake in them stops the load."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.consent.misuse import OF_DAY, OF_VISIT, MisuseRules, load_misuse
from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.errors import Invalid

SHIPPED = load_misuse(DataFiles())
COLLEAGUE = "  colleague:\n    title: Colleague\n    lead: [colleague]\n"


def changed(home: Path, *pairs: tuple[str, str]) -> DataFiles:
    """A deployment whose own rules differ from the packaged ones in some places."""
    text = DataFiles().find("consent", "misuse.yaml").read_text(encoding="utf-8")
    for right, wrong in pairs:
        assert right in text
        text = text.replace(right, wrong, 1)
    (home / "consent").mkdir(exist_ok=True)
    (home / "consent" / "misuse.yaml").write_text(text, encoding="utf-8")
    return DataFiles(home)


MISTAKES = [
    ("keep_days: 60", "keep_days: 20", "peers.days: more than keep_days"),
    ("alone: {days: 7}", "alone: {days: 61}", "alone.days: more than keep_days"),
    ("returning: {days: 14", "returning: {days: 61", "returning.days: more than keep_days"),
    ("from: 22, until: 6", "from: 22, until: 22", "night.until: the same hour as from"),
    ("from: 22, until: 6", "from: 22, until: 24", "night.until"),
    ("{own-record: 100}", "{own-records: 100}", "did you mean 'own-record'?"),
    ("{own-record: 100}", "{horoscope: 100}", "no signal is called horoscope"),
    ("{own-record: 100}", "{own-record: 99}", "do not come to 100: it is never raised"),
    ("{own-record: 100}", "{own-record: 100, volume: 5}", "one person on a day, or the user's whole day"),
    ("{volume: 100}", "{volume: 100, vip: 5}", "rules.volume.points.vip: vip and what leads"),
    ("{own-record: 100}", "{own-record: 100, vip: 0}", "rules.own-record.points.vip: points are 1 or more"),
    ("lead: [own-record]", "lead: [own-record, vip]", "rules.own-record.lead: vip has no points"),
    ("lead: [own-record]", "lead: []", "rules.own-record.lead"),
    ("lasting: [registration", "lasting: [registrations", "quiet.lasting"),
    ("common_in_1000", "common_in_100", "did you mean 'common_in_1000'?"),
    (COLLEAGUE, f"{COLLEAGUE}    except_roles: [R9999]\n", "R9999: no job role of roles.yaml"),
]


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES)
def test_a_mistake_stops_the_load_of_the_whole_policy(
    tmp_path: Path, right: str, wrong: str, message: str
) -> None:
    """It names the file, the line and the key."""
    with pytest.raises(Invalid) as refused:
        load_policy(changed(tmp_path, (right, wrong)))
    assert "misuse.yaml, line " in str(refused.value)
    assert message in str(refused.value)


@given(st.sets(st.sampled_from(sorted(OF_VISIT | OF_DAY))))
def test_a_rule_is_raised_by_what_leads_and_by_enough_points(signals: set[str]) -> None:
    """Never without a leading signal, never below its threshold, and always where both are there; most points
    come first."""
    raised = SHIPPED.raised(signals, "R8000")
    found = {one.rule: one.score for one in raised}
    for code, rule in SHIPPED.rules.items():
        score = sum(points for signal, points in rule.points.items() if signal in signals)
        assert (code in found) == (bool(rule.lead & signals) and score >= rule.raise_at)
        assert found.get(code, score) == score
    assert [one.score for one in raised] == sorted((one.score for one in raised), reverse=True)


@given(st.sets(st.sampled_from(sorted(OF_VISIT))), st.sampled_from(sorted(OF_VISIT)))
def test_one_more_signal_takes_nothing_back(signals: set[str], more: str) -> None:
    """What was raised at once is still raised when the day is over."""
    before = {one.rule: one.score for one in SHIPPED.raised(signals, "R8001")}
    after = {one.rule: one.score for one in SHIPPED.raised(signals | {more}, "R8001")}
    assert before.keys() <= after.keys()
    assert all(after[rule] >= score for rule, score in before.items())


def test_no_weak_signal_raises_anything_by_itself() -> None:
    """Nor does nothing at all: only a user's own record does, or a whole day's looks."""
    alone = {signal for signal in OF_VISIT | OF_DAY if SHIPPED.raised({signal}, "R8000")}
    assert alone == {"own-record", *OF_DAY}
    assert SHIPPED.raised((), "R8000") == ()


def test_a_rule_can_be_for_some_roles_only_and_have_a_threshold_of_its_own(tmp_path: Path) -> None:
    """Colleagues of a role that is not asked about raise nothing; another threshold holds for one rule."""
    more = f"{COLLEAGUE}    except_roles: [R8001]\n    raise_at: 50\n"
    rules = load_policy(changed(tmp_path, (COLLEAGUE, more))).misuse
    assert rules is not None
    assert [one.rule for one in rules.raised({"colleague"}, "R8000")] == ["colleague"]
    assert rules.raised({"colleague"}, "R8001") == ()
    assert rules.raised({"vip"}, "R8000") == ()


def test_the_rules_have_a_hash_of_their_own(tmp_path: Path) -> None:
    """Another rule is no other policy: no decision hangs on it."""
    policy = load_policy(changed(tmp_path, ("title: Own record", "title: One's own record")))
    assert policy.misuse is not None
    assert policy.misuse.hash != SHIPPED.hash
    assert policy.hash == load_policy(DataFiles()).hash


def test_roles_of_a_deployment_need_not_be_those_of_the_packaged_rules(tmp_path: Path) -> None:
    """What is said of a role that nobody knows is looked at where both files are the deployment's."""
    roles = "purposes: [TREAT]\nactivities: {}\nroles: {R1: {name: One, activities: []}}\n"
    (tmp_path / "consent").mkdir()
    (tmp_path / "consent" / "roles.yaml").write_text(roles, encoding="utf-8")
    assert isinstance(load_policy(DataFiles(tmp_path)).misuse, MisuseRules)
    assert load_misuse(DataFiles()) == SHIPPED


@pytest.mark.parametrize(
    ("begins", "ends", "hours"), [(22, 6, {22, 23, 0, 1, 2, 3, 4, 5}), (0, 5, {0, 1, 2, 3, 4}), (23, 0, {23})]
)
def test_the_hours_of_the_night(begins: int, ends: int, hours: set[int]) -> None:
    """Over midnight or not; the last hour is not in it."""
    night = type(SHIPPED.night).model_validate(
        {
            "from": begins,
            "until": ends,
            "usual_above_percent": 1,
            "unheard_below_percent": 0,
            "shift_of": 1,
        }
    )
    assert night.hours == sum(1 << hour for hour in hours)
