"""Tokens for systems: who is given one, for what, and when it counts no more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest
from joserfc.jwk import ECKey, RSAKey
from tests.unit.api.issuing import b64, resigned
from tests.unit.api.oauth.systems import (
    BASE,
    EC,
    OTHER,
    RSA,
    TOKEN_URL,
    Served,
    assertion,
    form,
    key_set,
)

from scr.consent.actor import Actor, ActorKind, Through
from scr.errors import Forbidden, Invalid, Unauthenticated
from scr.fhir.identifiers import OdsCode
from scr.store import clients, spent
from scr.store.clients import Client, ClientKind
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.trail import AuditRow, recent


def audit(served: Served) -> list[AuditRow]:
    """The rows so far, the newest first."""
    return served.database.read_now(lambda connection: recent(connection, 1000))


@pytest.mark.parametrize(
    ("key", "algorithm"), [(EC, "ES384"), (RSA, "RS384"), (RSA, "RS512")], ids=["ES384", "RS384", "RS512"]
)
async def test_a_system_is_given_a_token_that_the_endpoint_believes(
    served: Served, key: ECKey | RSAKey, algorithm: str
) -> None:
    """For five minutes, for its organisation, as a system: through the gate of any issuer's token."""
    made = assertion("lab", key, {"alg": algorithm})
    answer = await served.post("token", form("lab", made))
    told = answer.json()
    assert (answer.status_code, told["token_type"], told["expires_in"]) == (200, "bearer", 300)
    assert told["scope"] == "system/*.rs"
    actor = await served.verifier().actor(f"Bearer {told['access_token']}")
    assert (actor.kind, actor.client, actor.organisation) == (ActorKind.SYSTEM, "lab", OdsCode("RXX"))
    assert (actor.subject, actor.scopes) == (f"{BASE}/auth|lab", frozenset({"system/*.rs"}))
    assert (actor.role, actor.user_id) == (None, "")
    row = audit(served)[0]
    assert (row.what, row.outcome, row.actor, row.organisation) == (
        "token", "success", f"{BASE}/auth|lab", "RXX",
    )  # fmt: skip
    assert row.correlation == answer.headers["x-correlation-id"]


def _hand_made(header: dict[str, object]) -> Callable[[], str]:
    return lambda: resigned(assertion("lab"), header, None, lambda _: b"x" * 96)


ASSERTIONS: list[tuple[str, Callable[[], str], str]] = [
    ("no signature", _hand_made({"alg": "none", "kid": "ec"}), "bad-algorithm"),
    ("a shared secret", _hand_made({"alg": "HS384", "kid": "ec"}), "bad-algorithm"),
    ("an algorithm too short", lambda: assertion("lab", RSA, {"alg": "RS256"}), "bad-algorithm"),
    ("a critical extension", _hand_made({"alg": "ES384", "kid": "ec", "crit": ["x"]}), "bad-header"),
    ("no key id", lambda: assertion("lab", header={"kid": None}), "no-key-id"),
    ("an access token", lambda: assertion("lab", header={"typ": "at+jwt"}), "wrong-kind"),
    ("a key that is nobody's", lambda: assertion("lab", header={"kid": "x"}), "unknown-key"),
    ("a key of another kind", _hand_made({"alg": "ES384", "kid": "rsa"}), "wrong-key"),
    ("another's key", lambda: assertion("lab", OTHER), "bad-signature"),
    ("a key at an address", lambda: assertion("lab", OTHER, {"jku": "https://e.example"}), "bad-signature"),
    ("a client that is not there", lambda: assertion("nobody"), "unknown-client"),
    ("iss and sub differ", lambda: assertion("lab", iss="other"), "bad-client"),
    ("sub of another", lambda: assertion("lab", sub="nobody"), "unknown-client"),
    ("for the endpoint and not for here", lambda: assertion("lab", aud=BASE), "bad-audience"),
    ("for here and elsewhere", lambda: assertion("lab", aud=[TOKEN_URL, "https://e"]), "bad-audience"),
    ("for here with a slash", lambda: assertion("lab", aud=TOKEN_URL + "/"), "bad-audience"),
    ("expired", lambda: assertion("lab", exp=time.time() - 60), "expired"),
    ("for more than five minutes", lambda: assertion("lab", exp=time.time() + 400), "too-long"),
    ("not yet", lambda: assertion("lab", nbf=time.time() + 60), "not-yet-valid"),
    ("made in the future", lambda: assertion("lab", iat=time.time() + 60), "not-yet-valid"),
    ("no end", lambda: assertion("lab", exp=None), "bad-token"),
    ("no id", lambda: assertion("lab", jti=None), "no-jti"),
    ("an endless id", lambda: assertion("lab", jti="x" * 300), "no-jti"),
    ("no token at all", lambda: "abc", "bad-token"),
    ("endless", lambda: "x" * 20_000, "no-assertion"),
    ("a name twice", lambda: b64(b'{"alg":"none","alg":"ES384"}') + ".e30.AA", "bad-token"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "code"), [pytest.param(make, code, id=name) for name, make, code in ASSERTIONS]
)
async def test_an_assertion_that_is_not_right_is_no_client(
    served: Served, make: Callable[[], str], code: str
) -> None:
    """401 ``invalid_client``, nothing of the assertion in the answer; which it was stands in the audit."""
    made = make()
    answer = await served.post("token", form("lab", made))
    told = answer.json()
    assert (answer.status_code, told["error"]) == (401, "invalid_client")
    assert set(told) == {"error", "error_description"}
    assert made not in answer.text
    row = audit(served)[0]
    assert (row.what, row.outcome, row.code) == ("token", "refused", code)


