"""A record on pages: printed part by part, nothing is left out and nothing stands twice."""

from __future__ import annotations

import re

from tests.functional.pdf_text import streams_of, text_of

from scr.api.pages.sheet.told import LedgerSaid
from scr.api.pages.sheet.view import View
from scr.api.pages.sheet.words import Words, record_pdf
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


def test_a_pdf_is_tagged_from_its_first_word_to_its_last() -> None:
    """Each text is a heading or a paragraph of the structure, or stands at the foot; each mark of a page is
    opened and closed once, also where a paragraph goes on on the next page."""
    long = " ".join(f"word{number}" for number in range(240))
    entries = [
        pack(
            {"resourceType": "Flag", "id": f"f{n}", "code": {"text": long if n % 3 == 0 else f"short {n}"}},
            source="ZZG01", now=0,
        )
        for n in range(40)
    ]  # fmt: skip
    view = View(entries, LedgerSaid(good=("A",)), Beside(), {}, load_plain_words(DataFiles()), "cy",
                for_person=True, now=0)  # fmt: skip
    words = Words("Eich cofnod", "Gwnaed", "tudalen", "-", "-", "{}", "+")
    made = record_pdf(words, None, ["A llais."], view.all(), language="cy", now=0)
    for wanted in (b"/StructTreeRoot", b"/Marked true", b"/Lang (cy)", b"/DisplayDocTitle true"):
        assert wanted in made
    assert made.count(b"/S /H1") == 1
    pages = [stream for stream in streams_of(made) if b" BDC" in stream]
    assert len(pages) >= 3
    for page in pages:
        marks = [int(number) for number in re.findall(rb"/MCID (\d+)>> BDC", page)]
        assert marks == list(range(len(marks)))
        assert page.count(b" BDC") + page.count(b" BMC") == page.count(b"EMC")
        outside = re.sub(rb"(?s)(?:BDC|BMC).*?EMC", b"", page)
        assert b" Tj" not in outside
        assert b" TJ" not in outside
    assert made.count(b"/Type /StructElem") == 1 + sum(page.count(b" BDC") for page in pages)
    assert "word239" in text_of(made).replace("\n", " ")
