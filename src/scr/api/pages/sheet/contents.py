"""A document's contents, given to a browser that runs nothing of it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from scr.api.fhir.operations.binary import MOST_BYTES, contents_headers
from scr.errors import NotFound, TooLarge
from scr.fhir.attached import Contents, contents_of
from scr.fhir.entry import Entry
from scr.fhir.shown.attached import attached_in

NOT_THERE = "there is no document here, or none that you may see"


def contents_answer(entries: Sequence[Entry], kind: str, logical: str, number: int | None) -> Response:
    """What a Binary among permitted entries holds, or an attachment (``number``) that stands in an entry.

    Raises NotFound for what is not there, TooLarge.
    """
    entry = next((one for one in entries if one.type == kind and one.id == logical), None)
    if entry is None or (number is None) is not (kind == "Binary"):
        raise NotFound(NOT_THERE, code="no-document")
    found: Contents | None = contents_of(entry.body) if number is None else attached_in(entry, number)
    if found is None:
        raise NotFound(NOT_THERE, code="no-document")
    if len(found.data) > MOST_BYTES:
        raise TooLarge(f"is over {MOST_BYTES} bytes, and not given here", code="too-large")
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"}
    return Response(found.data, headers={**headers, **contents_headers(found, logical)})
