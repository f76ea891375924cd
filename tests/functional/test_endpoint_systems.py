"""Systems with tokens of our own at the endpoint: believed, and closed out of the record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.functional.deployment import ADA, BASE, SERVER, Deployment, checked, running
from tests.unit.api.oauth.systems import EC, assertion, key_set

from scr.api.oauth.assertion import ASSERTION_TYPE
from scr.api.oauth.registration import client_to_register
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, OdsCode
from scr.store import clients
from scr.store.clients import ClientKind


@pytest.fixture
async def fresh(tmp_path: Path, database_url: str) -> AsyncIterator[Deployment]:
    """A deployment with a registered system of the hospital, `pas`."""
    async with running(tmp_path, database_url) as deployment:
        made = client_to_register(
            "pas",
            ClientKind.SYSTEM,
            "The hospital's system",
            OdsCode("RXX"),
            ["system/*.cruds"],
            key_set=key_set(EC),
            now=1,
        )
        await deployment.services.database.write(lambda connection: clients.register(connection, made))
        yield deployment


async def token_of(deployment: Deployment) -> str:
    """A token for the system, by the address that the endpoint's own document names."""
    told = (await deployment.client.get(f"{BASE}/.well-known/smart-configuration")).json()
    form = {
        "grant_type": "client_credentials",
        "scope": "system/*.cruds",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion("pas", EC, aud=told["token_endpoint"]),
    }
    answer = await deployment.client.post(told["token_endpoint"], data=form)
    assert answer.status_code == 200, answer.text
    return f"Bearer {answer.json()['access_token']}"


async def test_a_system_is_believed_and_sees_nobody(fresh: Deployment) -> None:
    """No policy opens the record to systems: whatever its scopes, each look is refused, alike, and told."""
    headers = {"Authorization": await token_of(fresh)}
    subject = await fresh.subject()
    refused = []
    for path in (
        f"Patient?identifier={NHS_NUMBER_SYSTEM}|{ADA.value}",
        f"Patient/{subject}",
        f"Patient/{subject}/$everything",
        f"Observation?patient={subject}",
        f"Observation?patient={'x' * 26}",
    ):
        said = checked(await fresh.client.get(f"{BASE}/{path}", headers=headers))
        refused.append((said.status, said.code, said.raw))
        row = fresh.audit()[0]
        assert (row.actor, row.organisation, row.outcome) == (f"{BASE}/auth|pas", "RXX", "refused")
        assert row.person is None
    assert len(set(refused)) == 1
    assert refused[0][:2] == (403, "actor-kind")


async def test_a_feed_of_another_issuers_client_is_not_ours(fresh: Deployment) -> None:
    """The same client id at another issuer is another client: its feed takes nothing from ours."""
    answer = await fresh.client.post(
        f"{SERVER}/intake/adt", headers={"Authorization": await token_of(fresh)}, content=b"MSH|"
    )
    assert checked(answer).code == "no-feed"


async def test_the_endpoint_says_whom_it_believes(fresh: Deployment) -> None:
    """The capability statement names ourselves beside the issuers of the settings."""
    statement = checked(await fresh.client.get(f"{BASE}/metadata")).body
    assert f"{BASE}/auth" in statement["rest"][0]["security"]["description"]
