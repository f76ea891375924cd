"""The header ``Prefer``: what whoever asks would rather have (RFC 7240)."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request


def preferred(request: Request) -> Iterator[tuple[str, str]]:
    """The preferences, name and value, in small letters; of one without a value the value is empty.

    They may stand in one header or several, and be parted by commas or, as some clients write, semicolons.
    """
    for wish in ",".join(request.headers.getlist("prefer")).replace(";", ",").lower().split(","):
        name, _, value = wish.partition("=")
        yield name.strip(), value.strip().strip('"')


def preferred_wait(request: Request) -> float | None:
    """``wait=N``: the seconds that an answer is waited for; None where nothing of use is said of it."""
    for name, value in preferred(request):
        if name == "wait" and value.isascii() and value.isdigit():
            return float(value[:6])
    return None


def wants_later(request: Request) -> bool:
    """``respond-async``: the answer is fetched later."""
    return any(name == "respond-async" for name, _ in preferred(request))


def is_lenient(request: Request) -> bool:
    """``handling=lenient``: what is not known may be left out (https://hl7.org/fhir/R4/search.html#errors).

    Where it is said twice the first counts (RFC 7240, 2).
    """
    return next((value for name, value in preferred(request) if name == "handling"), "") == "lenient"
