"""What whoever asks would rather have."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from scr.api.prefer import is_lenient, preferred_wait


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], None),
        (["wait=10"], 10.0),
        (["handling=lenient; wait=2"], 2.0),
        (["respond-async", "Wait = 3"], 3.0),
        (['respond-async,wait="4"'], 4.0),
        (["wait=0"], 0.0),
        (["wait"], None),
        (["wait=soon"], None),
        (["wait=-1"], None),
        (["wait=1e9"], None),
        (["wait=³"], None),
        (["wait=99999999999999999999"], 999999.0),
        (["await=5"], None),
    ],
)
def test_how_long_an_answer_is_waited_for(headers: list[str], seconds: float | None) -> None:
    """RFC 7240's ``wait``, in whichever of its spellings; what cannot be read is as if it were not there."""
    assert preferred_wait(_request(headers)) == seconds


@pytest.mark.parametrize(
    ("headers", "lenient"),
    [
        ([], False),
        (["handling=lenient"], True),
        (['respond-async; Handling = "LENIENT"'], True),
        (["handling=strict", "handling=lenient"], False),
        (["handling=lenient, handling=strict"], True),
        (["handling"], False),
        (["xhandling=lenient"], False),
    ],
)
def test_what_is_not_known_may_be_left_out_where_that_is_said_first(
    headers: list[str], lenient: bool
) -> None:
    """RFC 7240 counts the first of two, and knows neither case nor quotes."""
    assert is_lenient(_request(headers)) is lenient


def _request(headers: list[str]) -> Request:
    raw = [(b"prefer", value.encode("latin-1")) for value in headers]
    return Request({"type": "http", "headers": raw})
