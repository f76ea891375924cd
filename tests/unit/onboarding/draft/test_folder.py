"""A draft in the deployment's folder: what is written, that it passes the suite, and that nobody is in it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner, Result

from scr.cli.app import command_line
from scr.data import DataFiles, packaged_root
from scr.decode.hl7v2 import Message, decode
from scr.decode.tree import Unit
from scr.errors import Conflict, Invalid, ScrError
from scr.mapping.adapter import load_adapter
from scr.mapping.check import check_adapters
from scr.mapping.trial import outcomes
from scr.onboarding.draft.examples import copy_example
from scr.onboarding.draft.folder import Drafted, write_draft
from scr.onboarding.draft.sample import sniff

KEY = b"a key of this test"
HEADER = (
    "Resident ID,NHS No,Surname,Forename,DOB,Sex,Postcode,Phone,"
    "Moved In,Left,Status,NOK Name,NOK Relationship"
)
ROWS = (
    ("R0101,9990000018,PEMBERTON,Edith,04/11/1931,F,ZZ99 3AB,01632 960101,17/02/2023,,Resident",
     "Joan Marsh,Daughter,NKDA,Likes tea with Joan."),
    ("R0102,9990000026,OLDROYD,Albert,23/06/1936,M,ZZ99 3AC,01632 960102,02/09/2022,,Resident",
     "Peter Oldroyd,Son,Latex,Walks with a frame."),
    ("R0103,9990000034,ADEYEMI,Grace,30/01/1940,F,ZZ99 3AD,01632 960103,11/05/2024,28/08/2025,Left",
     "Ruth Adeyemi,Daughter,None known,Moved."),
)  # fmt: skip
TABLE = "\n".join([f"{HEADER},Allergies,Care Notes", *map(",".join, ROWS), ""])
PRIVATE = (
    "9990000018", "9990000026", "PEMBERTON", "Pemberton", "Edith", "Albert", "Adeyemi", "Joan", "04/11/1931",
    "ZZ99 3AB", "960101", "R0101", "Likes tea", "frame",
)  # fmt: skip


def records() -> list[dict[str, str]]:
    """The rows, by column."""
    return list(csv.DictReader(io.StringIO(TABLE)))


def xml() -> str:
    """The rows as XML, with names that XML allows."""
    cells = (
        "".join(f"<{k.replace(' ', '')}>{v}</{k.replace(' ', '')}>" for k, v in row.items())
        for row in records()
    )
    return f"<export>{''.join(f'<resident>{each}</resident>' for each in cells)}</export>"


def sample(folder: Path, kind: str) -> Path:
    """The same residents as a file of one kind."""
    file = folder / f"residents.{kind}"
    if kind == "xlsx":
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        for row in [["Residents"], [], *csv.reader(io.StringIO(TABLE))]:
            sheet.append(row)
        book.save(file)
    else:
        texts = {
            "csv": TABLE,
            "json": json.dumps({"residents": records()}),
            "jsonl": "\n".join(map(json.dumps, records())),
            "xml": xml(),
        }
        file.write_text(texts[kind], encoding="utf-8")
    return file


def drafted(tmp_path: Path, kind: str, *, keep_people: bool = False) -> Drafted:
    """A draft of a kind."""
    file = sample(tmp_path, kind)
    return write_draft(tmp_path / "home", [file], "a-draft", "care-home", key=KEY, keep_people=keep_people)


KINDS = ("csv", "xlsx", "json", "jsonl", "xml")


@pytest.mark.parametrize("kind", KINDS)
def test_a_draft_of_any_format_passes_the_standard_suite(tmp_path: Path, kind: str) -> None:
    """It reads what was given, and its own samples give what is written beside them."""
    made = drafted(tmp_path, kind)
    assert (made.units, made.mapped) == (3, 3)
    (report,) = check_adapters(DataFiles(tmp_path / "home"), "a-draft")
    assert [f"{finding.check}: {finding.where}" for finding in report.findings] == []


NESTED = {
    "clients": [
        {
            "ref": f"C-{n}",
            "person": {"ids": {"nhs": number}, "name": {"first": "Orla", "last": name}, "born": "1941-03-15"},
            "visits": [
                {"visitRef": f"V{n}{k}", "planned": "2026-03-01T09:00:00", "tasks": [{"task": f"Wash {k}"}]}
                for k in (1, 2)
            ],
        }
        for n, (number, name) in enumerate([("9990000018", "Musterby"), ("9990000026", "Sampleton")])
    ]
}
OBSERVED = (
    "Pt NHS no.;Pt Surname;D.O.B.;BP;Temp;Loc.\n"
    "999 000 0018;Musterby;15/03/1941;120/80;36.6;Ward 3\n"
    "999 000 0026;Sampleton;23/11/1938;135/85;n/a;Ward 3\n"
)


def test_a_list_within_a_list_is_gone_through(tmp_path: Path) -> None:
    """Each task of each visit is an event, and the planned time of a visit is its start."""
    file = tmp_path / "visits.json"
    file.write_text(json.dumps(NESTED), encoding="utf-8")
    write_draft(tmp_path / "home", [file], "a-draft", "social-care", key=KEY, keep_people=False)
    files = DataFiles(tmp_path / "home")
    (report,) = check_adapters(files, "a-draft")
    assert [f"{finding.check}: {finding.message}" for finding in report.findings] == []
    for outcome in outcomes(load_adapter(files, "a-draft"), file.read_bytes()):
        encounters = [body for body in outcome.bodies if body["resourceType"] == "Encounter"]
        starts = [body["period"]["start"] for body in encounters if "period" in body]
        tasks = [body["type"][0]["text"] for body in encounters if "type" in body]
        assert starts == ["2026-03-01T09:00:00+00:00"] * 2
        assert sorted(tasks) == ["Wash 1", "Wash 2"]


def test_a_pressure_has_two_parts_and_a_word_is_no_number(tmp_path: Path) -> None:
    """`120/80` is no identifier, and a temperature of `n/a` none at all."""
    file = tmp_path / "round.csv"
    file.write_text(OBSERVED, encoding="utf-8")
    write_draft(tmp_path / "home", [file], "a-draft", "care-home", key=KEY, keep_people=False)
    files = DataFiles(tmp_path / "home")
    (report,) = check_adapters(files, "a-draft")
    assert [f"{finding.check}: {finding.message}" for finding in report.findings] == []
    found = []
    for outcome in outcomes(load_adapter(files, "a-draft"), file.read_bytes()):
        observations = {
            body["code"]["text"]: body for body in outcome.bodies if body["resourceType"] == "Observation"
        }
        parts = observations["BP"]["component"]
        warm = observations.get("Temp", {}).get("valueQuantity", {}).get("value")
        found.append(([part["valueQuantity"]["value"] for part in parts], warm))
    assert found == [([120, 80], 36.6), ([135, 85], None)]


def test_the_sheets_of_a_workbook_become_one_adapter(tmp_path: Path) -> None:
    """Rows of another sheet are joined to the people by the column that both have, under whatever name; a
    sheet without one is named, and left. The draft runs as it is, also over its own samples."""
    file = sample(tmp_path, "xlsx")
    book = openpyxl.load_workbook(file)
    notes = [
        ["Whose", "Written", "Note"],
        *(["9990000018", f"0{n}/03/2026 09:00", f"Rang {n}"] for n in (1, 2)),
    ]
    for title, rows in (("Daily notes", notes), ("Rooms", [["Room"], ["12"]]), ("Empty", [])):
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(file)
    result = run(tmp_path / "home", "draft", str(file), "--setting", "care-home", "--name", "a-draft")
    assert "Not drafted: the sheets Rooms." in result.output
    files = DataFiles(tmp_path / "home")
    (report,) = check_adapters(files, "a-draft")
    assert [f"{finding.check}: {finding.message}" for finding in report.findings] == []
    found = [
        (outcome.claim.nhs_number.value, body["reasonCode"][0]["text"])
        for outcome in outcomes(load_adapter(files, "a-draft"), file.read_bytes())
        if outcome.claim is not None and outcome.claim.nhs_number is not None
        for body in outcome.bodies
        if body["resourceType"] == "Encounter" and "reasonCode" in body
    ]
    assert found == [("9990000018", "Rang 1"), ("9990000018", "Rang 2")]


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_of_the_payload_is_in_what_is_written(tmp_path: Path, kind: str) -> None:
    """Not in the adapter, README, maps or samples (a workbook is compressed: its goldens tell)."""
    made = drafted(tmp_path, kind)
    for file in made.written:
        text = file.read_bytes().decode("utf-8", "replace")
        assert [secret for secret in PRIVATE if secret in text] == [], file.name


def test_the_people_are_kept_only_if_that_is_asked_for(tmp_path: Path) -> None:
    """The sample is then the payload, and the README says so."""
    made = drafted(tmp_path, "csv", keep_people=True)
    assert (made.folder / "samples" / "residents.csv").read_text(encoding="utf-8") == TABLE
    assert "holds personal data" in (made.folder / "README.md").read_text(encoding="utf-8")


def test_what_is_not_placed_is_named_and_counts_as_lost(tmp_path: Path) -> None:
    """The notes have no place: `ignore` says so, with a question, and the map waits for its codes."""
    made = drafted(tmp_path, "csv")
    text = (made.folder / "adapter.yaml").read_text(encoding="utf-8")
    assert '- fields: ["Care Notes"]  # low: Free text' in text
    assert 'reason: "not placed yet: decide"' in text
    table = (tmp_path / "home/terminology/maps/a-draft-status.csv").read_text(encoding="utf-8")
    assert "Left,http://hl7.org/fhir/episode-of-care-status,,,finished? One of:" in table


def test_no_known_allergy_is_never_an_allergy(tmp_path: Path) -> None:
    """The words for none become the code for none."""
    made = drafted(tmp_path, "csv")
    adapter = load_adapter(DataFiles(tmp_path / "home"), "a-draft")
    bodies = [body for each in outcomes(adapter, TABLE.encode()) for body in each.bodies]
    allergies = [body["code"] for body in bodies if body["resourceType"] == "AllergyIntolerance"]
    assert [code.get("coding", [{}])[0].get("code") for code in allergies] == ["716186003", None, "716186003"]
    assert made.resources == len(bodies)


PAS = packaged_root() / "adapters" / "pas-adt" / "samples" / "admission.hl7"


def test_messages_begin_with_the_shipped_adapter(tmp_path: Path) -> None:
    """What the shipped one does not read is listed, the samples are of others, and the suite passes."""
    text = PAS.read_text(encoding="utf-8").replace("\n", "\r").rstrip("\r")
    file = tmp_path / "pas.hl7"
    file.write_text(text + "\rZQ1|1|Mrs Jane Exemplar\r", encoding="utf-8", newline="")
    made = write_draft(tmp_path / "home", [file], "our-pas", "acute", key=KEY)
    assert made.messages is not None
    assert made.messages.base == "pas-adt"
    assert "ZQ1-2" in made.messages.unread
    assert "- fields: [ZQ1-2]" in (made.folder / "adapter.yaml").read_text(encoding="utf-8")
    before, after = (_messages(each) for each in (file, made.folder / "samples" / "pas.hl7"))
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        assert old.type == new.type
        assert set(old.nhs_numbers).isdisjoint(new.nhs_numbers)
        assert old["PID"]["patient_name"] != new["PID"]["patient_name"]
    assert "Exemplar" not in (made.folder / "samples" / "pas.hl7").read_text(encoding="utf-8")
    (report,) = check_adapters(DataFiles(tmp_path / "home"), "our-pas")
    assert report.findings == ()


def _messages(file: Path) -> list[Message]:
    units = [unit for unit in decode(file.read_bytes()) if isinstance(unit, Unit)]
    return [unit.tree for unit in units if isinstance(unit.tree, Message)]


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    """Nobody's work is written over, and no packaged adapter is hidden by mistake."""
    drafted(tmp_path, "csv")
    with pytest.raises(Conflict, match="already"):
        drafted(tmp_path, "csv")
    with pytest.raises(Conflict, match="packaged"):
        copy_example(tmp_path / "home", "pas-adt", "lab-oru")
    with pytest.raises(Invalid, match="small letters"):
        copy_example(tmp_path / "home", "../up", "lab-oru")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("UNB+UNOA:2+1+2'", "needs no draft"),
        ('{"resourceType": "Bundle"}', "needs no draft"),
        ("A,B\n", "no row"),
    ],
)
def test_what_cannot_be_drafted_from_says_so(tmp_path: Path, text: str, message: str) -> None:
    """A standard needs no draft; a header alone shows nothing."""
    file = tmp_path / "sample.txt"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScrError, match=message):
        write_draft(tmp_path / "home", [file], "a-draft", "acute", key=KEY)


