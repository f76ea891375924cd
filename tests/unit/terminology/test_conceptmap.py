"""Concept maps: spellings met, rows that say too much, and mistakes named with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.data import DataFiles
from scr.errors import Invalid, NotFound
from scr.terminology.conceptmap import ConceptMap, ConceptMaps, Target

HEADER = "source_code,target_system,target_code,target_display\n"
GOOD = (
    HEADER + "NFA - Other,urn:t,NFA-OTH,NFA - Other\nUnknown,,,\n+,urn:t,POS,Positive\n-,urn:t,NEG,Negative\n"
)


def maps(tmp_path: Path, text: str, name: str = "outcome.csv") -> ConceptMaps:
    """The maps of a deployment's folder with one file."""
    folder = tmp_path / "terminology" / "maps"
    folder.mkdir(parents=True)
    (folder / name).write_text(text, encoding="utf-8")
    return ConceptMaps.load(DataFiles(tmp_path))


@pytest.mark.parametrize(
    ("value", "code"),
    [("NFA - Other", "NFA-OTH"), ("nfa-other", "NFA-OTH"), (" NFA–OTHER ", "NFA-OTH"), ("Unknown", ""),
     ("+", "POS"), ("-", "NEG"), ("", None), ("NFA", None)],
)  # fmt: skip
def test_a_code_is_found_without_case_and_punctuation(tmp_path: Path, value: str, code: str | None) -> None:
    """Exactly first, loosely second; what is only punctuation is matched exactly."""
    found = maps(tmp_path, GOOD).translate("outcome", value)
    assert (None if found is None else found.code) == code


def test_systems_are_told_apart_and_a_star_takes_the_rest(tmp_path: Path) -> None:
    """The same code of two systems; a row of no system serves all; `*` is everything else."""
    text = (
        "source_system,"
        + HEADER
        + "urn:a,1,urn:t,one-of-a,\nurn:b,1,urn:t,one-of-b,\n,2,urn:t,two,\n,*,urn:t,rest,\n"
    )
    found = maps(tmp_path, text)
    codes = [
        target.code
        for system, code in [("urn:a", "1"), ("urn:b", "1"), ("urn:c", "2"), ("urn:a", "9"), ("", "1")]
        if (target := found.translate("outcome", code, system)) is not None
    ]
    assert codes == ["one-of-a", "one-of-b", "two", "rest", "rest"]


@pytest.mark.parametrize(
    ("row", "value", "unlisted"),
    [
        ("*,urn:t,rest,", "new word", True),
        ("*,urn:t,rest,", "known", False),
        ("*,urn:t,rest,", "-", False),
        ("*,,,", "new word", False),
    ],
)
def test_what_falls_back_on_a_star_is_told_apart(
    tmp_path: Path, row: str, value: str, unlisted: bool
) -> None:
    """A code without a row of its own; not `-`, nor where `*` means nothing."""
    found = maps(tmp_path, HEADER + f"known,urn:t,known,\n{row}\n").translate("outcome", value)
    assert found is not None
    assert found.unlisted is unlisted


def test_a_loose_spelling_that_would_mean_two_things_is_not_used() -> None:
    """`A+` and `A-` differ only in punctuation: neither stands for `A`."""
    blood = ConceptMap("blood")
    blood.add("A+", "", Target("urn:t", "pos", ""))
    blood.add("A-", "", Target("urn:t", "neg", ""))
    assert blood.look_up("A") is None
    assert blood.look_up("A+") == Target("urn:t", "pos", "")


@given(st.text(max_size=12), st.text(max_size=12))
def test_looking_up_twice_gives_the_same(code: str, other: str) -> None:
    """What was met before changes nothing, and never leaks from one code to another."""
    one = ConceptMap("m")
    one.add("Known code", "", Target("urn:t", "k", ""))
    fresh = ConceptMap("m")
    fresh.add("Known code", "", Target("urn:t", "k", ""))
    one.look_up(other)
    assert one.look_up(code) == one.look_up(code) == fresh.look_up(code)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("source_code,target_system,target_code\n", "line 1: no column 'target_display'"),
        (HEADER.replace("\n", ",colour\n"), "line 1: unknown column 'colour'"),
        (HEADER + "a,urn:t,A,A\na,urn:t,B,B\n", "line 3: source_code 'a' stands twice"),
        (HEADER + ",urn:t,A,A\n", "line 2: source_code is empty"),
        (HEADER + "a,,A,A\n", "line 2: target_code has no target_system"),
        (HEADER + "a,urn:t,A,A,A\n", "line 2: 5 cells where the header has 4"),
        (HEADER + '"a,urn:t,A,A\n', "not a CSV file"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(tmp_path: Path, text: str, says: str) -> None:
    """One mistake in a map."""
    with pytest.raises(Invalid) as caught:
        maps(tmp_path, text)
    assert says in str(caught.value)
    assert "maps/outcome.csv" in str(caught.value)


def test_a_map_that_is_not_there_is_missed_by_its_nearest_name(tmp_path: Path) -> None:
    """A slip in a map's name."""
    with pytest.raises(NotFound, match="did you mean 'outcome'"):
        maps(tmp_path, GOOD).translate("outcom", "x")


def test_a_row_that_is_exact_holds_for_its_own_spelling_only(tmp_path: Path) -> None:
    """In Read codes a capital and a small letter are two concepts; the other rows stay loose."""
    text = (
        "source_code,target_system,target_code,target_display,match\n"
        "G30..,urn:t,MI,Infarction,exact\nYes,urn:t,Y,Yes,\n"
    )
    found = maps(tmp_path, text)
    codes = [found.translate("outcome", value) for value in ("G30..", "g30..", "G30", "YES")]
    assert [None if code is None else code.code for code in codes] == ["MI", None, None, "Y"]


def test_how_a_row_is_matched_is_one_of_two_words(tmp_path: Path) -> None:
    """Anything else in `match` is named with its line."""
    with pytest.raises(Invalid, match=r"line 2.*match"):
        maps(tmp_path, "source_code,target_system,target_code,target_display,match\nA,urn:t,B,,loosely\n")
