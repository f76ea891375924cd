"""Two worlds: one with an entry that the actor may not see, one without. The answers are the same."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Connection
from tests.functional.deployment import (
    ADA,
    RESTRICTED,
    Deployment,
    Said,
    Tree,
    coded,
    observation,
    patient_of,
)
from tests.support import consents

from scr.api.services import now_ms
from scr.identity import index
from scr.store import sharing

pytestmark = pytest.mark.asyncio(loop_scope="module")
_VARIES = re.compile(
    rb'"id":"[a-z2-7]{26}"(?=,"meta":\{"lastUpdated")|"lastUpdated":"[^"]*"|_page=[A-Za-z0-9_-]+'
    rb'|(?<="url":"elapsedMilliseconds","valueUnsignedInt":)\d+|(?<="url":"ageSeconds","valueUnsignedInt":)\d+'
)
"""Ids of answers, times and cursors."""


def same(said: Said) -> tuple[int, bytes, dict[str, str]]:
    """An answer without its ids and times."""
    headers = {
        name: value
        for name, value in said.headers.items()
        if name not in {"x-correlation-id", "last-modified", "content-length"}
    }
    return said.status, _VARIES.sub(b"*", said.raw), headers


def hidden_label() -> list[Tree]:
    """An observation that is restricted."""
    return [observation("secret", "165816005", "2025-02-02", meta={"security": [RESTRICTED]})]


def hidden_sensitivity() -> list[Tree]:
    """An observation with a sensitivity and no confidentiality: it counts as restricted."""
    hiv = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}
    return [observation("secret", "165816005", "2025-02-02", meta={"security": [hiv]})]


def hidden_code() -> list[Tree]:
    """A report with one sensitive result, which the source has not marked, and one that is not sensitive."""
    results = [observation("secret", "86406008", "2025-02-02"), observation("beside", "1", "2025-02-02")]
    members = [{"reference": f"Observation/{one['id']}"} for one in results]
    return [*results, coded("DiagnosticReport", "report", "1", status="final", result=members)]


WORLDS = [
    pytest.param("R8000", hidden_label(), id="a label"),
    pytest.param("R8000", hidden_sensitivity(), id="a sensitivity"),
    pytest.param("R8000", hidden_code(), id="a code that brings a label, and what belongs to it"),
    pytest.param("R1460", [observation("secret", "165816005", "2025-02-02")], id="a heading"),
    pytest.param(
        "R1460",
        [observation(f"s{i}", "1", "2025-02-02", category="laboratory") for i in range(30)],
        id="a whole heading",
    ),
]


@pytest.mark.parametrize(("role", "hidden"), WORLDS)
async def test_what_may_not_be_seen_leaves_no_trace(
    deployment: Deployment, role: str, hidden: list[Tree]
) -> None:
    """Found, counted, sorted, paged, told of in the ledger: nothing differs but ids and times."""
    subject = await deployment.subject(role=role)
    asked = [
        f"Patient/{subject}",
        f"Patient?_id={subject}",
        f"Patient/{subject}/$everything",
        f"Patient/{subject}/$everything?_count=2",
        f"Patient/{subject}/$everything?_type=Observation",
        f"Observation?patient={subject}",
        f"Observation?patient={subject}&_count=1",
        f"Observation?patient={subject}&_count=0",
        f"Observation?patient={subject}&_sort=-date",
        f"Observation?patient={subject}&date=2025-02-02",
        f"Observation?patient={subject}&code=165816005",
        f"Observation?patient={subject}&code:not=1",
        f"Observation?patient={subject}&_security=R",
        f"Observation?patient={subject}&_security:not=N",
        f"Condition?patient={subject}",
    ]
    without = [same(await deployment.get(path, role=role)) for path in asked]
    known = await deployment.entries()
    deployment.neighbour.resources += hidden
    assert await deployment.entries() == known + len(hidden)
    with_it = [same(await deployment.get(path, role=role)) for path in asked]
    for path, one, other in zip(asked, without, with_it, strict=True):
        assert one == other, path


async def test_a_restricted_address_is_in_no_composed_patient(deployment: Deployment) -> None:
    """A source's Patient that may not be seen gives the composed one nothing: no link, no address."""
    subject = await deployment.subject()
    deployment.neighbour.patient = patient_of(ADA, "n-ada")
    paths = [f"Patient/{subject}", f"Patient/{subject}/$everything?_type=Patient", f"Patient?_id={subject}"]

    async def world(**more: object) -> list[tuple[int, bytes, dict[str, str]]]:
        deployment.neighbour.patient = patient_of(ADA, "n-ada", meta={"security": [RESTRICTED]}, **more)
        return [same(await deployment.get(path)) for path in paths]

    hidden = {
        "address": [{"line": ["1 Refuge Row"], "postalCode": "ZZ99 9ZZ"}],
        "telecom": [{"system": "phone", "value": "01632 960999"}],
        "maritalStatus": {"text": "Hidden"},
    }
    assert await world() == await world(**hidden)
    told = (await deployment.get(f"Patient/{subject}/$everything")).raw
    for part in (b"Refuge", b"ZZ99 9ZZ", b"960999", b"Hidden"):
        assert part not in told


async def test_an_id_that_was_served_to_another_is_unknown_here(deployment: Deployment) -> None:
    """What a doctor was shown is read by the doctor; who may not see it gets what an unknown id gets."""
    subject = await deployment.subject()
    [reference, *_] = (await deployment.get("Observation", patient=subject)).ids
    denied = same(await deployment.get(reference, role="R1460"))
    assert denied == same(await deployment.get("Observation/" + "y" * 26, role="R1460"))


async def test_a_source_that_is_down_does_not_tell_what_it_has(fresh: Deployment) -> None:
    """What the person withholds since it was served is not there, whether its source answers or not."""
    subject = await fresh.subject()
    [reference, *_] = (await fresh.get("Observation", patient=subject)).ids
    unknown = same(await fresh.get("Observation/" + "y" * 26))
    fresh.neighbour.status = 500
    assert (await fresh.get(reference)).status == 503
    services = fresh.services

    def object_to(connection: Connection) -> None:
        person = index.find(connection, services.keys, ADA)
        assert person is not None
        said = consents.consent({"type": "deny", "class": [consents.kind("Observation")]}, subject)
        sharing.create(connection, services.keys, person, said, now_ms())

    await services.database.write(object_to)
    assert same(await fresh.get(reference)) == unknown
    fresh.neighbour.status = 200
    assert same(await fresh.get(reference)) == unknown
