"""What is given to be loaded: a folder, an archive or a file, as a list of files that can be read.

Nothing is unpacked onto the disk. An archive's names are only names; what it holds is read as a stream, and
no more of it than ``MOST_BYTES``, because a small archive can say that it holds very much.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from scr.errors import Invalid, NotFound, TooLarge

MOST_BYTES = 16 * 2**30
MOST_RESOURCE_BYTES = 512 * 2**20
_MOST_FILES = 200_000
_SNIFFED = 4096
_PIECE = 1 << 20
Opened = Callable[[], AbstractContextManager[IO[bytes]]]
_ARCHIVES = (".zip", ".tgz", ".tar.gz")


@dataclass(frozen=True, slots=True)
class Member:
    """One file. ``where`` is how an error names it: the path given, and the name within it."""

    where: str
    name: str
    size: int
    opened: Opened

    @property
    def base(self) -> str:
        """The name without its folders."""
        return PurePosixPath(self.name).name

    @property
    def folder(self) -> str:
        """The folders without the name."""
        return str(PurePosixPath(self.name).parent)

    def head(self) -> bytes:
        """The first bytes, to see what it is."""
        with self.open() as file:
            return file.read(_SNIFFED)

    def read(self, most: int = MOST_RESOURCE_BYTES) -> bytes:
        """All of it. Raises TooLarge."""
        if self.size > most:
            raise TooLarge(
                f"is over {most} bytes, which is too much for a file of its kind", where=self.where
            )
        with self.open() as file:
            return file.read()

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The file, for reading. Raises Invalid for an archive that is damaged."""
        try:
            with self.opened() as file:
                yield file
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
            raise Invalid(
                f"cannot be read out of its archive ({error}): download it again",
                code="bad-archive",
                where=self.where,
            ) from None


@dataclass(frozen=True, slots=True)
class Package:
    """One thing that was given, and the files in it, by name."""

    path: Path
    members: tuple[Member, ...]


def open_package(path: Path) -> Package:
    """Look into a folder, an archive (zip, tgz) or a file. Raises NotFound, Invalid, TooLarge."""
    if path.is_dir():
        members = [
            _plain(each, each.relative_to(path).as_posix()) for each in path.rglob("*") if each.is_file()
        ]
    elif not path.is_file():
        raise NotFound("there is no such file or folder", where=str(path))
    else:
        members = [_plain(path, path.name)]
    flat = [inner for member in members for inner in _unfolded(member, depth=2)]
    if len(flat) > _MOST_FILES or sum(each.size for each in flat) > MOST_BYTES:
        raise TooLarge(
            f"holds over {_MOST_FILES} files or {MOST_BYTES} bytes: give the part that is meant",
            where=str(path),
        )
    return Package(path, tuple(sorted(flat, key=lambda member: member.name)))


def _plain(path: Path, name: str) -> Member:
    return Member(str(path), name, path.stat().st_size, partial(_open, path))


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _unfolded(member: Member, depth: int) -> Iterator[Member]:
    """The file itself, or what is in it: the dictionary of medicines has an archive within its archive."""
    if not depth or not member.name.lower().endswith(_ARCHIVES):
        yield member
    elif member.name.lower().endswith(".zip"):
        for inner in _zipped(member):
            yield from _unfolded(inner, depth - 1)
    else:
        yield from _tarred(member)


def _zipped(member: Member) -> Iterator[Member]:
    """The files of a zip. One inside another is held, because a zip is read from its end."""
    with member.open() as file:
        held = None if isinstance(file, io.BufferedReader) else member.read()
    source = member.opened if held is None else partial(io.BytesIO, held)
    try:
        with source() as file, zipfile.ZipFile(file) as archive:
            found = [info for info in archive.infolist() if not info.is_dir()]
    except zipfile.BadZipFile:
        raise Invalid(
            "is not a whole zip archive: download it again", code="bad-archive", where=member.where
        ) from None
    for info in found:
        opened = partial(_inside, source, info)
        yield Member(f"{member.where}/{info.filename}", info.filename, info.file_size, opened)


@contextmanager
def _inside(source: Opened, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    with source() as file, zipfile.ZipFile(file) as archive, archive.open(info) as inner:
        yield inner


def _tarred(member: Member) -> Iterator[Member]:
    """A tar has to be read in order, and what is wanted of one (an NPM package) is small: it is held."""
    total = 0
    try:
        with (
            member.open() as file,
            gzip.open(file) as plain,
            tarfile.open(fileobj=plain, mode="r|") as archive,
        ):
            for info in archive:
                total += info.size
                if info.size > MOST_RESOURCE_BYTES or total > 4 * MOST_RESOURCE_BYTES:
                    raise TooLarge("unpacks to more than a package does", where=member.where)
                content = archive.extractfile(info) if info.isfile() else None
                if content is not None:
                    held = content.read()
                    where = f"{member.where}/{info.name}"
                    yield Member(where, info.name, len(held), partial(io.BytesIO, held))
            while plain.read(_PIECE):  # an archive that was cut short shows at its end
                pass
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise Invalid(
            f"is not a whole tar archive ({error}): download it again", code="bad-archive", where=member.where
        ) from None
