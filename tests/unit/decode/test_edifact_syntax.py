"""EDIFACT's characters: separators, releases, character sets, line ends; any bytes at all."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scr.decode.edifact import ServiceString, decode
from scr.decode.edifact.syntax import codecs_of, parse_segment, pieces
from scr.decode.tree import BadUnit, DecodeError, Unit

USUAL = ServiceString()
MARKS = st.permutations(list(":+.?'*|^~/#")).map(
    lambda marks: ServiceString(marks[0], marks[1], ".", marks[2], marks[3])
)
PRINTABLE = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40
)


def latin(character: str) -> bool:
    """Whether a character is one of cp1252 that latin-1 has at the same place."""
    return character.encode("cp1252", "ignore") == character.encode("latin-1")


@settings(deadline=None)
@given(MARKS, st.lists(st.lists(PRINTABLE, min_size=1, max_size=4), min_size=1, max_size=5))
def test_what_is_escaped_comes_back(marks: ServiceString, elements: list[list[str]]) -> None:
    """Components that hold any separators survive being written and read, whatever the separators are."""
    elements = [["".join(filter(latin, part)) for part in element] for element in elements]
    body = marks.element.join(marks.component.join(map(marks.escaped, element)) for element in elements)
    raw = f"{marks.advice}\r\nXYZ{marks.element}{body}{marks.terminator}".encode("latin-1")
    (piece,) = pieces(raw)
    assert parse_segment(piece, 1, codecs_of("UNOC")).elements == elements


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_units_or_say_why_not(raw: bytes) -> None:
    """Nothing is raised, and what is refused says where."""
    for unit in decode(raw):
        assert isinstance(unit, Unit) or unit.error.where


SOME = [
    *("UNA:+.? '", "UNB+UNOC:3+S+R+1:2+9", "UNH+1+MEDRPT:0:1:RT:NHS003", "UNT+3+1", "UNZ+1+9", "?", "\r\n"),
    *("S01+01", "NAD+PO+Z99:901", "NAD", "S02+02", "RFF+SRI:1", "S06+06", "ADR++US", "PNA", "S16+16", "S99"),
    *(
        "PNA+PAT+1:OPI+++SU:A",
        "SEQ++1",
        "DTM+SCO",
        "SPC+TSP+::",
        "GIS+N",
        "INV+MQ+1:911::A",
        "FTX+SPC+++::a:?",
    ),
    *("RSL+NV+1", "RSL", "RSL+NV", "RFF+ARL:1", "RFF+ASL:1", "S20+20", "RND+U", "RND"),
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(SOME), max_size=40))
def test_segments_in_any_order_are_read(segments: list[str]) -> None:
    """Whatever stands where, each message gives a tree or a reason."""
    for unit in decode("'".join([*segments, ""]).encode()):
        assert isinstance(unit, Unit | BadUnit)


@settings(deadline=None)
@given(st.integers(0, 10), st.sampled_from(["\r\n", "\n", "\r"]))
def test_line_ends_do_not_matter(column: int, end: str) -> None:
    """A message wrapped at any column says the same, also where a released character is cut off."""
    message = "UNH+1+MEDRPT'S02+02'FTX+SPC+++IT?'S ?+ LOW'RFF+SRI:26/1'UNT+5+1'"
    width = column + 5
    wrapped = end.join(message[at : at + width] for at in range(0, len(message), width))
    (unit,) = decode(wrapped.encode())
    assert isinstance(unit, Unit)
    assert unit.tree["report"] == {"comments": ["IT'S + LOW"], "id": "26/1", "service": "laboratory"}


@pytest.mark.parametrize(
    ("syntax", "raw", "text"),
    [
        ("UNOA", b"M\xfcller", "Müller"),
        ("UNOB", "Müller".encode(), "Müller"),
        ("UNOC", b"M\xfcller \x93x\x94", "Müller “x”"),
        ("UNOC", b"\x81", "\x81"),
        ("UNOD", b"\xb1", "ą"),
        ("UNOL", b"\xa4", "€"),
        ("UNOW", "Müller".encode(), "Müller"),
        ("UNOY", "Ż".encode(), "Ż"),
        ("", b"M\xfcller", "Müller"),
    ],
)
def test_the_character_set_is_the_one_of_unb(syntax: str, raw: bytes, text: str) -> None:
    """UNB-1 says how bytes are read; Windows' own characters are taken for Latin-1."""
    header = b"UNB+" + syntax.encode() + b":3+S+R+1:2+9'"
    units = list(decode(header + b"UNH+1+MEDRPT'S02+02'FTX+SPC+++" + raw + b"'UNT+4+1'UNZ+1+9'"))
    assert [unit.tree["report"]["comments"] for unit in units if isinstance(unit, Unit)] == [[text]]


