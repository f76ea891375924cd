"""How a payload departs from what its feed sent before, and that no value stands in a profile."""

from __future__ import annotations

from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.data import DataFiles, packaged_root
from scr.decode.tree import Unit
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.profile import LEARNT, MOST_VALUES, Observer, Profile, drifts, shape

HEADER = "NHS_Number,Family_Name,Given_Name,Date_of_Birth,Sex,Postcode,Practice_Code,Registered_On,Note"
ROW = "9990001014,Sample,Ada,05/07/1941,F,ZZ99 1AA,A81001,1999-03-02,x"


@cache
def observer(name: str = "gp-registrations") -> Observer:
    """An observer of a shipped adapter."""
    return Observer(adapter(name), b"k" * 32)


@cache
def adapter(name: str) -> Adapter:
    """A shipped adapter."""
    return load_adapter(DataFiles(), name)


def seen(*rows: str, header: str = HEADER) -> Profile:
    """The profile of a file of registrations."""
    profile = Profile()
    for unit in adapter("gp-registrations").units("\n".join([header, *rows]).encode()):
        assert isinstance(unit, Unit)
        observer().look(unit, profile)
    return profile


KNOWN = [ROW.replace(",F,", f",{sex},") for sex in "FM"] * LEARNT


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        (HEADER, ROW, []),
        (HEADER, ROW.replace("Ada", "Bert"), []),
        (HEADER.replace("Note", "Notes"), ROW, [("renamed", "Note")]),
        (HEADER.replace("Note", "Ward"), ROW, [("missing", "Note"), ("new", "Ward")]),
        (HEADER + ",Ward", ROW + ",1", [("new", "Ward")]),
        (HEADER, ROW.replace("A81001", ""), [("empty", "Practice_Code")]),
        (HEADER, ROW.replace(",F,", ",f,"), []),
        (HEADER, ROW.replace(",F,", ",Female,"), [("new-code", "Sex")]),
        (HEADER, ROW.replace("05/07/1941", "5 July 1941"), [("date-format", "Date_of_Birth")]),
        (HEADER, ROW.replace("05/07/1941", "not known"), []),
    ],
)
def test_a_departure_is_noticed(header: str, row: str, expected: list[tuple[str, str]]) -> None:
    """A column renamed, missing or new, a field now empty, a new code, another date format; nothing else."""
    found = drifts(seen(*KNOWN), seen(row, header=header))
    assert [(each.kind, each.field) for each in found] == expected
    assert not any(secret in str(each) for each in found for secret in ("9990001014", "Female", "Ada"))


@given(
    st.lists(st.sampled_from(["05/07/1941", "1941-07-05", ""]), min_size=1, max_size=8), st.integers(1, 60)
)
def test_what_was_learnt_is_no_departure(dates: list[str], times: int) -> None:
    """Whatever a feed sends is taken once, and the same again departs from nothing."""
    payload = seen(*(ROW.replace("05/07/1941", each) for each in dates))
    known = Profile()
    for _ in range(times):
        known.add(payload)
    assert drifts(known, payload) == ()
    assert known.units == times * len(dates)


def test_nothing_is_held_against_a_feed_before_it_is_known() -> None:
    """The first payloads of a feed are learnt from, and depart from nothing."""
    few = seen(*[ROW] * (LEARNT - 1))
    assert drifts(few, seen(ROW + ",1", header=HEADER + ",Ward")) == ()


def test_no_value_stands_in_a_profile() -> None:
    """Codes are keyed hashes, dates are shapes, and of everything else there are counts only."""
    written = msgspec.json.encode(seen(*KNOWN)).decode()
    for value in ("9990001014", "Sample", "Ada", "1941", "ZZ99", "A81001", '"F"', '"M"'):
        assert value not in written
    other = Profile()
    unit = next(adapter("gp-registrations").units(f"{HEADER}\n{ROW}".encode()))
    assert isinstance(unit, Unit)
    Observer(adapter("gp-registrations"), b"x" * 32).look(unit, other)
    assert other.codes["Sex"].keys().isdisjoint(seen(ROW).codes["Sex"])


def test_a_profile_is_bounded() -> None:
    """A field with more values than are told apart is not held to them, and takes no more room."""
    profile = seen(*(ROW.replace(",F,", f",code {n},") for n in range(MOST_VALUES + 50)))
    assert len(profile.codes["Sex"]) == MOST_VALUES
    assert drifts(profile, seen(ROW.replace(",F,", ",another,"))) == ()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("pas-adt", "admission.hl7"),
        ("lab-oru", "blood-tests.hl7"),
        ("gp-connect", "structured-record.json"),
    ],
)
def test_every_format_has_its_profile(name: str, file: str) -> None:
    """Messages and bundles are profiled by field: the same departs from nothing, a lacking field does."""
    profile = Profile()
    sample = packaged_root() / "adapters" / name / "samples" / file
    for unit in adapter(name).units(sample.read_bytes()):
        assert isinstance(unit, Unit)
        for _ in range(LEARNT):
            observer(name).look(unit, profile)
    less = msgspec.convert(msgspec.to_builtins(profile), Profile)
    always = next(field for field, count in profile.filled.items() if count == profile.units)
    del less.filled[always]
    assert drifts(profile, profile) == ()
    assert [(each.kind, each.field) for each in drifts(profile, less)] == [("empty", always)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", "9999-99-99"),
        ("31 Jan 2026", "99 A 9999"),
        ("20260131093000+0000", "99999999999999+9999"),
        ("2026-01-31T09:30:00Z", "9999-99-99A99:99:99A"),
        ("unknown", ""),
        ("(see note of 2026)", ""),
        ("12.5", ""),
    ],
)
def test_a_date_has_a_shape(text: str, expected: str) -> None:
    """Digits and words; what looks like no date has none."""
    assert shape(text) == expected
