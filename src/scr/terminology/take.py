"""A gap file that a human has filled in: checked against the release, and put in force."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scr.data import DataFiles
from scr.errors import Invalid
from scr.terminology.gapmap import FOLDER, KEPT, NONE, TAKEN, GapRow, Line, read_lines
from scr.terminology.release.reader import Release

Source = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a file: rows that are new, that say something else than before, and that are the same.

    ``unchecked``: rows of a system that no release is loaded of.
    """

    path: Path
    new: int
    changed: int
    same: int
    unchecked: int


def faults(lines: Iterable[Line], release: Release | None) -> Iterator[str]:
    """What is wrong with the rows of a file, each with its place: a target must be known, and in use.

    A text beside a target has to be one of its terms: two digits that changed places are found by it.
    """
    told: dict[Source, Line] = {}
    for line in lines:
        before = told.setdefault(line.source, line)
        if before.row[:2] != line.row[:2]:
            yield f"{line.where}: another code is given for it in {before.where}: keep one"
        what = _fault(line.row, release)
        if what:
            yield f"{line.where}: {what}"


def _fault(row: GapRow, release: Release | None) -> str:
    if release is None or not row.code or release.system_of(row.system) is None:
        return ""
    concept = release.concept(row.system, row.code)
    if concept is None:
        return f"there is no {row.code} in {row.system}"
    if not concept.active:
        return f"{row.code} is not used any more: {concept.display}"
    terms = {_plain(concept.display), *(_plain(d.term) for d in release.designations(row.system, row.code))}
    if row.display and _plain(row.display) not in terms:
        return f"{row.code} is {concept.display!r}: correct the code, or leave target_display empty"
    return ""


def take(files: DataFiles, file: Path, release: Release | None, day: str) -> Taken:
    """Put the rows of a file in force from the next unit on; ``day`` is kept as the version of new ones.

    Raises Invalid with every fault and its line, and takes nothing then.
    """
    if files.home is None:
        raise Invalid("a deployment's folder is needed: give --home", code="bad-map")
    path = files.home / "terminology" / FOLDER / TAKEN
    before = {line.source: line.row for line in read_lines(path)} if path.is_file() else {}
    lines = list(read_lines(file))
    found = [*faults(lines, release), *_contradicted(files, path, lines)]
    if found:
        raise Invalid("nothing is taken:\n" + "\n".join(found), code="bad-map")
    after = dict(before)
    new = changed = 0
    for line in lines:
        known = before.get(line.source)
        if known is not None and known[:2] == line.row[:2]:
            continue
        after[line.source] = _completed(line.row, release, day)
        new, changed = new + (known is None), changed + (known is not None)
    _write(path, after)
    unchecked = sum(1 for line in lines if line.row.code and not _is_held(line.row.system, release))
    return Taken(path, new, changed, len(lines) - new - changed, unchecked)


def _contradicted(files: DataFiles, path: Path, lines: Iterable[Line]) -> Iterator[str]:
    """Rows for which another file of the folder gives another code."""
    others: dict[Source, Line] = {}
    for _, other in files.walk("terminology", f"{FOLDER}/*.csv"):
        if other != path:
            others |= {line.source: line for line in read_lines(other)}
    for line in lines:
        other_line = others.get(line.source)
        if other_line is not None and other_line.row[:2] != line.row[:2]:
            yield f"{line.where}: another code is given for it in {other_line.where}: change it there"


def _completed(row: GapRow, release: Release | None, day: str) -> GapRow:
    concept = release.concept(row.system, row.code) if release is not None and row.code else None
    return row._replace(version=day, display=row.display or (concept.display if concept else ""))


def _write(path: Path, rows: dict[Source, GapRow]) -> None:
    """Write the file whole, beside the old one, and put it in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_suffix(".new")
    with waiting.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(KEPT)
        for (system, code), row in sorted(rows.items()):
            match = "" if row.code else NONE
            writer.writerow([system, code, row.system, row.code, row.display, match, row.version, row.note])
        file.flush()
        os.fsync(file.fileno())
    os.replace(waiting, path)


def _is_held(system: str, release: Release | None) -> bool:
    return release is not None and release.system_of(system) is not None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
