"""Whatever a laboratory writes into an element: what the EDIFACT adapter makes is valid R4 or refused."""

from __future__ import annotations

import re
from functools import cache

import orjson
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st

from scr.data import DataFiles, packaged_root
from scr.decode.edifact import decode
from scr.decode.tree import Unit
from scr.errors import ScrError
from scr.fhir.identifiers import OdsCode
from scr.fhir.validate import validate
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.run import MappingContext, claim, map_unit


@cache
def adapter() -> Adapter:
    """The adapter that is shipped."""
    return load_adapter(DataFiles(), "pathology-edifact")


@cache
def samples() -> list[list[str]]:
    """The segments of the adapter's sample messages, from UNB to before UNT."""
    folder = packaged_root() / "adapters" / "pathology-edifact" / "samples"
    found = []
    for name in ("chemistry.edi", "screening.edi"):
        for unit in decode((folder / name).read_bytes()):
            assert isinstance(unit, Unit)
            found.append([part.strip() for part in re.split(r"(?<!\?)'", unit.raw.decode("cp1252"))][:-3])
    return found


ODD = st.sampled_from(
    [
        *(
            "",
            " ",
            ":",
            "::::",
            "+",
            "??",
            "?'",
            "0",
            "-1",
            "<5",
            ">=",
            "1,5",
            "1e9",
            "a b  c",
            "5:9",
            "{{ @ }}",
        ),
        *(
            "99999999",
            "20261345:102",
            "200212:101",
            "202601141530:203",
            "UNKNOWN",
            "MQ",
            "OPI",
            "SU:",
            "FO:X:Y",
        ),
        *("?:?+", "É", "A" * 71, "urn:x y", "902", "C", "PRO", "ORG", "1", "2"),
    ]
)
VALUES = ODD | st.text(alphabet='abcXYZ019 :.-<>/"é', max_size=25)
CHANGES = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 8), VALUES), min_size=1, max_size=6)
MOVES = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=3)


@settings(max_examples=120, deadline=None)
@given(which=st.integers(0, 50), changes=CHANGES, moves=MOVES)
def test_any_elements_give_valid_resources_or_a_refusal(
    which: int, changes: list[tuple[int, int, str]], moves: list[tuple[int, int]]
) -> None:
    """Elements of the samples are overwritten with anything, and segments inside change places."""
    segments = list(samples()[which % len(samples())])
    for at, number, value in changes:
        place = 2 + at % (len(segments) - 2)
        elements = segments[place].split("+")
        elements.extend([""] * (number + 1 - len(elements)))
        elements[number] = value
        segments[place] = "+".join(elements)
    for one, other in moves:
        a, b = (2 + at % (len(segments) - 2) for at in (one, other))
        segments[a], segments[b] = segments[b], segments[a]
    reference = segments[1].split("+")[1]
    raw = "'".join([*segments, f"UNT++{reference}", "UNZ", ""]).encode("cp1252")
    context = MappingContext(OdsCode("X99999"), "the-person", b"key", 0, adapter().maps)
    (unit,) = decode(raw)
    assert isinstance(unit, Unit)
    claim(adapter(), unit)
    try:
        entries = map_unit(adapter(), unit, context).entries
    except ScrError:
        return
    for entry in entries:
        body = orjson.loads(entry.body)
        get_fhir_model_class(entry.type).model_validate(body)
        assert not validate(body)
