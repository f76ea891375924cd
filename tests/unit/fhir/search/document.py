"""The lists of ``docs/search.md``, from the table: ``python -m tests.unit.fhir.search.document``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from scr.fhir.search import Parameter, parameters_of, searched_types
from scr.fhir.search.compile import MODIFIERS
from scr.fhir.search.table import EVERY

PAGE = Path(__file__).parents[4] / "docs" / "search.md"
_MARK = "## The parameters\n"


def written() -> str:
    """The page as it should be: what people wrote, up to the mark, and then the table."""
    text, mark, _ = PAGE.read_text(encoding="utf-8").partition(_MARK)
    return f"{text}{mark}\n" + "\n".join([*_modifiers(), "", *_parameters(), ""])


def _modifiers() -> list[str]:
    """One row for each type of parameter."""
    rows = [f"| {type_} | {' '.join(f'`:{one}`' for one in said)} |" for type_, said in MODIFIERS.items()]
    return ["| type | modifiers |", "|---|---|", *rows]


def _parameters() -> list[str]:
    """One row for each resource type, its parameters by type."""
    rows = [
        "| resource | parameters |",
        "|---|---|",
        f"| every type | {_told(parameters_of(EVERY).values())} |",
    ]
    for kind in searched_types():
        own = [one for one in parameters_of(kind).values() if one.resource == kind]
        if own:
            rows.append(f"| {kind} | {_told(own)} |")
    return rows


def _told(parameters: Iterable[Parameter]) -> str:
    by_type: dict[str, list[str]] = {}
    for one in parameters:
        by_type.setdefault(one.type, []).append(f"`{one.name}`" + ("*" if one.own else ""))
    return "; ".join(f"{type_}: {', '.join(sorted(names))}" for type_, names in sorted(by_type.items()))


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
