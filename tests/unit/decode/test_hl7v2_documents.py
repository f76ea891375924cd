"""The documents of a message: bytes come out as they went in, and what cannot be read is said so."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scr.decode.hl7v2 import parse
from scr.decode.hl7v2.text import Delimiters

HEAD = "MSH|^~\\&|A|B|C|D|20260101||MDM^T02|1|T|2.4||||||UNICODE UTF-8\rTXA|1|CN\r"


def documents(*results: str) -> list[dict[str, Any]]:
    """The documents of a message with these OBX (from OBX-2 on)."""
    lines = "\r".join(f"OBX|{n}|{each}" for n, each in enumerate(results, 1))
    found: list[dict[str, Any]] = parse((HEAD + lines).encode())["documents"]
    return found


@given(st.binary(min_size=1), st.sampled_from(["Base64", "BASE64", "Hex"]))
@example(b"%PDF-1.7", "Base64")
def test_a_file_of_any_bytes_comes_out_as_it_went_in(content: bytes, encoding: str) -> None:
    """Whatever is in it: text, markers of HL7, line ends, nothing printable."""
    sent = content.hex() if encoding == "Hex" else base64.b64encode(content).decode()
    (document,) = documents(f"ED|R^Report||^application^octet-stream^{encoding}^{sent}")
    assert base64.b64decode(document["data"]) == content
    assert document["title"] == "Report"


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"])), min_size=1, max_size=5))
def test_the_lines_of_a_text_are_kept_in_their_order(lines: list[str]) -> None:
    """Each OBX is a line, whatever characters stand in it."""
    found = documents(*(f"TX|L^Letter||{Delimiters().escaped(line)}" for line in lines))
    assert len(found) == 1
    kept = base64.b64decode(found[0]["data"]).decode().split("\n")
    assert kept == [line if line != '""' else "" for line in lines]


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        ("ED|R||^^PDF^Base64^AAAA", "application/pdf"),
        ("ED|R||^application^pdf^Base64^AAAA", "application/pdf"),
        ("ED|R||^^image/png^Base64^AAAA", "image/png"),
        ("ED|R||^TEXT^RTF^A^x", "text/rtf"),
        ("ED|R||^^^Base64^JVBERi0xLjQ=", "application/pdf"),
        ("ED|R||^^^Base64^AAAA", "application/octet-stream"),
        ("TX|R||{\\E\\rtf1 text}", "text/rtf"),
        ("FT|R||plain", "text/plain"),
        ("RP|R||https://images.example/1^^image^DICOM", "application/dicom"),
    ],
)
def test_the_kind_of_a_document_is_told_by_its_name_or_its_beginning(result: str, kind: str) -> None:
    """ED-2 and ED-3, and the marks of files where they say nothing."""
    assert documents(result)[0]["type"] == kind


@pytest.mark.parametrize("part", ["^^PDF^Base64^not base 64!", "^^PDF^Hex^0g", "^^PDF^Quoted^x"])
def test_a_file_that_cannot_be_read_is_a_problem_and_no_document(part: str) -> None:
    """Half a file is worse than none: the adapter can send it to a human."""
    (document,) = documents(f"ED|R^Report||{part}")
    assert "problem" in document
    assert "data" not in document


def test_what_is_no_document_is_none() -> None:
    """Numbers and empty files; a string is a line of a document only where there is a TXA."""
    assert documents("NM|W^Weight||71", "ED|R||^^PDF^Base64^") == []
    raw = "MSH|^~\\&|A|B|C|D|20260101||REF^I12|1|T|2.4\rOBX|1|ST|T^Test||Positive"
    assert parse(raw.encode())["documents"] == []
