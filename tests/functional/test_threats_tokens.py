"""Threats: tokens that are not what they seem, roles added up, scopes widened, staff that are none."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from tests.functional.besieged import Besieged
from tests.functional.deployment import ADA, BASE, KEY
from tests.unit.api.issuing import URL, b64
from tests.unit.api.issuing import role as nrbac

NOW = int(time.time())
HEADERS: list[tuple[str, dict[str, Any]]] = [
    ("no algorithm", {"alg": "none"}),
    ("no algorithm, in capitals", {"alg": "NONE"}),
    ("no algorithm, mixed", {"alg": "nOnE"}),
    ("an empty algorithm", {"alg": ""}),
    ("a shared secret", {"alg": "HS256"}),
    ("small letters", {"alg": "es256"}),
    ("another curve", {"alg": "ES384"}),
    ("another family", {"alg": "RS256"}),
    ("a curve that is not allowed", {"alg": "ES256K"}),
    ("a list of algorithms", {"alg": ["ES256"]}),
    ("an encrypted token", {"alg": "dir", "enc": "A128GCM"}),
    ("a way up as the key", {"kid": "../../../../dev/null"}),
    ("a path as the key", {"kid": "/etc/passwd"}),
    ("SQL as the key", {"kid": "ec-1' OR '1'='1"}),
    ("an address as the key", {"kid": "https://evil.test/key"}),
    ("the key with a NUL", {"kid": "ec-1\x00"}),
    ("the key with a blank", {"kid": "ec-1 "}),
    ("the key in capitals", {"kid": "EC-1"}),
    ("a list of keys", {"kid": ["ec-1"]}),
    ("an empty key", {"kid": ""}),
    ("what must be understood", {"crit": ["exp"], "exp": 1}),
    ("an empty list of what must be", {"crit": []}),
    ("what must be, and is nothing", {"crit": None}),
    ("an unencoded payload", {"b64": False, "crit": ["b64"]}),
    ("an unencoded payload, unsaid", {"b64": False}),
    ("compression", {"zip": "DEF"}),
    ("a token within", {"cty": "JWT"}),
    ("a token within, as a type", {"cty": "application/jwt"}),
    ("an identity", {"typ": "id+jwt"}),
    ("a logout", {"typ": "logout+jwt"}),
    ("an assertion", {"typ": "client-authentication+jwt"}),
    ("a proof", {"typ": "dpop+jwt"}),
    ("a type that is a number", {"typ": 1}),
    ("an unknown type", {"typ": "at+jwt+x"}),
]

CLAIMS: list[tuple[str, dict[str, Any]]] = [
    ("the issuer with a slash", {"iss": f"{URL}/"}),
    ("the issuer in capitals", {"iss": URL.upper()}),
    ("the issuer with a port", {"iss": f"{URL}:443"}),
    ("an issuer that begins so", {"iss": f"{URL}.evil"}),
    ("ourselves as the issuer", {"iss": f"{BASE}/auth"}),
    ("a list of issuers", {"iss": [URL]}),
    ("no issuer", {"iss": None}),
    ("the audience with a slash", {"aud": f"{BASE}/"}),
    ("the server as audience", {"aud": "https://record.test"}),
    ("an audience below", {"aud": f"{BASE}/auth/token"}),
    ("the audience in a text", {"aud": f"x {BASE}"}),
    ("an empty list of audiences", {"aud": []}),
    ("a list within a list", {"aud": [[BASE]]}),
    ("an object as audience", {"aud": {"0": BASE}}),
    ("no audience", {"aud": None}),
    ("an end that is a text", {"exp": str(NOW + 86_400)}),
    ("an end that is true", {"exp": True}),
    ("an end before any time", {"exp": -1}),
    ("an end at the beginning", {"exp": 0}),
    ("an end beyond reason", {"exp": 10**18}),
    ("an end beyond a float", {"exp": 10**400}),
    ("an end in milliseconds", {"exp": (NOW + 300) * 1000}),
    ("no end", {"exp": None}),
    ("an end in a list", {"exp": [NOW + 86_400]}),
    ("ended a minute ago", {"exp": NOW - 60, "iat": NOW - 300}),
    ("begins tomorrow", {"nbf": NOW + 86_400}),
    ("begins tomorrow, in part", {"nbf": NOW + 86_400.5}),
    ("begins as a text", {"nbf": "0"}),
    ("written tomorrow", {"iat": NOW + 86_400, "exp": NOW + 86_500}),
    ("written long ago", {"iat": 0}),
    ("nobody", {"sub": ""}),
    ("nobody at all", {"sub": None}),
    ("a number as the subject", {"sub": 1}),
    ("an endless subject", {"sub": "x" * 256}),
    ("a NUL in the subject", {"sub": "x\x00"}),
    ("a NUL in the name", {"name": "Ann\x00"}),
    ("bound to a key that nobody shows", {"cnf": {"jkt": "x"}}),
    ("bound to a certificate", {"cnf": {"x5t#S256": "x"}}),
    ("somebody acted for", {"act": {"sub": "x"}}),
    ("a nonce of a sign-in", {"nonce": "x"}),
    ("a hash of a sign-in", {"at_hash": "x"}),
    ("events of a sign-out", {"events": {}}),
    ("scopes as a list", {"scope": ["user/*.rs"]}),
    ("roles as an object", {"nhsid_nrbac_roles": {"0": nrbac("R8000", "A81001")}}),
    ("roles as a text", {"nhsid_nrbac_roles": "R8000"}),
    ("an organisation that is none", {"nhsid_nrbac_roles": [nrbac("R8000", "A8/../1")]}),
]

FORBIDDEN: list[tuple[str, dict[str, Any]]] = [
    ("no role selected", {"selected_roleid": None}),
    ("a role selected that is not held", {"selected_roleid": "999"}),
    ("an empty selection", {"selected_roleid": ""}),
    ("no roles", {"nhsid_nrbac_roles": []}),
    ("a receptionist at the practice, a doctor elsewhere", {
        "nhsid_nrbac_roles": [nrbac("R8009", "A81001"), nrbac("R8000", "RZZ", "2")]}),
    ("a doctor elsewhere, who selected that", {
        "nhsid_nrbac_roles": [nrbac("R8009", "A81001", "2"), nrbac("R8000", "RZZ")]}),
    ("a role that nobody knows", {"nhsid_nrbac_roles": [nrbac("R9999", "A81001")]}),
    ("a role with a blank", {"nhsid_nrbac_roles": [nrbac("R8000 ", "A81001")]}),
    ("a role in small letters", {"nhsid_nrbac_roles": [nrbac("r8000", "A81001")]}),
    ("a privacy officer", {"nhsid_nrbac_roles": [nrbac("R0001", "A81001")]}),
    ("two roles of one id", {
        "nhsid_nrbac_roles": [nrbac("R8000", "A81001"), nrbac("R8009", "A81001")]}),
    ("no scope", {"scope": ""}),
    ("a patient's scope", {"scope": "patient/*.rs"}),
    ("a system's scope", {"scope": "system/*.rs"}),
    ("a scope to write", {"scope": "user/*.cud"}),
    ("a scope for a type that is not opened", {"scope": "user/Account.rs"}),
    ("a scope in capitals", {"scope": "USER/*.RS"}),
    ("a scope with a star for letters", {"scope": "user/*.*x"}),
    ("a scope that is half one", {"scope": "user/*"}),
    ("a scope with a search that is none", {"scope": "user/*.rs?"}),
    ("a scope out of order", {"scope": "user/*.sr"}),
    ("a scope split by a tab", {"scope": "user/*\t.rs"}),
    ("a system", {"nhsid_useruid": None, "scope": "system/*.rs user/*.rs"}),
    ("a system with roles", {"nhsid_useruid": "", "scope": "system/*.rs"}),
    ("a citizen's claims", {
        "nhsid_useruid": None, "nhs_number": ADA.value, "identity_proofing_level": "P9", "vot": "P9.Cp.Cd"}),
    ("a citizen's claims and scope", {
        "nhsid_useruid": None, "nhs_number": ADA.value, "identity_proofing_level": "P9",
        "scope": "patient/*.rs"}),
]  # fmt: skip


RAW: list[tuple[str, bytes, bytes]] = [
    ("a name twice", b'{"alg":"ES256","typ":"at+jwt","kid":"ec-1"}', b'{"sub":"x","sub":"y",'),
    ("a name twice, once encoded",
     b'{"alg":"ES256","typ":"at+jwt","kid":"ec-1"}', b'{"sub":"x","s\\u0075b":"y",'),
    ("an algorithm twice", b'{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"ec-1"}', b"{"),
    ("a byte order mark", b'\xef\xbb\xbf{"alg":"ES256","typ":"at+jwt","kid":"ec-1"}', b"{"),
    ("a list for a header", b'["ES256"]', b"{"),
    ("no number", b'{"alg":"ES256","typ":"at+jwt","kid":"ec-1"}', b'{"nbf":NaN,'),
    ("an endless number", b'{"alg":"ES256","typ":"at+jwt","kid":"ec-1"}', b'{"nbf":-Infinity,'),
    ("bytes that are no text", b'{"alg":"ES256","typ":"at+jwt","kid":"ec-1"}', b'{"name":"\xff",'),
    ("half a letter", b'{"alg":"ES256","typ":"at+jwt","kid":"ec-1"}', b'{"name":"\\ud800",'),
    ("brackets without end", b'{"alg":"ES256","typ":"at+jwt","kid":"ec-1"}', b'{"x":' + b"[" * 3000 + b","),
]  # fmt: skip


def _params(rows: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    return [pytest.param(row[1], id=row[0]) for row in rows]


def _told(besieged: Besieged, token: str) -> tuple[int, str]:
    """How a token is refused, the same on every kind of route; and not a word of it in the answer."""
    found = set()
    for target in ("/fhir/Patient/{ada}", "/fhir/Patient/{ada}/$everything", "/fhir/Condition?patient={ada}"):
        told = besieged.ask(target, token=f"Bearer {token}")
        assert told.status != 401 or told.row.person is None
        found.add((told.status, told.code))
        assert not any(part and part in told.text for part in token.split("."))
    [answer] = found
    return answer


def _token(besieged: Besieged, header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    """A token whose header and claims are these, whatever they are, signed with the right key."""
    given = {"sub": "R8000-A81001", "nhsid_nrbac_roles": [nrbac("R8000", "A81001")], **claims}
    made = {**besieged.deployment.issuer.claims(), **given}
    kept = {name: value for name, value in made.items() if value is not None}
    top = {"alg": "ES256", "typ": "at+jwt", "kid": "ec-1", **header}
    return _signed(json.dumps(top).encode(), json.dumps(kept).encode())


def _signed(header: bytes, payload: bytes) -> str:
    text = f"{b64(header)}.{b64(payload)}"
    der = KEY.private_key.sign(text.encode(), ECDSA(SHA256()))  # type: ignore[union-attr]
    one, two = decode_dss_signature(der)
    return f"{text}.{b64(one.to_bytes(32, 'big') + two.to_bytes(32, 'big'))}"


def test_a_good_token_made_by_hand_is_taken(besieged: Besieged) -> None:
    """So that each of the others is refused for what is wrong with it, and for nothing else."""
    token = _token(besieged, {}, {"aud": ["https://other.test", BASE], "x": {"deep": [1]}})
    assert besieged.ask("/fhir/Patient/{ada}", token=f"bearer {token}").status == 200


@pytest.mark.parametrize("header", _params(HEADERS))
def test_a_header_cannot_change_what_a_token_is(besieged: Besieged, header: dict[str, Any]) -> None:
    """Though the right key signed it."""
    status, code = _told(besieged, _token(besieged, header, {}))
    assert status == 401
    assert code in {
        "bad-token",
        "bad-algorithm",
        "bad-header",
        "wrong-kind",
        "unknown-key",
        "wrong-key",
        "no-key-id",
    }


@pytest.mark.parametrize("claims", _params(CLAIMS))
def test_claims_say_one_thing(besieged: Besieged, claims: dict[str, Any]) -> None:
    """For us, from an issuer that is trusted, now, about somebody; in the types that they have."""
    assert _told(besieged, _token(besieged, {}, claims))[0] == 401


@pytest.mark.parametrize("claims", _params(FORBIDDEN))
def test_what_a_token_grants_is_not_added_up(besieged: Besieged, claims: dict[str, Any]) -> None:
    """One role, the selected one, within the scopes; staff as staff, and nobody else as staff."""
    assert _told(besieged, _token(besieged, {}, claims))[0] in {403, 404}


@pytest.mark.parametrize(("header", "payload"), [pytest.param(*row[1:], id=row[0]) for row in RAW])
def test_json_is_read_in_one_way(besieged: Besieged, header: bytes, payload: bytes) -> None:
    """What another parser would read otherwise is no token."""
    good = json.dumps({**besieged.deployment.issuer.claims(), "sub": "R8000-A81001"}).encode()
    assert _told(besieged, _signed(header, payload + good[1:])) == (401, "bad-token")


def test_a_token_has_one_form(besieged: Besieged) -> None:
    """Parts too many or too few, padding, other alphabets, JSON, another token behind it."""
    token = besieged.bearer().removeprefix("Bearer ")
    head, body, mark = token.split(".")
    whole = json.dumps({"protected": head, "payload": body, "signature": mark})
    for form in (
        f"{token}.", f".{token}", f"{token}.{mark}.{mark}", f"{head}.{body}", f"{head}..{mark}",
        f"{head}.{body}.", f"{head}=.{body}.{mark}", f"{token}=", f"{head}.{body}+.{mark}", whole,
        base64.b64encode(token.encode()).decode(), token.upper(), token[:-4], f"{token}AAAA",
        f"{body}.{head}.{mark}", f"{head}.{body}.{mark[::-1]}", "null", "undefined", "0",
    ):  # fmt: skip
        assert _told(besieged, form)[0] == 401, form


def test_a_scope_narrows(besieged: Besieged) -> None:
    """With a scope for one type, or for reading alone, nothing else is seen, by any way."""
    for scope, kinds in (
        ("user/Condition.rs user/Patient.rs", {"Condition", "Patient"}),
        ("user/Observation.read user/Patient.r", {"Observation", "Patient"}),
        ("user/Observation.cruds user/Patient.rs user/*.cud", {"Observation", "Patient"}),
    ):
        token = besieged.bearer(scope=scope)
        told = besieged.ask("/fhir/Patient/{ada}/$everything", token=token)
        assert {one["resourceType"] for one in told.entries} == kinds
        assert told.ids <= besieged.all
    reads = besieged.bearer(scope="user/*.r")
    assert besieged.ask("/fhir/Condition?patient={ada}", token=reads).status == 403
    finds = besieged.bearer(scope="user/*.s")
    assert besieged.ask("/fhir/Patient/{ada}", token=finds).status == 403


def test_the_token_of_another_route_opens_no_record(besieged: Besieged) -> None:
    """Nor does a clinician's open another's: intake, the programme, reviews, the officer's pages."""
    for method, target in (
        ("POST", "/intake/RXX/adt"), ("GET", "/onboarding"), ("GET", "/onboarding/providers"),
        ("POST", "/fhir/Consent"), ("GET", "/fhir/Consent/x/_history"), ("PUT", "/fhir/Consent/x"),
    ):  # fmt: skip
        assert besieged.ask(target, method=method).status in {303, 400, 401, 403, 404, 405}, target
    officer = besieged.bearer("R0001")
    for target in ("/fhir/Patient/{ada}", "/fhir/Condition?patient={ada}", "/fhir/Patient/{ada}/$everything"):
        assert besieged.ask(target, token=officer).status == 403
