"""Pages: pinned, whole, and nobody else's."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from tests.functional.deployment import ADA, BASE, MOVED_BACK, Deployment, Said, checked, observation

pytestmark = pytest.mark.asyncio(loop_scope="module")
COUNT = 23


@pytest_asyncio.fixture(loop_scope="module")
async def subject(deployment: Deployment) -> str:
    """Ada's id, when the neighbour holds many observations of her."""
    deployment.neighbour.resources = [
        observation(f"o{i}", str(1000 + i % 3), f"2025-01-{1 + i % 9:02}") for i in range(COUNT)
    ]
    return await deployment.subject()


async def pages(deployment: Deployment, first: Said) -> list[Said]:
    """A page and all that follow it."""
    found = [first]
    while (link := found[-1].link("next")) is not None:
        found.append(await deployment.get(link))
        assert found[-1].status == 200
        assert found[-1].link("self") == link
    return found


@pytest.mark.parametrize("count", [1, 4, 22, 23, 24])
async def test_pages_neither_repeat_nor_skip(deployment: Deployment, subject: str, count: int) -> None:
    """Whatever their size, the pages together are the whole, in order; each tells total and ledger."""
    whole = await deployment.get("Observation", patient=subject, _sort="-date,code")
    assert whole.body["total"] == COUNT
    first = await deployment.get("Observation", patient=subject, _sort="-date,code", _count=str(count))
    found = await pages(deployment, first)
    assert [one for page in found for one in page.ids] == whole.ids
    assert len(found) == -(-COUNT // count)
    assert all(len(page.ids) <= count for page in found)
    assert {page.body["total"] for page in found} == {COUNT}
    assert all(page.ledger == whole.ledger for page in found)


async def test_pages_stay_while_the_record_changes(deployment: Deployment, subject: str) -> None:
    """What was found is pinned: new and vanished entries, or a source that fails, do not shift the pages."""
    whole = await deployment.get("Observation", patient=subject)
    first = await deployment.get("Observation", patient=subject, _count="10")
    deployment.neighbour.resources = [*deployment.neighbour.resources[5:], observation("new", "9", "2026")]
    deployment.neighbour.status = 503
    found = await pages(deployment, first)
    assert [one for page in found for one in page.ids] == whole.ids


async def test_everything_is_paged_too(deployment: Deployment, subject: str) -> None:
    """``$everything`` with a count: the same as without, in pieces, the composed Patient first."""
    whole = await deployment.get(f"Patient/{subject}/$everything")
    found = await pages(deployment, await deployment.get(f"Patient/{subject}/$everything", _count="7"))
    assert [one for page in found for one in page.ids] == whole.ids
    assert found[0].ids[0] == f"Patient/{subject}"


async def test_what_stands_on_a_later_page_can_be_read(deployment: Deployment, subject: str) -> None:
    """An id on a page that nobody has opened yet is known already."""
    first = await deployment.get("Observation", patient=subject, _count="1")
    rest = (await pages(deployment, first))[-1].ids
    assert (await deployment.get(rest[0])).status == 200


async def test_a_cursor_is_its_actor_s_alone(deployment: Deployment, subject: str) -> None:
    """A colleague with the same rights, and the same person in another role, elsewhere or with other scopes,
    get 404 for it: its ledger tells of what the actor could see who searched."""
    link = (await deployment.get("Observation", patient=subject, _count="5")).link("next") or ""
    assert (await deployment.get(link, role="R8001")).status == 404
    assert (await deployment.get(link, at="RXX")).status == 404
    told = set()
    for role, at, scope in (
        ("R8001", "A81001", "*"),
        ("R8000", "RXX", "*"),
        ("R8000", "A81001", "Observation"),
    ):
        bearer = deployment.bearer(role, at, sub="R8000-A81001", scope=f"user/{scope}.rs")
        said = checked(await deployment.client.get(link, headers={"Authorization": bearer}))
        assert said.status == 404
        told.add(said.raw)
    assert len(told) == 1
    assert (await deployment.get(link)).status == 200
    assert subject not in link


async def test_a_cursor_that_was_changed_is_no_cursor(deployment: Deployment, subject: str) -> None:
    """Any letter exchanged, added or taken away, another offset, nonsense: 404, the same for all."""
    link = (await deployment.get("Observation", patient=subject, _count="5")).link("next") or ""
    [token] = parse_qs(urlsplit(link).query)["_page"]
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    moved = base64.urlsafe_b64encode(raw.replace(b".5", b".0")).decode().rstrip("=")
    changed = [token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :] for i in range(len(token))]
    answers = set()
    for other in (*changed, moved, token + "A", token[:-1], token + "=", token + "!", "", "A", "é", "%"):
        said = await deployment.get("", _page=other)
        assert said.status == 404, other
        answers.add(said.raw)
    assert len(answers) <= 2  # no page, or no cursor at all


async def test_a_relationship_that_ends_ends_the_pages(deployment: Deployment, subject: str) -> None:
    """Between two pages the practice's relationship ends: the next page is not there any more."""
    first = await deployment.get("Observation", patient=subject, _count="5")
    link = first.link("next") or ""
    assert (await deployment.get(link)).status == 200
    await deployment.end_relationship(ADA, "A81001")
    try:
        said = await deployment.get(link)
        assert (said.status, said.code) == (404, "no-page")
        assert (await deployment.get(f"Observation?patient={subject}")).status == 404
    finally:
        await deployment.receive("A81001", MOVED_BACK)


async def test_a_page_of_one_person_is_not_found_by_chance(deployment: Deployment, subject: str) -> None:
    """The endpoint's root without a cursor is nothing, and links are on the base that clients know."""
    assert (await deployment.get("")).status == 404
    link = (await deployment.get("Observation", patient=subject, _count="5")).link("next") or ""
    assert link.startswith(f"{BASE}?_page=")
