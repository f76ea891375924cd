"""The standard suite: a small good adapter passes it, and each check sees its own sort of mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scr.data import DataFiles, packaged_root
from scr.mapping.adapter import load_adapter
from scr.mapping.check import Report, check_adapter
from scr.mapping.samples import load_samples
from scr.mapping.suite import CHECKS, first_difference

ADAPTER = """\
supplier: {name: Example, product: Diary, setting: care-home}
decode: {format: csv, columns: [NHS, Name, Born, Note, Kind]}
nhs_number: "{{ NHS }}"
demographics: {family: "{{ Name }}", birth_date: "{{ date(Born, '%d/%m/%Y') }}"}
resources:
  - resource:
      resourceType: Patient
      id: "{{ stable_id('Patient', NHS) }}"
      identifier: [{system: "https://fhir.nhs.uk/Id/nhs-number", value: "{{ nhs_number(NHS) }}"}]
      name: [{family: "{{ Name }}"}]
      birthDate: "{{ date(Born, '%d/%m/%Y') }}"
  - when: "{{ Note }}"
    resource:
      resourceType: Flag
      id: "{{ stable_id('Flag', NHS, Note) }}"
      meta:
        security: [{system: "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", code: R}]
      status: active
      code: {coding: ["{{ translate_coding('diary-kind', Kind) }}"], text: "{{ Note }}"}
"""
MAP = "source_code,target_system,target_code,target_display\nA,http://snomed.info/sct,52448006,Dementia\n"
ROWS = "NHS,Name,Born,Note,Kind\n9990001030,Sample,01/02/1939,Likes tea,A\n"
BROKEN = 'NHS,Name,Born,Note,Kind\n9990001030,"Sample,01/02/1939,Likes tea,A\n'

Change = Callable[[Path], None]


def home(tmp_path: Path) -> Path:
    """A deployment's folder with a good adapter, its goldens written."""
    folder = tmp_path / "adapters" / "diary"
    (folder / "samples").mkdir(parents=True)
    (tmp_path / "terminology" / "maps").mkdir(parents=True)
    (folder / "adapter.yaml").write_text(ADAPTER, encoding="utf-8")
    (folder / "README.md").write_text("# Diary\n", encoding="utf-8")
    (folder / "samples" / "rows.csv").write_text(ROWS, encoding="utf-8")
    (folder / "samples" / "broken.csv").write_text(BROKEN, encoding="utf-8")
    (tmp_path / "terminology" / "maps" / "diary-kind.csv").write_text(MAP, encoding="utf-8")
    write_goldens(tmp_path)
    return tmp_path


def write_goldens(root: Path) -> None:
    """Write what each sample gives."""
    files = DataFiles(root)
    for sample in load_samples(files, load_adapter(files, "diary")):
        sample.write_golden()


def check(root: Path) -> Report:
    """Hold the adapter to the suite."""
    return check_adapter(DataFiles(root), "diary", thorough=True)


def edit(name: str, old: str, new: str, *, goldens: bool = True) -> Change:
    """A change of one file of the good adapter; the goldens are written anew, or not."""

    def change(root: Path) -> None:
        path = root / "adapters" / "diary" / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        if goldens:
            write_goldens(root)

    return change


def remove(name: str) -> Change:
    """A file of the good adapter that is gone."""
    return lambda root: (root / "adapters" / "diary" / name).unlink()


def test_a_good_adapter_passes(tmp_path: Path) -> None:
    """Nothing is found, and both samples were looked at."""
    report = check(home(tmp_path))
    assert report.findings == ()
    assert report.passed
    assert report.samples == 2


STATEMENT = "MedicationStatement"
AS_STATEMENT = f"""resourceType: {STATEMENT}
      identifier: [{{value: "{{{{ Note }}}}"}}]
      medicationCodeableConcept: {{text: "{{{{ Note }}}}"}}
      id: "{{{{ stable_id('{STATEMENT}',"""
