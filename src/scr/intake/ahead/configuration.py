"""What rows are mapped by, read from a deployment's files, and which files those are.

Another process reads the same files later. They may be others by then: so it says which it has read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from scr.consent.label_policy import FILE as LABELS
from scr.consent.label_policy import load_labels
from scr.consent.labels import Labeller
from scr.data import DataFiles
from scr.mapping.adapter import FILE, Adapter, load_adapter
from scr.mapping.meaning import Step
from scr.terminology.coding import open_coder
from scr.terminology.conceptmap import ConceptMaps


@dataclass(frozen=True, slots=True)
class Configuration:
    """An adapter with all that its rows go through."""

    adapter: Adapter
    maps: ConceptMaps
    steps: tuple[Step, ...]


def read_configuration(files: DataFiles, adapter: str) -> Configuration:
    """Read it, as the services of a deployment do. Raises Invalid, NotFound."""
    maps = ConceptMaps.load(files)
    coder = open_coder(files, maps)
    labeller = Labeller(load_labels(files), lambda: coder.release)
    return Configuration(load_adapter(files, adapter, maps), maps, (coder, labeller))


def configuration_of(files: DataFiles, adapter: str) -> bytes:
    """A hash of the files by which an adapter's rows are mapped, by their names and contents."""
    read = (
        *files.walk("adapters", f"{adapter}/{FILE}"),
        *files.walk("terminology", "maps/*.csv"),
        *files.walk("consent", LABELS),
    )
    found = hashlib.blake2b(digest_size=16)
    for name, path in read:
        content = path.read_bytes()
        found.update(f"{name}\x1f{len(content)}\x1f".encode())
        found.update(content)
    return found.digest()
