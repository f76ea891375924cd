"""Where each entry came from: found by what it tells of, and only by whoever may see that."""

from __future__ import annotations

import pytest
from fhir.resources.R4B.provenance import Provenance
from sqlalchemy import select
from tests.functional.deployment import ADA, Deployment, Said, Tree

from scr.store.tables import MESSAGE

pytestmark = pytest.mark.asyncio(loop_scope="module")


def targets(said: Said) -> dict[str, Tree]:
    """The Provenances of an answer, by what they tell of: one each."""
    assert said.status == 200, said.body
    found = {one["target"][0]["reference"]: one for one in said.matches}
    assert len(found) == len(said.matches)
    return found


@pytest.mark.parametrize(("role", "at"), [("R8000", "A81001"), ("R8001", "RXX"), ("R8008", "A81001")])
async def test_whoever_sees_an_entry_finds_where_it_came_from_and_nobody_else(
    deployment: Deployment, role: str, at: str
) -> None:
    """There is one for each entry of a source in the same person's record, as that role may see it."""
    subject = await deployment.subject()
    whole = await deployment.get(f"Patient/{subject}/$everything", role=role, at=at, _reconciled="false")
    if whole.status != 200:
        assert (await deployment.get("Provenance", role=role, at=at, patient=subject)).status == whole.status
        return
    said = await deployment.get("Provenance", role=role, at=at, patient=subject, _count="1000")
    sources = {f"{one['resourceType']}/{one['id']}" for one in whole.matches} - {f"Patient/{subject}"}
    assert set(targets(said)) == sources


async def test_what_was_sent_is_traced_to_its_message(deployment: Deployment) -> None:
    """To the id under which it is kept, its feed, what read it, and when; and to no word of its sender's."""
    subject = await deployment.subject()
    told = targets(await deployment.get("Provenance", patient=subject, _count="1000"))
    kept = {
        row.id: row
        for row in deployment.services.database.read_now(
            lambda conn: conn.execute(select(MESSAGE.c.id, MESSAGE.c.feed, MESSAGE.c.adapter)).all()
        )
    }
    sent = [one for one in told.values() if "entity" in one]
    assert sent
    assert len(sent) < len(told)
    for one in sent:
        Provenance.model_validate(one)
        [entity], [provider, ours] = one["entity"], one["agent"]
        row = kept[entity["what"]["identifier"]["value"]]
        assert entity["extension"][0]["valueString"] == row.feed
        assert ours["who"]["identifier"]["value"] == row.adapter
        name, _, digest = row.adapter.partition("@")
        assert name in deployment.services.adapters
        assert len(digest) == 16
        assert provider["who"]["display"].startswith("Sample")
        assert ADA.value not in str(one)


async def test_it_is_found_by_target_with_what_is_searched_and_by_its_id(deployment: Deployment) -> None:
    """``target=``, ``_revinclude=Provenance:target`` and a read give the same; live entries have it too."""
    subject = await deployment.subject()
    said = await deployment.get("Condition", patient=subject, _revinclude="Provenance:target")
    beside = {
        entry["resource"]["target"][0]["reference"]: entry["resource"]
        for entry in said.body["entry"]
        if entry["resource"]["resourceType"] == "Provenance"
    }
    assert set(beside) == set(said.ids)
    asked = {reference for reference, one in beside.items() if "entity" not in one}
    assert asked
    for reference, one in beside.items():
        found = targets(await deployment.get("Provenance", patient=subject, target=reference))
        read = await deployment.get(f"Provenance/{one['id']}")
        assert set(found) == {reference}
        assert read.status == 200
        same = [one, found[reference], read.body]
        if reference not in asked:  # what is live is asked for again
            assert same == [one] * 3
        assert {each["id"] for each in same} == {one["id"]}
