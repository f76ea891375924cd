"""Whose is it? The scenarios that the comparison of demographics must get right, as one table."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import BaseModel

from scr.data import DataFiles, load_yaml
from scr.errors import Invalid
from scr.fhir.demographics import Demographics
from scr.identity.match import Agreement, Verdict, compare
from scr.identity.matching import Matching, load_matching, shipped_matching
from scr.identity.names import Level

PAGE = Path(__file__).parents[2] / "docs" / "matching.md"


def _who(line: str) -> Demographics:
    """One person of the table; what is empty was not told."""
    family, given_names, birth, sex, postcode = (part.strip() or None for part in line.split("|"))
    sexes = {"f": "female", "m": "male"}
    return Demographics(family, tuple((given_names or "").split()), birth, sexes.get(sex or ""), postcode)


class Scenario(BaseModel):
    """What is held, what is told, and what must come of it."""

    verdict: Agreement
    name: str
    known: str
    told: str


class _File(BaseModel):
    scenarios: tuple[Scenario, ...]


SCENARIOS = load_yaml(DataFiles().find("consent", "scenarios/matching.yaml")).parse(_File).scenarios


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario(scenario: Scenario) -> None:
    """What is told of the person agrees, is in doubt, contradicts, or says nothing; from either side."""
    known, told = _who(scenario.known), _who(scenario.told)
    assert compare(known, told).agreement is scenario.verdict
    assert compare(told, known).agreement is scenario.verdict


def page() -> str:
    """The page of scenarios, each with the sum that the shipped policy gives it."""
    rows = [
        f"| {s.verdict} | {s.name} | {_shown(s.known)} | {_shown(s.told)} | {_sum(s)} |" for s in SCENARIOS
    ]
    policy = shipped_matching()
    return "\n".join(
        [
            "# Whose is it?",
            "",
            "What comes of the demographics of a payload beside those known by its NHS Number, under the",
            "shipped policy (`consent/matching.yaml`: a sum of "
            f"{policy.agree:g} or more agrees, {policy.contradict:g} or less",
            "contradicts, and what its `never_agree` names is a doubt at any sum). These are tests, from",
            "`consent/scenarios/matching.yaml`: family name, given names, birth date, sex, postcode.",
            "",
            "| verdict | what happened | known | told | sum |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _shown(line: str) -> str:
    return ", ".join(part for part in line.split("|") if part) or "nothing"


def _sum(scenario: Scenario) -> str:
    return f"{compare(_who(scenario.known), _who(scenario.told)).score:g}"


def test_the_page_of_scenarios_is_the_table() -> None:
    """`docs/matching.md` is what the scenarios say; a new one has to be written there too."""
    assert PAGE.read_text(encoding="utf-8") == page()


_names = st.sampled_from(
    ["Finch", "FINCH", "Finch-Heron", "Heron", "Jane", "Baby", "Mohammed", "Md", "Bill", "O", ""]
)
_people = st.builds(
    Demographics,
    family=st.none() | _names,
    given=st.lists(_names, max_size=3).map(tuple),
    birth_date=st.none() | st.dates().map(str) | st.sampled_from(["1980-05-17", "1980", "1980-13-01", "?"]),
    sex=st.sampled_from([None, "male", "female", "other", "unknown"]),
    postcode=st.sampled_from([None, "", "ZZ1 1ZZ", "zz11zz", "ZZ9 9ZZ"]),
)


@given(_people, _people)
def test_the_order_does_not_matter(one: Demographics, other: Demographics) -> None:
    """Held and told may be exchanged: the verdict and its reasons stay."""
    assert compare(one, other) == compare(other, one)


@given(_people)
def test_nobody_contradicts_themselves(one: Demographics) -> None:
    """What is told twice never contradicts, and agrees where there is a birth date."""
    verdict = compare(one, one).agreement
    assert verdict is not Agreement.CONTRADICT
    if one.birth_date and len(one.birth_date) == 10 and "-13-" not in one.birth_date:
        assert verdict is Agreement.AGREE


@given(_people, _people)
def test_reasons_hold_no_data(one: Demographics, other: Demographics) -> None:
    """A reason is made of our own words."""
    words = {"birth-date", "family-name", "given-name", "sex", "postcode"}
    for reason in compare(one, other).reasons:
        fact, _, how = reason.rpartition("-")
        assert fact in words
        assert how in {level.value for level in Level} - {"same"}


@given(_people, _people)
def test_one_fact_more_against_never_brings_agreement(one: Demographics, other: Demographics) -> None:
    """What is a doubt without a postcode and a sex does not become one person's by another sex."""
    bare = compare(replace(one, sex=None), replace(other, sex=None))
    against = compare(replace(one, sex="male"), replace(other, sex="female"))
    if bare.agreement is not Agreement.AGREE:
        assert against.agreement is not Agreement.AGREE


class _Mistake(NamedTuple):
    """A slip in the policy, and what its writer is told."""

    old: str
    new: str
    told: str


_MISTAKES = [
    _Mistake("agree: 8,", "agree: -9,", "is not below agree"),
    _Mistake("sex: {same: 0.5, other: -6}", "sex: {same: 0.5}", "has no weight for other"),
    _Mistake("sex: {same: 0.5,", "sex: {near: 1, same: 0.5,", "never compares as near"),
    _Mistake("never_agree:", "never_agre:", "did you mean 'never_agree'"),
]


@pytest.mark.parametrize("mistake", _MISTAKES, ids=lambda mistake: mistake.told)
def test_a_mistake_in_the_policy_stops_the_load(mistake: _Mistake, tmp_path: Path) -> None:
    """The message names the file, the line and what to do."""
    text = DataFiles().find("consent", "matching.yaml").read_text(encoding="utf-8")
    assert mistake.old in text
    (tmp_path / "consent").mkdir()
    (tmp_path / "consent" / "matching.yaml").write_text(text.replace(mistake.old, mistake.new, 1))
    with pytest.raises(Invalid, match=mistake.told) as caught:
        load_matching(DataFiles(tmp_path))
    assert "matching.yaml, line " in str(caught.value)


def test_a_deployment_decides_by_its_own_policy(tmp_path: Path) -> None:
    """A stricter threshold makes a doubt of what the shipped one files."""
    text = DataFiles().find("consent", "matching.yaml").read_text(encoding="utf-8")
    (tmp_path / "consent").mkdir()
    (tmp_path / "consent" / "matching.yaml").write_text(text.replace("agree: 8,", "agree: 14,", 1))
    strict = load_matching(DataFiles(tmp_path))
    finch, heron = _who("Finch|Jane|1980-05-17|f|"), _who("Heron|Jane|1980-05-17|f|")
    assert _agreement(finch, heron, shipped_matching()) is Agreement.AGREE
    assert _agreement(finch, heron, strict) is Agreement.DOUBT


def _agreement(one: Demographics, other: Demographics, policy: Matching) -> Agreement:
    verdict: Verdict = compare(one, other, policy)
    return verdict.agreement
