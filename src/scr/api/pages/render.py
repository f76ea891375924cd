"""A page from its template, with the headers that let a browser do nothing else with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from scr.api.pages.straight import straight
from scr.errors import ScrError
from scr.fhir.dates import LONDON, utc

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Site:
    """A site: its address, its name, what its first page is called, and for whom it is."""

    home: str
    name: str
    list: str
    who: str


def page(template: str, status: int = 200, **context: object) -> Response:
    """A page. Whatever the context holds is escaped; a name that it lacks is an error.

    One that tells of an error has the id of its row in the audit in its header too (``correlation``).
    """
    text = _environment().get_template(template).render(**context)
    told = {"X-Correlation-ID": str(context["correlation"])} if context.get("correlation") else {}
    return Response(text, status, headers={**HEADERS, **told}, media_type="text/html")


def moved(to: str, *, again: bool = False) -> Response:
    """303: look there. ``again``: 307, send it there."""
    return Response(b"", 307 if again else 303, headers={**HEADERS, "Location": to})


def style_sheet() -> Response:
    """The style sheet of all pages."""
    headers = {**HEADERS, "Cache-Control": "max-age=300"}
    return Response(_style(), headers=headers, media_type="text/css")


@lru_cache(maxsize=1)
def _style() -> bytes:
    return (files("scr.api.pages") / "assets" / "pages.css").read_bytes()


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("scr.api.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=straight,
    )
    environment.filters["day"] = _day
    environment.filters["moment"] = _moment
    environment.filters["sentence"] = _sentence
    return environment


def _day(day: date) -> str:
    """A day as people write it: 5 January 2026."""
    return f"{day.day} {day:%B %Y}"


def _moment(ms: int) -> str:
    """Milliseconds UTC as a time in London: 5 January 2026, 09:30."""
    at = utc(ms).astimezone(LONDON)
    return f"{_day(at.date())}, {at:%H:%M}"


def _sentence(error: ScrError) -> str:
    """What an error says, beginning with a capital."""
    return error.message[:1].upper() + error.message[1:]
