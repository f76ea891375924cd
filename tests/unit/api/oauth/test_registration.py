"""What the operator may register, and what is refused with a reason."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey
from tests.unit.api.oauth.systems import EC, RSA, key_set

from scr.api.oauth.registration import client_to_register
from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode
from scr.store import clients
from scr.store.clients import Client, ClientKind
from scr.store.engine import Database

GOOD: dict[str, Any] = {
    "client_id": "lab",
    "kind": ClientKind.SYSTEM,
    "name": "The laboratory",
    "organisation": OdsCode("RXX"),
    "scopes": ["system/*.rs"],
    "key_set": key_set(EC, RSA),
}


def registered(**changes: Any) -> Client:
    """The client of a good registration with these changes."""
    return client_to_register(**{**GOOD, **changes}, now=5)


def test_what_is_registered_is_found_as_it_was(database: Database) -> None:
    """Each kind, with keys here or at an address; the newest state of each is listed."""
    made = [
        registered(),
        registered(client_id="far", key_set=b"", key_set_url="https://far.example/jwks"),
        registered(client_id="gate", kind=ClientKind.RESOURCE_SERVER, scopes=()),
        registered(client_id="near", key_set=b"", key_set_url="http://127.0.0.1:1/jwks"),
    ]
    for each in made:
        database.write_now(partial(clients.register, client=each))
    assert database.read_now(clients.clients) == sorted(made, key=lambda each: each.id)
    database.write_now(lambda connection: clients.disable(connection, "lab", 7))
    assert database.read_now(lambda connection: clients.find(connection, "lab")) is None
    assert database.read_now(lambda connection: clients.find(connection, "far")) == made[1]
    assert [each.disabled for each in database.read_now(clients.clients)] == [None, None, 7, None]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("an id that is short", {"client_id": "a"}, "bad-client"),
    ("an id with a space", {"client_id": "a lab"}, "bad-client"),
    ("an id with a bar", {"client_id": "lab|x"}, "bad-client"),
    ("no name", {"name": " "}, "bad-client"),
    ("no scope", {"scopes": []}, "bad-scope"),
    ("a person's scope", {"scopes": ["system/*.rs", "user/*.rs"]}, "bad-scope"),
    ("no scope on resources", {"scopes": ["openid"]}, "bad-scope"),
    ("a scope with a search", {"scopes": ["system/*.rs?a=b"]}, "bad-scope"),
    ("a scope for one that is given none", {"kind": ClientKind.RESOURCE_SERVER}, "bad-scope"),
    ("no keys", {"key_set": b""}, "bad-client"),
    ("keys in two places", {"key_set_url": "https://a.example"}, "bad-client"),
    ("keys that are none", {"key_set": b"{"}, "bad-key"),
    ("a set without keys", {"key_set": b'{"keys":[]}'}, "bad-key"),
    ("a curve that is too short", {"key_set": key_set(ECKey.generate_key("P-256", {"kid": "x"}))}, "bad-key"),
    (
        "a key without an id",
        {"key_set": key_set(RSAKey.generate_key(2048)).replace(b'"kid"', b'"x"')},
        "bad-key",
    ),
    ("a private key", {"key_set": orjson.dumps({"keys": [EC.as_dict(private=True)]})}, "bad-key"),
    (
        "a secret beside a key",
        {"key_set": orjson.dumps({"keys": [EC.as_dict(private=False), OctKey.generate_key(256).as_dict()]})},
        "bad-key",
    ),
    ("an address in the clear", {"key_set": b"", "key_set_url": "http://far.example/jwks"}, "bad-key"),
    ("an address of no host", {"key_set": b"", "key_set_url": "https:///jwks"}, "bad-key"),
    ("a password in an address", {"key_set": b"", "key_set_url": "https://a:b@far.example"}, "bad-key"),
    ("a file", {"key_set": b"", "key_set_url": "file:///etc/passwd"}, "bad-key"),
]


@pytest.mark.parametrize(
    ("changes", "code"), [pytest.param(changes, code, id=name) for name, changes, code in REFUSED]
)
def test_what_cannot_work_is_not_registered(changes: dict[str, Any], code: str) -> None:
    """Before anything is written; a private key is not told of in the error either."""
    with pytest.raises(Invalid) as caught:
        registered(**changes)
    assert caught.value.code == code
    assert str(EC.as_dict(private=True)["d"]) not in str(caught.value)