NEVER = '[{when: "{{ Kind == \'B\' }}", system: "http'
MISTAKES: list[tuple[str, str, Change]] = [
    ("schema", "line 3: nhs_nmber", edit("adapter.yaml", "nhs_number:", "nhs_nmber:", goldens=False)),
    ("schema", "there is no README.md", remove("README.md")),
    ("goldens", "nothing says what it must give", remove("samples/rows.csv.expected.json")),
    ("goldens", "at [0].demographics.family", edit("samples/rows.csv", "Sample", "Simple", goldens=False)),
    ("goldens", "not JSON", edit("samples/rows.csv.expected.json", "[", "", goldens=False)),
    ("r4", "Flag.status: not one of the codes", edit("adapter.yaml", "status: active", "status: on")),
    ("r4", "fhir.resources: ", edit("adapter.yaml", "status: active", "status: active\n      colour: red")),
    (
        "uk-core",
        "MedicationStatement.identifier.system is required by UKCore",
        edit("adapter.yaml", "resourceType: Flag\n      id: \"{{ stable_id('Flag',", AS_STATEMENT),
    ),
    ("subject", "another NHS Number", edit("adapter.yaml", "nhs_number(NHS) }}", "'9990001049' }}")),
    ("expressions", "line 15: resources.1", edit("samples/rows.csv", "Likes tea", "")),
    ("codes", "maps/diary-kind.csv", edit("samples/rows.csv", "tea,A", "tea,B", goldens=False)),
    ("labels", "with the label http", edit("adapter.yaml", '[{system: "http://term', NEVER + "://term")),
    ("refusals", "nothing of it is refused", edit("samples/broken.csv", '"', "")),
    ("refusals", "no sample is broken", remove("samples/broken.csv")),
]


@pytest.mark.parametrize(("expected", "says", "change"), MISTAKES)
def test_each_check_sees_its_mistake(tmp_path: Path, expected: str, says: str, change: Change) -> None:
    """One mistake in the good adapter is found by the check whose it is, and told with its place."""
    root = home(tmp_path)
    change(root)
    found = [
        f"{finding.where}: {finding.message}" for finding in check(root).findings if finding.check == expected
    ]
    assert any(says in line for line in found), found
    assert not any("9990001030" in line or "Sample" in line for line in found)


def test_a_shipped_adapter_that_a_deployment_changes_is_held_to_its_samples(tmp_path: Path) -> None:
    """Only adapter.yaml is the deployment's: the shipped goldens tell, until it writes its own."""
    folder = tmp_path / "adapters" / "gp-registrations"
    folder.mkdir(parents=True)
    shipped = packaged_root() / "adapters" / "gp-registrations"
    text = (shipped / "adapter.yaml").read_text(encoding="utf-8")
    (folder / "adapter.yaml").write_text(text, encoding="utf-8")
    files = DataFiles(tmp_path)
    assert check_adapter(files, "gp-registrations").passed
    (folder / "adapter.yaml").write_text(text.replace("use: official", "use: usual"), encoding="utf-8")
    assert check_adapter(files, "gp-registrations").failed("goldens")
    for sample in load_samples(files, load_adapter(files, "gp-registrations")):
        sample.write_golden()
    assert check_adapter(files, "gp-registrations").passed
    assert (folder / "samples" / "list.csv.expected.json").is_file()


def test_the_documentation_names_every_check() -> None:
    """The table of docs/loss.md is the suite's own."""
    page = (Path(__file__).parents[3] / "docs" / "loss.md").read_text(encoding="utf-8")
    table = page.partition("<!-- checks")[2].partition("<!-- end of checks")[0]
    rows = [f"| `{name}` | {sentence} |" for name, (sentence, _) in CHECKS.items()]
    assert [line for line in table.splitlines() if line.startswith("| `")] == rows


@pytest.mark.parametrize(
    ("a", "b", "place"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}, ""),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "a[1].b"),
        ({"a": 1}, {"a": True}, "a"),
        ({"a": [1]}, {"a": [1, 2]}, "a (1 items are written, and 2 found)"),
        ({"a": 1}, {}, "a"),
        ([], {}, "the whole"),
    ],
)
def test_the_first_difference_is_a_path(a: object, b: object, place: str) -> None:
    """Two JSON values differ at a place, or not at all."""
    assert first_difference(a, b) == place
