"""A workbook of several sheets as one sample: who the people are on one, what belongs to them on others.

The sheet with NHS Numbers that the most others can be joined to says who a person is. A sheet is joined by a
column whose values all stand in one column of that sheet, where each is one row's alone. A sheet that has no
such column is left, and named.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from scr.decode.tree import DecodeError
from scr.decode.xlsx import SheetFormat, decode_xlsx
from scr.onboarding.draft.columns import Column, Sample, of_rows, taken
from scr.onboarding.draft.shapes import is_nhs, share
from scr.onboarding.draft.words import words_of

_LISTED = 12
"""How far down a header row is looked for below titles."""
_MOSTLY = 0.8
_MEANT = frozenset({"sheet", "others", "root", "item", "outer", "index"})
"""Names that expressions mean something else by."""


@dataclass(frozen=True, slots=True)
class _Sheet:
    title: str
    name: str
    row: int
    sample: Sample

    def declared(self, key: str, joins: str) -> dict[str, object]:
        """As ``decode.sheets`` has it."""
        made: dict[str, object] = {"sheet": self.title}
        made |= {"header_row": self.row} if self.row > 1 else {}
        made |= {"columns": self.sample.decode["columns"], "key": key}
        return made | ({"joins": joins} if joins else {})

    def columns(self, group: tuple[str, ...]) -> list[Column]:
        """Its columns, below its name."""
        return [Column((self.name, *each.path), each.values, group) for each in self.sample.columns]


def header_row(sheet: CalamineSheet) -> int:
    """The row of a sheet that has the most texts, below any titles; from 1."""
    rows = [list(row) for _, row in zip(range(_LISTED), sheet.iter_rows(), strict=False)]
    filled = [sum(isinstance(cell, str) and cell.strip() != "" for cell in row) for row in rows]
    return filled.index(max(filled)) + 1 if filled else 1


def of_workbook(raw: bytes) -> Sample | None:
    """All sheets that belong together, as one sample; None where no two of them do."""
    sheets = list(_sheets(raw))
    best: tuple[_Sheet, str, dict[str, str]] | None = None
    for sheet in sheets:
        for key, joined in _keys(sheet, sheets):
            if best is None or len(joined) > len(best[2]):
                best = sheet, key, joined
    return None if best is None or not best[2] else _joined(sheets, *best)


def _joined(sheets: list[_Sheet], people: _Sheet, key: str, joined: dict[str, str]) -> Sample:
    mine = [sheet for sheet in sheets if sheet.name in joined]
    declared = {people.name: people.declared(key, "")}
    declared |= {sheet.name: sheet.declared(joined[sheet.name], people.name) for sheet in mine}
    columns = people.columns(())
    for sheet in mine:
        columns += sheet.columns((sheet.name,))
    used = [people, *mine]
    return Sample(
        {"format": "workbook", "sheets": declared},
        tuple(columns),
        sum(sheet.sample.records for sheet in used),
        sum(sheet.sample.bad for sheet in used),
        tuple(f"{sheet.name}.{name}" for sheet in used for name in sheet.sample.twice),
        tuple(sheet.title for sheet in sheets if sheet not in used),
    )


def _keys(people: _Sheet, sheets: list[_Sheet]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each column that could tell the people apart, and the column by which each other sheet is joined."""
    if not any(share(column.filled, is_nhs) > _MOSTLY for column in people.sample.columns):
        return
    for column in people.sample.columns:
        values = set(column.filled)
        if len(values) < len(column.values) or len(values) < people.sample.records:
            continue
        found = {s.name: _joining(s, column.name, values) for s in sheets if s is not people}
        yield column.name, {name: key for name, key in found.items() if key}


def _joining(sheet: _Sheet, key: str, values: set[str]) -> str:
    """The column of a sheet whose values all stand in the key; of several the one of the like name."""
    fit = [c for c in sheet.sample.columns if len(c.filled) == len(c.values) and values.issuperset(c.filled)]
    same = set(words_of(key).split())
    return max(fit, key=lambda c: len(same & set(words_of(c.name).split())), default=Column(("",), ())).name


def _sheets(raw: bytes) -> Iterator[_Sheet]:
    """Every sheet with rows below a header that can be read."""
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(raw))
    except (CalamineError, ValueError):
        return
    names: set[str] = set()
    for title in book.sheet_names:
        sheet = book.get_sheet_by_name(title)
        if sheet.height < 2:
            continue
        row = header_row(sheet)
        try:
            units, bad = taken(decode_xlsx(raw, SheetFormat((), title, row)))
            sample = of_rows({"format": "xlsx"}, units, bad, [])
        except DecodeError:
            continue
        name = _name(title, names)
        names.add(name)
        told = [c.name for c in sample.columns if "\n" not in c.name]
        yield _Sheet(title, name, row, replace(sample, decode={"columns": told}))


def _name(title: str, taken_names: set[str]) -> str:
    """A word for a sheet, as expressions may have it."""
    word = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_") or "rows"
    word = word if word[0].isalpha() and word not in _MEANT else f"rows_{word}"
    number = 2
    made = word
    while made in taken_names:
        made, number = f"{word}_{number}", number + 1
    return made
