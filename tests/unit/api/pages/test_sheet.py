"""A record on pages: printed part by part, nothing is left out and nothing stands twice."""

from __future__ import annotations

from scr.api.pages.sheet.told import LedgerSaid
from scr.api.pages.sheet.view import View
from scr.data import DataFiles
from scr.fhir.entry import pack
from scr.fhir.shown.line import Beside
from scr.fhir.shown.plain import load_plain_words


def test_the_parts_of_a_printed_record_are_all_of_it() -> None:
    """Whatever a part may hold, each entry is in one, and each part has a line."""
    kinds = ("Observation", "Condition", "Procedure", "Flag")
    entries = [
        pack({"resourceType": kind, "id": f"{kind}{number}", "code": {"text": "x"}}, source="ZZG01", now=0)
        for kind in kinds
        for number in range(7)
    ]
    ledger, plain = LedgerSaid(good=("A practice",)), load_plain_words(DataFiles())
    view = View(entries, ledger, Beside(), {"allergies": "none"}, plain, "en", for_person=True, now=0)
    for most in (1, 3, 7, 10, 100):
        seen: list[str] = []
        start: int | None = 0
        while start is not None:
            sections, following = view.printed(start, most)
            found = [line.reference for one in sections for line in one.page.lines]
            assert 0 < len(found) <= most
            seen += found
            start = following
        assert sorted(seen) == sorted(entry.reference for entry in entries)
