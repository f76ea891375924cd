"""What verbs print is whole on a narrow screen, and whatever stands in a payload is printed as it is."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from scr.cli.app import command_line
from scr.cli.context import console, listing


def test_a_narrow_screen_leaves_nothing_out() -> None:
    """A long cell goes on below, and what is copied into the next command keeps its line."""
    table = listing("adapter", "what", whole={"adapter"})
    table.add_row("care-home-workbook", "MedicationStatement.dosage.asNeededCodeableConcept.coding.code")
    to = Console(file=io.StringIO(), width=40)
    to.print(table)
    assert isinstance(to.file, io.StringIO)
    printed = to.file.getvalue()
    assert "…" not in printed
    assert "care-home-workbook" in printed
    told = [line[len("care-home-workbook") :] for line in printed.splitlines()[1:]]
    assert "".join(part.strip() for part in told) == (
        "MedicationStatement.dosage.asNeededCodeableConcept.coding.code"
    )


@pytest.mark.parametrize("text", ["Weight [kg]", "[/]", "[bold]x"])
def test_a_bracket_is_a_bracket(text: str) -> None:
    """Column names and values have brackets in them: none is taken for a style, and none is lost."""
    with console.capture() as told:
        console.print(text)
    assert told.get() == f"{text}\n"


def test_a_column_with_a_bracket_is_drafted(tmp_path: Path) -> None:
    """The plan of a draft names the column as its file does."""
    folder = tmp_path
    sample = folder / "people.csv"
    sample.write_text("NHS No,Surname,Weight [kg],[/]\n9990001014,Sample,52.4,x\n")
    arguments = [
        "--home",
        str(folder),
        "adapters",
        "draft",
        str(sample),
        "--setting",
        "care-home",
        "--name",
        "weights",
    ]
    told = CliRunner().invoke(command_line(arguments), arguments)
    assert told.exit_code == 0, told.output
    assert "Weight [kg]" in told.output
