"""HL7 v2: the tree, its separators, escapes and character sets, files of messages, and hostile input."""

from __future__ import annotations

import time
from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.decode.hl7v2 import Message, decode, parse
from scr.decode.hl7v2.message import MAX_PLACES, MAX_SEGMENTS
from scr.decode.hl7v2.tables import DATATYPES, SEGMENTS
from scr.decode.hl7v2.text import Delimiters
from scr.decode.tree import BadUnit, DecodeError, Unit

HEADER = "MSH|^~\\&|PAS|RXX|SCR|ICS|202601051200||ADT^A01^ADT_A01|M1|P|2.4"


def message(*segments: str, header: str = HEADER, end: str = "\r", encoding: str = "utf-8") -> Message:
    """A message of a header and these segments."""
    return parse((end.join((header, *segments)) + end).encode(encoding))


def find(expression: str, tree: Message) -> Any:
    """What JMESPath finds in a message."""
    return jmespath.search(expression, tree)


PERSON = message(
    "PID|1||9990000018^^^NHS^NH~H77^^^RXX&2.16&ISO^MR||Ash^Nia^Q^^Mx^^L~Oak^N||19800229|2"
    "|||1 & 2 The Row^^Leeds^^LS1 1AA^^H",
    "NK1|1|Ash^Ben",
    "NK1|2|Ash^Cy",
    "PV1|1|I|W1^B2^3",
    "ZZ9|a^b~c|d",
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('PID."3"[].id_number', ["9990000018", "H77"]),
        ('PID."3"[]."1"', ["9990000018", "H77"]),
        ("PID.patient_identifier_list[].assigning_authority.namespace_id", ["NHS", "RXX"]),
        ('PID."3"[1]."4"."2"', "2.16"),
        (
            "PID.patient_identifier_list[?assigning_authority.namespace_id=='NHS'].id_number | [0]",
            "9990000018",
        ),
        ("PID.date_of_birth", "19800229"),
        ("PID.patient_name[].family_name.surname", ["Ash", "Oak"]),
        (
            "PID.patient_address[0].street_address",
            {"street_or_mailing_address": "1", "street_name": "2 The Row"},
        ),
        ("NK1[].name[0].given_name", ["Ben", "Cy"]),
        ("PV1.assigned_patient_location.[point_of_care, room, bed]", ["W1", "B2", "3"]),
        ("PV1.admit_date_time", None),
        ("PID.phone_number_home", []),
        ("PD1.patient_primary_facility", None),
        ("AL1", []),
        ('ZZ9[0]."1"', [{"1": "a", "2": "b"}, "c"]),
        ('ZZ9[0]."2"', ["d"]),
        ("segments[].segment", ["MSH", "PID", "NK1", "NK1", "PV1", "ZZ9"]),
        ("MSH.message_type.trigger_event", "A01"),
        ('MSH."2"', "^~\\&"),
        ('MSH."10"', "M1"),
        ("length(patients)", 1),
        ("PID.no_such_field", None),
        ('PID."0"', None),
    ],
)
def test_fields_are_found_by_number_and_name(expression: str, expected: object) -> None:
    """Numbers and names reach the same places; shapes depend on the standard, not on the data."""
    assert find(expression, PERSON) == expected


def test_every_name_of_the_tables_reads_as_its_number() -> None:
    """A field that is filled at number n is found under its name, in every segment of the tables."""
    for name, shape in SEGMENTS.items():
        if name == "MSH":
            continue
        segment = message(name + "|" + "|".join(f"v{n}" for n in range(1, len(shape.fields) + 1)))
        view = segment[name] if not isinstance(segment[name], list) else segment[name][0]
        for number, field in enumerate(shape.fields, 1):
            value = view[field.name or str(number)]
            assert value == view[str(number)]
            assert isinstance(value, list) == field.repeats, f"{name}-{number}"
            assert str(number) in repr(list(_leaves(value))), f"{name}-{number}"


