"""Read maps, classifications and a deployment's own tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from scr.errors import Invalid, NotFound
from scr.terminology.load.run import load
from scr.terminology.load.sctid import with_check_digit
from scr.terminology.release.reader import Release
from scr.terminology.spelling import icd_10, icd_10_mark, opcs_4
from scr.terminology.systems import CTV3, ICD_10, OPCS_4, READ_V2, SNOMED_CT

NOW = 1_760_000_000_000
A, B, C = (with_check_digit(f"{number}999999910") for number in (1, 2, 3))
READ_HEADER = "MapId\tReadCode\tTermCode\tConceptId\tDescriptionId\tIS_ASSURED\tEffectiveDate\tMapStatus"
READ = "\r\n".join(
    (READ_HEADER,
     f"m1\tH33..\t11\t{B}\t1\t1\t20200401\t1", f"m2\tH33..\t00\t{A}\t1\t1\t20200401\t1",
     f"m3\tH33..\t12\t{A}\t1\t0\t20200401\t1", f"m4\tH34..\t00\t{A}\t1\t1\t20200401\t0",
     f"m5\th33..\t00\t{C}\t1\t0\t20200401\t1", "m6\tZzz..\t00\t_NONE\t\t1\t20200401\t1", "")
)  # fmt: skip
CTV3_TEXT = (
    "MAPID\tCTV3_CONCEPTID\tCTV3_TERMID\tCTV3_TERMTYPE\tSCT_CONCEPTID\tSCT_DESCRIPTIONID\tMAPSTATUS"
    "\tEFFECTIVEDATE\tIS_ASSURED\r\n"
    f"m1\tXE0q.\tY1\tS\t{B}\t1\t1\t20200401\t1\r\nm2\tXE0q.\tY2\tP\t{A}\t1\t1\t20200401\t1\r\n"
)
ICD = (
    "CODE\tALT_CODE\tUSAGE\tDESCRIPTION\tMODIFIER_4\r\nA17\tA17\tDEFAULT\tAn illness\t\r\n"
    "A17.0\tA170\tDAGGER\tAn illness\tOf a kind\r\n"
    "K20\tK20\tDEFAULT\tAnother illness\t\r\nK20.X\tK20X\tDEFAULT\tAnother illness\t\r\n"
)
OPCS = "A01\tAn operation\r\nA01.1\tAn operation of a kind\r\n"


def loaded(tmp_path: Path, name: str, text: str) -> Release:
    """A release of one file."""
    path = tmp_path / name
    path.write_bytes(text.encode())
    return Release(load(tmp_path / "home", [path], NOW).path)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("H33..", [(A, "00", True), (B, "11", True), (A, "12", False)]),
        ("H33..11", [(B, "11", True), (A, "00", True), (A, "12", False)]),
        ("h33..", [(C, "00", False)]),
        ("H34..", []),
        ("Zzz..", [("", "00", True)]),
    ],
)
def test_a_read_code_is_mapped_by_assurance_and_term(
    tmp_path: Path, code: str, found: list[tuple[str, str, bool]]
) -> None:
    """Assured rows first, the preferred term's before others, the term that came with the code before all."""
    release = loaded(tmp_path, "rcsctmap2_uk_20200401000001.txt", READ)
    told = [(t.code, t.term, t.assured) for t in release.translate(READ_V2, code, SNOMED_CT)]
    assert told == found
    assert all(t.version == "20200401" for t in release.translate(READ_V2, code))


def test_ctv3_prefers_the_preferred_term(tmp_path: Path) -> None:
    """Of two terms of a code, the one of type P."""
    release = loaded(tmp_path, "ctv3sctmap2_uk_20200401000001.txt", CTV3_TEXT)
    assert [t.code for t in release.translate(CTV3, "XE0q", SNOMED_CT)] == [A, B]


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("\tMapStatus", "\tStatus", "holds nothing of a known format"),
        (f"11\t{B}", f"11\t{B}7", "line 2: .* is not a concept's identifier"),
        ("20200401\t1\r\nm2", "20200401\tx\r\nm2", "line 2: has neither 0 nor 1"),
        ("H33..\t11", "H33\t11", "line 2: has no code of five characters"),
        ("\tH34..\t00", "\tH34..", "line 5: 7 columns instead of 8"),
    ],
)
def test_a_damaged_map_is_refused(tmp_path: Path, old: str, new: str, match: str) -> None:
    """Wrong columns and wrong cells are told with their line."""
    assert old in READ
    with pytest.raises(Invalid, match=match):
        loaded(tmp_path, "rcsctmap2_uk_20200401000001.txt", READ.replace(old, new))


def test_a_map_with_nothing_in_force_is_refused(tmp_path: Path) -> None:
    """A map file whose rows are all retired is not the one that was meant."""
    with pytest.raises(Invalid, match="has no map in force"):
        loaded(tmp_path, "rcsctmap2_uk_20200401000001.txt", READ.replace("20200401\t1", "20200401\t0"))


