"""The formats of an answer: FHIR JSON or FHIR XML, by ``_format`` or else ``Accept``.

https://hl7.org/fhir/R4/http.html#mime-type. An answer is made in JSON and written as XML on its way out.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from scr.errors import NotAcceptable
from scr.fhir.search import FORMATS, check_format
from scr.fhir.xml import xml_of

MEDIA_TYPES = {"json": "application/fhir+json; charset=utf-8", "xml": "application/fhir+xml; charset=utf-8"}
_ANYTHING = frozenset({"*/*", "application/*"})
_VERSIONS = frozenset({"4.0", "4.0.1"})


@dataclass(frozen=True, slots=True)
class Format:
    """How an answer is written."""

    name: str = "json"
    pretty: bool = False

    @property
    def media_type(self) -> str:
        """Its media type."""
        return MEDIA_TYPES[self.name]

    def write(self, body: bytes) -> bytes:
        """FHIR JSON in this format; nothing stays nothing."""
        if not body:
            return body
        if self.name == "xml":
            return xml_of(body, pretty=self.pretty)
        return msgspec.json.format(body, indent=2) if self.pretty else body


def asked_format(request: Request) -> Format:
    """What a request wants. Raises NotAcceptable where that is neither JSON nor XML, and not both."""
    told = dict(parse_qsl(query_of(request), errors="replace"))
    pretty = told.get("_pretty") == "true"
    if "_format" in told:
        check_format(told["_format"])
        return Format(FORMATS[told["_format"].partition(";")[0].strip().replace(" ", "+")], pretty)
    return Format(_accepted(",".join(request.headers.getlist("accept"))), pretty)


def format_of(request: Request | None) -> Format:
    """The same for an answer that is to be given whatever was wanted: JSON where that is not served."""
    try:
        return Format() if request is None else asked_format(request)
    except NotAcceptable:
        return Format()


def query_of(request: Request) -> str:
    """The parameters of a request: those of the address, or of a search by POST all of them."""
    return str(getattr(request.state, "posted", "") or request.url.query)


def _accepted(header: str) -> str:
    """The format that ``Accept`` likes best; JSON of equals, and where it says nothing."""
    best, found = 0.0, "" if header.strip() else "json"
    for part in header.split(",") if header.strip() else ():
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        said = dict(one.partition("=")[::2] for one in parameters)
        quality = _quality(said.get("q", "1"))
        name = "json" if kind in _ANYTHING else FORMATS.get(kind, "") if "/" in kind else ""
        if said.get("fhirversion", "4.0") not in _VERSIONS:
            name = ""
        if name and (quality > best or (quality == best > 0 and name == "json")):
            best, found = quality, name
    if not found:
        raise NotAcceptable(
            "JSON and XML are served: accept application/fhir+json or application/fhir+xml", code="bad-format"
        )
    return found


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
