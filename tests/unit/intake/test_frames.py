"""MLLP framing: however the bytes arrive, the same messages come out."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.intake.frames import FrameReader, FrameTooLarge, frame

MESSAGES = st.lists(
    st.binary(max_size=50).map(lambda b: b.replace(b"\x0b", b"").replace(b"\x1c", b"")), max_size=5
)


def read(chunks: list[bytes], max_bytes: int = 1000) -> tuple[list[bytes], FrameReader]:
    """Everything that comes out of these chunks, and the reader."""
    reader, found = FrameReader(max_bytes), []
    for chunk in chunks:
        reader.feed(chunk)
        while (message := reader.next()) is not None:
            found.append(message)
    return found, reader


@given(MESSAGES, st.data())
def test_any_cut_gives_the_same_messages(messages: list[bytes], data: st.DataObject) -> None:
    """Two messages in one packet, or one message in a hundred packets."""
    stream = b"".join(frame(message) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    edges = [0, *cuts, len(stream)]
    found, reader = read([stream[a:b] for a, b in pairwise(edges)])
    assert found == messages
    assert not reader.partial
    assert reader.garbage == 0


def test_what_stands_between_frames_is_skipped_and_counted() -> None:
    """Noise before, between and after; line ends are no noise, and the last CR is not insisted on."""
    found, reader = read([b"noise", b"\x0bA\x1c", b"\r\n\x0bB\x1cxx\x0bC\x1c\rend"])
    assert found == [b"A", b"B", b"C"]
    assert reader.garbage == len(b"noise") + len(b"xx") + len(b"end")


@pytest.mark.parametrize("chunks", [[b"\x0b" + b"A" * 11], [b"\x0b", *[b"A"] * 11], [frame(b"A" * 11)]])
def test_a_frame_over_the_limit_is_refused_before_it_ends(chunks: list[bytes]) -> None:
    """Ten bytes are the limit here; the error has the beginning, for the acknowledgement."""
    assert read([frame(b"A" * 10)], 10)[0] == [b"A" * 10]
    with pytest.raises(FrameTooLarge) as caught:
        read(chunks, 10)
    assert caught.value.head.startswith(b"A" * 10)


def test_a_byte_at_a_time_is_not_quadratic() -> None:
    """Four hundred thousand single bytes take about as long a byte as four thousand do."""
    began = time.process_time()
    found, reader = read([b"\x0b", *[b"A"] * 400_000], 1_000_000)
    assert (found, reader.partial) == ([], True)
    assert time.process_time() - began < 10
