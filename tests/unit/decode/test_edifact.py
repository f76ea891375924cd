"""EDIFACT's envelope and the tree of MEDRPT: what is taken, what is refused, what goes where."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scr.data import DataFiles
from scr.decode.edifact import ServiceString, decode
from scr.decode.edifact.interchange import MAX_SEGMENTS
from scr.decode.tree import BadUnit, Unit
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.loss import known_fields, lost_of

UNB = "UNB+UNOC:3+000000099900001:80+000000099900002:80+260114:1612+77++MEDRPT'"


@cache
def pathology() -> Adapter:
    """The adapter that is shipped."""
    return load_adapter(DataFiles(), "pathology-edifact")


def message(*segments: str, number: int = 1, count: int | None = None) -> str:
    """A message with its envelope, counted right unless told otherwise."""
    said = len(segments) + 2 if count is None else count
    return "'".join([f"UNH+{number}+MEDRPT:0:1:RT:NHS003", *segments, f"UNT+{said}+{number}", ""])


def tree(*segments: str, before: str = "") -> dict[str, Any]:
    """The tree of one message."""
    (unit,) = decode((before + message(*segments)).encode())
    assert isinstance(unit, Unit)
    return dict(unit.tree)


def results(*segments: str) -> list[dict[str, Any]]:
    """The investigations of a message with one specimen."""
    found: list[dict[str, Any]] = tree("S16+16", "SEQ++1", "SPC+TSP+:::Serum", *segments)["investigations"]
    return found


def refusals(raw: str) -> list[tuple[str, str, str | None]]:
    """What was refused: its place, the code and where."""
    return [
        (unit.place, unit.error.code, unit.error.where)
        for unit in decode(raw.encode())
        if isinstance(unit, BadUnit)
    ]


@settings(deadline=None)
@given(st.integers(0, 6), st.integers(0, 6))
def test_an_interchange_gives_its_messages_and_says_when_some_are_missing(there: int, said: int) -> None:
    """Every message is a unit; a wrong count is one refusal beside them."""
    raw = UNB + "".join(message("S02+02", number=n) for n in range(1, there + 1)) + f"UNZ+{said}+77'"
    units = list(decode(raw.encode()))
    assert [unit.place for unit in units if isinstance(unit, Unit)] == [
        f"message {n + 1}" for n in range(there)
    ]
    expected = [] if said == there else [("interchange trailer", "interchange-incomplete", "UNZ-1")]
    assert refusals(raw) == expected


@settings(deadline=None)
@given(st.integers(0, 500))
def test_a_payload_that_is_cut_off_anywhere_is_never_taken_for_whole(length: int) -> None:
    """A part gives only whole messages, and says that something is missing."""
    raw = UNB + message("S02+02", "RFF+SRI:1") + message("S02+02", "RFF+SRI:2", number=2) + "UNZ+2+77'"
    part = raw[: length % (len(raw) - 8)]
    units = list(decode(part.encode()))
    assert any(isinstance(unit, BadUnit) for unit in units)
    for unit in units:
        if isinstance(unit, Unit):
            assert unit.raw.decode()[len(UNB) : -len("UNZ+1+77'")] in raw


@pytest.mark.parametrize(
    "marks", [ServiceString(), ServiceString("*", "|", ",", "!", "~"), ServiceString(release="")]
)
def test_a_message_that_is_tried_again_by_itself_says_the_same(marks: ServiceString) -> None:
    """Its bytes hold what it needs of its interchange: separators, character set, sender."""
    usual = UNB + message("S02+02", "FTX+SPC+++M\xfcller", "STS++FI") + message(number=2) + "UNZ+2+77'"
    swapped = str.maketrans({":": marks.component, "+": marks.element, "'": marks.terminator})
    raw = (marks.advice + usual.translate(swapped)).encode("latin-1")
    first, _ = decode(raw)
    (again,) = decode(first.raw)
    assert isinstance(first, Unit)
    assert isinstance(again, Unit)
    assert again.tree == first.tree
    assert again.tree["report"]["comments"] == ["Müller"]
    assert again.tree["interchange"]["sender"] == "000000099900001"
    assert again.raw == first.raw


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", [("payload", "no-header", "payload")]),
        ("MSH|^~\\&|A", [("before the first message", "no-header", "segment 1")]),
        ("RFF+SRI:1'" + message(), [("before the first message", "no-header", "segment 1")]),
        (message() + "RFF+SRI:1'", [("between the messages", "stray-segments", "after UNT")]),
        (message() + "UNT+2+1'", [("between the messages", "stray-segments", "UNT")]),
        (message(count=3), [("message 1", "message-incomplete", "segment 2 (UNT)")]),
        ("UNH+1+MEDRPT'UNT+2+2'", [("message 1", "message-incomplete", "segment 2 (UNT)")]),
        ("UNH+1+MEDRPT'" + message(), [("message 1", "message-incomplete", "segment 1")]),
        (message("no segment"), [("message 1", "bad-segment", "segment 2")]),
        (message("FTXSPC+1"), [("message 1", "bad-segment", "segment 2")]),
        (UNB + message(), [("interchange", "interchange-incomplete", "UNB")]),
        (UNB + message() + UNB + "UNZ+0+77'", [("interchange", "interchange-incomplete", "UNB")]),
        ("UNB+UNOC+" + "S" * 2_000 + "'" + message(), [("interchange header", "bad-header", "UNB")]),
        (UNB + "UNZ+0+78'", [("interchange trailer", "interchange-incomplete", "UNZ-2")]),
        (message(*["S02"] * MAX_SEGMENTS), [("message 1", "too-many-segments", "message")]),
    ],
)
def test_what_is_not_whole_is_refused_with_its_place(raw: str, expected: list[tuple[str, str, str]]) -> None:
    """The place is named, with a code that is stable."""
    assert refusals(raw) == expected


def test_endless_refusals_end() -> None:
    """A payload of headers without messages is not quarantined line by line."""
    *_, last = decode(b"UNH+1+MEDRPT'" * 5_000)
    assert isinstance(last, BadUnit)
    assert (last.place, last.error.code) == ("the rest", "too-many-refused")


def test_a_bad_message_does_not_take_the_others_along() -> None:
    """The messages before and after it are taken; several interchanges may follow each other."""
    one = UNB + message(number=1) + message("no segment", number=2) + message(number=3) + "UNZ+3+77'"
    other = "UNA*|.? ~\r\n" + "UNH|4|MEDRPT~S02|02~RFF|SRI*9~UNT|4|4~UNZ|1|~" + UNB + message() + "UNZ+1+77'"
    units = list(decode((one + other).encode()))
    assert [isinstance(unit, Unit) for unit in units] == [True, False, True, True, True]


def test_a_message_of_more_segments_than_it_says_is_taken_and_the_count_is_told() -> None:
    """Nothing is missing then; the count stands among what was not used."""
    fields = tree_of_miscounted()["fields"]
    assert fields["UNT.1.1 (says 2 segments, 3 are there)"] == ""


def tree_of_miscounted() -> dict[str, Any]:
    """The tree of a message that says too small a count."""
    (unit,) = decode(message("S02+02", count=2).encode())
    assert isinstance(unit, Unit)
    return dict(unit.tree)


@pytest.mark.parametrize(
    ("header", "maker", "service"),
    [
        ("MEDRPT:0:1:RT:NHS003", "Haematology", "laboratory"),
        ("MEDRPT:0:1:RT:NHS004", "UNKNOWN", "screening"),
        ("MEDRPT:0:1:RT:NHS003", "Dept of Radiology", "radiology"),
        ("MEDRPT:0:1:RT:NHS002", "MEDICAL IMAGING", "radiology"),
        ("MEDRPT:0:1:RT:NHS003", "Radioimmunoassay", "laboratory"),
    ],
)
def test_a_report_is_of_the_service_that_made_it(header: str, maker: str, service: str) -> None:
    """Radiology is told by its department's name: its message is the laboratory's."""
    segments = [f"UNH+1+{header}", "S01+01", f"NAD+SLA+++{maker}", "SPR+DPT", "UNT+5+1"]
    (unit,) = decode("".join(f"{segment}'" for segment in segments).encode())
    assert isinstance(unit, Unit)
    assert unit.tree["report"]["service"] == service


def test_a_report_is_told_by_names() -> None:
    """Report, parties, patient and clinical information, each where a person would look for it."""
    found = tree(
        "BGM+LSR", "DTM+137:202601141610:203",
        "S01+01", "NAD+PO+G9999981:900++DR OKONKWO", "RFF+AHI:X1", "SPR+PRO",
        "S01+01", "NAD+SLA+++Chemistry", "SPR+DPT",
        "NAD+SLA+ZZ901:903", "S01+01", "NAD+GP+++SOMEBODY",
        "S02+02", "RFF+SRI:26/1", "RFF+ROI:55", "STS++FI", "DTM+ISR:202601141555:203",
        "S06+06", "RFF+SSI:K1", "ADR++US:2 QUAYSIDE MEWS::OLD HARBOUR+PORTHAVEN+ZZ99 3AB",
        "S07+07", "PNA+PAT+9990001014:OPI+++TI:MRS+FO:IONA+SU:MARCHBANK+MI:RUTH",
        "DTM+329:19610309:102", "PDI+2",
        "S10+10", "CIN+UN", "FTX+CID+++tired", "FTX+CID+++cold",
    )  # fmt: skip
    assert found["report"] == {
        "id": "26/1",
        "request_id": "55",
        "status": "FI",
        "issued": "202601141555",
        "service": "laboratory",
    }
    doctor = {
        "code": "G9999981",
        "code_list": "900",
        "name": "DR OKONKWO",
        "reference": "X1",
        "key": "G9999981",
    }
    assert found["requester"]["people"] == [doctor]
    assert found["performer"]["departments"] == [{"name": "Chemistry", "key": "Chemistry"}]
    assert found["performer"]["organisations"] == [{"code": "ZZ901", "code_list": "903", "key": "ZZ901"}]
    assert found["others"]["organisations"] == [{"name": "SOMEBODY", "key": "SOMEBODY"}]
    assert found["clinical_information"] == ["tired", "cold"]
    assert found["patient"] == {
        "key": "9990001014",
        "nhs_number": "9990001014", "local_id": "K1", "family": "MARCHBANK", "given": ["IONA", "RUTH"],
        "title": "MRS", "sex": "2", "birth_date": "19610309",
        "address": {"lines": ["2 QUAYSIDE MEWS", "OLD HARBOUR"], "city": "PORTHAVEN", "postcode": "ZZ99 3AB"},
    }  # fmt: skip


@pytest.mark.parametrize("marked", [True, False])
def test_groups_and_their_members_know_each_other(marked: bool) -> None:
    """Members are bound to the group and have its specimen, whether S18 is written or not."""
    begin = ["S18+18"] if marked else []
    found = results(
        *begin, "GIS+N", "INV+MQ+44O..:911::Lipids", "SEQ++7", "RFF+ASL:1",
        *begin, "GIS+N", "INV+MQ+44P..:911::Cholesterol", "RFF+ARL:7",
        "S20+20", "RND+U+1+2", "S20+20", "RND+U+3+4", "FTX+SPC+++after the range",
        *begin, "GIS+N", "INV+MQ+44P..:911::Cholesterol", "RFF+ARL:8",
    )  # fmt: skip
    assert [each["key"] for each in found] == ["44O.. 1", "44P.. 1", "44P.. 2"]
    assert [each["members"] for each in found] == [["44P.. 1"], [], []]
    assert [each.get("group") for each in found] == [None, "44O.. 1", None]
    assert [each["specimen"]["type"] for each in found] == ["Serum"] * 3
    assert [each["low"] for each in found[1]["ranges"]] == ["1", "3"]
    assert found[1]["comments"] == ["after the range"]


def test_a_group_that_is_not_there_and_a_specimen_that_is_not_there_are_told() -> None:
    """They are no member of anything, and their reference is among what was not used."""
    fields = tree("S16+16", "SEQ++1", "GIS+N", "INV+MQ+1:911", "RFF+ARL:9", "RFF+ASL:9")["fields"]
    assert fields["S18.RFF+ARL.1.2 (no such test group)"] == ""
    assert fields["S18.RFF+ASL.1.2 (no such specimen)"] == ""


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ("RSL+NV+5.20++:::mmol/L", {"value": "5.20", "unit": "mmol/L"}),
        (
            "RSL+NV+0.8:7++:::g/L+LO+PA",
            {"value": "0.8", "comparator": "<", "unit": "g/L", "flags": ["LO", "PA"]},
        ),
        ("RSL+NV+>=300", {"value": "300", "comparator": ">="}),
        ("RSL+NV+.5", {"value": "0.5"}),
        ("RSL+NV+-1", {"value": "-1"}),
        ("RSL+NV+2+5", {"value": "2", "value_to": "5"}),
        ("RSL+NV+2+many", {"text": "2 - many"}),
        ("RSL+NV+4:9", {"text": "4 (comparator 9)"}),
        ("RSL+NV+No growth", {"text": "No growth"}),
        ("RSL+NV+1,001", {"text": "1,001"}),
        ("RSL+NV+1,001++:::mg/L", {"text": "1,001 mg/L", "unit": "mg/L"}),
        ("RSL+NV+Haemolysed++:::mg/L", {"text": "Haemolysed", "unit": "mg/L"}),
        ("RSL+NV+1e5", {"text": "1e5"}),
        ("RSL+CV+::X:921::Found", {"code": "X", "code_list": "921", "text": "Found"}),
        ("RSL+NV", {}),
        ("RSL", {}),
    ],
)
def test_a_result_is_a_number_only_where_it_is_one(segment: str, expected: dict[str, Any]) -> None:
    """Comparators become signs; what is no number, or has an unknown comparator, is text."""
    assert results("INV+MQ+1:911", segment)[0].get("result", {}) == expected


@pytest.mark.parametrize("opener", [["S10+10", "CIN+UN"], ["S07+07", "PDI+2"], ["S06+06"]])
@pytest.mark.parametrize("marked", [True, False])
def test_a_result_without_a_specimen_is_a_result(opener: list[str], marked: bool) -> None:
    """Where S16 is left out, what was found does not go unseen."""
    report = ["S02+02", "GIS+N", "RFF+SRI:1", *opener]
    made = tree(*report, *(["GIS+N"] if marked else []), "INV+MQ+42T..:911", "RSL+NV+98++:::g/L")
    assert [(one["code"], one["result"]["value"]) for one in made["investigations"]] == [("42T..", "98")]
    assert made["report"]["action"] == "N"


def test_a_decimal_comma_is_read_where_the_service_string_says_so() -> None:
    """Elsewhere a comma could as well part thousands."""
    found = tree("S16+16", "INV+MQ+1:911", "RSL+NV+1,5", before="UNA:+,? '")
    assert found["investigations"][0]["result"] == {"value": "1.5"}


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (["RND+U+1.0+2.5+:::g/L"], {"low": "1.0", "high": "2.5", "unit": "g/L"}),
        (["RND+U++2.5+g/L"], {"high": "2.5", "unit": "g/L"}),
        (["RND+U+negative"], {"text": ["negative"]}),
        (["RND+U+1+many"], {"text": ["1 - many"]}),
        (["RND+U+1", "FTX+RPD+++Adults:Both sexes"], {"low": "1", "population": ["Adults\nBoth sexes"]}),
        (["FTX+CRR+++Below 3"], {"text": ["Below 3"]}),
    ],
)
def test_a_range_has_limits_or_text(segments: list[str], expected: dict[str, Any]) -> None:
    """Limits that are no numbers are text; whom it is for is kept."""
    assert results("INV+MQ+1:911", "S20+20", *segments)[0]["ranges"] == [expected]


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ("DTM+SCO:20260114:102", "20260114"),
        ("DTM+SCO:202601141530:203", "202601141530"),
        ("DTM+SCO:2026:602", "2026"),
        ("DTM+SCO:200212:101", "200212 (format 101)"),
        ("DTM+SCO:200212", "200212 (format not named)"),
    ],
)
def test_a_date_of_two_year_digits_is_never_taken_for_another_day(segment: str, expected: str) -> None:
    """It keeps its format behind it, so that it cannot be read, and is counted as unread."""
    assert tree("S16+16", segment)["specimens"][0]["collected"] == expected


@settings(deadline=None)
@given(st.text(st.characters(codec="latin-1", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=300))
def test_a_text_cut_into_full_components_is_whole_again(text: str) -> None:
    """A component that is full runs on in the next; nothing is put between the parts of a word."""
    text = " ".join(text.replace("?", "").replace("'", "").replace("+", "").replace(":", "").split())
    parts = [text[at : at + 70] for at in range(0, len(text), 70)]
    encoded = message("S02+02", "FTX+SPC+++" + ":".join(parts)).encode("latin-1")
    (unit,) = decode(b"UNB+UNOC'" + encoded + b"UNZ+1'")
    assert isinstance(unit, Unit)
    assert unit.tree["report"].get("comments", [""]) == [text]


def test_what_has_no_place_and_what_nobody_reads_is_lost_unless_it_is_ignored() -> None:
    """Unknown segments, second values and unread fields are named by their place, never by value."""
    (unit,) = decode(
        message(
            "S02+02", "RFF+SRI:26/1", "STS++FI", "ZZZ+a:b",
            "S16+16", "DTM+SCO:20260114:102", "DTM+SCO:20260115:102", "SPC+SBS+:::Left arm",
        ).encode()
    )  # fmt: skip
    assert isinstance(unit, Unit)
    known = known_fields(
        "edifact", [("report", "id"), ("specimens", "collected"), ("specimens",)], ["S02.ZZZ.1.1"]
    )
    assert lost_of("edifact", known, unit) == (
        "S02.STS.2.1",
        "S02.ZZZ.1.2",
        "S16.DTM+SCO.1.2 (only the first value is read)",
        "S16.SPC+SBS.1.1",
        "S16.SPC+SBS.2.4",
    )
    ignored = known_fields(
        "edifact", [("report", "id"), ("specimens", "collected")], ["S02", "S16.SPC+SBS", "S16.DTM"]
    )
    assert lost_of("edifact", ignored, unit) == ()


@settings(deadline=None)
@given(st.data())
def test_the_adapter_accounts_for_every_value_that_is_changed(data: st.DataObject) -> None:
    """No field of a sample can be renamed to something unknown without being reported."""
    adapter = pathology()
    raw = (DataFiles().find("adapters", "pathology-edifact/samples/chemistry.edi")).read_bytes()
    lines = raw.decode().splitlines()
    inside = [
        n for n, line in enumerate(lines) if line.startswith(("DTM", "FTX", "RFF", "STS", "PDI", "RND"))
    ]
    at = data.draw(st.sampled_from(inside))
    lines[at] = "QQQ" + lines[at][3:]
    units = [unit for unit in adapter.units("\n".join(lines).encode()) if isinstance(unit, Unit)]
    assert any(
        ".QQQ" in name or name.startswith("QQQ") for name in lost_of("edifact", adapter.known, units[0])
    )
