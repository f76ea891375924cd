"""ICD-10 as ClaML and OPCS-4 as XML, written for these tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from scr.errors import Invalid
from scr.terminology.load.run import load
from scr.terminology.release.reader import Release
from scr.terminology.systems import ICD_10, OPCS_4

NOW = 1_760_000_000_000
RUBRIC = '<Rubric kind="preferred"><Label xml:lang="en">{}</Label></Rubric>'


def classes(*more: str) -> str:
    """A file of two chapters, with a fourth character that one category takes, and a fifth another."""
    return "".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE ClaML SYSTEM "ClaML.dtd">\n'
            '<ClaML version="2.0.0"><Title name="ICD-10 sample" version="2019-01-01" date="2020-01-01"/>\n',
            '<ModifierClass modifier="S4" code=".0"><SuperClass code="S4"/>', RUBRIC.format("in the morning"),
            '</ModifierClass><ModifierClass modifier="S5" code="1"><SuperClass code="S5"/>',
            RUBRIC.format("of the left"), "</ModifierClass>\n",
            '<Class code="I" kind="chapter"><SubClass code="A00-A09"/>', RUBRIC.format("Ills"), "</Class>\n",
            '<Class code="A00-A09" kind="block"><SuperClass code="I"/>', RUBRIC.format("Some"), "</Class>\n",
            '<Class code="A00" kind="category"><SuperClass code="A00-A09"/><ModifiedBy code="S4"/>',
            RUBRIC.format('Sneezing <Reference class="in brackets">B01.-</Reference> loudly'), "</Class>\n",
            '<Class code="A01" kind="category" usage="dagger"><SuperClass code="A00-A09"/>',
            '<ModifiedBy code="S5"/>', RUBRIC.format("A limp"), "</Class>\n",
            '<Class code="A01.0" kind="category"><SuperClass code="A01"/>', RUBRIC.format("Slow limp"),
            "</Class>\n",
            '<Class code="A01.9" kind="category"><SuperClass code="A01"/><ExcludeModifier code="S5"/>',
            RUBRIC.format("Any limp"), "</Class>\n", *more, "</ClaML>\n",
        )
    )  # fmt: skip


RECORDS = """<?xml version="1.0"?>
<o:OPCS xmlns:o="urn:x"><o:Row><o:Code>A01</o:Code><o:Title>A thing done</o:Title></o:Row>
<o:Row><o:Code>A011</o:Code><o:Title>A thing done  well</o:Title></o:Row></o:OPCS>
"""
ATTRIBUTES = """<Opcs4CodesAndTitles><Item opcsCode="A01" Description="A thing done"/>
<Item opcsCode="A01.1" Description="A thing done well"/></Opcs4CodesAndTitles>
"""


def loaded(tmp_path: Path, text: str, name: str = "icd102019en.xml") -> Release:
    """A release of one file."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return Release(load(tmp_path / "home", [path], NOW).path)


def test_a_classification_in_claml(tmp_path: Path) -> None:
    """Chapters, blocks and categories in their order; characters that a category takes as well."""
    release = loaded(tmp_path, classes())
    titles = {
        code: found.display
        for code in ("I", "A00-A09", "A00", "A00.0", "A01", "A01.0", "A01.01", "A01.9", "A01.91", "A001")
        if (found := release.concept(ICD_10, code)) is not None
    }
    assert titles == {
        "I": "Ills", "A00-A09": "Some", "A00": "Sneezing loudly", "A00.0": "Sneezing loudly, in the morning",
        "A01": "A limp", "A01.0": "Slow limp", "A01.01": "Slow limp, of the left", "A01.9": "Any limp",
    }  # fmt: skip
    assert release.subsumes(ICD_10, "A00-A09", "A0101D")
    assert release.parents(ICD_10, "A00.0") == {"A00"}
    assert [one.value for one in release.properties(ICD_10, "A01")] == ["category", "dagger"]
    (edition,) = release.editions()
    assert (edition.name, edition.version) == ("icd-10", "20190101")


ENTITY = '<!DOCTYPE ClaML [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("</ClaML>", "", "line 12: the XML breaks off"),
        ('<SuperClass code="I"/>', '<SuperClass code="II"/>', r"class 2 \(A00-A09\): is below II"),
        ('code="A01.9"', 'code="A01.0"', r"class 6 \(A01.0\): is there twice"),
        (RUBRIC.format("A limp"), "", r"class 4 \(A01\): has no preferred title"),
        ('kind="block"', 'kind="thing"', r"class 2 \(A00-A09\): .* is no chapter, block or category"),
        ('<Class code="I" ', "<Class ", "class 1: has no code"),
        ("ICD-10 sample", "ICD-10-GM 2023", "Title: is the classification 'ICD-10-GM 2023'"),
        ('<!DOCTYPE ClaML SYSTEM "ClaML.dtd">', ENTITY, "has definitions of its own"),
        (
            '<Class code="I" kind="chapter">',
            '<Class code="I" kind="chapter"><SuperClass code="A00"/>',
            "round",
        ),
    ],
)
def test_a_broken_one_is_refused_whole(tmp_path: Path, old: str, new: str, says: str) -> None:
    """With the file and the place; what was in force stays, and nothing is left behind."""
    before = loaded(tmp_path, classes()).path
    assert old in classes()
    with pytest.raises(Invalid, match=says) as refused:
        loaded(tmp_path, classes().replace(old, new, 1), "new.xml")
    assert refused.value.code == "bad-terminology"
    assert [path for path in (tmp_path / "home").iterdir() if path.suffix == ".sqlite"] == [before]


@pytest.mark.parametrize("text", [RECORDS, ATTRIBUTES])
def test_opcs_4_as_xml(tmp_path: Path, text: str) -> None:
    """Whatever its elements are called: a code and a title in each record."""
    release = loaded(tmp_path, text, "OPCS410 CodesAndTitles Nov 2022 V1.0.xml")
    found = release.concept(OPCS_4, "A011")
    assert found is not None
    assert found.display == "A thing done well"
    assert release.parents(OPCS_4, "A01.1") == {"A01"}
    assert [one.version for one in release.editions()] == ["4.10"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (RECORDS.replace("A011", "well"), "record 2: has no code and title"),
        (RECORDS.replace("A011", "A01"), "record 2: code A01 is there twice"),
        (RECORDS.replace("</o:OPCS>", ""), "line 4: the XML breaks off"),
        (RECORDS.replace("Title>", "Note>"), "has no record with a code and a title"),
        (RECORDS.replace("<o:OPCS", '<!DOCTYPE o [<!ENTITY a "b">]><o:OPCS'), "has definitions of its own"),
    ],
)
def test_broken_opcs_4_is_refused_whole(tmp_path: Path, text: str, says: str) -> None:
    """With the file and the record."""
    with pytest.raises(Invalid, match=says):
        loaded(tmp_path, text, "opcs.xml")
    assert not list((tmp_path / "home").glob("*.sqlite*"))
