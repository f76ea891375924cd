"""Codes translated: by every map, by one, backwards, by the project's tables and by associations."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.small_release import SmallMap, SmallRelease
from tests.unit.terminology.operations.small import ASTHMA, GONE, valid

from scr.errors import Invalid, NotFound
from scr.terminology.operations.library import Library
from scr.terminology.operations.resources import concept_map, translation_parameters
from scr.terminology.operations.translate import BACKWARDS, OWN_MAPS, translate
from scr.terminology.release.reader import Release
from scr.terminology.systems import ICD_10, READ_V2, SNOMED_CT

ICD_MAP = f"{SNOMED_CT}?fhir_cm=999002271000000101"
REPLACED_BY = f"{SNOMED_CT}?fhir_cm=900000000000526001"


@pytest.mark.parametrize(
    ("system", "code", "how", "codes"),
    [
        (READ_V2, "H33..", {}, [ASTHMA]),
        (READ_V2, "H33", {"target_system": SNOMED_CT}, [ASTHMA]),
        (READ_V2, "H33..", {"target_system": ICD_10}, []),
        (READ_V2, "zz...", {}, []),
        (SNOMED_CT, ASTHMA, {"url": ICD_MAP}, ["J459"]),
        (SNOMED_CT, ASTHMA, {"url": "read"}, []),
        (ICD_10, "J459", {"url": ICD_MAP, "reverse": True}, [ASTHMA]),
        (ICD_10, "J459", {"reverse": True}, [ASTHMA]),
        (SNOMED_CT, ASTHMA, {"reverse": True}, ["H33.."]),
        (SNOMED_CT, GONE, {"url": REPLACED_BY}, [ASTHMA]),
        (SNOMED_CT, ASTHMA, {"url": REPLACED_BY, "reverse": True}, [GONE]),
        ("", "F", {"url": "sex"}, ["female"]),
        ("", "nonsense", {"url": OWN_MAPS + "sex"}, []),
    ],
)
def test_a_code_is_translated(
    library: Library, system: str, code: str, how: dict[str, str | bool], codes: list[str]
) -> None:
    """Whichever map it is; the answer is valid R4 and says whether there is a target."""
    found = translate(library, system, code, **how)  # type: ignore[arg-type]
    assert [one.code for one in found.matches] == codes
    assert found.result is bool(codes)
    body = valid(translation_parameters(found, ["said beside it"]))
    assert body["parameter"][0] == {"name": "result", "valueBoolean": bool(codes)}
    assert any(part["name"] == "message" for part in body["parameter"]) is not bool(codes)


def test_the_way_back_is_by_an_index(tmp_path: Path) -> None:
    """A map of many rows is not gone through for one target, however that is spelt."""
    rows = {f"{number}.": [f"A{number % 100:02}.{number // 100}"] for number in range(1000)}
    small = SmallRelease({SNOMED_CT: {}}, maps=[SmallMap("m", READ_V2, ICD_10, rows)])
    release = Release(small.write(tmp_path / "release-x.sqlite"))
    values = ("m", READ_V2, ICD_10, "A05.2", "A05.2")
    plan = release.connection().execute(f"EXPLAIN QUERY PLAN {BACKWARDS}", values)
    assert any("mapping_target" in row[3] for row in plan.fetchall())
    found = translate(Library(release), ICD_10, "A052D", reverse=True)
    assert [one.code for one in found.matches] == ["205."]


def test_no_target_is_told_from_no_row(library: Library) -> None:
    """A map that says that a code stands for nothing knows it; a code that no map has is not known."""
    assert translate(library, READ_V2, "zz...").known
    assert not translate(library, READ_V2, "yy...").known


def test_a_map_that_is_not_there_is_an_error(library: Library, shelf: Library) -> None:
    """An unknown map, an implicit one that cannot be read, and any of them without a release."""
    for one, url in ((library, "urn:nowhere"), (shelf, ICD_MAP), (library, ICD_MAP.replace("999", "998"))):
        with pytest.raises(NotFound):
            translate(one, SNOMED_CT, ASTHMA, url=url)
    with pytest.raises(Invalid, match="number of a map"):
        translate(library, SNOMED_CT, ASTHMA, url=f"{SNOMED_CT}?fhir_cm=x")
    assert not translate(shelf, READ_V2, "H33..").known


def test_every_table_is_a_concept_map(shelf: Library) -> None:
    """All of `terminology/maps` can be read as R4, and each code is in it."""
    for table in shelf.maps.maps.values():
        body = valid(concept_map(table))
        told = [(group.get("source", ""), one["code"]) for group in body["group"] for one in group["element"]]
        assert sorted(told) == sorted(key for key in table.exact if key[1] not in ("", "*"))
