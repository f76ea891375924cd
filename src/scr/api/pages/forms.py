"""The forms that browsers send."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from scr.api.desk import read_body
from scr.errors import Invalid

Form = Mapping[str, str]


async def read_form(request: Request) -> Form:
    """The fields of a form, sent as browsers send one without files. Raises Invalid."""
    body = await read_body(request)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=60, errors="strict")
    except ValueError:
        raise Invalid("the form cannot be read", code="bad-form") from None
    return dict(pairs)


def of_another_site(request: Request) -> bool:
    """Whether another site made the browser send a form."""
    return request.method == "POST" and request.headers.get("sec-fetch-site", "") == "cross-site"
