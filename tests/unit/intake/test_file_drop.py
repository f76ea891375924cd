"""The watched folder goes on watching, whatever lies in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.unit.intake.feeder import HEADER, ROW, Feeder

from scr.intake.file_drop import FileDrop
from scr.mapping.provider import DropFolderConnection
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


def test_a_file_that_no_feed_takes_is_told_once(database: Database, keys: KeyRing, tmp_path: Path) -> None:
    """It stays, and the log says so without its name; what is still being written is not told of."""
    feeder = Feeder(database, keys, "warn")
    folder = tmp_path / "Z9901"
    folder.mkdir()
    for name in ("9990001014.pdf", "b.csv.part"):
        (folder / name).write_bytes(b"x")
    csv_only = DropFolderConnection(kind="drop-folder", pattern="*.csv")
    feed = feeder.feed.model_copy(update={"connection": csv_only})
    provider = feeder.provider.model_copy(update={"feeds": (feed,)})
    drop = FileDrop(feeder.intake, {provider.ods: provider}, tmp_path, max_bytes=LIMIT)
    with capture_logs() as logged:
        for _ in range(2):
            assert asyncio.run(drop.sweep()) == 0
    (told,) = logged
    assert (told["event"], told["provider"]) == ("file left", "Z9901")
    assert "999" not in str(told)
    assert (folder / "9990001014.pdf").exists()
    assert "not-taken" in (folder / "9990001014.pdf.problem.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "shown"), [("Z9902", "Z9902"), ("not a code", "(no ODS code)")])
def test_a_provider_that_was_added_since_is_told_of(
    database: Database, keys: KeyRing, tmp_path: Path, name: str, shown: str
) -> None:
    """Its folder is no silent hole: the log says once what to do, and a note lies beside the file. After a
    restart that knows the provider the file is taken, and the note goes."""
    feeder = Feeder(database, keys, "warn")
    folder = tmp_path / name
    folder.mkdir()
    files = [folder / "a.csv", folder / "b.csv"]
    for number, path in enumerate(files):
        path.write_text(f"{HEADER}\n{ROW.format(number)}\n", encoding="utf-8")
    drop = FileDrop(feeder.intake, {}, tmp_path, max_bytes=LIMIT)
    with capture_logs() as logged:
        for _ in range(2):
            assert asyncio.run(drop.sweep()) == 0
    assert [(each["event"], each["provider"]) for each in logged] == [("file left", shown)]
    assert all(path.exists() for path in files)
    assert "restart" in (folder / "a.csv.problem.txt").read_text(encoding="utf-8")
    folder.rename(tmp_path / "Z9901")
    again = FileDrop(feeder.intake, {feeder.provider.ods: feeder.provider}, tmp_path, max_bytes=LIMIT)
    assert asyncio.run(again.sweep()) == 2
    assert list((tmp_path / "Z9901").iterdir()) == []


async def test_a_service_without_drop_folders_looks_all_the_same(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    """No provider had a drop folder when it began: what lies there is told of."""
    feeder, stop = Feeder(database, keys, "warn"), asyncio.Event()
    folder = tmp_path / "Z9902"
    folder.mkdir()
    (folder / "a.csv").write_bytes(b"x")
    stop.set()
    await FileDrop(feeder.intake, {}, tmp_path, max_bytes=LIMIT).run(stop)
    assert (folder / "a.csv.problem.txt").is_file()
