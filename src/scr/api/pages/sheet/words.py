"""The words of a record's PDF, and the way to it: what makes it is loaded where somebody asks for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scr.api.pages.sheet.view import SectionShown
from scr.fhir.shown.line import Line
from scr.fhir.shown.plain import Language


@dataclass(frozen=True, slots=True)
class Words:
    """The words of the document, in its language."""

    title: str
    made: str
    page: str
    none: str
    incomplete: str
    usual: str
    added: str


def record_pdf(
    words: Words,
    person: Line | None,
    ledger: Sequence[str],
    sections: Iterable[SectionShown],
    *,
    language: Language,
    now: int,
) -> bytes:
    """The document (``sheet/pdf``). To be called in a thread: the first of a process takes time to load."""
    from scr.api.pages.sheet.pdf import document  # 17 MB and an eighth of a start, and few ask for one

    return document(words, person, ledger, sections, language=language, now=now)
