"""The watched folder: one sub-folder a provider, named by its ODS code.

A file is taken when it is whole: suppliers write under another name and rename, and a file that is
still growing is left for the next look. What was taken is in the store, so the file is deleted; one
that could not be filed leaves ``NAME.problem.txt`` beside it, which says why without anyone's data. So does a
file that no feed takes, and one in the folder of a provider that was not there when the service started.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

import structlog
from watchfiles import awatch

from scr.errors import ScrError
from scr.faults import reach
from scr.fhir.identifiers import OdsCode
from scr.intake.receive import Intake, Receipt
from scr.mapping.provider import DropFolderConnection, Feed, Provider

_SETTLE_SECONDS = 0.3
_TOLD = 20
_NO_PATTERN = "no feed's pattern fits its name: rename it, or mend the provider's file and restart"
_UNKNOWN = (
    "no provider with a drop folder had this code when the service started: restart it if the provider's"
    " file was added since; else add that file, or name the folder by the provider's ODS code"
)
_log = structlog.get_logger("scr.intake")


class FileDrop:
    """Watches a folder until it is told to stop."""

    def __init__(
        self, intake: Intake, providers: Mapping[OdsCode, Provider], folder: Path, *, max_bytes: int
    ) -> None:
        self._intake = intake
        self._folder = folder
        self._max_bytes = max_bytes
        self._feeds: dict[str, list[tuple[Provider, Feed, str]]] = {}
        self._left: set[Path] = set()
        for ods, provider in providers.items():
            for feed in provider.feeds:
                if isinstance(feed.connection, DropFolderConnection):
                    found = self._feeds.setdefault(ods.value, [])
                    found.append((provider, feed, feed.connection.pattern))

    async def run(self, stop: asyncio.Event) -> None:
        """Take what is there, then what comes, until ``stop`` is set."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for ods in self._feeds:
            (self._folder / ods).mkdir(exist_ok=True, mode=0o700)
        await self.sweep()
        async for _ in awatch(
            self._folder, stop_event=stop, step=100, debounce=400, rust_timeout=5_000, yield_on_timeout=True
        ):
            await self.sweep()

    async def sweep(self) -> int:
        """Take every whole file that is there now, by name; how many were taken."""
        taken = 0
        for ods, feeds in self._feeds.items():
            for path in sorted((self._folder / ods).glob("*")):
                if _ours(path) or not path.is_file():
                    continue
                for provider, feed, pattern in feeds:
                    if fnmatch(path.name, pattern):
                        taken += await self._take(provider, feed, path)
                        break
                else:
                    self._leave(ods, path, _NO_PATTERN)
        self._strangers()
        return taken

    def _strangers(self) -> None:
        """Say of each file in the folder of a provider that was not there when this began why it waits."""
        for folder in sorted(self._folder.glob("*/")):
            if folder.name in self._feeds:
                continue
            for path in sorted(folder.glob("*")):
                if path.is_file() and not _ours(path):
                    try:
                        ods = OdsCode.parse(folder.name).value
                    except ValueError:
                        ods = "(no ODS code)"
                    self._leave(ods, path, _UNKNOWN)
                    break  # one of them tells it

    def _leave(self, ods: str, path: Path, why: str) -> None:
        """Say once that no feed takes a file; its name, which may hold a number, is not said in the log."""
        if path not in self._left:
            self._left.add(path)
            _log.warning("file left", provider=ods, why=why)
            _tell(path, [f"not-taken: {why}."])

    async def _take(self, provider: Provider, feed: Feed, path: Path) -> bool:
        size = await _settled_size(path)
        if size is None:
            return False
        if size > self._max_bytes:
            limit = f"too-large: it is over the limit of {self._max_bytes} bytes; split the file."
            await asyncio.to_thread(_tell, path, [limit])
            return False
        try:
            raw = await asyncio.to_thread(path.read_bytes)
            reach("folder.read")
            receipt = await self._intake.receive(provider, feed, raw)
            reach("folder.taken")
            if receipt.problems:
                await asyncio.to_thread(_tell, path, _lines(receipt))
            else:  # what was told of it before is mended
                await asyncio.to_thread(_untell, path)
            await asyncio.to_thread(path.unlink, missing_ok=True)
            reach("folder.removed")
        except (ScrError, OSError) as error:
            _log.warning(
                "file not taken", provider=provider.ods.value, feed=feed.name, why=type(error).__name__
            )
            return False  # the file stays where it is: the next look tries again
        except Exception as error:  # noqa: BLE001 - the message boundary: the other files are taken
            _log.error("file fault", provider=provider.ods.value, feed=feed.name, why=type(error).__name__)
            return False
        return True


def _ours(path: Path) -> bool:
    return path.name.startswith(".") or path.name.endswith((".problem.txt", ".tmp", ".part"))


async def _settled_size(path: Path) -> int | None:
    """The file's size in bytes, or None while it is growing or gone."""
    before = await asyncio.to_thread(_look, path)
    await asyncio.sleep(_SETTLE_SECONDS)
    after = await asyncio.to_thread(_look, path)
    return after[0] if after is not None and before == after else None


def _look(path: Path) -> tuple[int, int] | None:
    with suppress(FileNotFoundError):
        found = path.stat()
        return found.st_size, found.st_mtime_ns
    return None


def _lines(receipt: Receipt) -> list[str]:
    told = [f"{p.place}: {p.code}: {p.sentence}" for p in receipt.problems[:_TOLD]]
    more = len(receipt.problems) - len(told)
    return [
        f"{receipt.filed} parts were filed and {len(receipt.problems)} are in quarantine"
        f" (message {receipt.message}; `scr quarantine list`).",
        *told,
        *([f"and {more} more."] if more else []),
    ]


def _untell(path: Path) -> None:
    with suppress(OSError):  # it may be a folder, or never have been there
        _note_of(path).unlink(missing_ok=True)


def _note_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.problem.txt")


def _tell(path: Path, lines: list[str]) -> None:
    """Write why beside the file, once: writing wakes the watch. What is wrong is in quarantine as well."""
    note = _note_of(path)
    text = ("\n".join(lines) + "\n").encode()
    try:
        if not note.exists() or note.read_bytes() != text:
            note.write_bytes(text)
    except OSError as error:  # the name is too long for one more ending, the folder is read-only
        _log.warning("note not written", provider=path.parent.name, why=type(error).__name__)
