"""What the pages wear: style sheets and a script, at addresses that change with what is in them.

``nhs.css`` has the classes of the NHS.UK design system. A deployment that wants the published style sheet
puts it into its home as ``pages/nhs.css``: it is served in place of ours. ``own.css`` and ``pages.js`` are
ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from scr.api.routing import Router

_KINDS = {
    "nhs.css": "text/css",
    "icon.svg": "image/svg+xml",
    "own.css": "text/css",
    "pages.js": "text/javascript",
    "sheet.css": "text/css",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Dress:
    """The files as they are served, by name."""

    content: Mapping[str, bytes]

    @classmethod
    def load(cls, home: Path | None = None) -> Dress:
        """Ours, with the style sheet of a deployment's home where it has one. Raises OSError."""
        content = {name: (files("scr.api.pages") / "assets" / name).read_bytes() for name in _KINDS}
        theirs = None if home is None else home / "pages" / "nhs.css"
        if theirs is not None and theirs.is_file():
            content["nhs.css"] = theirs.read_bytes()
        return cls(content)

    def mount(self, app: FastAPI) -> None:
        """Serve them at ``/pages/[version]/[name]``, and let the pages of this application wear them."""

        async def answer(_request: Request, version: str, name: str) -> Response:
            return await self.answer(version, name)

        app.state.dress = self
        router = Router(include_in_schema=False)
        router.add_api_route("/pages/{version}/{name}", answer, methods=["GET"])
        app.include_router(router)

    def address(self, name: str) -> str:
        """Where one of them is."""
        return f"/pages/{hashlib.sha256(self.content[name]).hexdigest()[:12]}/{name}"

    async def answer(self, version: str, name: str) -> Response:
        """One of them, for anybody, to be kept: it tells of nobody. An old address gets the new one."""
        if name not in self.content:
            return Response(b"", 404, headers=_HEADERS)
        kept = "max-age=31536000, immutable" if f"/{version}/" in self.address(name) else "no-cache"
        return Response(
            self.content[name], headers={**_HEADERS, "Cache-Control": kept}, media_type=_KINDS[name]
        )


@lru_cache(maxsize=1)
def _ours() -> Dress:
    return Dress.load()


def worn(request: Request) -> Dress:
    """What the pages of this application wear."""
    found: object = getattr(request.app.state, "dress", None)
    return found if isinstance(found, Dress) else _ours()
