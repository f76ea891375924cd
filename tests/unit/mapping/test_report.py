"""What came of a payload: every field accounted for, whatever its format, and the adapter guessed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.data import DataFiles, packaged_root
from scr.decode.tree import Unit
from scr.errors import Invalid
from scr.mapping.adapter import Adapter, load_adapter, load_adapters
from scr.mapping.guess import guess
from scr.mapping.loss import lost_of
from scr.mapping.report import LossReport, report

SHIPPED = ("client-level-data", "fhir-r4-record", "gp-connect", "gp-registrations", "lab-oru", "pas-adt")


@cache
def shipped(name: str) -> Adapter:
    """One of the adapters that are shipped."""
    return load_adapter(DataFiles(), name)


def sample(name: str, file: str) -> bytes:
    """A sample of a shipped adapter."""
    return (packaged_root() / "adapters" / name / "samples" / file).read_bytes()


def of(name: str, file: str) -> LossReport:
    """The report of a shipped sample."""
    return report(shipped(name), sample(name, file))


@pytest.mark.parametrize(
    ("name", "file", "field", "status", "says"),
    [
        ("client-level-data", "events.csv", "Gender", "mapped", "Patient.gender"),
        ("client-level-data", "events.csv", "Event_Type", "mapped", "Task (condition)"),
        ("client-level-data", "events.csv", "Dementia", "mapped", "Condition (for each)"),
        ("client-level-data", "events.csv", "Last_Name", "mapped", "identity: family"),
        ("client-level-data", "events.csv", "GP_Practice_Code", "mapped", "relationship: registration"),
        ("client-level-data", "events.csv", "Unit_Cost", "ignored", "Money and commissioning"),
        ("pas-adt", "admission.hl7", "PID-16", "mapped", "Patient.maritalStatus.coding"),
        ("pas-adt", "admission.hl7", "PID-1", "ignored", "A number within the message."),
        ("pas-adt", "admission.hl7", "PID-23", "unmapped", ""),
        ("gp-connect", "structured-record.json", "MedicationStatement.taken", "unmapped", ""),
        ("fhir-r4-record", "everything.json", "Patient.birthDate", "mapped", "Patient.birthDate"),
    ],
)
def test_a_field_is_accounted_for(name: str, file: str, field: str, status: str, says: str) -> None:
    """A field of each format is mapped to elements, ignored with the adapter's reason, or unmapped."""
    found = next(each for each in of(name, file).fields if each.name == field)
    assert found.status == status
    assert says in (*found.targets, found.reason) or says in found.reason


@pytest.mark.parametrize(
    ("name", "file"), [("pas-adt", "admission.hl7"), ("gp-connect", "structured-record.json")]
)
def test_what_mapping_lost_is_what_the_report_calls_unmapped(name: str, file: str) -> None:
    """The two accounts agree: field by field, and in the coverage figure."""
    adapter, found = shipped(name), of(name, file)
    lost: set[str] = set()
    for unit in adapter.units(sample(name, file)):
        assert isinstance(unit, Unit)
        lost |= set(lost_of(adapter.decode.format, adapter.known, unit, whole=adapter.rules is None))
    assert {each.name for each in found.fields if each.status == "unmapped"} == lost
    assert found.coverage == pytest.approx(1 - len(lost) / len(found.fields))


COLUMNS = list(shipped("gp-registrations").decode.columns)  # type: ignore[union-attr]


@given(
    st.lists(
        st.dictionaries(st.sampled_from([*COLUMNS, "Extra", "More"]), st.just("x")), min_size=1, max_size=6
    )
)
def test_every_filled_cell_is_counted_once(rows: list[dict[str, str]]) -> None:
    """Over any rows, each column with a value is one field, filled as often as it has one."""
    header = [*COLUMNS, "Extra", "More"]
    lines = [";".join(header), *(";".join(row.get(name, "") for name in header) for row in rows if row)]
    found = report(shipped("gp-registrations"), "\r\n".join(lines).encode())
    counts = {name: sum(name in row for row in rows) for name in header}
    assert {each.name: each.filled for each in found.fields} == {k: v for k, v in counts.items() if v}
    assert all((each.status == "unmapped") == (each.name in {"Extra", "More"}) for each in found.fields)


def test_problems_are_those_of_the_intake() -> None:
    """A unit that would go to quarantine says why, and is counted."""
    found = of("client-level-data", "oddities.csv")
    problems = [problem for unit in found.units for problem in unit.problems]
    assert found.problem_count == sum(1 for unit in found.units if unit.problems) > 0
    assert any(problem.startswith("no-event-type: ") for problem in problems)


def test_codes_and_values_are_counted() -> None:
    """Codes without a row and values that cannot be read are told with how often they were met."""
    text = (
        sample("client-level-data", "events.csv")
        .replace(b",Male,", b",Mail,")
        .replace(b",Female,", b",Mail,")
    )
    found = report(shipped("client-level-data"), text)
    code, count = found.codes[0]
    assert (code.map, code.code) == ("sex", "Mail")
    assert count == found.unit_count
    assert dict(of("client-level-data", "oddities.csv").unread)["Event_Start_Date: date"] == 1


