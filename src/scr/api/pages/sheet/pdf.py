"""A record as a PDF, for people who keep it on paper or send it on.

It has a title, a language, and bookmarks for its headings, and its letters are those of a font that has Welsh
ones (ŵ, ŷ). It is tagged (PDF 1.7, 14.8): what reads it aloud finds headings and paragraphs in the order in
which they are read, and leaves out what stands at the foot of each page. There are no pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import font_source_sans_pro  # type: ignore[import-untyped]
from fpdf import FPDF, ViewerPreferences

from scr.api.pages.sheet.view import SectionShown
from scr.api.pages.sheet.words import Words
from scr.fhir.shown.line import Line
from scr.fhir.shown.plain import Language

_FONT = "SourceSansPro"
_GREY = (76, 98, 114)
_WIDTH = 0
Tag = Literal["H1", "H2", "P"]
_FILES = {"": "SourceSansPro-Regular.ttf", "B": "SourceSansPro-Bold.ttf"}


class _Paper(FPDF):
    """Pages with a number at their foot, and tags around what is written on them."""

    def __init__(self, words: Words) -> None:
        super().__init__(format="A4")
        self._words = words
        self._tag, self._marks = "", 0

    @contextmanager
    def tagged(self, tag: Tag) -> Iterator[None]:
        """What is written within is a heading or a paragraph, on however many pages."""
        self._tag = tag
        self._open()
        yield
        self._out("EMC")
        self._tag = ""

    def _open(self) -> None:
        element, parents = self.struct_builder.add_marked_content(
            page_number=self.page, struct_type=f"/{self._tag}", mcid=self._marks
        )
        assert element is not None
        self.pages[self.page].struct_parents = parents
        self._out(f"/{self._tag} <</MCID {self._marks}>> BDC")
        self._marks += 1

    def _perform_page_break(self) -> None:
        """What goes on on the next page is one thing more of the same kind."""
        if self._tag:
            self._out("EMC")
        self._marks = 0
        super()._perform_page_break()
        if self._tag:
            self._open()

    def footer(self) -> None:
        """The title, and which page it is."""
        self._out("/Artifact BMC")
        self._foot()
        self._out("EMC")

    def _foot(self) -> None:
        self.set_y(-12)
        self.set_font(_FONT, size=8)
        self.set_text_color(*_GREY)
        self.cell(_WIDTH, 5, f"{self._words.title} · {self._words.page} {self.page_no()}", align="C")
        self.set_text_color(0, 0, 0)


def document(
    words: Words,
    person: Line | None,
    ledger: Sequence[str],
    sections: Iterable[SectionShown],
    *,
    language: Language,
    now: int,
) -> bytes:
    """The document. ``ledger``: how the sources answered, in sentences. ``now`` is ms UTC."""
    paper = _Paper(words)
    folder = Path(font_source_sans_pro.__file__).parent / "files"
    for style, name in _FILES.items():
        paper.add_font(_FONT, style=style, fname=folder / name)
    paper.set_title(words.title)
    paper.viewer_preferences = ViewerPreferences(display_doc_title=True)
    paper.set_lang("en-GB" if language == "en" else "cy")
    paper.set_creation_date(datetime.fromtimestamp(now / 1000, UTC))
    paper.set_auto_page_break(auto=True, margin=18)
    paper.add_page()
    _said(paper, words.title, 18, bold=True, tag="H1")
    _said(paper, words.made, 9, grey=True)
    if person is not None:
        _said(paper, person.term, 13, bold=True)
        for detail in person.details:
            _said(paper, f"{detail.name}: {detail.text}", 10)
    paper.ln(2)
    for sentence in ledger:
        _said(paper, sentence, 10)
    for section in sections:
        _section(paper, section, words)
    return bytes(paper.output())


def _section(paper: _Paper, section: SectionShown, words: Words) -> None:
    paper.ln(4)
    paper.set_font(_FONT, style="B", size=14)
    paper.start_section(_shown(section.title))
    _said(paper, f"{section.title} ({section.count})", 14, bold=True, tag="H2")
    if section.state == "incomplete":
        _said(paper, words.incomplete, 9, grey=True)
    elif section.state == "none":
        _said(paper, words.none, 9, grey=True)
    for line in section.page.lines:
        _line(paper, line, words)


def _line(paper: _Paper, line: Line, words: Words, indent: int = 0) -> None:
    marks = [mark for mark in (line.status, words.added if line.own else "") if mark]
    what = line.term if not line.plain else f"{line.plain} – {line.term}"
    _said(paper, what + (f" ({', '.join(marks)})" if marks else ""), 11, bold=not indent, indent=indent)
    if line.value is not None:
        value = line.value
        parts = [
            value.text,
            value.plain,
            value.reading,
            words.usual.format(value.range) if value.range else "",
        ]
        _said(paper, ", ".join(part for part in parts if part), 11, indent=indent)
    for detail in line.details:
        _said(paper, f"{detail.name}: {detail.text}", 10, indent=indent)
    if line.disputed:
        _said(paper, line.disputed, 10, indent=indent)
    for part in (*line.components, *line.parts):
        _line(paper, part, words, indent + 6)
    if not indent:
        origin = ", ".join(part for part in (line.source, line.age) if part)
        by = "" if line.by == line.source else line.by
        _said(paper, " · ".join(part for part in (line.when, by, origin) if part), 9, grey=True)
        paper.ln(1.5)


def _said(
    paper: _Paper,
    text: str,
    size: int,
    *,
    bold: bool = False,
    grey: bool = False,
    indent: int = 0,
    tag: Tag = "P",
) -> None:
    if not text:
        return
    paper.set_font(_FONT, style="B" if bold else "", size=size)
    paper.set_text_color(*(_GREY if grey else (0, 0, 0)))
    paper.set_x(paper.l_margin + min(indent, 60))
    with paper.tagged(tag):
        paper.multi_cell(_WIDTH, size * 0.45, _shown(text), align="L", new_x="LMARGIN", new_y="NEXT")


def _shown(text: str) -> str:
    """Without what the font has no letter for: such a one is shown as a box anyway."""
    return "".join(letter if ord(letter) < 0x10000 else "□" for letter in text)
