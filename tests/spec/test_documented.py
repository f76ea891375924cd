"""What the documentation lists is what there is."""

from __future__ import annotations

from pathlib import Path

from scr.fhir.headings import HEADINGS, types_under
from scr.sources.protocol import Outcome

DOCS = Path(__file__).parents[2] / "docs"


def headings_page() -> str:
    """The page of headings, from the table in the code."""
    rows = [
        f"| `{code}` | {title} | {', '.join(sorted(types_under(code))) or 'nothing yet'} |"
        for code, title in HEADINGS.items()
    ]
    return "\n".join(
        [
            "# Headings of the record",
            "",
            "After the PRSB Core Information Standard. Policy, ledger and printed record speak in these.",
            "",
            "| code | heading | resource types that can stand under it |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def test_the_page_of_headings_is_the_table_of_headings() -> None:
    """`docs/headings.md` is what the code says; a new heading has to be written there too."""
    assert (DOCS / "headings.md").read_text(encoding="utf-8") == headings_page()


def test_every_outcome_of_the_ledger_is_explained() -> None:
    """The architecture page explains each code that an answer may hold."""
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    assert [o.value for o in Outcome if f"| `{o.value}` |" not in page] == []
