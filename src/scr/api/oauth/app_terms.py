"""What an app is registered with: where it is answered, whom it is for, and how often they are asked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from scr.api.oauth.offer import LAUNCH, OF_APPS, OFFLINE
from scr.api.signin.person import Population
from scr.consent.scopes import parse
from scr.errors import Invalid

_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_LETTERS = re.compile(r"[A-Za-z0-9._~:/?@!$&()*+=%\[\]-]{1,500}\Z")
_PRIVATE = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+\Z")
"""A scheme of an app's own: a domain name turned round (RFC 8252, 7.1)."""


@dataclass(frozen=True, slots=True)
class AppTerms:
    """What is an app's own. ``public``: it runs where it can keep no key, and proves nothing."""

    redirect_uris: tuple[str, ...]
    people: Population
    consent: Literal["each", "once"] = "each"
    public: bool = False


def check_app_terms(app: AppTerms, scopes: Iterable[str]) -> None:
    """Raises Invalid, which says what has to be changed."""
    if not app.redirect_uris:
        raise Invalid("an app needs an address at least that it is answered at", code="bad-redirect")
    for address in app.redirect_uris:
        _check_redirect(address, public=app.public)
    named = sorted(scopes)
    if not named:
        raise Invalid("an app needs a scope at least, such as user/*.rs", code="bad-scope")
    for scope in named:
        _check_scope(scope, app.people)


def _check_redirect(address: str, *, public: bool) -> None:
    parts = urlsplit(address)
    if not _LETTERS.match(address) or "#" in address or "@" in parts.netloc:
        raise Invalid(f"{address!r} is no address that an answer can be sent to", code="bad-redirect")
    if parts.scheme == "https" and parts.hostname and "*" not in address:
        return
    if parts.scheme == "http" and parts.hostname in _LOOPBACK and public:
        return
    if public and _PRIVATE.match(parts.scheme) and not parts.netloc and parts.path:
        return
    told = (
        "begins with https://; a public app's may be http://127.0.0.1 or of a scheme such as uk.example.app:/"
    )
    raise Invalid(f"the redirect address {address!r} does not serve: one {told}", code="bad-redirect")


def _check_scope(scope: str, people: Population) -> None:
    read = parse(scope)
    if read is not None and read.context in ("user", "patient"):
        return
    only_for = {LAUNCH: "staff", OFFLINE: "citizens"}
    if scope in OF_APPS and only_for.get(scope, people) == people:
        return
    raise Invalid(f"{scope!r} is no scope of an app for {people}", code="bad-scope")
