"""Acknowledgements: who they go to, what they say, and in which version."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.decode.hl7v2 import AckCode, acknowledge, parse

AT = datetime(2026, 7, 1, 11, 30, tzinfo=UTC)


def raw(version: str = "2.4", charset: str = "", kind: str = "ADT^A01^ADT_A01") -> bytes:
    """A message of a version."""
    route = "MSH|^~\\&|PAS&x|RXX^2.16^ISO|SCR|ICS|202601051200"
    return f"{route}||{kind}|M\\T\\1|T|{version}||||||{charset}\rPID|1".encode()


def test_sender_and_receiver_change_places() -> None:
    """The acknowledgement goes back with the sender's own identifiers, its control id and UK time."""
    text = acknowledge(raw(), "AA", "K9", at=AT).decode()
    assert (
        text
        == "MSH|^~\\&|SCR|ICS|PAS&x|RXX^2.16^ISO|20260701123000+0100||ACK^A01^ACK|K9|T|2.4\rMSA|AA|M\\T\\1\r"
    )


@pytest.mark.parametrize("code", ["AE", "AR"])
@pytest.mark.parametrize(
    ("version", "where"),
    [("2.3", "error_code_and_location"), ("2.4", "error_code_and_location"), ("2.5.1", "user_message")],
)
def test_a_refusal_says_why(code: AckCode, version: str, where: str) -> None:
    """ERR is there in the shape of the message's own version; MSA-3 has the text in all."""
    ack = parse(acknowledge(raw(version), code, "K", "PID-3 | no number", at=AT))
    assert ack["MSA"]["acknowledgement_code"] == code
    assert ack["MSA"]["text_message"] == "PID-3 | no number"
    assert ack["ERR"][0][where]


@pytest.mark.parametrize(
    "junk", [b"", b"\x00\xff", b"MSH", b"MSH|^^^^|", b"MSHMSHMSH", b"GET / HTTP/1.1\r\n"]
)
def test_an_unreadable_header_gets_ar(junk: bytes) -> None:
    """Whatever was asked for: without a header nothing can have been accepted."""
    ack = parse(acknowledge(junk, "AA", at=AT))
    assert ack["MSA"]["acknowledgement_code"] == "AR"
    assert ack.type == "ACK^"


@given(st.binary(max_size=200), st.text(max_size=40))
def test_any_bytes_get_a_well_formed_answer(tail: bytes, text: str) -> None:
    """No message can make an acknowledgement that is broken or has a segment too many."""
    for message in (tail, b"MSH|^~\\&|" + tail, raw() + tail):
        ack = acknowledge(message, "AE", "", text, at=AT)
        assert [line[:3] for line in ack.split(b"\r")] == [b"MSH", b"MSA", b"ERR", b""]


@pytest.mark.parametrize(
    ("charset", "written"), [("", "Zoë".encode()), ("8859/1", b"Zo\xeb"), ("ASCII", b"Zo?")]
)
def test_the_answer_is_written_in_the_sender_s_character_set(charset: str, written: bytes) -> None:
    """MSH-18 holds for the answer too."""
    message = parse(raw(charset=charset))
    assert written in acknowledge(message, "AE", "", "Zoë", at=AT)


@pytest.mark.parametrize(
    "charset", ["8859/9", "8859/0", "8859/", "8859/x", "ASCII~8859/1", "KLINGON", "UTF-8"]
)
def test_any_declared_set_gets_an_answer(charset: str) -> None:
    """Also one that does not exist."""
    assert b"\rMSA|AR|M\\T\\1|no\r" in acknowledge(raw(charset=charset), "AR", "", "no")


def test_a_message_in_utf_16_is_answered() -> None:
    """Its header is read as that of any other, and the sender's name comes back unharmed."""
    text = raw().decode().replace("PAS&x", "Zoë")
    for sent in (text.encode("utf-16"), text.encode("utf-16-le"), text.encode()):
        ack = parse(acknowledge(sent, "AA"))
        assert ack["MSA"]["acknowledgement_code"] == "AA"
        assert ack["MSH"]["receiving_application"]["namespace_id"] == "Zoë"


def test_an_unknown_event_is_acknowledged_without_one() -> None:
    """MSH-9 of the answer is ACK alone where the message names no event."""
    assert parse(acknowledge(raw(kind="ADT"), "AA")).type == "ACK^"
