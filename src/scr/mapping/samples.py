"""An adapter's samples, and what is written beside each: ``<sample>.expected.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scr.data import DataFiles
from scr.errors import Invalid
from scr.mapping.adapter import FILE, Adapter
from scr.mapping.trial import Outcome, as_golden, outcomes

EXPECTED = ".expected.json"
BROKEN = "broken"
"""How the name of a sample begins that holds something to be refused."""


@dataclass(frozen=True)
class Sample:
    """A payload written for an adapter, and the adapter.

    ``golden_path`` is where what it must give is written: beside the adapter's own file, so that a
    deployment that changes a shipped adapter has goldens of its own; until then ``shipped`` is read.
    """

    adapter: Adapter
    path: Path
    golden_path: Path
    shipped: Path | None = None

    @property
    def name(self) -> str:
        """Its file name."""
        return self.path.name

    @cached_property
    def raw(self) -> bytes:
        """Its bytes."""
        return self.path.read_bytes()

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What its units give."""
        return tuple(outcomes(self.adapter, self.raw))

    @property
    def found(self) -> list[dict[str, Any]]:
        """What its units give, as a golden has it."""
        return [as_golden(outcome) for outcome in self.outcomes]

    def golden(self) -> list[dict[str, Any]] | None:
        """What is written beside it; None where nothing is. Raises Invalid where it is not JSON."""
        path = self.golden_path if self.golden_path.is_file() else self.shipped
        if path is None:
            return None
        try:
            written = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise Invalid("not JSON", where=str(path)) from None
        return written if isinstance(written, list) else []

    def write_golden(self) -> bool:
        """Write what it gives beside it; whether that is something new."""
        text = json.dumps(self.found, indent=1, ensure_ascii=False) + "\n"
        known = self.golden_path.read_text(encoding="utf-8") if self.golden_path.is_file() else ""
        if text != known:
            self.golden_path.parent.mkdir(exist_ok=True)
            self.golden_path.write_text(text, encoding="utf-8")
        return text != known


def load_samples(files: DataFiles, adapter: Adapter) -> tuple[Sample, ...]:
    """An adapter's samples, by name."""
    found = {path.name: path for _, path in files.walk("adapters", f"{adapter.name}/samples/*")}
    own = files.find("adapters", f"{adapter.name}/{FILE}").parent / "samples"
    return tuple(
        Sample(adapter, path, own / (name + EXPECTED), found.get(name + EXPECTED))
        for name, path in found.items()
        if not name.endswith(EXPECTED)
    )
