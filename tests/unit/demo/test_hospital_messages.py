"""The simulated hospital: HL7 v2.4 in the style of ITK, in the order of events."""

from __future__ import annotations

import re
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from scr.demo.history import LONDON
from scr.demo.people import known_to, population
from scr.demo.person import HOSPITAL, held
from scr.demo.suppliers.hospital_messages import (
    Message,
    escape,
    history,
    message,
    mistakes,
    results,
    segment,
)
from scr.fhir.identifiers import is_nhs_number

PEOPLE = list(known_to(HOSPITAL, 7, 80).values())
HISTORY = history(PEOPLE)


def fields(item: Message, name: str) -> list[list[str]]:
    """The fields of each segment of a name; number 1 of MSH is the separator itself."""
    found = [line.split("|") for line in item.text.split("\r") if line.startswith(name + "|")]
    return [["MSH", "|", *line[1:]] if name == "MSH" else line for line in found]


def test_every_message_has_itk_shape() -> None:
    """Delimiters, version, character set and profile in MSH; segments end in a carriage return alone."""
    for item in HISTORY:
        header = fields(item, "MSH")[0]
        assert item.text.endswith("\r")
        assert "\n" not in item.text
        assert header[2] == "^~\\&"
        assert (header[12], header[18], header[21]) == ("2.4", "UNICODE UTF-8", "iTKv1.0")
        assert re.fullmatch(r"(ADT\^A\d\d\^ADT_A\d\d|ORU\^R01\^ORU_R01)", header[9])
        assert header[3] == ("LAB" if header[9].startswith("ORU") else "PAS")


def test_every_message_names_its_person_by_nhs_number() -> None:
    """PID-3 repeats: the hospital's own number, and the NHS Number with its authority."""
    for item in HISTORY:
        repetitions = fields(item, "PID")[0][3].split("~")
        assert [part.split("^")[3:5] for part in repetitions] == [["ZZH01", "PI"], ["NHS", "NH"]]
        assert is_nhs_number(repetitions[1].split("^")[0])


def test_control_ids_are_unique_and_events_are_in_order() -> None:
    """MSH-10 names one message, and what happened first is told first."""
    assert len({item.control for item in HISTORY}) == len(HISTORY)
    assert [item.at for item in HISTORY] == sorted(item.at for item in HISTORY)
    kinds = {fields(item, "MSH")[0][9].split("^")[1] for item in HISTORY}
    assert kinds == {"A28", "A31", "A01", "A03", "A04", "A08", "R01"}


def test_a_stay_begins_before_it_ends() -> None:
    """Each visit number is admitted or registered before it is discharged, and is discharged once."""
    told: dict[str, list[str]] = {}
    for item in HISTORY:
        for visit in fields(item, "PV1"):
            if len(visit) > 19 and visit[19]:
                told.setdefault(visit[19], []).append(fields(item, "MSH")[0][9].split("^")[1])
    assert told
    assert all(events in (["A01", "A08", "A03"], ["A04", "A03"]) for events in told.values())


def test_a_report_tells_its_values() -> None:
    """One OBX for each analyte, the laboratory's code first, SNOMED CT beside it, and the range."""
    person = next(person for person in PEOPLE if held(person.reports, HOSPITAL))
    report = held(person.reports, HOSPITAL)[0]
    lines = fields(results(person, report, report.taken, "C1"), "OBX")
    assert [float(line[5]) for line in lines] == list(report.values)
    assert [line[3].split("^")[3] for line in lines] == [item.code for item in report.profile.analytes]
    assert all(line[8] in {"H", "L", "N"} and line[11] == "F" for line in lines)


@given(st.text(alphabet="a\\|^&~é", max_size=12))
def test_what_is_escaped_breaks_no_segment(text: str) -> None:
    """Escaped text holds no delimiter, and can be read back."""
    escaped = escape(text)
    assert not set(escaped) & set("|^&~")
    codes = {"\\E\\": "\\", "\\F\\": "|", "\\S\\": "^", "\\T\\": "&", "\\R\\": "~"}
    assert re.sub(r"\\[EFSTR]\\", lambda found: codes[found[0]], escaped) == text


def test_dissent_travels_in_the_z_segment() -> None:
    """ZU8-2 is 2 for those who dissent, else 1."""
    people = [person for person in population(7, 400) if HOSPITAL in person.sources]
    for person in people:
        first = next(item for item in history([person]) if "A28" in item.text)
        assert fields(first, "ZU8")[0][2] == ("2" if person.dissents else "1")
    assert any(person.dissents for person in people)


def test_the_mistakes_are_mistakes() -> None:
    """A merge, a number with a wrong check digit, and a result that contradicts the person known."""
    merge, mistyped, stranger = mistakes(PEOPLE)
    assert fields(merge, "MRG")
    assert not is_nhs_number(fields(mistyped, "PID")[0][3].split("~")[1].split("^")[0])
    told = fields(stranger, "PID")[0]
    (own,) = (person for person in PEOPLE if person.nhs_number in told[3])
    assert own.family_at(HOSPITAL).upper() not in told[5]
    named = merge.text + mistyped.text + stranger.text
    assert not any(person.nhs_number in named for person in PEOPLE if person.persona)


def test_a_segment_is_written_by_field_number() -> None:
    """Fields that are not given are empty, trailing ones are left out."""
    assert segment("ZZZ", f1="a", f4="d") == "ZZZ|a|||d"
    at = datetime(2025, 7, 1, 9, 5, tzinfo=LONDON)
    assert message("ADT^A08", at, "1", []).text.split("|")[6] == "20250701090500"
