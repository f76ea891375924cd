"""The fields of a sample, each with its values, whatever the format that they came in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from scr.decode.tree import BadUnit, DecodeError, Unit

Path = tuple[str, ...]
MAX_RECORDS = 5000
"""So many records are looked at: what they do not show, more of the same would not."""


@dataclass(frozen=True, slots=True)
class Column:
    """One field of the records: its path, the path of the list that it is in, its values as text.

    ``around`` are the lists that this list itself is in, the outermost first.
    At the level of the record there is a value for each record, "" where it is missing.
    """

    path: Path
    values: tuple[str, ...]
    group: Path = ()
    around: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """As people name it: the column's header, or the path with dots."""
        return ".".join(self.path)

    @property
    def filled(self) -> tuple[str, ...]:
        """The values that are there."""
        return tuple(value for value in self.values if value)


@dataclass(frozen=True, slots=True)
class Sample:
    """One or several files of one shape. ``decode`` is the adapter's key of that name; ``bad`` counts
    what could not be read; ``twice`` are headers that stand twice, and cannot be told apart; ``sheets``
    those of the workbook that hold rows as well and were not looked at."""

    decode: dict[str, Any]
    columns: tuple[Column, ...]
    records: int
    bad: int = 0
    twice: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()
    files: tuple[FilePath, ...] = field(default=(), compare=False)

    @property
    def format(self) -> str:
        """The wire format, as ``decode.format`` names it."""
        return str(self.decode["format"])


def taken(found: Iterator[Unit | BadUnit]) -> tuple[list[Unit], int]:
    """The units that can be read, the first of them, and how many cannot."""
    good: list[Unit] = []
    bad = 0
    for unit in found:
        if isinstance(unit, BadUnit):
            bad += 1
        elif len(good) < MAX_RECORDS:
            good.append(unit)
        else:
            break
    return good, bad


def of_rows(decode: dict[str, Any], units: list[Unit], bad: int, header: list[str]) -> Sample:
    """Rows as a sample; ``header`` has the names of their header in order, where it was read.

    Raises DecodeError where there are no rows, or no names.
    """
    if not units:
        raise DecodeError(
            "there is no row that can be read: a sample needs a header and rows", code="no-rows"
        )
    names = [str(name) for name in units[0].tree]
    twice = tuple(dict.fromkeys(name for name in header if header.count(name) > 1))
    told = [name for name in names if name and name not in twice and (not header or name in header)]
    if not told:
        raise DecodeError(
            "no column has a name of its own: is there a header row?", code="no-header", where="row 1"
        )
    columns = tuple(Column((name,), tuple(str(unit.tree.get(name, "")) for unit in units)) for name in told)
    return Sample({**decode, "columns": told}, columns, len(units), bad, twice)


def quoted(name: str) -> str:
    """A name as JMESPath writes it: in quotation marks where it is no plain identifier."""
    if name.isascii() and name.isidentifier():
        return name
    return json.dumps(name).replace("{", "\\u007b").replace("}", "\\u007d")
