"""The intake route: whose feed it is, and what becomes of a fault."""

from __future__ import annotations

from typing import cast

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey
from tests.unit.api.issuing import TestIssuer

from scr.api.auth import TokenVerifier
from scr.api.intake import IntakeRoutes
from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode
from scr.intake.receive import Intake, Receipt
from scr.mapping.provider import Feed, HttpPostConnection, Provider
from scr.store.engine import Database
from scr.store.trail import recent

SECRET = "9990001014"


def provider(ods: str, feed: str, client: str) -> Provider:
    """A provider that posts one feed."""
    connection = HttpPostConnection(kind="http-post", client=client)
    feeds = (Feed(name=feed, adapter="a", connection=connection),)
    return Provider(ods=OdsCode(ods), name=ods, organisation_type="nhs-trust", go_live=None, feeds=feeds)


class Broken:
    """An intake that fails in a way that nobody foresaw."""

    async def receive(self, provider: Provider, feed: Feed, raw: bytes) -> Receipt:
        """Fail, with the payload in the message."""
        raise RuntimeError(raw.decode())


def routes(issuer: TestIssuer, database: Database, *providers: Provider) -> IntakeRoutes:
    """The routes of some providers over a broken intake."""
    by_code = {one.ods: one for one in providers}
    return IntakeRoutes(issuer.verifier(), cast(Intake, Broken()), by_code, database, lambda: 1, 1000)


async def test_a_fault_tells_nothing_and_is_in_the_audit(
    database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    """500 with a number to quote: the payload is in no answer, no log and no row."""
    issuer = TestIssuer(ECKey.generate_key("P-256", {"kid": "k"}))
    app = FastAPI()
    app.include_router(routes(issuer, database, provider("RXX", "adt", "clinic")).router())
    transport = httpx.ASGITransport(app)
    system = issuer.bearer(nhsid_useruid=None)
    async with httpx.AsyncClient(transport=transport, base_url="http://scr") as client:
        answer = await client.post("/intake/adt", content=SECRET.encode(), headers={"Authorization": system})
    [row] = database.read_now(recent)
    assert answer.status_code == 500
    assert row.correlation == answer.headers["x-correlation-id"]
    assert (row.outcome, row.code) == ("failed", "fault")
    assert SECRET not in answer.text + str(row) + "".join(capfd.readouterr())


def test_two_providers_with_the_same_sender_are_refused(database: Database) -> None:
    """Where a payload could be either's, the server does not start, and says which file to change."""
    issuer = TestIssuer(ECKey.generate_key("P-256", {"kid": "k"}))
    with pytest.raises(Invalid, match=r"adapters/providers/RYY\.yaml.*RXX already"):
        routes(issuer, database, provider("RXX", "adt", "pas"), provider("RYY", "adt", "pas"))
    routes(issuer, database, provider("RXX", "adt", "pas"), provider("RYY", "adt", "other"))


def test_where_several_issuers_are_trusted_a_feed_names_its_client_s(database: Database) -> None:
    """Another issuer may give the same client id to somebody else."""
    issuer = TestIssuer(ECKey.generate_key("P-256", {"kid": "k"}))
    other = issuer.settings().model_copy(update={"url": "https://other.example"})
    verifier = TokenVerifier([issuer.settings(), other], httpx.AsyncClient())
    one = provider("RXX", "adt", "pas")
    with pytest.raises(Invalid, match=r"RXX\.yaml.*name the client's as `issuer`"):
        IntakeRoutes(verifier, cast(Intake, Broken()), {one.ods: one}, database, lambda: 1, 1000)


async def test_a_client_of_another_issuer_has_no_feed(database: Database) -> None:
    """The client id alone opens nothing."""
    issuer = TestIssuer(ECKey.generate_key("P-256", {"kid": "k"}))
    connection = HttpPostConnection(kind="http-post", client="clinic", issuer="https://other.example")
    feeds = (Feed(name="adt", adapter="a", connection=connection),)
    one = Provider(ods=OdsCode("RXX"), name="X", organisation_type="nhs-trust", go_live=None, feeds=feeds)
    app = FastAPI()
    app.include_router(routes(issuer, database, one).router())
    system = issuer.bearer(nhsid_useruid=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://scr") as client:
        answer = await client.post("/intake/adt", content=b"x", headers={"Authorization": system})
    assert answer.status_code == 403
