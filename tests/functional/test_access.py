"""Citizens at the JSON API: their own record, and nobody else's."""

from __future__ import annotations

import pytest
from tests.functional.deployment import ADA, BERT, NOBODY, SERVER
from tests.functional.online import Online, carer, citizen

pytestmark = pytest.mark.asyncio(loop_scope="session")
ADAS = citizen(ADA, "ada", "Ada O'Sample")


async def test_a_citizen_is_at_their_own_record_and_at_nobody_elses(place: Online) -> None:
    """By ``me`` and by their own id; another's id is answered as one that nobody has, and each is audited."""
    browser = await place.browser(ADAS)
    mine = await browser.ask("/access/people/me")
    assert (mine.status, mine.body["own"], mine.body["name"]) == (200, True, "Ada Mary O'Sample")
    assert (await browser.ask(f"/access/people/{mine.body['patient']}")).body == mine.body
    bert = await place.deployment.subject(BERT)
    others = [await browser.ask(f"/access/people/{each}") for each in (bert, "a" * 26, "-")]
    assert {(one.status, one.code, str(one.body)) for one in others} == {
        (404, "no-record", str(others[0].body))
    }
    refused, allowed = (
        place.rows("access")[0],
        next(row for row in place.rows("access") if row.outcome == "success"),
    )
    assert (allowed.outcome, allowed.purpose, allowed.actor_name) == ("success", "PATRQT", "Ada O'Sample")
    assert (allowed.person is None, refused.outcome, refused.person) == (False, "refused", None)


async def test_nobody_else_comes_in(place: Online) -> None:
    """Not without a sign-in, not as staff, not with a sign-in that is not sure, not whom nobody lets."""
    nobody = await place.browser(ADAS)
    nobody.cookie = "x" * 43
    assert (await nobody.ask("/access/people/me")).status == 401
    staff = {"authorization": place.deployment.bearer()}
    assert (await nobody.ask("/access/people/me", headers=staff)).code == "actor-kind"
    unknown = await place.browser(citizen(NOBODY, "nobody", "Nobody"))
    assert (await unknown.ask("/access/people/me")).code == "no-record"
    unlet = await place.browser(carer(ADA, "carl", "Carl"))
    one, other = await unlet.ask("/access/people/me"), await unlet.ask("/access/people/x")
    assert (one.status, one.body) == (other.status, other.body)


async def test_the_api_describes_itself(place: Online) -> None:
    """To anybody, all that the deployment serves below ``/access``, and nothing outside it."""
    said = await place.deployment.client.get(f"{SERVER}/access/openapi.json")
    paths = said.json()["paths"]
    assert {"/access/me", "/access/people/{whose}/record", "/access/desk/proxies"} <= set(paths)
    assert all(path.startswith("/access/") for path in paths)
    assert len(paths) > 30
