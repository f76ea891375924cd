"""Entries made by hand or drawn by Hypothesis, for what reads an entry's head only."""

from __future__ import annotations

from hypothesis import strategies as st

from scr.fhir.entry import Entry

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
_DAY = 86_400_000
_YEAR_2000 = 946_684_800_000


def entry(logical: str = "e1", kind: str = "Observation", **head: object) -> Entry:
    """An entry with this head; its body is not looked at."""
    fields: dict[str, object] = {"source": "RXX", "heading": "findings", "body": b"{}", **head}
    return Entry(type=kind, id=logical, **fields)  # type: ignore[arg-type]


intervals = st.tuples(st.integers(-20, 60), st.sampled_from([1, 60_000, _DAY, 31 * _DAY, 366 * _DAY])).map(
    lambda pair: (_YEAR_2000 + pair[0] * _DAY, _YEAR_2000 + pair[0] * _DAY + pair[1])
)
"""Clinical dates around the year 2000, from a millisecond to a year long."""

tokens = st.builds(
    "{}|{}".format, st.sampled_from([SNOMED, LOINC, ""]), st.sampled_from(["1", "2", "22", "a-b"])
)
entries = st.builds(
    entry,
    logical=st.text("abc", min_size=1, max_size=3),
    kind=st.sampled_from(["Observation", "Condition"]),
    when=st.none() | intervals,
    status=st.none() | st.sampled_from(["final", "active", "amended"]),
    codes=st.lists(tokens, max_size=3, unique=True).map(tuple),
    categories=st.lists(tokens, max_size=2, unique=True).map(tuple),
    labels=st.lists(tokens, max_size=1).map(tuple),
    last_updated=st.integers(_YEAR_2000, _YEAR_2000 + 5 * _DAY),
)
records = st.lists(entries, max_size=12, unique_by=lambda e: (e.type, e.id))
"""A record: no two entries with the same type and id."""
