"""The text of a section, for people: sentences, and a table of what stands there.

https://hl7.org/fhir/R4/narrative.html. Everything is escaped, whatever a source has sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from scr.fhir.entry import Resource
from scr.fhir.summary import Line

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold, however it is escaped."""
_HEAD = "<th>Date</th><th>What</th><th>Details</th><th>Status</th>"


def narrative(sentences: Sequence[str], lines: Sequence[Line] = (), sources: Sequence[str] = ()) -> Resource:
    """The ``text`` of a section or resource: a paragraph for each sentence, a row for each line.

    ``sources``: who says so, line by line.
    """
    body = "".join(f"<p>{_text(sentence)}</p>" for sentence in sentences)
    if lines:
        head = f"<thead><tr>{_HEAD}{'<th>Source</th>' if sources else ''}</tr></thead>"
        more: list[tuple[str, ...]] = [(one,) for one in sources] or [()] * len(lines)
        rows = map(_row, lines, more)
        body += f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>'}


def _row(line: Line, more: tuple[str, ...]) -> str:
    cells = (line.date, line.text, line.detail, line.status, *more)
    return f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in cells)}</tr>"


def _text(text: str) -> str:
    return escape(_NO_XML.sub("\ufffd", text), quote=False)
