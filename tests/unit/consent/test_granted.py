"""Activities that a sign-in tells: those that the policy takes from it add to the role, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.consent.test_ruling import ACTOR, NOW, POLICY, REQUEST

from scr.consent.actor import ActorKind
from scr.consent.compare import differences
from scr.consent.decide import decide, visible_headings
from scr.consent.explain import explain
from scr.consent.policy import Role, load_policy
from scr.consent.roles import joined
from scr.data import DataFiles, packaged_root
from scr.errors import Invalid

DESK = "R8009"
STAFF = ActorKind.PROFESSIONAL


def loaded(tmp_path: Path, granted: str) -> DataFiles:
    """The packaged files, with these activities."""
    text = (packaged_root() / "consent" / "roles.yaml").read_text(encoding="utf-8")
    (tmp_path / "consent").mkdir()
    path = tmp_path / "consent" / "roles.yaml"
    path.write_text(text.replace("granted: []", f"granted: {granted}"), encoding="utf-8")
    return DataFiles(tmp_path)


def test_what_was_given_opens_as_much_as_the_policy_takes_from_it(tmp_path: Path) -> None:
    """Added to the role that is there; an activity that is not listed is nothing, nor is an unknown role."""
    policy = load_policy(loaded(tmp_path, "[B0370, B1611, B0015]"))
    given = frozenset({"B0370", "B0360", "B9999"})
    plain, opened = policy.opens(STAFF, DESK), policy.opens(STAFF, DESK, given)
    assert plain is not None
    assert opened == joined(plain, [policy.granted["B0370"]])
    assert "allergies" in opened.headings - plain.headings
    assert "letters" not in opened.headings
    assert opened.activities == plain.activities | {"B0370"}
    assert (opened.code, opened.name, opened.clearance) == (DESK, plain.name, "N")
    cleared = policy.opens(STAFF, "R8000", frozenset({"B1611"}))
    assert cleared is not None
    assert cleared.clearance == "R"
    assert policy.opens(STAFF, "R9999", given) is None
    assert policy.opens(STAFF, None, given) is None
    assert policy.opens(STAFF, DESK, frozenset({"B0360"})) is plain
    assert policy.opens(ActorKind.SYSTEM, DESK, given) is None
    assert policy.may(DESK, "B0015", frozenset({"B0015"}))
    assert not policy.may(DESK, "B0015", frozenset({"B0360"}))
    assert not policy.may(DESK, "B0360", frozenset({"B0360"}))
    assert not policy.may(None, "B0015", frozenset({"B0015"}))


def test_as_shipped_nothing_that_a_token_says_adds_to_a_role() -> None:
    """And a decision that was made of what is given says so by what it opens."""
    given = frozenset(POLICY.roles["R8000"].activities)
    asked = replace(REQUEST, actor=replace(ACTOR, role=DESK, activities=given))
    assert not decide(asked, POLICY, NOW).permit
    assert POLICY.granted == {}
    takes = replace(POLICY, granted={"B0360": POLICY.roles["R8000"]})
    assert decide(asked, takes, NOW).permit
    assert visible_headings(asked, takes) == POLICY.roles["R8000"].headings
    assert not decide(replace(asked, actor=replace(ACTOR, role=DESK)), takes, NOW).permit
    elsewhere = [one.what for one in explain(replace(asked, relationships=frozenset()), takes, NOW).changes]
    assert not any(one.startswith("the job role") for one in elsewhere)
    assert [one.who for one in differences(POLICY, takes)] == ["granted of roles.yaml"]


def test_an_activity_that_is_defined_nowhere_stops_the_load(tmp_path: Path) -> None:
    """By its place in the file."""
    with pytest.raises(Invalid) as refused:
        load_policy(loaded(tmp_path, "[B0370, B9999]"))
    assert refused.value.code == "bad-policy"
    assert ": granted: B9999: not defined" in str(refused.value)
    assert "B0370" not in str(refused.value)


def test_roles_are_joined_by_all_that_they_open() -> None:
    """The greater clearance of the two; code and name stay."""
    one = Role("a", "A", frozenset({"x"}), frozenset("r"), "R", frozenset({"1"}), frozenset({("Flag", "c")}))
    other = Role(
        "b", "B", frozenset({"y"}), frozenset("s"), "N", frozenset({"2"}), frozenset({("Task", "u")})
    )
    writes = one.writes | other.writes
    both = Role("a", "A", frozenset("xy"), frozenset("rs"), "R", frozenset("12"), writes)
    assert joined(one, [other]) == both
    assert joined(other, [one]) == replace(both, code="b", name="B")
    assert joined(one, []) is one
