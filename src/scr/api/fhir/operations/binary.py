"""``Binary/[id]``: the contents of a document, as they are or as a resource.

https://hl7.org/fhir/R4/binary.html#rest. Decided, asked for and audited as any read; then, where that is
what was wanted, given in its own media type. Whatever it is, a browser runs nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from scr.api.fhir.read import Reader
from scr.api.fhir.routes import parameters
from scr.api.formats import query_of
from scr.api.look import Answer, Look, Looks, refused, respond
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.consent.decide import Interaction
from scr.errors import NotAcceptable, NotFound, TooLarge
from scr.fhir.attached import BINARY, Contents, contents_of
from scr.fhir.search import READ_PARAMETERS, parse_shape

MOST_BYTES = 32 * 1024 * 1024
_FHIR = frozenset({"application/fhir+json", "application/fhir+xml"})
_SHOWN = frozenset({"application/pdf", "image/gif", "image/jpeg", "image/png", "image/webp", "text/plain"})
"""What a browser may show; all else is given to be kept."""
_ENDINGS = {
    "application/dicom": "dcm", "application/msword": "doc", "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx", "image/gif": "gif",
    "application/rtf": "rtf", "image/jpeg": "jpg", "image/png": "png", "image/tiff": "tif",
    "text/csv": "csv", "text/plain": "txt",
    "text/rtf": "rtf",
}  # fmt: skip
_SAFE = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


class BinaryRoutes:
    """Answers reads of a Binary."""

    def __init__(self, looks: Looks, reader: Reader) -> None:
        self._looks = looks
        self._reader = reader

    def router(self) -> Router:
        """The route, below the FHIR base; it stands before those of a record."""
        router = Router(include_in_schema=False)
        router.add_api_route(f"/{BINARY}/{{logical}}", self.read, methods=["GET"])
        return router

    async def read(self, request: Request, logical: str) -> Response:
        """read, in the format that is wanted."""
        wanted = request.headers.getlist("accept")
        if "_format=" in query_of(request) or any(kind in _FHIR for kind in _kinds(",".join(wanted))):
            return await self._resource(request, logical)
        answer = await self._resource(_for_resource(request), logical)
        if answer.status_code != 200:
            return answer
        contents = contents_of(bytes(answer.body))
        correlation = answer.headers["X-Correlation-ID"]
        if contents is None:
            missing = NotFound("its contents are not here", code="no-contents")
            return respond(refused(missing), correlation)
        if not _accepts(",".join(wanted), contents.media_type.partition(";")[0]):
            unwanted = NotAcceptable(
                "it is of another media type: accept */*, or application/fhir+json", code="bad-format"
            )
            return respond(refused(unwanted), correlation)
        return Response(contents.data, headers=_headers(answer.headers, contents, logical))

    async def _resource(self, request: Request, logical: str) -> Response:
        async def handle(look: Look, actor: Actor) -> Answer:
            shape = parse_shape(BINARY, parameters(request.url.query, only=READ_PARAMETERS))
            answer = await self._reader.resource(look, actor, BINARY, logical)
            if len(answer.body) > MOST_BYTES * 4 // 3:
                raise TooLarge(f"is over {MOST_BYTES} bytes, and not given here", code="too-large")
            return replace(answer, body=shape.part_of(BINARY, answer.body))

        return await self._looks.serve(
            request, action="read", what=BINARY, interaction=Interaction.READ, handler=handle
        )


def _for_resource(request: Request) -> Request:
    """The same request for the resource in JSON: what is in it is given out of that."""
    headers = [(name, value) for name, value in request.scope["headers"] if name != b"accept"]
    scope = {**request.scope, "headers": [*headers, (b"accept", b"application/fhir+json")]}
    return Request(scope, request.receive)


def _headers(told: Headers, contents: Contents, logical: str) -> Mapping[str, str]:
    kept = {name: value for name, value in told.items() if name not in {"content-type", "content-length"}}
    return {**kept, **contents_headers(contents, logical)}


def contents_headers(contents: Contents, logical: str) -> Mapping[str, str]:
    """The headers with which a browser shows contents that it can show, keeps others, and runs none."""
    kind = contents.media_type.partition(";")[0]
    way = "inline" if kind in _SHOWN else "attachment"
    name = f"{logical}.{_ENDINGS.get(kind, 'bin')}"
    return {
        **_SAFE,
        "Content-Type": contents.media_type,
        "Content-Disposition": f'{way}; filename="{name}"',
    }


def _kinds(header: str) -> list[str]:
    return [part.partition(";")[0].strip().lower() for part in header.split(",")]


def _accepts(header: str, kind: str) -> bool:
    """Whether a media type is among those that are accepted; a general one takes whatever it is."""
    if not header.strip():
        return True
    taken = {kind, f"{kind.partition('/')[0]}/*", "*/*", "application/json", "application/octet-stream"}
    return any(one in taken for one in _kinds(header))
