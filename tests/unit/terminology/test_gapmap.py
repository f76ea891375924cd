"""Gap files: how they are read, checked, taken and put in force."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from tests.support.small_release import Small, SmallRelease

from scr.data import DataFiles
from scr.errors import Invalid
from scr.terminology.gapmap import GapMaps, GapRow, load_gap_map, read_lines
from scr.terminology.release.reader import Release
from scr.terminology.systems import DMD, SNOMED_CT
from scr.terminology.take import take

LOCAL = "urn:example:local"
HEADER = "source_system,source_code,source_display,target_system,target_code,target_display,match,count"
SMALL = SmallRelease(
    concepts={
        SNOMED_CT: {
            "195967001": Small("Asthma", synonyms=["Bronchial asthma"]),
            "900000000000101": Small("Asthma attack", active=False, replaced_by="195967001"),
        }
    }
)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The small release, opened."""
    return Release(SMALL.write(tmp_path_factory.mktemp("release") / "release-a.sqlite"))


def written(path: Path, *rows: str) -> Path:
    """A file with these rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def test_rows_not_filled_in_yet_say_nothing(tmp_path: Path) -> None:
    """A target, none on purpose, or neither yet."""
    file = written(
        tmp_path / "a.csv",
        f"{LOCAL},A,Asthma,{SNOMED_CT},195967001,Asthma,,7",
        f"{LOCAL},B,Bed,,,,none,3",
        f"{LOCAL},C,Cough,,,,,2",
    )
    assert [(line.source[1], line.row) for line in read_lines(file)] == [
        ("A", GapRow(SNOMED_CT, "195967001", "Asthma", "")),
        ("B", GapRow("", "", "", "")),
    ]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (f"{LOCAL},A,,urn:example:other,1,,,", "line 2: target_system is none of"),
        (f",A,,{SNOMED_CT},195967001,,,", "line 2: source_system and source_code"),
        (f"{LOCAL},,,{SNOMED_CT},195967001,,,", "line 2: source_system and source_code"),
        (f"{LOCAL},A,,{SNOMED_CT},195967001,,maybe,", "line 2: match is neither"),
        (f"{LOCAL},A,,{SNOMED_CT},195967001", "line 2: 5 cells"),
        (f"{LOCAL},A,,{SNOMED_CT},1,,,", "line 2: there is no 1"),
        (f"{LOCAL},A,,{SNOMED_CT},900000000000101,,,", "line 2: 900000000000101 is not used any more"),
        (f"{LOCAL},A,,{SNOMED_CT},195967001,Diabetes,,", "line 2: 195967001 is 'Asthma'"),
        (f"{LOCAL},A,,{SNOMED_CT},195967001,,,\n{LOCAL},A,,,,,none,", "line 3: another code is given"),
        (f"{LOCAL},other,,{SNOMED_CT},195967001,,,", "line 2: another code is given for it in"),
    ],
)
def test_a_wrong_file_is_not_taken(tmp_path: Path, release: Release, row: str, says: str) -> None:
    """Each fault with its line, and what was in force stays."""
    home = tmp_path / "home"
    written(home / "terminology" / "gaps" / "by-hand.csv", f"{LOCAL},other,,,,,none,")
    file = written(tmp_path / "b.csv", row)
    with pytest.raises(Invalid) as raised:
        take(DataFiles(home), file, release, "2026-03-01")
    place, _, what = says.partition(": ")
    assert f"{file}, {place}" in str(raised.value)
    assert what in str(raised.value)
    assert list(load_gap_map(DataFiles(home)).rows) == [(LOCAL, "other")]


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path, release: Release) -> None:
    """Whoever mends it does so once."""
    rows = [f"{LOCAL},{n},,{SNOMED_CT},{n},,," for n in range(1, 4)]
    with pytest.raises(Invalid) as raised:
        take(DataFiles(tmp_path), written(tmp_path / "b.csv", *rows), release, "2026-03-01")
    assert all(f"line {n}: there is no" in str(raised.value) for n in (2, 3, 4))


def test_what_is_taken_is_in_force_and_keeps_its_day(tmp_path: Path, release: Release) -> None:
    """Rows add up over files; a row that says the same keeps the day on which it was taken first."""
    files = DataFiles(tmp_path / "home")
    first = written(
        tmp_path / "1.csv",
        f"{LOCAL},A,,{SNOMED_CT},195967001,,,",
        f"{LOCAL},B,,,,,none,",
        f"{LOCAL},D,,{DMD},318421004,Atenolol,,",
    )
    second = written(
        tmp_path / "2.csv",
        f"{LOCAL},A,,{SNOMED_CT},195967001,bronchial  ASTHMA,,",
        f"{LOCAL},B,,{SNOMED_CT},195967001,Bronchial asthma,,",
    )
    one = take(files, first, release, "2026-03-01")
    assert (one.new, one.changed, one.same, one.unchecked) == (3, 0, 0, 1)
    two = take(files, second, release, "2026-04-01")
    assert (two.new, two.changed, two.same, two.unchecked) == (0, 1, 1, 0)
    rows = load_gap_map(files).rows
    assert rows[LOCAL, "A"] == GapRow(SNOMED_CT, "195967001", "Asthma", "2026-03-01")
    assert rows[LOCAL, "B"] == GapRow(SNOMED_CT, "195967001", "Bronchial asthma", "2026-04-01")
    assert rows[LOCAL, "D"] == GapRow(DMD, "318421004", "Atenolol", "2026-03-01")


def test_a_change_is_noticed_and_a_wrong_file_is_not_taken_up(tmp_path: Path) -> None:
    """While a process runs: within a second; what cannot be read leaves what was in force."""
    path = tmp_path / "terminology" / "gaps" / "x.csv"
    clock = itertools.count(step=2.0)
    maps = GapMaps(DataFiles(tmp_path), lambda: float(next(clock)))
    assert not maps.current().rows
    written(path, f"{LOCAL},A,,{SNOMED_CT},195967001,,,")
    taken = maps.current()
    assert list(taken.rows) == [(LOCAL, "A")]
    assert maps.current() is taken
    path.write_text("no,such,columns\n", encoding="utf-8")
    assert maps.current() is taken
    path.unlink()
    assert not maps.current().rows


def test_a_wrong_file_stops_the_start(tmp_path: Path) -> None:
    """Nothing was in force yet, and a deployment is told with the line."""
    written(tmp_path / "terminology" / "gaps" / "x.csv", f"{LOCAL},A,,urn:x,1,,,")
    with pytest.raises(Invalid, match=r"x\.csv, line 2"):
        GapMaps(DataFiles(tmp_path))


def test_two_files_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    """One of them has to go, and both are named."""
    folder = tmp_path / "terminology" / "gaps"
    written(folder / "a.csv", f"{LOCAL},A,,{SNOMED_CT},195967001,,,")
    written(folder / "b.csv", f"{LOCAL},A,,,,,none,")
    with pytest.raises(Invalid, match=r"b\.csv, line 2.*a\.csv, line 2"):
        load_gap_map(DataFiles(tmp_path))
