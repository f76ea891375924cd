"""What reconciliation makes of a record, in the terminal: where sources disagree, and what holds now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from scr.cli.context import console
from scr.fhir.entry import Entry
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.reconciled import MADE_TYPES, items_of, state_of
from scr.fhir.summary import Line


def is_made(entry: Entry) -> bool:
    """Whether an entry was made here of others."""
    return entry.source == PERSON_SOURCE and entry.type in MADE_TYPES


def print_made(entries: Sequence[Entry], lines: Mapping[str, Line], names: Mapping[str, str]) -> None:
    """Print the disagreements, then each list that has lines. ``names`` are those of the sources."""
    made = [entry for entry in entries if is_made(entry)]
    found = [lines[entry.id].detail for entry in made if entry.type == "DetectedIssue"]
    if found:
        console.print("Where sources disagree", style="bold red")
        for told in sorted(found):
            console.print(f"  • {told}", markup=False, highlight=False)
        console.print()
    by_reference = {entry.reference: entry for entry in entries}
    for entry in made:
        if entry.type == "List":
            _print_list(entry, by_reference, lines, names)


def _print_list(
    made: Entry, by_reference: Mapping[str, Entry], lines: Mapping[str, Line], names: Mapping[str, str]
) -> None:
    console.print(Text.assemble((lines[made.id].text, "bold"), "  ", (state_of(made), "dim")))
    items = items_of(made)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("date", no_wrap=True, style="dim", min_width=10)
    table.add_column("what", ratio=3)
    table.add_column("detail", ratio=3)
    table.add_column("sources", ratio=2, style="cyan")
    for first, others in items:
        line = lines[by_reference[first].id]
        said = [by_reference[one].source for one in (first, *others) if one in by_reference]
        told = ", ".join(dict.fromkeys(names.get(source, source) for source in said))
        table.add_row(line.date, Text(line.text), Text(line.detail), Text(told))
    if items:
        console.print(table)
    console.print()
