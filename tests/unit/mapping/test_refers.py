"""Where references are looked for: under the elements that a rule's template says, and none is missed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from scr.data import DataFiles, packaged_root
from scr.decode.tree import Unit
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.mapping.adapter import Adapter, load_adapters
from scr.mapping.run import MappingContext, map_unit
from scr.mapping.template import MappingError
from scr.terminology.conceptmap import ConceptMaps

ROOT = packaged_root() / "adapters"


@cache
def maps() -> ConceptMaps:
    """Every concept map."""
    return ConceptMaps.load(DataFiles())


@cache
def shipped() -> dict[str, Adapter]:
    """Every adapter whose rules tell where a reference may stand."""
    told = load_adapters(DataFiles()).items()
    return {name: one for name, one in told if any(rule.refers is not None for rule in one.rules or ())}


def entries(adapter: Adapter, unit: Unit) -> tuple[Entry, ...]:
    """What comes of a unit."""
    try:
        return map_unit(
            adapter, unit, MappingContext(OdsCode("ZZ001"), "subject", b"k" * 32, 0, maps())
        ).entries
    except MappingError:
        return ()


@pytest.mark.parametrize("name", ["lab-oru", "pas-adt", "scheduling-siu", "client-level-data"])
def test_no_reference_is_missed(name: str) -> None:
    """To look under those elements only gives what looking everywhere gives."""
    adapter = shipped()[name]
    anywhere = replace(adapter, rules=tuple(replace(rule, refers=None) for rule in adapter.rules or ()))
    found = 0
    for path in sorted((ROOT / name / "samples").glob("*")):
        if path.name.startswith("broken") or path.suffix == ".json":
            continue
        for unit in adapter.units(path.read_bytes()):
            assert isinstance(unit, Unit)
            made = entries(adapter, unit)
            assert made == entries(anywhere, unit)
            found += sum(len(entry.references) for entry in made)
    assert found > 2
