"""Readings from home: the edges of what is refused, asked and taken, and what people are told at once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.access.contributing.readings import check_reading
from scr.access.contributing.rules import Readings, load_readings
from scr.data import DataFiles

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
RULES: Readings = load_readings(DataFiles())
_EDGES = [(kind, name) for kind, rules in RULES.readings.items() for name in rules.parts]


def typed_of(kind: str, **values: str) -> dict[str, str]:
    """A usual reading of a kind, with some of its parts typed so."""
    rules = RULES.readings[kind]
    usual = {name: str(part.usual[1]) for name, part in rules.parts.items()}
    if kind == "blood-pressure":
        usual = {"systolic": "120", "diastolic": "70"}
    chosen = {name: next(iter(choice.answers)) for name, choice in rules.choices.items()}
    return {**usual, **chosen, **values}


@pytest.mark.parametrize(("kind", "name"), _EDGES, ids=lambda one: str(one))
def test_a_number_is_refused_beyond_its_limits_and_asked_beyond_what_is_usual(kind: str, name: str) -> None:
    """At each limit it is taken, a step beyond it is not; between usual and possible people are asked."""
    part = RULES.readings[kind].parts[name]
    step = Decimal(1).scaleb(-part.decimals)
    for value, taken in ((part.taken[0], True), (part.taken[0] - step, False), (part.taken[1] + step, False)):
        found = check_reading(RULES, kind, typed_of(kind, **{name: str(value)}), NOW)
        refused = [
            one for one in found.wrong if one.where == name and one.code in ("not-possible", "no-number")
        ]
        assert (not refused) == taken, (value, found)
    for value, asked in ((part.usual[0], False), (part.usual[0] - step, part.usual[0] > part.taken[0])):
        found = check_reading(RULES, kind, typed_of(kind, **{name: str(value)}), NOW)
        assert any(one.where == name for one in found.doubts) == (asked and found.reading is not None)


@given(
    st.sampled_from(sorted(RULES.readings)),
    st.dictionaries(
        st.sampled_from(sorted({n for _, n in _EDGES} | {"at", "note", "meal"})), st.text(max_size=12)
    ),
)
def test_whatever_is_typed_is_kept_whole_or_refused_with_a_sentence(kind: str, typed: dict[str, str]) -> None:
    """Never an error of ours; what is kept is within the limits; each refusal is a sentence at a field."""
    found = check_reading(RULES, kind, typed, NOW)
    assert (found.reading is None) == bool(found.wrong)
    for one in (*found.wrong, *found.doubts):
        assert one.sentence[0].isupper()
        assert one.sentence[-1] in ".?%C"
    if found.reading is not None:
        parts = RULES.readings[kind].parts
        assert {name for name, part in parts.items() if not part.optional} <= found.reading.values.keys()
        assert all(
            p.taken[0] <= found.reading.values[n] <= p.taken[1]
            for n, p in parts.items()
            if n in found.reading.values
        )


@pytest.mark.parametrize(
    ("kind", "values", "level"),
    [
        ("blood-pressure", {"systolic": "180", "diastolic": "90"}, "999"),
        ("blood-pressure", {"systolic": "179", "diastolic": "119"}, "gp"),
        ("blood-pressure", {"systolic": "150", "diastolic": "120"}, "999"),
        ("blood-pressure", {"systolic": "134", "diastolic": "84"}, ""),
        ("blood-pressure", {"systolic": "85", "diastolic": "60"}, "111"),
        ("oxygen-saturation", {"oxygen": "92"}, "999"),
        ("oxygen-saturation", {"oxygen": "93"}, "111"),
        ("oxygen-saturation", {"oxygen": "95"}, ""),
        ("glucose", {"glucose": "2.9"}, "999"),
        ("glucose", {"glucose": "3.0"}, "gp"),
        ("glucose", {"glucose": "4,0"}, ""),
        ("glucose", {"glucose": "15"}, "111"),
        ("glucose", {"glucose": "30"}, "999"),
        ("temperature", {"temperature": "37.9"}, ""),
        ("temperature", {"temperature": "38"}, "gp"),
        ("temperature", {"temperature": "40.0"}, "111"),
        ("temperature", {"temperature": "34.9"}, "999"),
        ("pulse", {"pulse": "150"}, "999"),
        ("pulse", {"pulse": "40"}, "111"),
        ("peak-flow", {"flow": "250", "best": "500"}, "999"),
        ("peak-flow", {"flow": "251", "best": "500"}, "111"),
        ("peak-flow", {"flow": "376", "best": "500"}, ""),
        ("peak-flow", {"flow": "100", "best": ""}, ""),
    ],
)
def test_people_are_told_at_once_what_to_do(kind: str, values: dict[str, str], level: str) -> None:
    """At each limit of the advice, and a step beside it; said as well where the reading is asked again."""
    found = check_reading(RULES, kind, typed_of(kind, **values), NOW)
    assert (found.advice.level if found.advice else "") == level


def test_the_advice_says_what_to_do_in_words_that_everybody_reads() -> None:
    """Short sentences, no word of the trade; what is urgent names the number to call."""
    for rules in RULES.readings.values():
        for one in rules.advice:
            sentences = [sentence for sentence in re.split(r"[.:] ", one.text) if sentence]
            assert max(len(sentence.split()) for sentence in sentences) <= 25, one.text
            assert not re.search(r"hyper|hypo|dyspn|syncope|cardiac|tachy|febrile|mmHg", one.text)
            assert one.level == "gp" or one.level in one.text, one.text
            assert one.level != "111" or "999" in one.text, one.text


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("", ""),
        ("2026-03-29", ""),
        ("2026-03-29T13:04", ""),
        ("2026-03-29T13:06", "in-future"),
        ("2026-03-29T12:04:59+00:00", ""),
        ("29/3/2026", ""),
        ("29/03/2026 13:04", ""),
        ("29.3.2026 at 13:06", "in-future"),
        ("30/2/2026", "no-date"),
        ("2026-02-30", "no-date"),
        ("yesterday", "no-date"),
        ("2010-01-01", "too-old"),
        ("0001-01-01T00:00", "no-date"),
        ("9999-12-31T23:59", "in-future"),
    ],
)
def test_a_time_is_of_london_and_in_the_past(at: str, code: str) -> None:
    """13:04 in London in summer is 12:04 UTC, within the five minutes that a clock may be fast."""
    found = check_reading(RULES, "pulse", {"pulse": "70", "at": at}, NOW)
    codes = [one.code for one in found.wrong]
    assert codes == ([code] if code else []) or (
        at.startswith("0001") and codes in (["no-date"], ["too-old"])
    )
    if not code and found.reading is not None:
        assert found.reading.at <= NOW + timedelta(minutes=5)
