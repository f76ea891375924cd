"""A worked example under a new name: an adapter's folder copied into the deployment's own."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from scr.data import DataFiles
from scr.errors import NotFound
from scr.mapping.adapter import load_adapter
from scr.mapping.samples import load_samples
from scr.onboarding.draft.folder import new_folder

_MAP = re.compile(r"translate(?:_coding)?\('([^']+)'")


@dataclass(frozen=True, slots=True)
class Copied:
    """The new folder, its files, and the maps that its expressions use."""

    folder: Path
    files: tuple[Path, ...]
    maps: tuple[str, ...]


def copy_example(home: Path, name: str, example: str) -> Copied:
    """Copy an adapter under a new name, with samples, what they give, and README.

    Raises NotFound with the nearest name for an example that is not there, Conflict for a name that is taken.
    """
    data = DataFiles(home)
    adapter = load_adapter(data, example)
    folder = new_folder(home, name)
    source = data.find("adapters", f"{example}/adapter.yaml").parent
    found = [path for relative, path in data.walk("adapters", f"{example}/**/*")]
    if not found:
        raise NotFound(f"there is no adapter {example!r}", code="no-such-adapter")
    files: list[Path] = []
    for path in found:
        root = source if path.is_relative_to(source) else next(p for p in path.parents if p.name == example)
        target = folder / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        files.append(target)
    text = (folder / "adapter.yaml").read_text(encoding="utf-8")
    head = f"# Begun as a copy of {example}: change what your supplier does otherwise.\n"
    (folder / "adapter.yaml").write_text(head + text, encoding="utf-8")
    for sample in load_samples(data, load_adapter(data, name)):  # the adapter's name stands in meta.source
        sample.write_golden()
    assert adapter.name == example
    return Copied(folder, tuple(files), tuple(sorted(set(_MAP.findall(text)))))
