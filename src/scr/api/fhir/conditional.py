"""Conditional requests: what is known already is not given again, and nothing changed that was not read.

https://hl7.org/fhir/R4/http.html#cread. An answer is made, decided and audited as any other before it is
left out: so 304 tells nobody more than the answer would.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from starlette.requests import Request

from scr.api.look import Answer
from scr.errors import Invalid, PreconditionRequired

_TAG = re.compile(r'(?:W/)?"([A-Za-z0-9.\-]{1,64})"\Z')
_NOT_MODIFIED = 304


def unless_known(request: Request, answer: Answer) -> Answer:
    """The answer, or 304 where ``If-None-Match`` names its version or nothing changed ``If-Modified-Since``.

    A date that cannot be read, and one beside a tag, say nothing (RFC 9110, 13.1.3).
    """
    if answer.status != 200:
        return answer
    tags = ",".join(request.headers.getlist("if-none-match"))
    if tags.strip():
        known = _opaque(answer.headers.get("ETag", ""))
        same = known is not None and any(_is(tag.strip(), known) for tag in tags.split(","))
    else:
        since = _instant(request.headers.get("if-modified-since", ""))
        last = _instant(answer.headers.get("Last-Modified", ""))
        same = since is not None and last is not None and last <= since
    return replace(answer, body=b"", status=_NOT_MODIFIED) if same else answer


def version_read(request: Request) -> str:
    """The version that a writer has read, by ``If-Match``. Raises PreconditionRequired, Invalid."""
    told = request.headers.get("if-match")
    if told is None:
        raise PreconditionRequired("send If-Match with the ETag of the version that you have read")
    version = _opaque(told.strip())
    if version is None:
        raise Invalid('must be one ETag, such as W/"1"', code="bad-if-match", where="If-Match")
    return version


def _is(tag: str, known: str) -> bool:
    return tag == "*" or _opaque(tag) == known


def _opaque(tag: str) -> str | None:
    match = _TAG.match(tag)
    return None if match is None else match.group(1)


def _instant(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
