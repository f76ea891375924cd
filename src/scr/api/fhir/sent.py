"""A resource that somebody sends, in JSON or XML, as its media type says.

https://hl7.org/fhir/R4/http.html#mime-type. What has none is JSON.
"""

from __future__ import annotations

from starlette.requests import Request

from scr.decode import fhir_xml
from scr.decode.tree import DecodeError
from scr.errors import Invalid
from scr.fhir.entry import Resource
from scr.fhir.strict_json import resource_from

_XML = frozenset({"application/fhir+xml", "application/xml", "text/xml"})


def sent(request: Request, body: bytes) -> Resource:
    """The resource in the body of a request, as JSON has it. Raises Invalid where it cannot be read."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _XML:
        return resource_from(body)
    try:
        return fhir_xml.resource(body)
    except DecodeError:
        raise Invalid("the body is not FHIR XML that can be read", code="bad-xml") from None
