"""What goes out of the JSON API: never cached, never sniffed, and with the id that its audit row has."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from scr.access.contributing.found import NotTaken
from scr.api.look import Answer, refused
from scr.errors import ScrError


def problem(error: ScrError) -> Answer:
    """A refusal as https://www.rfc-editor.org/rfc/rfc9457, with the headers of any other."""
    body: dict[str, object] = {"status": error.status, "title": error.default_code, "code": error.code}
    body["detail"] = str(error)
    if isinstance(error, NotTaken):
        body["findings"] = [
            {"field": one.where, "code": one.code, "sentence": one.sentence} for one in error.findings
        ]
        if error.advice is not None:
            body["advice"] = {"level": error.advice.level, "text": error.advice.text}
    return Answer(orjson.dumps(body), error.status, refused(error).headers)


def as_json(answer: Answer, correlation: str, error: ScrError | None) -> Response:
    """The response of an answer, or of the problem that stands in its place."""
    headers = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Correlation-ID": correlation,
        **answer.headers,
    }
    kind = "application/json" if error is None else "application/problem+json"
    return Response(answer.body, answer.status, headers=headers, media_type=kind)


def sign_in_address(request: Request, draft: str = "") -> str:
    """Where citizens sign in, to come back to this page, and to what they had typed there."""
    kept = [pair for pair in request.query_params.multi_items() if pair[0] != "draft"]
    query = urlencode([*kept, ("draft", draft)]) if draft else request.url.query
    path = f"{request.url.path}?{query}" if query else request.url.path
    return f"/signin/begin/citizens?to={quote(path, safe='')}"
