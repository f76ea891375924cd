"""A body has one meaning, or is refused."""

from __future__ import annotations

import pytest

from scr.errors import Invalid
from scr.fhir.strict_json import resource_from


def test_a_resource_is_read() -> None:
    """An object; what only looks like the sign of a control character is text."""
    text = resource_from(rb'{"a":"\\u0000 \u0009\n \ud83d\ude00"}')
    assert text == {"a": "\\u0000 \t\n \U0001f600"}
    assert resource_from(b'{"resourceType":"Consent","id":"a"}') == {"resourceType": "Consent", "id": "a"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"a":1,"a":2}', b'{"a":{"b":1,"b":1}}', b'{"a":NaN}', b'{"a":-Infinity}',
     b'{"a":"\xff"}', b"[" * 100_000, b'{"a":"\\ud800"}', b'{"a":"\\u0000"}', b'{"a":["x\\\\\\u001F"]}'],
)  # fmt: skip
def test_what_has_two_meanings_or_none_is_refused(body: bytes) -> None:
    """With one code, and nothing of what stood there."""
    with pytest.raises(Invalid) as refused:
        resource_from(body)
    assert refused.value.code == "bad-json"
