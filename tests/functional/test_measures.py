"""What operators see of a busy deployment: counts and times, and nothing of anybody's."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from tests.functional.deployment import ADA, SECRETS, Deployment, message, pid, running
from tests.support.ports import free_port

from scr.api.draining import Drain
from scr.api.operating import operating
from scr.errors import Invalid
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM

_PERSONAL = ("O'Sample", "Sample, Ada", "Ada", "Bert", "Cleo", "1941", "19410705", "H1", "V100")
_SAMPLE = re.compile(r"^(\w+)(?:{(.*)})? ([0-9.e+-]+|NaN)$")
_ABOUT = {"source", "outcome", "state", "method", "route", "status", "le"}
_TOLD = {*_ABOUT, "provider", "feed", "adapter", "code", "kind"}


async def test_the_measures_of_a_busy_deployment_tell_of_nobody(tmp_path: Path) -> None:
    """Looks, refusals, a source that falls, a message in quarantine: every count is there.
    No label is any but those known, and none holds a number, an id, a name or a date of anyone."""
    port = free_port()
    async with running(tmp_path, "", metrics_port=port) as busy:
        subject = await ask_around(busy)
        drain = Drain()
        async with operating(busy.services, drain), httpx.AsyncClient() as client:
            told = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
            assert (await client.get(f"http://127.0.0.1:{port}/health/ready")).status_code == 200
            with pytest.raises(Invalid, match="one of its own"):
                await operating(busy.services, drain).__aenter__()
            drain.begun.set()
            assert (await client.get(f"http://127.0.0.1:{port}/health/ready")).status_code == 503
            assert (await client.get(f"http://127.0.0.1:{port}/fhir/metadata")).status_code == 404
        assert (await busy.client.get("https://record.test/metrics")).status_code == 404  # not public
    samples = [found.groups() for line in told.splitlines() if (found := _SAMPLE.match(line))]
    labels = {name for _, inside, _ in samples for name in re.findall(r'(\w+)="', inside or "")}
    assert labels <= _TOLD
    values = {value for _, inside, _ in samples for value in re.findall(r'="([^"]*)"', inside or "")}
    for secret in (*SECRETS, *_PERSONAL, subject):
        assert not any(secret in value for value in values), secret
    assert not any(re.search(r"\d{6}", value) for value in values)
    assert_all_there(told)


async def ask_around(busy: Deployment) -> str:
    """Make a deployment busy; gives Ada's Patient id."""
    found = await busy.get(f"Patient?identifier={NHS_NUMBER_SYSTEM}|{ADA.value}")
    subject = str(found.matches[0]["id"])
    await busy.get(f"Patient/{subject}/$everything")
    await busy.get(f"Patient/{ADA.value}")
    await busy.client.get(f"https://record.test/nowhere/{ADA.value}")
    busy.neighbour.status = 503
    for _ in range(4):
        await busy.get(f"Observation?patient={subject}")
    receipt = await busy.receive("RXX", message("A08", "Q1", pid(ADA, "Other", "Zed", "20010101", "1")))
    assert receipt.problems
    await busy.services.intake.drift.flush(busy.services.database)
    return subject


def assert_all_there(told: str) -> None:
    """Each thing that operators are promised."""
    for sample in (
        'scr_source_seconds_count{outcome="answered",source="QXX"}',
        'scr_source_seconds_count{outcome="down",source="QXX"}',
        'scr_http_requests_total{method="GET",route="/fhir/Patient/{logical}/$everything",status="200"}',
        'scr_http_requests_total{method="GET",route="none",status="404"}',
        'scr_messages{adapter="pas-adt",feed="adt",provider="RXX",state="quarantined"} 1.0',
        'scr_feed_age_seconds{adapter="pas-adt",feed="adt",provider="RXX"}',
        'scr_quarantine_open{adapter="pas-adt",code="',
        'scr_coverage_ratio{adapter="pas-adt",provider="RXX"}',
        "scr_audit_unsealed_rows ",
        "scr_database_up 1.0",
    ):
        assert sample in told, f"{sample}\n{told}"
    left_alone = (
        r'scr_source_breaker{source="QXX",state="(open|half-open)"} 1.0'  # for a second or two it is open
    )
    assert re.search(left_alone, told), told