async def test_until_the_signature_holds_every_failure_reads_alike(served: Served) -> None:
    """Whether a client is registered is told to nobody who is not that client."""
    answers = [
        await served.post("token", form("lab", made))
        for made in (assertion("nobody"), assertion("lab", OTHER), assertion("lab", header={"kid": "x"}))
    ]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1


async def test_an_assertion_counts_once_in_all_processes(served: Served, tmp_path: Path) -> None:
    """Shown to two at the same moment, many times, one of them takes it; another client's id is its own."""
    twin = Served(tmp_path, served.database, served.keys)
    served.register("pas")
    made = form("lab", assertion("lab", jti="one"))
    answers = await asyncio.gather(*(each.post("token", made) for each in (served, twin) * 4))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7
    assert {row.code for row in audit(served) if row.outcome == "refused"} == {"used-before"}
    assert (await twin.post("token", form("pas", assertion("pas", jti="one")))).status_code == 200
    again = form("lab", assertion("lab", jti="one"))  # another assertion, the same id
    assert (await twin.post("token", again)).status_code == 401


async def test_what_is_refused_spends_nothing_and_what_is_over_is_forgotten(
    database: Database, keys: KeyRing, served: Served
) -> None:
    """An id is noted by a good assertion alone, and until it could not be shown again."""
    await served.post("token", form("lab", assertion("lab", OTHER, jti="two")))
    assert (await served.post("token", form("lab", assertion("lab", jti="two")))).status_code == 200

    def known() -> bool:
        return database.read_now(lambda c: spent.is_spent(c, keys, "assertion", "lab", "two"))

    now = int(time.time() * 1000)
    database.write_now(lambda connection: spent.forget(connection, now))
    assert known()
    database.write_now(lambda connection: spent.forget(connection, now + 300_000))
    assert not known()


CALLS: list[tuple[str, dict[str, str], int, str]] = [
    ("another grant", {"grant_type": "password"}, 400, "unsupported_grant_type"),
    ("no grant", {"grant_type": ""}, 400, "unsupported_grant_type"),
    ("no scope", {"scope": ""}, 400, "invalid_scope"),
    ("more than it may have", {"scope": "system/*.cud"}, 400, "invalid_scope"),
    ("a person's scope", {"scope": "user/*.rs patient/*.rs openid"}, 400, "invalid_scope"),
    ("another kind of proof", {"client_assertion_type": "x"}, 401, "invalid_client"),
    ("no proof", {"client_assertion": ""}, 401, "invalid_client"),
    ("the id of another", {"client_id": "pas"}, 401, "invalid_client"),
    ("a secret too", {"client_secret": "x"}, 401, "invalid_client"),
]


