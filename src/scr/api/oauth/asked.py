"""What an app asks of a person: an authorisation request, held to what it has to be.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html; RFC 6749 4.1.1, PKCE (RFC 7636), OpenID Connect
Core 3.1.2.1, and the present advice (RFC 9700): one exact redirect address, S256 alone, `state` always.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from scr.errors import Invalid
from scr.store.clients import Client, ClientKind

LONGEST: Final = 3_500
"""Characters of a request."""
_MOST_FIELDS = 40
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")
_VALUE = re.compile(r"[\x20-\x7e]{1,1024}\Z")
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
_UNSERVED: Final = (
    ("request", "request-object", "a request object is not taken: send the parameters"),
    ("request_uri", "request-uri", "a request by reference is not taken: send the parameters"),
    ("registration", "registration", "clients are registered by the operator"),
)

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be put to a person. ``launch`` is the handle of a launch, empty for none.

    ``max_age`` is how long ago, in seconds, the person may have proved who they are; None: whenever.
    """

    client: Client
    redirect_uri: str
    state: str
    scopes: tuple[str, ...]
    challenge: str
    nonce: str
    launch: str
    prompts: frozenset[str]
    max_age: int | None


def read_pairs(text: str) -> Pairs:
    """The parameters of a query or a form. Raises Invalid ``bad-request``."""
    try:
        if len(text) > LONGEST:
            raise ValueError("too long")
        return parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise Invalid("the app's request cannot be read", code="bad-request") from None


def only(pairs: Pairs, name: str) -> str:
    """The one value of a parameter; empty where there is none, or more than one."""
    values = [value for key, value in pairs if key == name]
    return values[0] if len(values) == 1 else ""


def check_app(client: Client | None, redirect_uri: str) -> Client:
    """The app, where an answer may go to the address. Raises Invalid, which nobody is sent anywhere with."""
    if client is None or client.kind is not ClientKind.APP:
        raise Invalid("the app that sent you here is not registered", code="unknown-client")
    if redirect_uri not in client.redirect_uris:
        raise Invalid(
            "the app that sent you here wants to be answered at an address that is not its own",
            code="bad-redirect",
        )
    return client


def state_of(pairs: Pairs) -> str:
    """The app's ``state``, to be given back whatever comes of the request; empty where it has none."""
    state = only(pairs, "state")
    return state if _VALUE.match(state) else ""


def read_asked(pairs: Pairs, client: Client, redirect_uri: str, base_url: str) -> Asked:
    """The rest of a request. Raises Invalid, which the app is told of at its own address."""
    names = Counter(name for name, _ in pairs)
    if any(count > 1 for count in names.values()):
        raise Invalid("a parameter stands twice", code="repeated-parameter")
    given = dict(pairs)
    for name, code, told in _UNSERVED:
        if name in given:
            raise Invalid(told, code=code)
    if given.get("response_type") != "code":
        raise Invalid("response_type has to be code", code="bad-response-type")
    if given.get("response_mode", "query") != "query":
        raise Invalid("response_mode has to be query", code="bad-response-mode")
    if not state_of(pairs):
        raise Invalid("state is needed", code="no-state")
    _check_audience(given, base_url)
    return Asked(
        client=client,
        redirect_uri=redirect_uri,
        state=state_of(pairs),
        scopes=tuple(given.get("scope", "").split()),
        challenge=_challenge(given),
        nonce=_nonce(given),
        launch=given.get("launch", ""),
        prompts=_prompts(given),
        max_age=_max_age(given),
    )


def proves(challenge: str, verifier: str) -> bool:
    """Whether a code verifier is the one that a challenge was made of (RFC 7636, 4.6)."""
    if not _VERIFIER.match(verifier):
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).decode().rstrip("="), challenge)


def answer_to(redirect_uri: str, issuer: str, state: str, **told: str) -> str:
    """The address that the app is answered at, with who answers (RFC 9207)."""
    found = {**told, **({"state": state} if state else {}), "iss": issuer}
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(found)}"


def _check_audience(given: Mapping[str, str], base_url: str) -> None:
    """SMART's ``aud``, and RFC 8707's ``resource`` where it is there too: this endpoint, to the letter."""
    if given.get("aud", given.get("resource", "")) != base_url or given.get("resource", base_url) != base_url:
        raise Invalid("aud has to be the address of this FHIR endpoint", code="bad-audience")


def _challenge(given: Mapping[str, str]) -> str:
    """Never ``plain``, which is also what a missing method would mean."""
    challenge = given.get("code_challenge", "")
    if given.get("code_challenge_method") != "S256" or not _CHALLENGE.match(challenge):
        raise Invalid("a code_challenge by S256 is needed", code="no-pkce")
    return challenge


def _nonce(given: Mapping[str, str]) -> str:
    nonce = given.get("nonce", "")
    if nonce and not _VALUE.match(nonce):
        raise Invalid("the nonce is no text of at most 1024 letters", code="invalid_request")
    return nonce


def _prompts(given: Mapping[str, str]) -> frozenset[str]:
    prompts = frozenset(given.get("prompt", "").split())
    if prompts - _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise Invalid("prompt is not one that is served", code="bad-prompt")
    return prompts


def _max_age(given: Mapping[str, str]) -> int | None:
    age = given.get("max_age")
    if age is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", age):
        raise Invalid("max_age is a number of seconds", code="bad-prompt")
    return int(age)
