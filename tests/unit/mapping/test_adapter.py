"""An adapter's file: the shape of the design loads, and each mistake is named with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from scr.data import DataFiles
from scr.decode.tree import BadUnit, Unit
from scr.errors import Invalid, NotFound
from scr.fhir.identifiers import OdsCode
from scr.mapping.adapter import load_adapter
from scr.mapping.run import MappingContext, claim, map_unit

GOOD = """\
supplier: {name: Example Care, product: CareDiary, setting: social-care}
decode: {format: csv, encoding: cp1252, columns: [NHSNo, Surname, DOB, PackageID, \
PackageStatus, ServiceType, StartDate, EndDate]}
nhs_number: "{{ NHSNo }}"
demographics: {family: "{{ Surname }}", birth_date: "{{ date(DOB, '%d/%m/%Y') }}"}
resources:
  - when: "{{ PackageStatus != 'Proposed' }}"
    resource:
      resourceType: CarePlan
      id: "{{ stable_id('CarePlan', PackageID) }}"
      status: "{{ translate('care-diary-package-status', PackageStatus) }}"
      intent: plan
      title: "{{ ServiceType }}"
      period: {start: "{{ date(StartDate, '%d/%m/%Y') }}", end: "{{ date(EndDate, '%d/%m/%Y') }}"}