@pytest.mark.parametrize(
    ("changes", "status", "error"), [pytest.param(*rest, id=name) for name, *rest in CALLS]
)
async def test_a_call_that_is_not_right_is_refused(
    served: Served, changes: dict[str, str], status: int, error: str
) -> None:
    """With the error of RFC 6749, and a row in the audit."""
    answer = await served.post("token", form("lab") | changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert audit(served)[0].outcome == "refused"


async def test_a_call_is_one_form_and_one_proof(served: Served) -> None:
    """Names that stand twice, a query, JSON, a header beside the proof, and a body without end."""
    good = form("lab")
    url = "/fhir/auth/token"
    answers = [
        await served.client.post(url, content=b"scope=a&scope=b", headers={"content-type": _FORM}),
        await served.client.post(f"{url}?scope=a", data=good),
        await served.client.post(url, json=good),
        await served.client.post(url, content=b"\xff", headers={"content-type": _FORM}),
        await served.client.post(url, content=b"a=" + b"x" * 70_000, headers={"content-type": _FORM}),
        await served.client.post(url, data=good, headers={"authorization": "Basic abc"}),
    ]
    assert [(each.status_code, each.json()["error"]) for each in answers] == [
        (400, "invalid_request"), (400, "invalid_request"), (400, "invalid_request"),
        (400, "invalid_request"), (413, "invalid_request"), (401, "invalid_client"),
    ]  # fmt: skip


async def test_a_token_says_no_more_than_its_client_may(served: Served) -> None:
    """What was asked for is narrowed to what was registered, and told."""
    served.register("narrow", "system/Observation.rs", "system/Patient.r")
    answer = await served.post("token", form("narrow", scope="system/*.read user/*.rs launch"))
    assert answer.json()["scope"] == "system/Observation.rs system/Patient.r"
    actor = await served.verifier().actor(f"Bearer {answer.json()['access_token']}")
    assert actor.scopes == {"system/Observation.rs", "system/Patient.r"}


async def test_a_client_that_is_disabled_has_nothing(served: Served) -> None:
    """No more tokens, and those that it has count no more: at once, in every process."""
    token, verifier = await served.token("lab"), served.verifier()
    await verifier.actor(f"Bearer {token}")
    served.database.write_now(lambda connection: clients.disable(connection, "lab", 1))
    with pytest.raises(Unauthenticated) as caught:
        await verifier.actor(f"Bearer {token}")
    assert caught.value.code == "revoked"
    assert (await served.post("token", form("lab"))).status_code == 401


async def test_a_token_that_was_given_back_counts_no_more(served: Served) -> None:
    """To its own client alone it can be given back; one that is none is no error."""
    served.register("pas")
    verifier, token, kept = served.verifier(), await served.token("lab"), await served.token("lab")
    foreign = await served.post("revoke", form("pas", token=token))
    assert (foreign.status_code, foreign.json()["error"]) == (400, "unauthorized_client")
    await verifier.actor(f"Bearer {token}")
    for _ in range(2):
        assert (await served.post("revoke", form("lab", token=token))).status_code == 200
    assert (await served.post("revoke", form("lab", token="nonsense"))).status_code == 200
    with pytest.raises(Unauthenticated):
        await verifier.actor(f"Bearer {token}")
    await verifier.actor(f"Bearer {kept}")
    none = await served.post("revoke", form("lab"))
    assert (none.status_code, none.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("how", ["given back", "disabled", "no issuer"])
async def test_it_is_known_later_whether_who_came_with_a_token_may_ask_yet(served: Served, how: str) -> None:
    """By its name, which nobody can come with, and whatever its time: not where it was given back, its client
    is disabled, or its issuer is trusted no more; another's of the same client stands."""
    verifier = served.verifier()
    token = await served.token("lab")
    other, name = [await verifier.named(f"Bearer {one}") for one in (await served.token("lab"), token)]
    assert token not in str(msgspec.structs.asdict(name))
    await verifier.still(name)
    if how == "given back":
        assert (await served.post("revoke", form("lab", token=token))).status_code == 200
        await verifier.still(other)
    elif how == "disabled":
        served.database.write_now(lambda connection: clients.disable(connection, "lab", 1))
    else:
        name = msgspec.structs.replace(name, iss="https://another")
    with pytest.raises(Unauthenticated) as caught:
        await verifier.still(name)
    assert caught.value.code == ("unknown-issuer" if how == "no issuer" else "revoked")


async def test_a_neighbour_speaks_later_for_whom_it_may_speak_then(served: Served) -> None:
    """Of an answer that was asked for through it: its organisations and roles are those of now."""
    place = OdsCode("ZZH01")
    registered = replace(
        Client("area", ClientKind.NEIGHBOUR, "Area", place, frozenset(), registered=1),
        speaks_for={"ZZH01": "hospital"},
        roles=frozenset({"R8000"}),
    )
    served.database.write_now(lambda connection: clients.register(connection, registered))
    through = Through("area", "Area", place)
    actor = Actor(
        ActorKind.PROFESSIONAL, "x|y", role="R8000", organisation=place, client="area", through=through
    )
    still = served.server.requesters.still
    await still(actor)
    await still(replace(actor, role="R1", through=None))
    others = [replace(actor, role="R1"), replace(actor, organisation=OdsCode("ZZH02"))]
    for one in others:
        with pytest.raises(Forbidden):
            await still(one)
    served.database.write_now(lambda connection: clients.disable(connection, "area", 1))
    with pytest.raises(Forbidden):
        await still(actor)


async def test_what_a_token_is_is_told_to_its_client_and_to_resource_servers(served: Served) -> None:
    """To nobody else; and of what is no token of ours nothing but that it is not active."""
    served.register("pas")
    served.register("gate", kind=ClientKind.RESOURCE_SERVER)
    token = await served.token("lab")
    for asks in ("lab", "gate"):
        told = (await served.post("introspect", form(asks, token=token))).json()
        assert told["active"] is True
        assert (told["client_id"], told["scope"], told["iss"]) == ("lab", "system/*.rs", f"{BASE}/auth")
        assert 0 < told["exp"] - time.time() <= 300
        assert told["exp"] - told["iat"] == 300
    for asks, shown in (
        ("pas", token),
        ("gate", "nonsense"),
        ("gate", token[:-4] + "AAAA"),
        ("gate", assertion("lab")),
    ):
        told = (await served.post("introspect", form(asks, token=shown))).json()
        assert told == {"active": False}
    refused = await served.post("token", form("gate"))
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
    stranger = await served.post("introspect", {"token": token})
    assert stranger.status_code == 401


async def test_keys_at_an_address_are_fetched_and_may_change(served: Served) -> None:
    """A client may rotate its keys itself; while its address is down, it is asked to come again."""
    served.register("far", url="https://far.example/jwks")
    await served.token("far")
    new = ECKey.generate_key("P-384", {"kid": "new"})
    served.published = key_set(new)
    assert (await served.post("token", form("far"))).status_code == 200  # what is known stays for a while
    served.register("farther", url="https://farther.example/jwks")
    await served.post("token", form("farther", assertion("farther", new)))
    assert (await served.post("token", form("farther"))).status_code == 401
    served.fails = True
    served.register("gone", url="https://gone.example/jwks")
    answer = await served.post("token", form("gone"))
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


async def test_two_keys_of_one_id_prove_nobody(served: Served) -> None:
    """SMART: zero or several that match are no client."""
    served.register("twins", keys=key_set(EC, OTHER))
    assert (await served.post("token", form("twins"))).status_code == 401
    assert audit(served)[0].code == "wrong-key"


async def test_where_to_ask_is_told_and_is_there(served: Served) -> None:
    """The document names what SMART requires, and every address in it answers."""
    for path in ("/.well-known/smart-configuration", "/auth/.well-known/openid-configuration"):
        answer = await served.client.get(f"/fhir{path}")
        told = answer.json()
        assert told["issuer"] == f"{BASE}/auth"
        assert told["token_endpoint"] == TOKEN_URL
        assert told["grant_types_supported"] == ["client_credentials"]
        assert told["code_challenge_methods_supported"] == ["S256"]
        assert "authorization_endpoint" not in told
        assert "client-confidential-asymmetric" in told["capabilities"]
        assert {"RS384", "ES384"} <= set(told["token_endpoint_auth_signing_alg_values_supported"])
    keys = (await served.client.get(told["jwks_uri"].removeprefix("https://record.example"))).json()["keys"]
    assert [set(key) for key in keys] == [{"kty", "crv", "x", "y", "kid", "use", "alg"}]
    for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint"):
        answer = await served.client.post(told[name], data={"token": "x"})
        assert answer.status_code == 401


async def test_another_deployment_believes_our_tokens_as_any_issuers(served: Served) -> None:
    """By the discovery document and the keys that are published."""
    from scr.api.auth import TokenVerifier
    from scr.settings import Issuer

    issuer = Issuer(url=f"{BASE}/auth", audience=BASE, algorithms=("ES384",), types=("at+jwt",))
    actor = await TokenVerifier([issuer], served.client).actor(f"Bearer {await served.token('lab')}")
    assert (actor.kind, actor.organisation) == (ActorKind.SYSTEM, None)  # whose it is, is ours to say


async def test_without_an_audit_no_token_is_given(served: Served) -> None:
    """The row is durable before the answer leaves, or there is none."""
    made = form("lab")
    served.database.close()
    answer = await served.post("token", made)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert "access_token" not in answer.text


def test_we_are_no_issuer_of_the_settings(served: Served) -> None:
    """An entry for ourselves would be another set of rules for the same tokens."""
    from scr.api.auth import TokenVerifier

    with pytest.raises(Invalid):
        TokenVerifier([served.server.trusted.issuer], httpx.AsyncClient(), own=served.server.trusted)


_FORM = "application/x-www-form-urlencoded"
