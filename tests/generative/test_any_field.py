"""Whatever a supplier writes into a field: what the adapters make of it is valid R4, or is refused."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scr.data import DataFiles, packaged_root
from scr.decode.tree import Unit
from scr.errors import ScrError
from scr.fhir.identifiers import OdsCode
from scr.fhir.validate import validate
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.run import MappingContext, claim, map_unit

NAMES = (
    "ambulance",
    "care-home-record",
    "care-home-workbook",
    "community-equipment",
    "end-of-life",
    "gp-flat-extract",
    "home-care",
    "mental-health",
)


@cache
def adapter(name: str) -> Adapter:
    """An adapter that is shipped."""
    return load_adapter(DataFiles(), name)


@cache
def units(name: str) -> tuple[Unit, ...]:
    """The good units of its samples."""
    samples = sorted((packaged_root() / "adapters" / name / "samples").glob("*"))
    return tuple(
        unit
        for path in samples
        if not path.name.startswith("broken") and not path.name.endswith(".expected.json")
        for unit in adapter(name).units(path.read_bytes())
        if isinstance(unit, Unit)
    )


TEXTS = st.sampled_from(
    [
        *("", " ", "a  b", "\t", "\u2028", "É", "{{ x }}", "urn:x y", "https://x y/", "<b>&", "A" * 300),
        *("2026-13-45", "2026", "31/02/2026", "2026-02-29T25:00:00", "20260101", "0", "-1", "<5", "1e400"),
        *("Yes", "Active", "deleted", "null", "9990000026", "999 000 1014", "1.50", "NaN", "x/y", "#1"),
    ]
) | st.text(st.characters(codec="utf-8"), max_size=12)
SCALARS = TEXTS | st.booleans() | st.none() | st.integers(-10, 10**12) | st.floats(-1e6, 1e6)


def places(node: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every scalar."""
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in parts:
        if isinstance(value, dict | list):
            yield from places(value, (*at, key))
        else:
            yield (*at, key)


def changed(tree: Any, changes: list[tuple[int, Any]], flat: bool) -> Any:
    """The tree with some of its scalars overwritten; in rows and XML all of them are text."""
    made = copy.deepcopy(dict(tree))
    ways = sorted(places(made), key=str)
    for which, value in changes:
        *above, last = ways[which % len(ways)]
        node: Any = made
        for key in above:
            node = node[key]
        node[last] = ("" if value is None else str(value).strip()) if flat else value
    return made


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=120, deadline=None)
@given(
    which=st.integers(0, 50),
    changes=st.lists(st.tuples(st.integers(0, 400), SCALARS), min_size=1, max_size=40),
)
def test_any_scalars_give_valid_resources_or_a_refusal(
    name: str, which: int, changes: list[tuple[int, Any]]
) -> None:
    """Scalars of the samples are overwritten with anything; nothing else stops the program."""
    one = adapter(name)
    unit = units(name)[which % len(units(name))]
    made = Unit(changed(unit.tree, changes, one.decode.format != "json"), unit.place, b"")
    assert [problem for body in resources(one, made) for problem in validate(body)] == []


def resources(one: Adapter, unit: Unit) -> list[dict[str, Any]]:
    """What a unit gives; nothing where it is refused."""
    context = MappingContext(OdsCode("Z99001"), "the-person", b"key", 0, one.maps)
    try:
        claim(one, unit)
        return [orjson.loads(entry.body) for entry in map_unit(one, unit, context).entries]
    except ScrError:
        return []