def test_formats_are_told_by_their_first_bytes() -> None:
    """A header that begins with a bracket is still a header."""
    payloads = {
        b"[a],b\n": "csv",
        b' [{"a": 1}]': "json",
        b"<a/>": "xml",
        b"MSH|^": "hl7v2",
        b"PK\x03": "xlsx",
    }
    assert {raw: sniff(raw) for raw in payloads} == payloads


def run(home: Path, *words: str) -> Result:
    """Run ``scr adapters``."""
    return CliRunner().invoke(
        command_line(["adapters"]), ["--home", str(home), "adapters", *words], env={"COLUMNS": "160"}
    )


def test_the_command_tells_what_it_took_each_column_for(tmp_path: Path) -> None:
    """A line for each column, what to do next, and no value of the payload."""
    words = ("draft", str(sample(tmp_path, "csv")), "--setting", "care-home", "--name", "a-draft")
    result = run(tmp_path / "home", *words)
    assert result.exit_code == 0, result.output
    assert "EpisodeOfCare.period.start" in result.output
    assert "3 of 3 records give" in result.output
    assert "scr adapters try FILE --adapter a-draft" in result.output
    assert [secret for secret in PRIVATE if secret in result.output] == []
    wrong = run(tmp_path / "home", *words[:2], "--setting", "elsewhere", "--name", "b-draft")
    assert isinstance(wrong.exception, Invalid)


def test_every_worked_example_can_be_copied_and_passes_as_the_copy(tmp_path: Path) -> None:
    """Under a new name it gives what is written beside its samples."""
    assert "care-home-record" in run(tmp_path, "init", "--list").output
    result = run(tmp_path, "init", "our-care", "--from", "care-home-record")
    assert result.exit_code == 0, result.output
    (report,) = check_adapters(DataFiles(tmp_path), "our-care")
    assert report.findings == ()
