"""The watched folder goes on watching, whatever lies in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.intake.feeder import HEADER, ROW, Feeder

from scr.intake.file_drop import FileDrop
from scr.store.engine import Database
from scr.store.keys import KeyRing

LIMIT = 10_000


def _long_name(folder: Path) -> None:
    (folder / f"{'a' * 250}.csv").write_bytes(b"no table")


def _note_is_a_folder(folder: Path) -> None:
    (folder / "a.csv").write_bytes(b"no table")
    (folder / "a.csv.problem.txt").mkdir()


def _note_is_not_text(folder: Path) -> None:
    (folder / "a.csv").write_bytes(b"x" * (LIMIT + 1))
    (folder / "a.csv.problem.txt").write_bytes(b"\xff\xfe\x80")


@pytest.mark.parametrize("lay", [_long_name, _note_is_a_folder, _note_is_not_text])
def test_a_note_that_cannot_be_written_stops_nothing(
    database: Database, keys: KeyRing, tmp_path: Path, lay: Callable[[Path], None]
) -> None:
    """The file after the one whose problem could not be told beside it is taken all the same."""
    feeder = Feeder(database, keys, "warn")
    folder = tmp_path / "Z9901"
    folder.mkdir()
    lay(folder)
    last = folder / "z.csv"
    last.write_text(f"{HEADER}\n{ROW.format(1)}\n", encoding="utf-8")
    drop = FileDrop(feeder.intake, {feeder.provider.ods: feeder.provider}, tmp_path, max_bytes=LIMIT)
    asyncio.run(drop.sweep())
    assert not last.exists()
