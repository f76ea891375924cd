"""Whatever a hospital writes into a field: what the HL7 v2 adapters make of it is valid R4 or refused."""

from __future__ import annotations

from functools import cache
from itertools import chain

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st

from scr.data import DataFiles, packaged_root
from scr.decode.hl7v2 import decode
from scr.decode.tree import Unit
from scr.errors import ScrError
from scr.fhir.identifiers import OdsCode
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.run import MappingContext, claim, map_unit

NAMES = (
    "documents-mdm",
    "lab-oru",
    "orders-oml",
    "pas-adt",
    "referrals-ref",
    "scheduling-siu",
    "vaccinations-vxu",
)


@cache
def adapter(name: str) -> Adapter:
    """An adapter that is shipped."""
    return load_adapter(DataFiles(), name)


@cache
def samples(name: str) -> list[list[list[str]]]:
    """The adapter's sample messages, cut into segments and fields."""
    files = sorted((packaged_root() / "adapters" / name / "samples").glob("*.hl7"))
    units = chain.from_iterable(
        decode(path.read_bytes()) for path in files if not path.name.startswith("broken")
    )
    texts = [unit.raw.decode() for unit in units]
    return [[line.split("|") for line in text.splitlines() if line] for text in texts]


ODD = st.sampled_from(
    [
        *("", '""', " ", "^", "&&", "~", "~~^x", "a b  c", "\\", "\\X41", "\\.br\\", "0", "-1", "<5", "1-2"),
        *("99999999", "2026-13-45", "20260230", "2026", "20260229T10", "M^Male", "A01", "{{ PID }}"),
        *("\u2028", "É", "urn:x y", "A" * 300, "https://x y/", "9990000026^^^NHS", "X&Y&ISO", "tab\there"),
    ]
)
VALUES = ODD | st.text(alphabet="abcXYZ019 ^~&.-<>\\'\"é", max_size=25)
CHANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 50), VALUES), min_size=1, max_size=6)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=75)
@given(which=st.integers(0, 50), changes=CHANGES)
def test_any_fields_give_valid_resources_or_a_refusal(
    name: str, which: int, changes: list[tuple[int, int, str]]
) -> None:
    """Fields of the samples are overwritten with anything; MSH-9 and the delimiters stay."""
    segments = [list(cells) for cells in samples(name)[which % len(samples(name))]]
    for at, number, value in changes:
        cells = segments[1 + at % (len(segments) - 1)]
        cells.extend([""] * (number + 1 - len(cells)))
        cells[number] = value
    raw = "\r".join("|".join(cells) for cells in segments).encode()
    context = MappingContext(OdsCode("X99999"), "the-person", b"key", 0, adapter(name).maps)
    for unit in decode(raw):
        if not isinstance(unit, Unit):  # a character that MSH-18 does not have
            continue
        claim(adapter(name), unit)
        try:
            entries = map_unit(adapter(name), unit, context).entries
        except ScrError:
            continue
        for entry in entries:
            get_fhir_model_class(entry.type).model_validate(orjson.loads(entry.body))
