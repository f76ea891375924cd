"""The library: versions as FHIR writes them, lists that are remembered, a release that is switched."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from tests.unit.terminology.operations.small import SMALL, valid

from scr.data import DataFiles
from scr.terminology.conceptmap import ConceptMaps
from scr.terminology.load.run import load
from scr.terminology.operations.answer import answer
from scr.terminology.operations.chosen import find_definition
from scr.terminology.operations.codes import DETAILS, lookup, subsumes
from scr.terminology.operations.expand import expand
from scr.terminology.operations.library import Libraries, Remembered, snomed_version
from scr.terminology.operations.question import from_pairs
from scr.terminology.operations.resources import lookup_parameters
from scr.terminology.release.current import folder_of
from scr.terminology.release.reader import Release
from scr.terminology.systems import DMD, SNOMED_CT


@pytest.mark.parametrize(
    ("loaded", "version"),
    [
        ("GB1000000/20260401 INT/20260101", f"{SNOMED_CT}/999000041000000102/version/20260401"),
        ("INT/20180731", f"{SNOMED_CT}/900000000000207008/version/20180731"),
        ("20260101", "20260101"),
        ("", ""),
    ],
)
def test_a_version_of_snomed_ct_is_an_address(loaded: str, version: str) -> None:
    """Edition and date, from the packages that were loaded; what is written otherwise stays."""
    assert snomed_version(loaded) == version


def test_what_was_listed_is_remembered_within_bounds() -> None:
    """A list is made once; the oldest goes when all together are too long; one that is longer is not kept."""
    made: list[str] = []

    def make(name: str, length: int) -> tuple[str, ...]:
        made.append(name)
        return (name,) * length

    remembered = Remembered(most=10)
    for name in "aabacabdd":
        length = 11 if name == "d" else 4
        assert remembered.codes(name, partial(make, name, length)) == (name,) * length
    assert made == ["a", "b", "c", "b", "d", "d"]


def test_a_release_is_noticed(tmp_path: Path) -> None:
    """Nothing is known of SNOMED CT until a release is there; then a new library answers."""
    files = DataFiles(tmp_path)
    before = Libraries(files, ConceptMaps.load(files), tmp_path).current()
    assert (before.release, before.has_system(SNOMED_CT)) == (None, False)
    SMALL.put_in_force(tmp_path)
    after = Libraries(files, ConceptMaps.load(files), tmp_path)
    assert after.current().has_system(SNOMED_CT)
    assert after.current() is after.current()


@pytest.mark.corpus
def test_loaded_sources_answer(corpus: Path, tmp_path: Path) -> None:
    """SNOMED CT and dm+d as published: every concept looked up, the root above all, ECL and typing agree."""
    for source in ("rf2-dummy/Snapshot", "dmd"):
        load(folder_of(tmp_path), [corpus / "terminology" / source], 0)
    files = DataFiles(tmp_path)
    library = Libraries(files, ConceptMaps.load(files), tmp_path).current()
    release = library.release
    assert isinstance(release, Release)
    everything = expand(library, find_definition(library, f"{SNOMED_CT}?fhir_vs"))
    assert everything.total == release.count(SNOMED_CT) > 100
    active = [one.code for one in everything.codes if one.active]
    for code in active:
        valid(lookup_parameters(lookup(library, SNOMED_CT, code, DETAILS)))
    root = "138875005"
    below = expand(library, find_definition(library, f"{SNOMED_CT}?fhir_vs=ecl/<< {root}"))
    assert {one.code for one in below.codes} == {
        code for code in active if subsumes(library, SNOMED_CT, root, code) in ("subsumes", "equivalent")
    }
    pages = from_pairs(
        "ValueSet/$expand", [("url", f"{SNOMED_CT}?fhir_vs"), ("filter", "struc"), ("count", "5")]
    )
    assert valid(answer(library, pages, at="2026-01-31T09:30:00Z").resource)["expansion"]["contains"]
    medicines = release.search(DMD, "para", 3)
    for one in medicines:
        valid(lookup_parameters(lookup(library, DMD, one.code, DETAILS)))
    assert medicines