@pytest.mark.parametrize(
    ("syntax", "raw", "where"), [("UNOY", b"\xff", "segment 3 (FTX)"), ("UNZZ", b"a", "UNB-1")]
)
def test_a_byte_outside_of_the_character_set_is_refused(syntax: str, raw: bytes, where: str) -> None:
    """The segment is named, and nothing that stands in it."""
    header = b"UNB+" + syntax.encode() + b":4+S+R+1:2+9'"
    units = list(decode(header + b"UNH+1+MEDRPT'S02+02'FTX+SPC+++" + raw + b"'UNT+4+1'UNZ+1+9'"))
    bad = [unit.error for unit in units if isinstance(unit, BadUnit)]
    assert [(error.code, error.where) for error in bad] == [("bad-character-set", where)]


@pytest.mark.parametrize("advice", ["UNA:+.?'", "UNA:+.? '", "UNA:+,? '\r\n", "\ufeffUNA:+.? '"])
def test_the_service_string_is_read_as_it_is_sent(advice: str) -> None:
    """Also without its reserved character, and after a byte order mark."""
    (unit,) = decode((advice + "UNH+1+MEDRPT'S02+02'RFF+SRI:26?:1'UNT+4+1'").encode())
    assert isinstance(unit, Unit)
    assert unit.tree["report"]["id"] == "26:1"


@pytest.mark.parametrize("advice", ["UNA++.? '", "UNAabcdef", "UNA:+.: '", "UNA"])
def test_separators_that_cannot_be_told_apart_are_refused(advice: str) -> None:
    """The whole is refused, because nobody can say where a segment ends."""
    *_, bad = decode(advice.encode())
    assert isinstance(bad, BadUnit)
    assert (bad.error.code, bad.error.where) == ("bad-separators", "UNA")


def test_without_a_release_character_nothing_is_released() -> None:
    """A space in its place says that there is none: a question mark is itself; some text cannot be sent."""
    marks = ServiceString(release="")
    (piece,) = pieces(b"UNA:+.  'FTX+IS IT? YES'")
    assert parse_segment(piece, 1, codecs_of("")).elements == [["IS IT? YES"]]
    with pytest.raises(ValueError, match="no release character"):
        marks.escaped("a+b")


def test_a_segment_of_too_many_parts_is_refused() -> None:
    """It is told by its number, not taken into memory part by part."""
    (piece,) = pieces(b"FTX+" + b":" * 1_001 + b"'")
    with pytest.raises(DecodeError, match="segment 7 \\(FTX\\): more than 1000"):
        parse_segment(piece, 7, codecs_of(""))


@pytest.mark.parametrize(
    "part", [b"?", b"?'", b"''", b"FTX+SPC+++a:b?+'", b"UNH+1+X'", b"UNA:+.? '", b" ", b"x"]
)
def test_four_times_the_bytes_cost_no_more_than_some_four_times(part: bytes) -> None:
    """Reading is linear in the length, whatever is repeated."""

    def seconds(size: int) -> float:
        raw = b"UNH+1+MEDRPT'" + part * (size // len(part))
        begun = time.thread_time()
        for _ in decode(raw):
            pass
        return time.thread_time() - begun

    spent = [min(seconds(size) for _ in range(2)) for size in (30_000, 120_000)]
    assert all(after < 12 * before + 0.1 for before, after in pairwise(spent))
