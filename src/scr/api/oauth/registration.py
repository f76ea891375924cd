"""A client as the operator registers it, held to what can work."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from scr.api.auth.keys import has_private, read_key_set
from scr.api.oauth.app_terms import AppTerms, check_app_terms
from scr.api.oauth.assertion import ALGORITHMS
from scr.api.oauth.neighbour_terms import NeighbourTerms, check_neighbour_terms
from scr.api.oauth.offer import LAUNCH
from scr.consent.scopes import parse
from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode
from scr.store.clients import Client, ClientKind

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,99}\Z")
_NEED_SCOPES = frozenset({ClientKind.SYSTEM, ClientKind.NEIGHBOUR})
_NO_NEIGHBOUR = NeighbourTerms("", {}, ())
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def client_to_register(
    client_id: str,
    kind: ClientKind,
    name: str,
    organisation: OdsCode,
    scopes: Iterable[str],
    *,
    key_set: bytes = b"",
    key_set_url: str = "",
    app: AppTerms | None = None,
    neighbour: NeighbourTerms | None = None,
    now: int,
) -> Client:
    """The client, to be put in the store. ``app`` is what an app, and nothing else, has beside, and
    ``neighbour`` what a neighbour has.

    Raises Invalid, which says what has to be changed.
    """
    allowed = frozenset(scopes)
    if not _ID.match(client_id):
        raise Invalid("a client's id is 3 to 100 letters, digits, dots, dashes and _", code="bad-client")
    if not name.strip():
        raise Invalid("a client needs a name that people know it by", code="bad-client")
    if kind in _NEED_SCOPES and not allowed:
        raise Invalid(f"a {kind.value} needs a scope at least, such as system/*.rs", code="bad-scope")
    if (kind is ClientKind.APP) != (app is not None):
        raise Invalid("an app, and no other client, has redirect addresses and people", code="bad-client")
    if (kind is ClientKind.NEIGHBOUR) != (neighbour is not None):
        raise Invalid("a neighbour, and no other client, speaks for organisations", code="bad-client")
    _check_own(kind, allowed, app, neighbour)
    _check_where_keys_are(key_set, key_set_url, public=app is not None and app.public)
    terms = neighbour or _NO_NEIGHBOUR
    return Client(
        client_id,
        kind,
        name.strip(),
        organisation,
        allowed,
        key_set.decode() if key_set else "",
        key_set_url,
        now,
        redirect_uris=frozenset(app.redirect_uris) if app else frozenset(),
        people=app.people if app else "",
        consent=app.consent if app else "",
        issuer=terms.issuer,
        speaks_for=terms.speaks_for,
        roles=frozenset(terms.roles),
    )


def _check_own(
    kind: ClientKind, scopes: frozenset[str], app: AppTerms | None, neighbour: NeighbourTerms | None
) -> None:
    """What one kind of client has, and its scopes."""
    if app is not None:
        check_app_terms(app, scopes)
    elif neighbour is not None:
        check_neighbour_terms(neighbour, scopes)
    else:
        for scope in sorted(scopes):
            _check_scope(scope, kind)


def _check_where_keys_are(key_set: bytes, key_set_url: str, *, public: bool) -> None:
    if public:
        if key_set or key_set_url:
            raise Invalid("a public app has no keys to prove with who it is", code="bad-client")
        return
    if bool(key_set) == bool(key_set_url):
        raise Invalid("its public keys are in one place: a file, or an address", code="bad-client")
    if key_set:
        _check_keys(key_set)
    else:
        _check_address(key_set_url)


def _check_scope(scope: str, kind: ClientKind) -> None:
    read = parse(scope)
    if scope == LAUNCH and kind is ClientKind.SYSTEM:
        return  # it opens apps for a patient
    if read is None or read.context != "system" or kind is not ClientKind.SYSTEM:
        raise Invalid(f"{scope!r} is no scope of a system: one is system/*.rs", code="bad-scope")
    if read.parameters:
        raise Invalid(f"{scope!r} has a search, and would grant nothing here", code="bad-scope")


def _check_keys(key_set: bytes) -> None:
    try:
        keys, private = read_key_set(key_set), has_private(key_set)
    except (ValueError, RecursionError):
        raise Invalid("the file is no JSON Web Key Set", code="bad-key") from None
    if private:
        raise Invalid("the file holds a private key: only public ones are registered", code="bad-key")
    if not any(key.fits(algorithm) for key in keys for algorithm in ALGORITHMS):
        told = "no key in the file has an id (`kid`) and is RSA of 2048 bits and more, or EC P-384"
        raise Invalid(told, code="bad-key")


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not safe or not parts.hostname or "@" in parts.netloc or not url.isascii() or " " in url:
        raise Invalid("the address of a key set begins with https://", code="bad-key")
