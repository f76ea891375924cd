"""Several worksheets of one XLSX workbook → one unit a row, with the row that it belongs to.

A record system exports residents on one sheet, their medicines on a second, the notes on a third. A row
stands under its sheet's name; beside it, under that sheet's name, stands the row of another sheet that
has the same key, where the sheet ``joins`` one: ``{"sheet": "notes", "notes": {…}, "residents": {…}}``.
Each row is still a unit of its own, so that a bad one does not hold back the others of its person.

A row whose key is on no row of the joined sheet, or on several, is a ``BadUnit``: whose it is cannot be
known. So are the rows that share a key where it has to be one row's alone. A unit's ``raw`` is JSON that
begins with ``{"$sheet":`` and decodes again by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson

from scr.decode.tree import BadUnit, DecodeError, Unit
from scr.decode.workbook import open_archive
from scr.decode.xlsx import PROBLEM, SheetFormat, decode_xlsx, open_workbook, rows_of

OWN = "sheet"
"""Where a unit's tree has the name of the sheet that its row is of."""
OTHERS = "others"
"""Where the first unit has the titles of sheets that are not declared: they count as lost."""
_BOM = b"\xef\xbb\xbf"
_KEPT = b'{"$sheet":'

Rows = Iterator[Unit | BadUnit]


@dataclass(frozen=True, slots=True)
class NamedSheet:
    """A sheet, and the ``name`` by which expressions know it.

    ``key`` is the column that tells whose a row is; ``joins`` the name of the sheet whose row has the same.
    """

    name: str
    layout: SheetFormat
    key: str = ""
    joins: str = ""


def decode_workbook(raw: bytes, sheets: Sequence[NamedSheet]) -> Rows:
    """The rows of all sheets, sheet by sheet in the order given.

    Raises DecodeError where the workbook, a sheet or a declared column is not there: before any row.
    """
    if raw.startswith(_KEPT):
        return iter([_kept(raw)])
    if raw.startswith(_BOM):
        return _kept_bad(raw)
    archive, workbook = open_archive(raw), open_workbook(raw)
    rows = {each.name: _begun(rows_of(workbook, archive, each.layout)) for each in sheets}
    declared = {each.layout.sheet for each in sheets}
    others = [title for title in workbook.sheet_names if title not in declared]
    return _units(sheets, rows, others)


def _begun(rows: Rows) -> Rows:
    """The rows, with the first one read: a header that lacks a column is found before any row is given."""
    first = next(rows, None)
    return rows if first is None else chain([first], rows)


def _units(sheets: Sequence[NamedSheet], rows: dict[str, Rows], others: list[str]) -> Rows:
    joined = {each.joins for each in sheets if each.joins}
    held = {each.name: list(rows[each.name]) for each in sheets if each.name in joined}
    found = {each.name: _by_key(each, held[each.name]) for each in sheets if each.name in joined}
    for each in sheets:
        for row in held.get(each.name) or rows[each.name]:
            unit = _unit(each, row, found, others)
            if isinstance(unit, Unit):
                others = []  # told once
            yield unit


def _by_key(sheet: NamedSheet, rows: list[Unit | BadUnit]) -> dict[str, dict[str, str] | None]:
    """The rows by their key; None where several have it."""
    good = [row.tree for row in rows if isinstance(row, Unit) and row.tree[sheet.key]]
    times = Counter(tree[sheet.key] for tree in good)
    return {tree[sheet.key]: dict(tree) if times[tree[sheet.key]] == 1 else None for tree in good}


def _unit(
    sheet: NamedSheet,
    row: Unit | BadUnit,
    found: dict[str, dict[str, dict[str, str] | None]],
    others: list[str],
) -> Unit | BadUnit:
    if isinstance(row, BadUnit):
        return row
    tree: dict[str, Any] = {OWN: sheet.name, sheet.name: dict(row.tree)}
    key = row.tree[sheet.key] if sheet.key else ""
    problem = ""
    if sheet.name in found:
        if not key:
            problem = f"{sheet.key!r} is empty: no row of another sheet can be told to belong to it"
        elif found[sheet.name][key] is None:
            problem = (
                f"its {sheet.key!r} stands on another row of the sheet too: whose is what cannot be known"
            )
    elif sheet.joins:
        other = found[sheet.joins].get(key)
        if other is None:
            which = "several rows have" if key in found[sheet.joins] else "no good row has"
            problem = f"of sheet {sheet.joins!r}, {which} its {sheet.key!r}: whose it is cannot be known"
        else:
            tree[sheet.joins] = other
    if problem:
        return _bad(sheet.name, row.place, problem)
    if others:
        tree[OTHERS] = others
    return Unit(tree, row.place, orjson.dumps({"$sheet": sheet.name, "place": row.place, "tree": tree}))


def _bad(name: str, place: str, problem: str) -> BadUnit:
    raw = orjson.dumps({"$sheet": name, "place": place, "problem": problem})
    return BadUnit(place, raw, DecodeError(problem, where=place, code="bad-row"))


def _kept_bad(raw: bytes) -> Rows:
    """A bad row that was kept by itself as text. Any other text with a byte order mark is no workbook."""
    try:
        rows = list(decode_xlsx(raw, SheetFormat((PROBLEM,))))
    except DecodeError:
        rows = []
    if not rows or any(isinstance(row, Unit) for row in rows):
        raise DecodeError(
            "the file is no XLSX workbook: an archive is expected", where="the workbook", code="not-xlsx"
        )
    return iter(rows)


def _kept(raw: bytes) -> Unit | BadUnit:
    """A row that was kept by itself: what was wrong with it still is."""
    try:
        kept = orjson.loads(raw)
        place = str(kept["place"])
        if "problem" in kept:
            return _bad(str(kept["$sheet"]), place, str(kept["problem"]))
        return Unit(dict(kept["tree"]), place, raw)
    except (KeyError, TypeError, ValueError):
        raise DecodeError(
            "a row that was kept by itself is damaged: send the workbook again",
            where="the workbook",
            code="not-xlsx",
        ) from None
