"""Where the configuration files are.

Suppliers, providers, maps, policies and profiles are files in four folders: ``adapters``,
``terminology``, ``consent`` and ``conformance``. The project's own are packaged with it; a
deployment's folder (``SCR_HOME``) overrides them file by file: a file of the same relative path
there stands instead of the packaged one, and a new file is added.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scr.errors import NotFound

Folder = Literal["adapters", "terminology", "consent", "conformance"]
FOLDERS: tuple[Folder, ...] = ("adapters", "terminology", "consent", "conformance")


def packaged_root() -> Path:
    """The folder that holds the four packaged ones: inside the wheel, or the project's own root."""
    inside = Path(__file__).parents[1] / "_data"
    return inside if inside.is_dir() else Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class DataFiles:
    """The packaged files with a deployment's laid over them."""

    home: Path | None = None

    def roots(self) -> tuple[Path, ...]:
        """Nearest first: the deployment's folder, then the packaged one."""
        packaged = packaged_root()
        return (packaged,) if self.home is None else (self.home, packaged)

    def find(self, folder: Folder, name: str) -> Path:
        """The file in force for ``name`` (a relative path with forward slashes).

        Raises NotFound, naming every place that was looked at.
        """
        for root in self.roots():
            path = root / folder / name
            if path.is_file():
                return path
        looked = ", ".join(str(root / folder) for root in self.roots())
        raise NotFound(f"no file {name!r} in {looked}", code="no-such-file")

    def walk(self, folder: Folder, pattern: str) -> Iterator[tuple[str, Path]]:
        """Every file in force below ``folder`` that matches the glob, by relative name, sorted."""
        found: dict[str, Path] = {}
        for root in reversed(self.roots()):
            base = root / folder
            for path in base.glob(pattern):
                if path.is_file():
                    found[path.relative_to(base).as_posix()] = path
        yield from sorted(found.items())