def test_only_the_first_units_are_kept_and_all_are_counted() -> None:
    """The figures are of the whole payload."""
    raw = sample("client-level-data", "events.csv")
    whole, cut = report(shipped("client-level-data"), raw), report(shipped("client-level-data"), raw, show=1)
    assert len(cut.units) == 1
    assert (cut.unit_count, cut.fields) == (whole.unit_count, whole.fields)


@pytest.mark.parametrize(
    ("name", "file", "begins"),
    [
        ("client-level-data", "events.csv", "LA_Code: "),
        ("home-care", "clients.json", "{\n"),
        ("pas-adt", "admission.hl7", "MSH|"),
        ("pathology-edifact", "chemistry.edi", "UN"),
    ],
)
def test_a_unit_is_shown_as_people_read_it(name: str, file: str, begins: str) -> None:
    """Cell by cell, indented, or line by line; without what the decoder put around it."""
    source = of(name, file).units[0].source
    assert source.startswith(begins)
    assert source.count("\n") > 2
    assert "$record" not in source


def test_a_payload_that_cannot_be_read_has_its_reason() -> None:
    """Nothing is decoded: one unit, its problem, and no field."""
    found = report(shipped("fhir-r4-record"), b"<html>")
    assert (found.unit_count, found.problem_count, found.fields) == (1, 1, ())
    assert "HTML" in found.units[0].problems[0]
    assert found.units[0].source == "<html>"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("client-level-data", "events.csv"),
        ("fhir-r4-record", "everything.json"),
        ("gp-connect", "structured-record.json"),
        ("gp-registrations", "list.csv"),
        ("lab-oru", "blood-tests.hl7"),
        ("pas-adt", "admission.hl7"),
    ],
)
def test_the_adapter_is_guessed(name: str, file: str) -> None:
    """A payload of each adapter names its own among the first six that were shipped."""
    adapters = {each: shipped(each) for each in SHIPPED}
    assert guess(adapters, sample(name, file)).name == name


def test_a_doubt_lists_the_choice(tmp_path: Path) -> None:
    """Two adapters that read the same payload as well: nobody chooses but the one who asks."""
    twin = shipped("pas-adt")
    with pytest.raises(Invalid, match=r"2 adapters read this payload.*a, b"):
        guess({"a": twin, "b": twin, "c": shipped("gp-connect")}, sample("pas-adt", "admission.hl7"))
    with pytest.raises(Invalid, match=r"no adapter files any part of it.*a, c"):
        guess({"a": twin, "c": shipped("gp-connect")}, b"nothing at all")


def test_the_nearest_adapter_says_what_stops_it() -> None:
    """Of those that can read the payload at all, the one that comes furthest: where it stops, and in which
    field; nobody's number stands there."""
    adapters = {each: shipped(each) for each in SHIPPED}
    raw = sample("pas-adt", "admission.hl7").replace(b"9990000018", b"9990000019")
    with pytest.raises(Invalid) as error:
        guess(adapters, raw)
    told = str(error.value)
    assert "the nearest is pas-adt (message 1: Its NHS Number (PID-3) fails the check" in told
    assert "999000" not in told


@pytest.mark.parametrize(
    ("raw", "nearest"),
    [
        (
            b"MSH|^~\\&|PAS|ZZH01|SCR|ZZS01|20260701||ADT^A08^ADT_A01|1|P|2.4\rPID|1||||FINCH^JANE\rPV1|1|I\r",
            "pas-adt (message: It holds no NHS Number (PID-3)",
        ),
        (
            b"MSH|^~\\&|LAB|ZZH01|SCR|ZZS01|20260701||ORU^R01|1|P|2.4\rPID|1||||FINCH^JANE\rOBR|1\r",
            "lab-oru (message: It holds no NHS Number (PID-3)",
        ),
        (
            b'{"resourceType": "OperationOutcome", "issue": []}',
            "fhir-r4-hospital (resource: It holds no NHS Number (Patient.identifier)",
        ),
        (b'\xef\xbb\xbf"RecordType","a"\r\n1,2\r\n', ""),
    ],
    ids=["an admission", "a result", "an error of a FHIR server", "a table with a byte order mark"],
)
def test_the_nearest_adapter_is_one_for_such_messages(raw: bytes, nearest: str) -> None:
    """Of all that are shipped, one that takes this kind of message, and no one that reads any JSON."""
    with pytest.raises(Invalid) as error:
        guess(load_adapters(DataFiles()), raw)
    told = str(error.value)
    assert (f"the nearest is {nearest}" in told) if nearest else ("the nearest" not in told)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("gp-connect", "Patient.identifier"),
        ("gp-registrations", "NHS_Number"),
        ("pas-adt", "PID-3"),
        ("care-home-workbook", "passports.NHS Number or residents.NHS Number"),
        ("care-home-record", "nhsNumber"),
        ("pathology-edifact", "patients.nhs_number"),
    ],
)
def test_the_field_of_the_nhs_number_is_named(name: str, field: str) -> None:
    """As people know it in that format."""
    assert shipped(name).number_at == field


def test_of_what_cannot_be_read_there_is_no_coverage() -> None:
    """A file without a field that was read is not covered whole."""
    made = report(shipped("pas-adt"), b"")
    assert (made.coverage, made.problem_count) == (None, 1)
    assert made.as_json()["coverage"] is None
