"""The table, and the line of history."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

HISTORY = Path(".bench/history.jsonl")


@dataclass(frozen=True, slots=True)
class Line:
    """One measure. ``held`` is None where nothing was promised."""

    measure: str
    figure: str
    target: str = ""
    held: bool | None = None


def at_least(measure: str, value: float, target: float, unit: str) -> Line:
    """A measure that should reach a target."""
    return Line(
        measure, f"{_shown(value)} {unit}".strip(), f"at least {target:g} {unit}".strip(), value >= target
    )


def below(measure: str, value: float, target: float, unit: str, *, inclusive: bool = False) -> Line:
    """A measure that should stay below a target, or reach it at most."""
    held = value <= target if inclusive else value < target
    word = "at most" if inclusive else "below"
    return Line(measure, f"{_shown(value)} {unit}".strip(), f"{word} {target:g} {unit}".strip(), held)


def _shown(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def show(lines: Iterable[Line]) -> None:
    """Print the table."""
    table = Table(title="What it does on this machine, now")
    for name in ("measure", "figure", "target", "held"):
        table.add_column(name, no_wrap=name != "measure")
    for line in lines:
        held = "" if line.held is None else "[green]held[/]" if line.held else "[red]missed[/]"
        table.add_row(line.measure, line.figure, line.target, held)
    table.caption = f"{os.cpu_count()} processors; load of the last minute {os.getloadavg()[0]:.1f}"
    Console(highlight=False, width=None if sys.stdout.isatty() else 140).print(table)


def remember(lines: Sequence[Line]) -> None:
    """Add a line to the history, which stays on this machine."""
    HISTORY.parent.mkdir(exist_ok=True)
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        "figures": {line.measure: line.figure for line in lines},
        "missed": [line.measure for line in lines if line.held is False],
    }
    with HISTORY.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
