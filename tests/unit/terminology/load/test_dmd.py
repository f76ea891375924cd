"""The dictionary of medicines and devices: what is below what, what was before, what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from scr.errors import Invalid
from scr.terminology.load.run import load
from scr.terminology.release.reader import Release
from scr.terminology.systems import ATC, BNF, DMD

NOW = 1_760_000_000_000
WEEK = "3050126"
FILES = {
    "lookup": "<LOOKUP><LEGAL_CATEGORY><INFO><CD>0003</CD><DESC>POM</DESC></INFO></LEGAL_CATEGORY>"
    "<SUPPLIER><INFO><CD>901</CD><DESC>Example Pharma</DESC></INFO></SUPPLIER></LOOKUP>",
    "ingredient": "<INGREDIENT_SUBSTANCES><ING><ISID>801</ISID><NM>Examplol</NM></ING>"
    "</INGREDIENT_SUBSTANCES>",
    "vtm": "<VIRTUAL_THERAPEUTIC_MOIETIES><VTM><VTMID>101</VTMID><VTMIDPREV>100</VTMIDPREV>"
    "<NM>Examplol</NM></VTM></VIRTUAL_THERAPEUTIC_MOIETIES>",
    "vmp": "<VIRTUAL_MED_PRODUCTS><VMPS><VMP><VPID>201</VPID><VPIDPREV>200</VPIDPREV><VTMID>101</VTMID>"
    "<NM>Examplol 5mg tablets</NM></VMP><VMP><VPID>202</VPID><INVALID>1</INVALID><VTMID>101</VTMID>"
    "<NM>Examplol 7mg tablets</NM></VMP></VMPS><VIRTUAL_PRODUCT_INGREDIENT><VPI><VPID>201</VPID>"
    "<ISID>801</ISID></VPI></VIRTUAL_PRODUCT_INGREDIENT></VIRTUAL_MED_PRODUCTS>",
    "amp": "<ACTUAL_MEDICINAL_PRODUCTS><AMPS><AMP><APID>301</APID><VPID>201</VPID>"
    "<NM>Exampla 5mg tablets</NM><DESC>Exampla 5mg tablets (Example Pharma)</DESC><SUPPCD>901</SUPPCD></AMP>"
    "</AMPS></ACTUAL_MEDICINAL_PRODUCTS>",
    "vmpp": "<VIRTUAL_MED_PRODUCT_PACK><VMPPS><VMPP><VPPID>401</VPPID>"
    "<NM>Examplol 5mg tablets 28 tablet</NM><VPID>201</VPID></VMPP></VMPPS></VIRTUAL_MED_PRODUCT_PACK>",
    "ampp": "<ACTUAL_MEDICINAL_PROD_PACKS><AMPPS><AMPP><APPID>501</APPID>"
    "<NM>Exampla 5mg tablets 28 tablet</NM><VPPID>401</VPPID><APID>301</APID>"
    "<LEGAL_CATCD>0003</LEGAL_CATCD></AMPP></AMPPS></ACTUAL_MEDICINAL_PROD_PACKS>",
    "gtin": "<GTIN_DETAILS><AMPPS><AMPP><AMPPID>501</AMPPID><GTINDATA><GTIN>5000000000001</GTIN></GTINDATA>"
    "<GTINDATA><GTIN>5000000000018</GTIN></GTINDATA></AMPP></AMPPS></GTIN_DETAILS>",
    "bnf": "<BNF_DETAILS><VMPS><VMP><VPID>201</VPID><BNF>01010101</BNF><ATC>X01XX01</ATC></VMP></VMPS>"
    "</BNF_DETAILS>",
}  # fmt: skip


def write(folder: Path, **changed: str | None) -> Path:
    """A week's files, some of them changed or (None) left out."""
    folder.mkdir(parents=True)
    for name, text in {**FILES, **changed}.items():
        if text is not None:
            (folder / f"f_{name}2_{WEEK}.xml").write_text(f'<?xml version="1.0"?>\n{text}', encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A dictionary of one medicine."""
    given = write(tmp_path_factory.mktemp("given") / "dmd")
    return Release(load(tmp_path_factory.mktemp("home"), [given], NOW).path)


def test_packs_and_products_are_below_what_they_are_of(release: Release) -> None:
    """An actual pack is below its product, its virtual pack and its moiety; nothing is above a moiety."""
    assert release.ancestors(DMD, "501") == {"401", "301", "201", "101"}
    assert release.descendants(DMD, "101") == {"201", "202", "301", "401", "501"}
    assert release.subsumes(DMD, "101", "301")
    assert not release.ancestors(DMD, "101")


def test_names_states_and_codes_are_read(release: Release) -> None:
    """The display of an actual product names its supplier; an invalid one is not in use; words of lists."""
    product, gone = release.concept(DMD, "301"), release.concept(DMD, "202")
    assert product is not None
    assert gone is not None
    assert (product.display, gone.active) == ("Exampla 5mg tablets (Example Pharma)", False)
    assert {p.code: p.value for p in release.properties(DMD, "501")} | {"gtin": ""} == {
        "type": "ampp", "LEGAL_CATCD": "POM", "gtin": "",
    }  # fmt: skip
    assert release.with_property(DMD, "gtin", "5000000000018") == ("501",)
    assert ("ISID", "801") in {(p.code, p.value) for p in release.properties(DMD, "201")}
    assert [found.code for found in release.search(DMD, "exampla 28")] == ["501"]


def test_an_earlier_identifier_leads_to_the_one_in_use(release: Release) -> None:
    """A code that was replaced is known, no longer used, and says by what."""
    before = release.concept(DMD, "200")
    assert before is not None
    assert not before.active
    assert [(r.kind, r.code) for r in release.replacements(DMD, "200")] == [("previous", "201")]


def test_bnf_and_atc_are_maps(release: Release) -> None:
    """Both come from the supplementary file."""
    assert [t.code for t in release.translate(DMD, "201", BNF)] == ["01010101"]
    assert [t.code for t in release.translate(DMD, "201", ATC)] == ["X01XX01"]


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"vmpp": None}, "not whole without vmpp"),
        ({"vtm": FILES["vtm"].replace("101", "109")}, "belongs to 101, which is in no file"),
        ({"vmp": FILES["vmp"].replace("<NM>Examplol 5mg tablets</NM>", "")}, "record 1 has no NM"),
        ({"vmp": FILES["vmp"].replace("202", "201")}, "record 2: 201 is there already"),
        ({"ampp": FILES["ampp"][:-40]}, "line 2: the XML breaks off"),
        ({"amp": '<!DOCTYPE x [<!ENTITY a "b">]>' + FILES["amp"]}, "definitions of its own"),
        ({"amp": "<ACTUAL_MEDICINAL_PRODUCTS><AMPS/></ACTUAL_MEDICINAL_PRODUCTS>"}, "has no AMP in it"),
    ],
)
def test_a_dictionary_that_is_not_whole_is_refused(
    tmp_path: Path, changed: dict[str, str | None], match: str
) -> None:
    """A file or a record missing, damaged or twice: the file is told, and nothing is loaded."""
    with pytest.raises(Invalid, match=match) as caught:
        load(tmp_path / "home", [write(tmp_path / "given", **changed)], NOW)
    assert str(tmp_path / "given") in str(caught.value)
    assert not list((tmp_path / "home").glob("*"))


def test_two_weeks_are_refused(tmp_path: Path) -> None:
    """Files of different dates are not one dictionary."""
    given = write(tmp_path / "given")
    (given / f"f_amp2_{WEEK}.xml").rename(given / "f_amp2_3120126.xml")
    with pytest.raises(Invalid, match=r"of 20260112, and .* of 20260105: two weeks are mixed"):
        load(tmp_path / "home", [given], NOW)


def test_an_archive_within_the_archive_is_read(tmp_path: Path) -> None:
    """The bar codes come as a zip of their own inside the dictionary's."""
    given = write(tmp_path / "given")
    gtin = given / f"f_gtin2_{WEEK}.xml"
    with ZipFile(given / "gtin.zip", "w") as inner:
        inner.write(gtin, gtin.name)
    gtin.unlink()
    archive = Path(shutil.make_archive(str(tmp_path / "dmd"), "zip", given))
    release = Release(load(tmp_path / "home", [archive], NOW).path)
    assert release.with_property(DMD, "gtin", "5000000000001") == ("501",)


@pytest.mark.corpus
def test_published_files_are_read(corpus: Path, tmp_path: Path) -> None:
    """A cut of a published week: every moiety, a pack below its moiety, an earlier product."""
    release = Release(load(tmp_path / "home", [corpus / "terminology" / "dmd"], NOW).path)
    assert release.subsumes(DMD, "108502004", "4744711000001105")
    assert [r.code for r in release.replacements(DMD, "318338001")] == ["35894711000001106"]
    assert release.with_property(DMD, "gtin", "5000283101086") == ("4744711000001105",)