def test_classifications_are_read_with_their_hierarchy_in_any_spelling(tmp_path: Path) -> None:
    """`A170D` is `A17.0` below `A17`; `K20X` is `K20`; `A011` of OPCS-4 is `A01.1`."""
    icd = loaded(tmp_path, "ICD10_Edition5_CodesAndTitlesAndMetadata_GB_20160401.txt", ICD)
    assert icd.subsumes(ICD_10, "A17", "A170D")
    assert [hit.display for hit in icd.search(ICD_10, "kind")] == ["An illness, Of a kind"]
    other = icd.concept(ICD_10, "K20X")
    assert other is not None
    assert (other.code, other.display) == ("K20", "Another illness")
    opcs = loaded(tmp_path, "OPCS410 CodesAndTitles Nov 2022 V1.0.txt", OPCS)
    assert opcs.parents(OPCS_4, "A011") == {"A01"}
    assert {s.uri for s in opcs.systems()} == {ICD_10, OPCS_4}


@pytest.mark.parametrize(
    ("written", "code", "mark"),
    [("A170D", "A17.0", "dagger"), ("G01XA", "G01", "asterisk"), ("K20X", "K20", ""), ("A17.0", "A17.0", ""),
     ("M45X0", "M45.X0", ""), ("S5200", "S52.00", ""), ("A17", "A17", ""), ("not one", "not one", "")],
)  # fmt: skip
def test_icd_10_is_spelt_in_one_way(written: str, code: str, mark: str) -> None:
    """Dots, fillers and the letters of dagger and asterisk."""
    assert (icd_10(written), icd_10_mark(written)) == (code, mark)
    assert icd_10(code) == code
    assert opcs_4("A01.1") == opcs_4("A011")


MAP = "source_system,source_code,target_system,target_code,target_display\n"


def test_a_deployments_own_tables_are_loaded(tmp_path: Path) -> None:
    """A map and a list with a hierarchy; the map is asked before a published one; nothing stays nothing."""
    rows = f"{READ_V2},H33,{SNOMED_CT},{C},Decided here\n{READ_V2},zz,,,\nurn:x,*,urn:y,other,\n"
    release = loaded(tmp_path, "ours.csv", MAP + rows)
    assert [t.code for t in release.translate("urn:x", "whatever", "urn:y")] == ["other"]
    assert [t.code for t in release.translate(READ_V2, "zz...", SNOMED_CT)] == [""]
    both = loaded(tmp_path, "rcsctmap2_uk_20200401000001.txt", READ)
    assert [t.code for t in both.translate(READ_V2, "H33..", SNOMED_CT)] == [C]
    assert len(both.translate(READ_V2, "H33..", name="read-v2-to-snomed-ct")) == 3
    listed = "system,code,display,parent,active\nurn:l,a,Above,,yes\nurn:l,b,Below,a,no\n"
    lists = loaded(tmp_path, "list.csv", listed)
    assert lists.subsumes("urn:l", "a", "b")
    below = lists.concept("urn:l", "b")
    assert below is not None
    assert not below.active


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (MAP + "s,a,,x,\n", "line 2: target_code has no target_system"),
        (MAP + "s,a,t,x,\ns,a,t,y,\n", "line 3: source_code 'a' is empty or there twice"),
        (MAP + "s,a,t\n", "line 2: 3 cells instead of 5"),
        (MAP.replace("target_display", "target_display,notes") + "s,a,t,x,,\n", "columns are not those"),
        ("system,code,display,parent\nurn:l,a,A,z\n", "line 2: parent 'z' is no code"),
        ("system,code,display,parent\nurn:l,a,A,b\nurn:l,b,B,a\n", "the hierarchy goes round"),
        (f"system,code,display\n{SNOMED_CT},1,x\n", "line 2: needs a system other than SNOMED CT"),
        ("system,code,display\nurn:l,a,A\nurn:l,a,A\n", "line 3: code 'a' is there twice"),
        ("a,b\n1,2\n", "nothing of a known format"),
        ("", "nothing of a known format"),
    ],
)
def test_a_table_with_a_mistake_is_refused(tmp_path: Path, text: str, match: str) -> None:
    """File and line are told; nothing is loaded."""
    with pytest.raises(Invalid, match=match):
        loaded(tmp_path, "ours.csv", text)
    assert not list((tmp_path / "home").glob("*"))


def test_the_format_can_be_said(tmp_path: Path) -> None:
    """`--format` makes a file be read as what it does not look like; then its columns are told."""
    path = tmp_path / "notes.txt"
    path.write_text("nothing\n")
    with pytest.raises(Invalid, match="has not the columns of a Read v2 or CTV3 map"):
        load(tmp_path / "home", [path], NOW, format_name="read-map")
    with pytest.raises(NotFound, match="no such file"):
        load(tmp_path / "home", [tmp_path / "nowhere"], NOW)