def _leaves(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [leaf for part in (value if isinstance(value, list) else value.values()) for leaf in _leaves(part)]


def test_every_datatype_that_a_table_names_is_known_or_has_one_value() -> None:
    """No field names a datatype by a slip of the pen."""
    primitives = {"", "?", "DT", "FT", "ID", "IS", "NM", "SI", "ST", "TM", "TS", "TX"}
    used = {f.datatype for shape in (*SEGMENTS.values(), *DATATYPES.values()) for f in shape.fields}
    assert used <= primitives | DATATYPES.keys()


def test_a_delete_indicator_is_nothing_and_is_named() -> None:
    """HL7's two quotation marks become nobody's name; the places that they stood in are told."""
    tree = message('PID|1||H1^^^RXX^MR||Ash^""||""|""|||1 Row^""^Leeds~""||""')
    assert find("PID.patient_name[0].given_name", tree) is None
    assert find("PID.date_of_birth", tree) is None
    assert find("PID.phone_number_home", tree) == []
    assert len(find("PID.patient_address", tree)) == 1
    assert tree["deleted"] == ["PID-5.2", "PID-7", "PID-8", "PID-11.2", "PID-11", "PID-13"]


def test_orders_hold_their_results_and_each_note_stands_with_what_it_is_about() -> None:
    """Notes of the order and notes of a result are told apart; a second OBR begins a second group."""
    tree = message(
        "PID|1", "NTE|1||about the patient", "ORC|RE|P1", "OBR|1|P1|F1|A^One", "NTE|1||about the order",
        "OBX|1|NM|x^X||1", "NTE|1||first", "NTE|2||second", "OBX|2|ST|y^Y||2", "SPM|1|^S1",
        "OBR|2|P1|F2|B^Two", "TQ1|1", "OBX|1|ST|z^Z||3", "PV1|1|O", "OBX|9|ST|q^Q||of nothing",
        header=HEADER.replace("ADT^A01^ADT_A01", "ORU^R01"),
    )  # fmt: skip
    assert find("orders[].[ORC.order_control, OBR.filler_order_number.entity_identifier]", tree) == [
        ["RE", "F1"],
        [None, "F2"],
    ]
    assert find("orders[].NTE[].comment[]", tree) == ["about the order"]
    assert find("orders[0].OBX[].NTE[].comment[]", tree) == ["first", "second"]
    assert find("orders[*].[length(OBX), length(SPM), length(TQ1)]", tree) == [[2, 1, 0], [1, 0, 1]]
    assert len(tree["OBX"]) == 4
    assert find("orders[].OBX[].order.OBR.universal_service_identifier.identifier", tree) == ["A", "A", "B"]


def test_a_field_with_more_values_than_it_has_places_for_is_named() -> None:
    """The first value is read, and nobody is left to think that it was the only one."""
    tree = message("PID|1||A~B||||19800101~19810101|~2", "PV1|1|I|W1~W2", "NTE|1||a~b", "ZZZ|a~b")
    assert find("PV1.assigned_patient_location.point_of_care", tree) == "W1"
    assert find("PID.administrative_sex", tree) == "2"
    assert tree.get("surplus") == ["PID-7", "PV1-3"]


def test_an_order_has_an_identity_that_lasts() -> None:
    """The filler's number and the service, or the next best; the same twice in a message is counted."""
    tree = message(
        "ORC|RE|P0|F0", "OBR|1|P1|F1|A^One", "ORC|RE|P0|F0", "OBR|2|P2||B^Two", "OBR|3|P3||^Three", "OBR|4",
        "OBR|5|P1|F1|A^One", "ORC|RE|P9",
    )  # fmt: skip
    assert find("orders[].identity", tree) == ["F1|A", "F0|B", "P3|Three", "M1|", "F1|A|2", "P9|"]


def test_notes_outside_of_any_order_have_a_place_of_their_own() -> None:
    """A note about the patient is no note about a result."""
    tree = message(
        "PID|1", "NTE|1||patient", "OBR|1", "NTE|1||order", "OBX|1", "NTE|1||result", "PV1|1", "NTE|1||visit"
    )
    assert find("notes[].comment[]", tree) == ["patient", "visit"]


NUMBERS = [
    ("PID|1||9990000018^^^NHS", ["9990000018"], []),
    ("PID|1||9990000018^^^&NHS", ["9990000018"], []),
    ("PID|1||999 000 0018^^^NHSNBR^NHSNMBR", ["9990000018"], []),
    ("PID|1||9990000018^^^RXX^NH", ["9990000018"], []),
    ("PID|1||9990000018^^^&2.16.840.1.113883.2.1.4.1&ISO", ["9990000018"], []),
    ("PID|1|9990000018^^^NHS|H1^^^RXX^MR", ["9990000018"], ["H1"]),
    ("PID|1||9990000018^^^NHS~9990000018^^^^NH~9990000026^^^NHS", ["9990000018", "9990000026"], []),
    ("PID|1||9990000018^^^RXX^MR~^^^NHS", [], ["9990000018"]),
    ("PID|1", [], []),
    ("PV1|1", [], []),
]


@pytest.mark.parametrize(("segment", "numbers", "local"), NUMBERS)
def test_nhs_numbers_are_found_by_every_spelling_of_their_authority(
    segment: str, numbers: list[str], local: list[str]
) -> None:
    """What is not said to be an NHS Number is none, however much it looks like one."""
    tree = message(segment)
    assert tree.get("nhs_numbers") == numbers
    assert find("local_identifiers[].id_number", tree) == local


def test_the_same_result_twice_is_told_apart() -> None:
    """The lines of a text come as OBX with one code; a code of its own, or another sub-id, begins anew."""
    tree = message(
        "OBR|1", "OBX|1|TX|a||x", "OBX|2|TX|a||y", "OBX|3|TX|b||x", "OBX|4|TX|a|2|x", "OBR|2", "OBX|1|TX|a||x"
    )
    assert find("orders[].OBX[].occurrence", tree) == [1, 2, 1, 1, 1]


def test_walking_a_message_meets_each_value_once() -> None:
    """What shows the same segments another way is not iterated, so that a count of fields is right."""
    tree = message("PID|1||H1", "OBR|1", "OBX|1|ST|a||x", "NTE|1||note")
    assert list(tree) == ["MSH", "PID", "OBR", "OBX", "NTE"]
    assert dict(tree["PID"].items()) == {"set_id": "1", "patient_identifier_list": [{"id_number": "H1"}]}
    assert tree == message("PID|1||H1", "OBR|1", "OBX|1|ST|a||x", "NTE|1||note")


def test_the_value_of_a_result_has_the_type_that_obx_2_says() -> None:
    """OBX-5 is text for NM and ST, a composite for CE and SN, and text as it stands for FT."""
    tree = message(
        "OBX|1|NM|a||5.2", "OBX|2|CE|b||C1^Present^L", "OBX|3|SN|c||>^100", "OBX|4|FT|d||one\\.br\\two~three",
        "OBX|5||e||x^y", "OBX|6|NM|f||",
    )  # fmt: skip
    values = [segment.get("observation_value") for segment in tree["OBX"]]
    assert values == [
        ["5.2"],
        [{"identifier": "C1", "text": "Present", "name_of_coding_system": "L"}],
        [{"comparator": ">", "num1": "100"}],
        ["one\ntwo", "three"],
        [{"1": "x", "2": "y"}],
        [],
    ]


ESCAPES = [
    (r"\F\\S\\T\\R\\E\ ", "|^&~\\"),
    (r"x10\S\9/L", "x10^9/L"),
    (r"\X414243\ ", "ABC"),
    (r"\XC3A9\ ", "é"),
    (r"a\.br\b\.sp2\c", "a\nb\n\nc"),
    (r"\H\bold\N\ ", "bold"),
    (r"\Zx\ ", r"\Zx\ "),
    (r"C:\temp\S\ ", r"C:\temp^"),
    (r"\.in4\in", r"\.in4\in"),
    ("\\", "\\"),
    (r"\XZZ\ ", r"\XZZ\ "),
]


@pytest.mark.parametrize(("written", "meant"), ESCAPES)
def test_escapes_are_resolved_and_unknown_ones_stay(written: str, meant: str) -> None:
    """Each sequence of the standard is read; what is none stays, character by character."""
    assert message(f"NTE|1||{written}")["NTE"][0]["comment"][0].rstrip() == meant.rstrip()


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=60))
def test_whatever_is_escaped_is_read_back(text: str) -> None:
    """Escaping and reading are each other's inverse for printable text."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    written = Delimiters().escaped(text)
    assert not set("|^~&\r\n") & set(written)
    assert Delimiters().unescape(written) == printable


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n", "\n\n", "\r\n\r\n\r\n"])
def test_any_line_end_ends_a_segment(end: str) -> None:
    """CR, LF, both, doubled, and blank lines at the end."""
    tree = message("PID|1||H1", "PV1|1|I", end=end)
    assert [segment.name for segment in tree.segments] == ["MSH", "PID", "PV1"]


def test_a_line_feed_inside_a_text_stays_in_it_where_segments_end_in_cr() -> None:
    """A sender that writes plain line feeds into its notes loses none of them."""
    tree = message("NTE|1||one\ntwo", "PV1|1|I")
    assert tree["NTE"][0]["comment"] == ["one\ntwo"]
    assert tree["PV1"]["patient_class"] == "I"


def test_own_delimiters_are_used() -> None:
    """MSH-1 and MSH-2 decide, and the fifth character (truncation) is taken as one."""
    tree = parse(b"MSH$%*!@#$A$B$C$D$$$ADT%A08$7$P$2.7\rPID$1$$X!S!Y%%%N@1*Z$$A|B^C%D\r")
    assert find('PID."3"[].[id_number, assigning_authority.universal_id]', tree) == [
        ["X%Y", "1"],
        ["Z", None],
    ]
    assert find("PID.patient_name[0].[family_name.surname, given_name]", tree) == ["A|B^C", "D"]
    assert tree.delimiters.truncation == "#"


@pytest.mark.parametrize(
    ("header", "where"),
    [
        ("MSH|^^~\\|A", "MSH-2"),
        ("MSH|abcd|A", "MSH-2"),
        ("MSHA^~\\&A", "MSH-2"),
        ("MSH|", "segment 1"),
        ("PID|1||7|||", "segment 1"),
        (HEADER + "\rpid|1", "segment 2"),
        (HEADER + "\rPID^1|x", "segment 2"),
        (HEADER + "|||||GBR|KLINGON", "MSH-18"),
    ],
)
def test_what_is_no_message_is_refused_with_its_place(header: str, where: str) -> None:
    """The error names segment and field."""
    with pytest.raises(DecodeError) as caught:
        parse(header.encode())
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("declared", "encoding", "text"),
    [
        ("", "utf-8", "Zoë"),
        ("", "cp1252", "Zoë’s"),
        ("UNICODE", "utf-8", "Łukasz"),
        ("UNICODE UTF-8", "utf-8", "Łukasz"),
        ("8859/1", "latin-1", "Zoë"),
        ("8859/2", "iso-8859-2", "Łukasz"),
        ("8859/15", "iso-8859-15", "€5"),
        ("ASCII", "ascii", "Zoe"),
        ("ASCII~8859/1", "latin-1", "Zoë"),
        ("UNICODE", "utf-16", "Łukasz"),
        ("UNICODE UTF-16", "utf-16-le", "Łukasz"),
    ],
)
def test_the_character_set_of_msh_18_is_used(declared: str, encoding: str, text: str) -> None:
    """Each declared set reads what was written in it; nothing declared is UTF-8, or else cp1252."""
    raw = f"{HEADER}||||||{declared}\rPID|1||H1||{text}\r".encode(encoding)
    (unit,) = decode(raw)
    assert isinstance(unit, Unit)
    assert jmespath.search("PID.patient_name[0].family_name.surname", unit.tree) == text
    again = next(decode(unit.raw))
    assert isinstance(again, Unit), "the bytes that are kept can be tried again"


def test_a_byte_outside_of_the_declared_set_is_named_by_segment_and_offset() -> None:
    """The error tells where, and not what."""
    raw = f"{HEADER}||||||ASCII\rPID|1||H1||Zoë\r".encode()
    (bad,) = decode(raw)
    assert isinstance(bad, BadUnit)
    assert "segment 2 (PID)" in str(bad.error)
    assert str(raw.index(b"\xc3")) in str(bad.error)
    assert "Zo" not in str(bad.error)


ONE = f"{HEADER}\rPID|1||H1\r".encode()


@pytest.mark.parametrize(
    ("raw", "places"),
    [
        (ONE, ["message"]),
        (b"\x0b" + ONE + b"\x1c\r", ["message"]),
        (b"\x0b" + ONE + b"\x1c\r\x0b" + ONE + b"\x1c\r", ["message 1", "message 2"]),
        (ONE + b"\n\n" + ONE + b"\r\n\x1a", ["message 1", "message 2"]),
        (b"\xef\xbb\xbf" + ONE, ["message"]),
        (b"\x0b\xef\xbb\xbf" + ONE, ["message"]),
        (b"\xef\xbb\xbf" + ONE + b"\xef\xbb\xbf" + ONE, ["message 1", "message 2"]),
        (b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + ONE + ONE + b"BTS|2\rFTS|1\r", ["message 1", "message 2"]),
        (b"BHS|^~\\&|A\r" + ONE + b"BTS|2\r", ["message", "batch trailer!"]),
        (b"hello\r\n" + ONE, ["before the first message!", "message"]),
        (ONE + b"MSH|abc\r" + ONE, ["message 1", "message 2!", "message 3"]),
        (b"", ["before the first message!"]),
        (b"\x00\x01\xff", ["before the first message!"]),
        (b"<html>", ["before the first message!"]),
    ],
)
def test_files_are_split_into_messages(raw: bytes, places: list[str]) -> None:
    """Every message is there by its place; an exclamation mark stands for one that is bad."""
    assert [u.place + ("!" if isinstance(u, BadUnit) else "") for u in decode(raw)] == places


@given(st.lists(st.booleans(), min_size=1, max_size=6), st.sampled_from([b"\r", b"\n", b"\r\n"]))
def test_no_byte_of_a_file_is_lost(good: list[bool], end: bytes) -> None:
    """Good and bad messages in any order: each comes out with its own bytes, and can be tried again."""
    parts = [ONE.replace(b"\r", end) if is_good else b"MSH|junk|" + end for is_good in good]
    units = list(decode(b"".join(parts)))
    assert [isinstance(unit, Unit) for unit in units] == good
    assert b"".join(unit.raw + end for unit in units) == b"".join(parts)


@given(st.binary(max_size=400) | st.binary(max_size=300).map(lambda tail: HEADER.encode() + tail))
def test_any_bytes_give_units_or_errors(raw: bytes) -> None:
    """Nothing raises, and whatever is read can be walked from end to end."""
    for unit in decode(raw):
        if isinstance(unit, Unit):
            for segment in unit.tree["segments"]:
                assert _leaves(segment) is not None
            assert unit.tree["orders"] is not None
            assert unit.tree["deleted"] is not None


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ("PID" + "|" * 1_000_000, True),
        ("PID|1||" + "~" * 1_000_000, True),
        ("PID|1||" + "^" * 1_000_000, False),
        ("PID|1||a^" + "&" * 1_000_000, False),
        ("NTE|1||" + "\\" * 1_000_000, False),
        ("NTE|1||" + "\\X41" * 250_000, False),
        ("OBX|1|ED|x||^^^^" + "A" * 4_000_000, False),
        ("NTE|1\r" * 200_000, True),
        ("NTE|1\n" * 200_000, True),
        ("\n" * 1_000_000, False),
        ("\r" * 1_000_000, False),
        ("MSH|\r" * 50_000, False),
        ("\r\x0b" * 500_000, False),
    ],
)
def test_hostile_messages_take_linear_time(body: str, refused: bool) -> None:
    """A million separators are read or refused quickly: quadratic work would take minutes."""
    began = time.process_time()
    units = list(decode(f"{HEADER}\r{body}\r".encode()))
    for unit in units[:1]:
        if isinstance(unit, Unit):
            find('[PID."3"[].id_number, NTE[].comment, OBX[].observation_value[].data]', _message(unit))
    assert time.process_time() - began < 20
    assert isinstance(units[0], BadUnit) == refused


def _message(unit: Unit) -> Message:
    assert isinstance(unit.tree, Message)
    return unit.tree


def test_the_limits_are_far_above_real_messages() -> None:
    """A long report of two thousand lines and a field of a thousand repetitions pass."""
    tree = message(*(f"OBX|{n}|TX|t||line" for n in range(2000)), "PID|1||" + "~".join(["H1"] * 1000))
    assert len(tree["OBX"]) == 2000
    assert len(tree["PID"]["patient_identifier_list"]) == 1000
    assert MAX_SEGMENTS > 2000 < MAX_PLACES


def test_a_message_tells_what_it_is_and_who_sent_it() -> None:
    """Type (from EVN where MSH-9 has no event), control id, application and facility."""
    tree = message("EVN|A28|2026", header=HEADER.replace("ADT^A01^ADT_A01", "ADT"))
    assert (tree.type, tree.control_id) == ("ADT^A28", "M1")
    assert (tree.sending_application, tree.sending_facility) == ("PAS", "RXX")
    assert message(header="MSH|^~\\&|||||||").type == "^"


def test_a_segment_that_should_stand_once_is_not_lost_in_silence() -> None:
    """The first that says something is read, and that there was another is told."""
    head = r"MSH|^~\&|PAS|RXX|SCR|ICS|20260105101500||ADT^A01|M1|T|2.4" + "\rPID|1||||Sample^Ada\r"
    [unit] = decode((head + "PV1|\rPV1|1|I|W1\rPV1|2|O|W2\r").encode())
    assert isinstance(unit, Unit)
    assert unit.tree["PV1"]["patient_class"] == "I"
    assert unit.tree["surplus"] == ["PV1"]
    [plain] = decode((head + "PV1|1|I|W1\r").encode())
    assert isinstance(plain, Unit)
    assert plain.tree["surplus"] == []
