"""MESH: whose a message is, and that its content is put together whole or not at all."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.errors import Invalid, TooLarge
from scr.fhir.identifiers import OdsCode
from scr.intake.mesh import MeshFailure
from scr.intake.mesh_content import Content, unfolded
from scr.intake.mesh_routes import mailboxes
from scr.mapping.provider import Feed, Provider


def provider(ods: str, **connection: object) -> Provider:
    """A provider with one feed from a mailbox."""
    kind = {"kind": "mesh", "url": "https://m.test", "mailbox": "A1", "workflow_ids": ["W"]}
    secrets = {"password": "env:P", "shared_key": "env:K"}
    feed = {"name": "f", "adapter": "a", "connection": kind | secrets | connection}
    made = (Feed.model_validate(feed),)
    return Provider(ods=OdsCode(ods), name="X", organisation_type="council", go_live=None, feeds=made)


def by_mailbox(*providers: Provider) -> list[tuple[str, ...]]:
    """The providers of each mailbox."""
    found = mailboxes({each.ods: each for each in providers})
    return [tuple(one.ods.value for one, _, _ in routes) for routes in found]


def test_feeds_share_a_mailbox_where_they_are_told_apart() -> None:
    """By workflow, or by the mailbox that sends; another mailbox or another service is another poller."""
    found = by_mailbox(
        provider("Z9901", sender="s1"),
        provider("Z9902", sender="S2", url="https://m.test/"),
        provider("Z9903", workflow_ids=["OTHER"], mailbox="a1"),
        provider("Z9904", mailbox="A2"),
        provider("Z9905", url="https://other.test"),
    )
    assert found == [("Z9901", "Z9902", "Z9903"), ("Z9904",), ("Z9905",)]


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ({}, {}, "the workflow 'W' of mailbox A1 is a feed of Z9901 already"),
        ({"sender": "S1"}, {}, "name the mailbox that sends it as `sender` in both"),
        ({"sender": "S1"}, {"sender": "s1"}, "the workflow 'W'"),
        ({"workflow_ids": ["A", "B"]}, {"workflow_ids": ["B", "C"]}, "the workflow 'B'"),
        ({}, {"workflow_ids": ["X"], "password": "env:Q"}, "reached in another way by Z9901"),
        ({}, {"workflow_ids": ["X"], "poll_seconds": 5}, "reached in another way by Z9901"),
    ],
)
def test_feeds_that_cannot_be_told_apart_are_refused(
    one: dict[str, object], other: dict[str, object], says: str
) -> None:
    """Both providers are named, so that both files are found."""
    with pytest.raises(Invalid, match=r"adapters/providers/Z9902.yaml, feed 'f'") as caught:
        by_mailbox(provider("Z9901", **one), provider("Z9902", **other))
    assert says in str(caught.value)


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, list[bytes], bool]:
    """A content, and the pieces of it as they may come: plain, each chunk compressed, or one compressed file
    cut anywhere; in network pieces of any size."""
    content = draw(st.binary(max_size=400))
    parts = cut(draw, content)
    way = draw(st.sampled_from(["plain", "each", "one"]))
    if way == "plain":
        return content, parts, False
    wire = gzip.compress(content) if way == "one" else b"".join(gzip.compress(part) for part in parts)
    return content, cut(draw, wire), True


def cut(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    """A text in pieces."""
    places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    return [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]


def put_together(pieces: Iterable[bytes], *, zipped: bool, limit: int = 10_000) -> bytes:
    """What the pieces make."""
    content = Content(limit)
    for piece in pieces:
        content.add(piece, zipped=zipped)
    return content.whole()


@given(messages())
def test_a_content_is_the_same_however_it_came(message: tuple[bytes, list[bytes], bool]) -> None:
    """Chunks, compression and the network's pieces leave no trace."""
    content, pieces, zipped = message
    assert put_together(pieces, zipped=zipped) == content


@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_compressed_content_that_is_cut_off_is_never_taken_for_whole(
    raw: bytes, data: st.DataObject
) -> None:
    """Wherever it ends too early: the last byte counts."""
    packed = gzip.compress(raw)
    end = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(MeshFailure):
        put_together([packed[:end]], zipped=True)


@given(messages(), st.integers(0, 399))
def test_nothing_over_the_limit_is_taken(message: tuple[bytes, list[bytes], bool], limit: int) -> None:
    """Neither as it came nor as it unfolds."""
    content, pieces, zipped = message
    if len(content) <= limit:
        assert put_together(pieces, zipped=zipped, limit=limit) == content
        return
    with pytest.raises(TooLarge):
        put_together(pieces, zipped=zipped, limit=limit)


def test_a_small_message_does_not_unfold_into_gigabytes() -> None:
    """It is refused at the limit, and not after: memory is not spent on it."""
    bomb = gzip.compress(bytes(64 * 2**20))
    content = Content(1000)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            content.add(bomb, zipped=True)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_content_that_changes_from_compressed_to_plain_is_not_whole() -> None:
    """A plain chunk in the middle of a compressed file belongs to nothing."""
    content = Content(1000)
    content.add(gzip.compress(b"x")[:10], zipped=True)
    with pytest.raises(MeshFailure):
        content.add(b"plain", zipped=False)


@pytest.mark.parametrize("raw", [b"", b"plain", b"\x1f\x8bnot", gzip.compress(b"half", mtime=0)[:-3]])
def test_what_is_called_compressed_and_is_not_is_left_as_it_is(raw: bytes) -> None:
    """It is for the intake to keep, and to refuse."""
    assert unfolded(raw, 1000) == raw
    assert unfolded(gzip.compress(raw), 1000) == raw
