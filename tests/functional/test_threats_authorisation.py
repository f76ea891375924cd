"""Threats: calls to the authorisation server that no good client makes, and ways that lead astray."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from tests.functional.besieged import Besieged, Told

_FORM = "application/x-www-form-urlencoded"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_GRANT = {"grant_type": "client_credentials", "scope": "system/*.rs"}
_PROVEN = {"client_assertion_type": _ASSERTION, "client_assertion": "{token}"}

CALLS = [
    ("nothing", b""),
    ("no client", urlencode(_GRANT).encode()),
    ("a client's id alone", urlencode({**_GRANT, "client_id": "pas"}).encode()),
    ("a client's secret", urlencode({**_GRANT, "client_id": "pas", "client_secret": "x"}).encode()),
    ("an access token as the proof", urlencode({**_GRANT, **_PROVEN}).encode()),
    ("an empty proof", urlencode({**_GRANT, **_PROVEN, "client_assertion": ""}).encode()),
    ("a proof that is none", urlencode({**_GRANT, **_PROVEN, "client_assertion": "a.b.c"}).encode()),
    ("a proof of another kind",
     urlencode({**_GRANT, "client_assertion_type": "x", "client_assertion": "a.b.c"}).encode()),
    ("an endless proof", urlencode({**_GRANT, **_PROVEN, "client_assertion": "a" * 60_000}).encode()),
    ("a grant twice", b"grant_type=client_credentials&grant_type=authorization_code"),
    ("a client twice", b"client_id=a&client_id=b&grant_type=client_credentials"),
    ("a password", b"grant_type=password&username=a&password=b"),
    ("a grant of its own", b"grant_type=urn:ietf:params:oauth:grant-type:token-exchange"),
    ("a code of nobody", b"grant_type=authorization_code&code=x&client_id=pas"),
    ("a refresh of nobody", b"grant_type=refresh_token&refresh_token=x&client_id=pas"),
    ("too much", b"x=" + b"y" * 70_000),
    ("too many names", b"&".join(b"n%d=1" % n for n in range(200))),
    ("bytes that are no text", b"grant_type=\xff"),
    ("an encoding that is none", b"grant_type=%FF%FE"),
    ("JSON", b'{"grant_type":"client_credentials"}'),
]  # fmt: skip


@pytest.mark.parametrize("body", [pytest.param(row[1], id=row[0]) for row in CALLS])
def test_nobody_is_given_a_token_who_does_not_prove_who_they_are(besieged: Besieged, body: bytes) -> None:
    """Nor told what one is, nor can take one back; each call is in the audit, and says nothing back."""
    token = besieged.bearer().removeprefix("Bearer ")
    content = body.replace(b"%7Btoken%7D", token.encode())
    for name in ("token", "introspect", "revoke"):
        told = _post(besieged, name, content)
        assert told.status in {400, 401, 413}
        assert "access_token" not in told.text.replace("an access token", "")
        assert token not in told.text
        assert "error" in told.body


@pytest.mark.parametrize(
    "headers",
    [
        [("content-type", "application/json")],
        [("content-type", "multipart/form-data; boundary=x")],
        [("content-type", "text/plain")],
        [],
        [("content-type", _FORM), ("authorization", "Basic cGFzOng=")],
        [("content-type", _FORM), ("authorization", "Bearer x")],
    ],
)
def test_a_call_is_a_form_with_one_proof(besieged: Besieged, headers: list[tuple[str, str]]) -> None:
    """Of another type, or with a second credential beside: refused before anything is looked at."""
    told = besieged.ask(
        "/fhir/auth/token", method="POST", token=None, headers=headers, body=urlencode(_GRANT).encode()
    )
    assert told.status in {400, 401}


@pytest.mark.parametrize("query", ["?grant_type=client_credentials", "?client_assertion=a.b.c", "?x=1"])
def test_nothing_of_a_call_stands_in_its_address(besieged: Besieged, query: str) -> None:
    """An address is written into logs."""
    assert _post(besieged, f"token{query}", urlencode(_GRANT).encode()).status in {400, 401}


@pytest.mark.parametrize(
    "name", ["token", "introspect", "revoke", "register", "userinfo", "authorize/answer"]
)
def test_a_token_is_not_got_by_another_method(besieged: Besieged, name: str) -> None:
    """GET, PUT and DELETE do nothing here."""
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        told = besieged.ask(f"/fhir/auth/{name}", method=method, token=None)
        assert told.status in {400, 401, 404, 405}, method


AWAY = [
    "https://evil.test/", "//evil.test/", "/\\evil.test", "javascript:alert(1)", "data:text/html,x",
    "https://record.test@evil.test/", "https://record.test.evil.test/", "\thttps://evil.test",
    "%2F%2Fevil.test",
]  # fmt: skip


@pytest.mark.parametrize("address", AWAY)
def test_nobody_is_sent_to_an_address_that_is_not_an_apps(besieged: Besieged, address: str) -> None:
    """Neither by a request for an app that is not there, nor by a way back from the sign-in."""
    asked = {
        "response_type": "code",
        "client_id": "nobody",
        "redirect_uri": address,
        "state": "s" * 20,
        "scope": "openid",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
        "aud": "https://record.test/fhir",
    }
    ways = (f"/fhir/auth/authorize?{urlencode(asked)}", f"/signin/begin/staff?{urlencode({'to': address})}")
    for target in ways:
        told = besieged.ask(target, token=None)
        assert told.status >= 400
        assert "evil.test" not in told.headers.get("location", "")


def test_what_is_public_names_no_secret(besieged: Besieged) -> None:
    """The keys without their private parts, and addresses below our own base, whatever host was asked."""
    for target in ("jwks", ".well-known/openid-configuration"):
        response = besieged.ask(
            f"/fhir/auth/{target}", token=None, headers=[("x-forwarded-host", "evil.test")]
        )
        assert response.status == 200
        assert "evil.test" not in response.text
        assert not {"d", "k", "p", "q"} & {name for key in response.body.get("keys", ()) for name in key}


def _post(besieged: Besieged, name: str, content: bytes) -> Told:
    headers = [("content-type", _FORM)]
    return besieged.ask(f"/fhir/auth/{name}", method="POST", token=None, headers=headers, body=content)
