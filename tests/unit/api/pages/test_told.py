"""What a choice about sharing is said to do and to cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.api.pages.record.told import ChoiceWords
from scr.api.pages.tongue import tongue
from scr.consent.policy import load_policy
from scr.consent.sharing import Asker, SharingRule
from scr.data import DataFiles
from scr.fhir.headings import HEADINGS

POLICY = load_policy(DataFiles())
_askers = st.lists(
    st.builds(
        Asker, st.sampled_from(["organisation", "role", "professional", "person"]), st.sampled_from("ab%")
    ),
    max_size=2,
).map(tuple)
_rules = st.builds(
    SharingRule,
    deny=st.booleans(),
    askers=_askers,
    ends=st.integers(1_700_000_000_000, 4_000_000_000_000),
    sources=st.sampled_from([(), ("ZZH01", "x")]),
    headings=st.lists(st.sampled_from(sorted(HEADINGS)), max_size=2).map(tuple),
    labels=st.sampled_from([(), ("x|HIV",), ("x|50%",)]),
    things=st.sampled_from([(), ("Condition/1",), ("Condition/1", "Flag/2")]),
)


def words(language: str) -> ChoiceWords:
    """In a language, at a deployment with one hospital and one carer."""
    return ChoiceWords(tongue(language), POLICY, {"ZZH01": "100% Hospital"}, {"a": "Ann <b>"})


@given(_rules)
def test_every_rule_is_told_whole_in_both_languages(rule: SharingRule) -> None:
    """No blank stays open, and no sentence of one language stands in the other."""
    english, welsh = words("en"), words("cy")
    for told in (english, welsh):
        assert all("%(" not in one and one.endswith(".") for one in (*told.does(rule), told.costs(rule)))
    assert english.costs(rule) != welsh.costs(rule)
    assert not set(english.does(rule)) & set(welsh.does(rule))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (SharingRule(deny=True), "Nobody who cares for you can see your record."),
        (
            SharingRule(deny=True, askers=(Asker("organisation", "ZZH01"),), headings=("medications",)),
            "Everybody at 100% Hospital cannot see “Medicines and devices”.",
        ),
        (SharingRule(deny=False, askers=(Asker("person", "a"),)), "Ann <b> can see your record."),
        (SharingRule(deny=True, labels=("x|HIV",)), "Nobody who cares for you can see what is marked “HIV”."),
    ],
)  # fmt: skip
def test_it_is_told_in_plain_words(rule: SharingRule, said: str) -> None:
    """Whom it is about, and what."""
    assert words("en").does(rule)[0] == said
