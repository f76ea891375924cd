"""What the endpoint says when something it needs is broken: never an empty record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text
from tests.functional.deployment import ADA, BASE, BERT, NOBODY, Deployment, checked, running
from tests.functional.test_endpoint_refusals import token_of

from scr.fhir.identifiers import OdsCode


async def test_without_the_audit_nothing_is_shown(fresh: Deployment) -> None:
    """Where the row cannot be written, the answer is 503 and holds nothing, refusals included."""
    subject = await fresh.subject()
    await fresh.services.database.write(lambda c: c.execute(text("DROP TABLE audit")))
    for path in (f"Patient/{subject}", f"Patient/{subject}/$everything", f"Observation?patient={subject}"):
        said = await fresh.get(path)
        assert (said.status, said.code) == (503, "no-audit")
        assert "x-scr-ledger" not in said.headers
    for number in (BERT, NOBODY):
        assert (await fresh.get("Patient", **token_of(number))).status == 503
    assert checked(await fresh.client.get(f"{BASE}/Patient/x")).status == 503


async def test_a_store_that_is_down_gives_no_empty_record(fresh: Deployment) -> None:
    """A database that fails is an error, or a source that is down: never a person without a record."""
    subject = await fresh.subject()
    await fresh.services.database.write(lambda c: c.execute(text("ALTER TABLE resource RENAME TO gone")))
    # What was opened a moment ago would still be told, and rightly: let the record have changed since.
    await fresh.services.database.write(
        lambda c: c.execute(text("UPDATE person SET revision = revision + 1"))
    )
    said = await fresh.get(f"AllergyIntolerance?patient={subject}")
    assert said.status == 503 or said.ledger["RXX"] == "down"


async def test_a_fault_shows_nothing_but_its_number(fresh: Deployment) -> None:
    """What nobody foresaw becomes a 500 that can be found in the log and the audit, and holds no detail."""
    subject = await fresh.subject()

    def explode(_request: httpx.Request) -> httpx.Response:
        raise RuntimeError(f"secret {ADA.value}")

    fresh.services.client._transport = httpx.MockTransport(explode)
    said = await fresh.get(f"Patient/{subject}/$everything")
    assert said.ledger["QXX"] == "down"
    assert b"secret" not in said.raw


async def test_a_source_that_does_not_answer_is_told_with_its_older_copy(
    database_url: str, tmp_path: Path
) -> None:
    """What it told a moment ago is shown as stale, decided on as before; and after a refusal no more."""
    async with running(tmp_path / "home", database_url, pulled_stale_hours=24) as fresh:
        path = f"Patient/{await fresh.subject()}/$everything"
        before = await fresh.get(path)
        assert before.ledger["QXX"] == "answered"

        def silent(_request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("nothing there")

        def refusing(_request: httpx.Request) -> httpx.Response:
            return httpx.Response(403, text="no")

        network = fresh.services.client._transport
        fresh.services.client._transport = httpx.MockTransport(silent)
        for _ in range(4):  # the breaker opens meanwhile
            again = await fresh.get(path)
            assert (again.ledger["QXX"], set(again.ids)) == ("stale", set(before.ids))
        fresh.services.client._transport = network
        fresh.services.client._transport = httpx.MockTransport(refusing)
        source: Any = fresh.services.broker._pulls[OdsCode("QXX")]
        while not hasattr(source, "limits"):  # what stands before the one that asks
            source = source.source
        source.limits.breaker.succeeded()
        assert (await fresh.get(path)).ledger["QXX"] == "down"
        fresh.services.client._transport = httpx.MockTransport(silent)
        assert (await fresh.get(path)).ledger["QXX"] == "down"


async def test_a_row_that_cannot_be_opened_is_not_named(fresh: Deployment) -> None:
    """Neither the person's key nor what is wrong with their row goes out; the audit has the code."""
    subject = await fresh.subject()
    sealed = text("UPDATE person SET sealed = wrapped_key WHERE patient_id = :subject")
    await fresh.services.database.write(lambda c: c.execute(sealed, {"subject": subject}))
    said = await fresh.get(f"Patient/{subject}")
    assert (said.status, said.code) == (500, "fault")
    assert b"person/" not in said.raw
    assert fresh.audit()[0].code == "unreadable"
