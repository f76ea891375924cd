"""The gate ``samples-passed``: every sample of an adapter gives what is written beside it.

A sample is any file of the adapter's ``samples``; beside it stands ``<name>.expected.json``. One whose
name begins with ``broken`` holds something that must be refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import orjson

from scr.data import DataFiles
from scr.decode.tree import DecodeError, Unit
from scr.errors import ScrError
from scr.fhir.identifiers import OdsCode
from scr.mapping.adapter import Adapter
from scr.mapping.run import MappingContext, map_unit

_SUFFIX = ".expected.json"
_SOURCE = OdsCode("X99999")
_SUBJECT = "the-person"
_ID_KEY = b"key of the samples"
_NOW = 1_772_000_000_000


class Golden(msgspec.Struct):
    """What one unit of a sample must give; whatever else the file tells of it is not looked at here."""

    place: str
    refused: str = ""
    resources: list[object] = []


def sample_problems(files: DataFiles, adapter: Adapter) -> tuple[int, list[str]]:
    """How many samples the adapter has, and one sentence for each that does not give what it must."""
    found = {Path(name).name: path for name, path in files.walk("adapters", f"{adapter.name}/samples/*")}
    samples = {name: path for name, path in found.items() if not name.endswith(_SUFFIX)}
    problems: list[str] = []
    for name, path in samples.items():
        golden = found.get(name + _SUFFIX)
        if golden is None:
            problems.append(f"{name}: nothing is written beside it: {name}{_SUFFIX} is missing")
        else:
            problems += [f"{name}: {problem}" for problem in _compare(adapter, path, golden)]
    if not samples:
        problems.append("there is no sample")
    return len(samples), problems


def _compare(adapter: Adapter, sample: Path, golden: Path) -> Iterator[str]:
    try:
        expected = msgspec.json.decode(golden.read_bytes(), type=list[Golden])
    except msgspec.DecodeError:
        yield f"{golden.name} cannot be read"
        return
    made = list(outcomes(adapter, sample.read_bytes()))
    if len(made) != len(expected):
        yield f"it gives {len(made)} units, {len(expected)} are expected"
        return
    for got, wanted in zip(made, expected, strict=True):
        if bool(got.refused) != bool(wanted.refused):
            yield f"{got.place}: " + ("it is refused" if got.refused else "it is not refused, and must be")
        elif got.resources != wanted.resources:
            yield f"{got.place}: what it gives differs from {golden.name}"
    if sample.name.startswith("broken") and not any(got.refused for got in made):
        yield "nothing of it is refused"


def outcomes(adapter: Adapter, raw: bytes) -> Iterator[Golden]:
    """What each unit of a payload gives, as a golden has it."""
    context = MappingContext(_SOURCE, _SUBJECT, _ID_KEY, _NOW, adapter.maps)
    try:
        units = list(adapter.units(raw))
    except DecodeError as error:
        yield Golden("payload", str(error))
        return
    for unit in units:
        if not isinstance(unit, Unit):
            yield Golden(unit.place, str(unit.error))
            continue
        try:
            mapped = map_unit(adapter, unit, context)
            yield Golden(unit.place, resources=[orjson.loads(entry.body) for entry in mapped.entries])
        except ScrError as error:
            yield Golden(unit.place, str(error))
