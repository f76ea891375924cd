"""A Binary goes with what it is attached to; and what its contents are taken for."""

from __future__ import annotations

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.attached import Contents, contents_of, with_documents
from scr.fhir.entry import Entry, pack


def binary(logical: str) -> Entry:
    """Contents."""
    return pack({"resourceType": "Binary", "id": logical, "contentType": "a/b"}, source="RXX", now=0)


def document(logical: str, *names: str) -> Entry:
    """A document that names contents: each by one of the ways in which an address is written."""
    content = [
        {"attachment": {"url": f"{'https://a.test/fhir/' * (n % 2)}Binary/{x}"}} for n, x in enumerate(names)
    ]
    return pack({"resourceType": "DocumentReference", "id": logical, "content": content}, source="RXX", now=0)


ids = st.lists(st.sampled_from("abcd"), max_size=3, unique=True)


@given(ids, st.lists(ids, max_size=3))
def test_none_goes_alone(binaries: list[str], named: list[list[str]]) -> None:
    """Those that any document names stay, in their order, and nothing else is touched."""
    entries = [*map(binary, binaries), *(document(f"d{n}", *names) for n, names in enumerate(named))]
    every = {name for names in named for name in names}
    wanted = [one.id for one in entries if one.type != "Binary" or one.id in every]
    assert [one.id for one in with_documents(entries)] == wanted
    mention = pack(
        {"resourceType": "Binary", "id": "z", "data": "", "x": {"url": "Binary/a"}}, source="R", now=0
    )
    assert with_documents([binary("a"), mention]) == []


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ("application/pdf", "application/pdf"),
        ("TEXT/plain; charset=UTF-8", "text/plain; charset=utf-8"),
        ('text/html; x="; y', "text/html"),
        ("text/html\r\nSet-Cookie: a", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("pdf", "application/octet-stream"),
    ],
)
def test_a_type_that_is_none_is_not_repeated(told: str, taken: str) -> None:
    """What goes into a header is a media type and a charset, or the type of what is not known."""
    data = base64.b64encode(b"x").decode()
    body = orjson.dumps({"resourceType": "Binary", "contentType": told, "data": data})
    assert contents_of(body) == Contents(b"x", taken)


def test_contents_that_cannot_be_read_are_none() -> None:
    """Broken base 64 is no contents; none at all are empty ones."""
    assert contents_of(b'{"data":"a"}') is None
    assert contents_of(b"{}") == Contents(b"", "application/octet-stream")