"""
MAP = """\
source_code,target_system,target_code,target_display
Active,http://hl7.org/fhir/request-status,active,Active
Ended,http://hl7.org/fhir/request-status,completed,Completed
"""


def home(tmp_path: Path, text: str = GOOD) -> DataFiles:
    """A deployment's folder with one adapter and its map."""
    (tmp_path / "adapters" / "care-home-csv").mkdir(parents=True)
    (tmp_path / "adapters" / "care-home-csv" / "adapter.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "terminology" / "maps").mkdir(parents=True)
    (tmp_path / "terminology" / "maps" / "care-diary-package-status.csv").write_text(MAP, encoding="utf-8")
    return DataFiles(tmp_path)


def test_an_adapter_is_read_again_when_its_file_or_a_map_is_another(tmp_path: Path) -> None:
    """And only then: whoever asks for it in between gets the one that was read."""
    files = home(tmp_path)
    first = load_adapter(files, "care-home-csv")
    assert load_adapter(DataFiles(tmp_path), "care-home-csv") is first
    path = files.find("adapters", "care-home-csv/adapter.yaml")
    path.write_text(GOOD.replace("CareDiary", "CareBook"), encoding="utf-8")
    second = load_adapter(files, "care-home-csv")
    assert (second.supplier.product, first.supplier.product) == ("CareBook", "CareDiary")
    assert second.fingerprint != first.fingerprint
    table = files.find("terminology", "maps/care-diary-package-status.csv")
    table.write_text(MAP.replace("completed,Completed", "revoked,Revoked"), encoding="utf-8")
    third = load_adapter(files, "care-home-csv")
    told = [one.maps.translate("care-diary-package-status", "Ended") for one in (second, third)]
    assert [target.code for target in told if target] == ["completed", "revoked"]


def test_the_example_of_the_design_maps_a_row(tmp_path: Path) -> None:
    """The adapter that onboarding reads first loads, claims and maps."""
    adapter = load_adapter(home(tmp_path), "care-home-csv")
    assert adapter.headings == {"plans"}
    header = "NHSNo,Surname,DOB,PackageID,PackageStatus,ServiceType,StartDate,EndDate"
    rows = ["999 000 1014,O’Neil,31/01/1950,P1,ACTIVE,Home care,01/02/2025,", "9990001022,B,,P2,Proposed,,,"]
    units = list(adapter.units("\r\n".join([header, *rows]).encode("cp1252")))
    assert all(isinstance(unit, Unit) for unit in units)
    good = [unit for unit in units if not isinstance(unit, BadUnit)]
    told = claim(adapter, good[0])
    assert told.nhs_number is not None
    assert told.nhs_number.value == "9990001014"
    assert told.demographics.family == "O’Neil"
    context = MappingContext(OdsCode("A81001"), "s", b"key", 0, adapter.maps)
    (entry,) = map_unit(adapter, good[0], context).entries
    assert (entry.type, entry.status, entry.references) == ("CarePlan", "active", ("Patient/s",))
    assert b'"period":{"start":"2025-02-01"}' in entry.body
    assert map_unit(adapter, good[1], context).entries == ()


MISTAKES = [
    ("demographics: {family", "demographics: {famly",
     "line 4: demographics.famly: unknown key; did you mean 'family'"),
    ("resources:\n", "resorces:\n", "resorces: unknown key; did you mean 'resources'?"),
    ("  - when:", "  - wen:", "line 6: resources.0.wen: unknown key; did you mean 'when'?"),
    ("setting: social-care", "setting: socialcare", "line 1: supplier.setting: "),
    ("encoding: cp1252", "encoding: ebcdic", "line 2: decode.encoding: "),
    ("{format: csv, ", "{format: cvs, ", "line 2: decode"),
    ("{{ NHSNo }}", "{{ NHSNum }}",
     "line 3: nhs_number: 'NHSNum' is not a declared column; did you mean 'NHSNo'"),
    ("date(DOB, '%d/%m/%Y')", "dat(DOB, '%d/%m/%Y')", "demographics.birth_date: there is no function dat()"),
    ("PackageStatus != 'Proposed'", "PackageStatus = 'Proposed'", "line 6: resources.0.when: "),
    ("PackageStatus != 'Proposed'", "PackageStatus = 'Proposed'", "column 16"),
    ("      resourceType: CarePlan\n", "", "line 7: resources.0.resource: "),
    ("      id: \"{{ stable_id('CarePlan', PackageID) }}\"\n", "", "id is missing"),
    ("stable_id('CarePlan'", "stable_id('Careplan'", "line 9: resources.0.resource.id: stable_id names"),
    ("      intent: plan\n", "", "a CarePlan needs intent"),
    ("      intent: plan\n", "      intent: plan\n      subject: {display: x}\n", "the patient is stamped"),
    ("'care-diary-package-status'", "'care-diary-status'", "resource.status: there is no concept map"),
    ('title: "{{ ServiceType }}"', "title: {{ ServiceType }}", "line 12: a key is text: put {{ }} in quotes"),
    ("title: \"{{ ServiceType }}\"", "title: \"{{ ServiceTyp }}\"",
     "resources.0.resource.title: 'ServiceTyp'"),
    ("      intent: plan\n", "      intent: plan\n      intent: plan\n", "the key 'intent' stands twice"),
    ("resources:\n", "ignore: [{fields: [Cost], reason: money}]\nresources:\n", "ignore.0.fields.0: 'Cost'"),
    ("resources:\n", "headings: [plan]\nresources:\n", "headings.0: there is no heading 'plan'; did"),
    ("nhs_number: \"{{ NHSNo }}\"\n", "", "nhs_number is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), MISTAKES)
def test_a_mistake_is_named_with_file_line_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    """One mistake in the good file: where it is, and what to do."""
    assert old in GOOD
    with pytest.raises(Invalid) as caught:
        load_adapter(home(tmp_path, GOOD.replace(old, new, 1)), "care-home-csv")
    assert says in str(caught.value)
    assert "care-home-csv/adapter.yaml" in str(caught.value)


def test_everything_goes_through_only_where_the_payload_is_fhir(tmp_path: Path) -> None:
    """`resources: all` over CSV is a mistake, and over FHIR wants headings."""
    head = GOOD.split("resources:\n")[0]
    with pytest.raises(Invalid, match="all is for FHIR payloads"):
        load_adapter(home(tmp_path / "a", head + "headings: [plans]\nresources: all\n"), "care-home-csv")
    fhir = GOOD.split("\n")[0] + "\ndecode: {format: fhir-json, version: R4}\nresources: all\n"
    with pytest.raises(Invalid, match="needs headings"):
        load_adapter(home(tmp_path / "b", fhir), "care-home-csv")


def test_an_adapter_that_is_not_there_is_missed_by_its_nearest_name(tmp_path: Path) -> None:
    """A provider file with a slip in the adapter's name."""
    with pytest.raises(NotFound, match="did you mean 'care-home-csv'"):
        load_adapter(home(tmp_path), "care-home-cvs")


WORKBOOK = """\
supplier: {name: Example Care, product: CareDiary, setting: social-care}
decode:
  format: workbook
  sheets:
    people: {columns: [id, nhs, born], key: id}
    notes: {sheet: Daily notes, columns: [of, text], key: of, joins: people}
nhs_number: "{{ people.nhs }}"
resources:
  - sheet: notes
    resource:
      resourceType: Communication
      id: "{{ stable_id('Communication', of, root.people.id) }}"
      status: completed
      payload: [{contentString: "{{ text }}"}]
"""


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ("sheet: notes\n", "sheet: note\n", "sheet 'note' is not declared; one of people, notes"),
        ("  - sheet: notes\n    res", "  - res", "sheet '' is not declared"),
        ("joins: people", "joins: persons", "joins 'persons': name another sheet"),
        ("key: of, joins", "joins", "give both a key"),
        ("key: id", "key: ID", "the key 'ID' is no column of sheet 'people'"),
        ("    people:", "    sheet:", "a sheet cannot be called 'sheet'"),
        ("root.people.id", "root.people.ids", "'ids' is not a declared column; did you mean 'id'?"),
        ("{{ people.nhs }}", "{{ nhs }}", "'nhs' is not a sheet; begin with a sheet: people, notes"),
    ],
)
def test_a_mistake_about_sheets_is_named(tmp_path: Path, was: str, now: str, message: str) -> None:
    """A sheet, a key or a column that is not declared is said where it stands."""
    load_adapter(home(tmp_path / "good", WORKBOOK), "care-home-csv")
    with pytest.raises(Invalid) as error:
        load_adapter(home(tmp_path / "bad", WORKBOOK.replace(was, now)), "care-home-csv")
    assert message in str(error.value)
    assert "adapter.yaml, line" in str(error.value)


def test_only_a_workbook_has_sheets(tmp_path: Path) -> None:
    """A rule of another format cannot name one."""
    with pytest.raises(Invalid, match="only a workbook has sheets"):
        load_adapter(
            home(tmp_path, GOOD.replace("  - when:", "  - sheet: PackageID\n    when:")), "care-home-csv"
        )
