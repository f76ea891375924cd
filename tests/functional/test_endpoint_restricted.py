"""A person who hides: whoever has no activity for it learns what ails them, and not where they are."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection
from tests.functional.deployment import ADA, Deployment, Said, running

from scr.data import packaged_root
from scr.fhir.standing import Standing
from scr.identity import index

TELLING = ("A81001", "RXX", "C99", "QXX", "Sample Surgery", "Sample Hospital", "ZZ99", "W1", "V100", "H1")


def words(said: Said) -> str:
    """An answer without its cursors, in which any letters may follow each other."""
    return re.sub(r"_page=[\w-]+", "", said.raw.decode())


async def restrict(deployment: Deployment) -> str:
    """The register says that Ada's whereabouts are restricted; her Patient's id."""
    subject = await deployment.subject()
    keys = deployment.services.keys

    def learn(connection: Connection) -> None:
        person = index.find(connection, keys, ADA)
        assert person is not None
        index.learn_standing(connection, keys, person, Standing("01", restricted=True, checked=1))

    await deployment.services.database.write(learn)
    return subject


async def test_nothing_of_an_answer_tells_where_somebody_is(fresh: Deployment) -> None:
    """No address, contact, practice, ward, system or source, in the body, a header or the audit."""
    subject = await restrict(fresh)
    asked = [f"Patient/{subject}", f"Patient/{subject}/$everything", "Condition", "Encounter", "Observation"]
    for path in asked:
        query = {} if "/" in path else {"patient": subject}
        said = await fresh.get(path, **query)
        assert said.status == 200
        told = words(said) + str(dict(said.headers)) + str(fresh.audit()[0].details)
        assert [word for word in TELLING if word in told] == [], path
    assert "I48.0" in (await fresh.get("Condition", patient=subject)).raw.decode()
    assert (await fresh.get("Encounter", patient=subject)).matches == []
    for query in ({}, {"target": (await fresh.get("Condition", patient=subject)).ids[0]}):
        assert (await fresh.get("Provenance", patient=subject, **query)).matches == []


async def test_a_page_that_was_pinned_before_tells_no_more(fresh: Deployment) -> None:
    """The ledger of an answer that began without the restriction names sources: it has no next page."""
    subject = await fresh.subject()
    first = await fresh.get(f"Patient/{subject}/$everything", _count="2")
    await restrict(fresh)
    following = first.link("next")
    assert following is not None
    assert (await fresh.get(following)).status == 404
    again = await fresh.get(f"Patient/{subject}/$everything", _count="2")
    following = again.link("next")
    assert following is not None
    said = await fresh.get(following)
    assert said.matches
    assert [word for word in TELLING if word in words(said)] == []


async def test_what_was_served_before_is_not_there_any_more(fresh: Deployment) -> None:
    """An id that is known reads as none; a source that is down is told of without its name."""
    subject = await fresh.subject()
    visit = (await fresh.get("Encounter", patient=subject)).ids[0]
    await restrict(fresh)
    assert (await fresh.get(visit)).status == 404
    live = (await fresh.get("Condition", patient=subject, code="38341003")).ids[0]
    fresh.neighbour.status = 500
    said = await fresh.get(live)
    assert said.status == 503
    assert [word for word in TELLING if word in words(said)] == []


async def test_who_has_the_activity_sees_it_all(tmp_path: Path, database_url: str) -> None:
    """A role with B1611 is served as anybody is for an open record."""
    home = tmp_path / "home"
    roles = (packaged_root() / "consent" / "roles.yaml").read_text(encoding="utf-8")
    plain = "Clinical Practitioner Access Role, activities: ["
    granted = roles.replace(plain, plain + "B1611, ")
    assert granted != roles
    (home / "consent").mkdir(parents=True)
    (home / "consent" / "roles.yaml").write_text(granted, encoding="utf-8")
    async with running(home, database_url) as deployment:
        subject = await deployment.subject()
        before = await deployment.get(f"Patient/{subject}/$everything")
        await restrict(deployment)
        after = await deployment.get(f"Patient/{subject}/$everything")
        assert after.ids == before.ids
