"""The pages of staff who record who acts for whom, and who answer what people say is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import httpx
import pytest
from sqlalchemy import Connection
from tests.functional.deployment import CLEO, NOBODY
from tests.functional.online import Browser, newcomer
from tests.functional.test_access_desk import born
from tests.functional.tour import Tour, clinician

from scr.fhir.entry import pack
from scr.identity import index
from scr.store.contributions import keep

pytestmark = pytest.mark.asyncio(loop_scope="session")
FORM = "application/x-www-form-urlencoded"
ROLES = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
HOSTILE = "<script>alert(1)</script> 'it' & \"more\""


class Desk:
    """Somebody of staff at a browser without a script."""

    def __init__(self, tour: Tour, browser: Browser) -> None:
        self._tour, self._browser = tour, browser
        self.page = ""

    @classmethod
    async def of(cls, tour: Tour, role: str = "R5105", at: str = "RXX") -> Desk:
        """Somebody in a role at an organisation."""
        return cls(tour, await tour.place.browser(clinician(at, role, "Gwen Guardian")))

    async def open(self, path: str, status: int = 200) -> str:
        """A page."""
        said = await self._tour.ask(self._browser, "GET", path)
        assert said.status_code == status, said.text
        self.page = said.text
        return said.text

    async def send(
        self, path: str, status: int = 200, *, typed: Mapping[str, str] = MappingProxyType({}), **more: str
    ) -> httpx.Response:
        """A form of the page that is open."""
        [token] = set(re.findall(r'name="csrf" value="([^"]*)"', self.page))
        body = str(httpx.QueryParams({"csrf": token, **typed, **more})).encode()
        said = await self._tour.ask(self._browser, "POST", path, body=body, content_type=FORM)
        assert said.status_code == status, said.text
        assert HOSTILE not in said.text
        if said.text:
            self.page = said.text
        return said


async def _told_of(tour: Tour, relations: Sequence[tuple[str, str, Mapping[str, object]]]) -> None:
    """The hospital tells of Cleo's relatives: a name, a relationship, and what else there is."""
    services = tour.place.deployment.services

    def write(connection: Connection) -> None:
        person = index.find(connection, services.keys, CLEO)
        assert person is not None
        for number, (name, code, more) in enumerate(relations):
            resource = {
                "resourceType": "RelatedPerson", "id": f"relative-{number}",
                "patient": {"reference": f"Patient/{person.patient_id}"}, "name": [{"text": name}],
                "relationship": [{"coding": [{"system": ROLES, "code": code}]}],
                **more,
            }  # fmt: skip
            entry = pack(resource, source="RXX", now=1)
            keep(connection, services.keys, person, entry, services.policy.labels, 1, after="")

    await services.database.write(write)


async def test_a_parent_is_proposed_recorded_and_their_access_is_looked_after(session_tour: Tour) -> None:
    """A source tells of one: nothing opens by that. On a document the access is recorded, taken up, let rest,
    looked at and ended; each step is in the audit under the child."""
    tour = session_tour
    desk = await Desk.of(tour)
    await born(tour.place, 8, -2)
    ended: dict[str, object] = {"period": {"end": "2020-01-01"}}
    told = [("Petra Parent", "MTH", {}), ("Uncle Bob", "UNCLE", {}), ("Old Guard", "GUARD", ended)]
    await _told_of(tour, told)
    await desk.open("/proxies")
    assert "error-summary" not in desk.page
    for wrong in ("12", NOBODY.value):
        assert "There is a problem" in (await desk.send("/proxies/person", 400, number=wrong)).text
    shown = (await desk.send("/proxies/person", number=CLEO.spaced)).text
    assert ("Petra Parent" in shown, "Uncle Bob" in shown, "Old Guard" in shown) == (True, False, False)
    assert CLEO.spaced in shown
    form = {"number": CLEO.value, "basis": "parental-responsibility", "calls": HOSTILE}
    assert "&lt;script&gt;" in (await desk.send("/proxies/record", typed=form)).text
    day = (datetime.now(UTC) + timedelta(days=200)).date().isoformat()
    refused = (await desk.send("/proxies/recorded", 400, typed=form, until=day)).text
    assert "which document was seen" in refused
    assert f'value="{day}"' in refused
    made = await desk.send("/proxies/recorded", typed=form, until=day, evidence="Birth certificate 12")
    [code] = re.findall(r'id="code">([A-Z0-9-]+)<', made.text)
    [path] = re.findall(r'href="(/proxies/of/[^"]+)"', made.text)
    carl = await tour.place.browser(newcomer(NOBODY, "Carl Carer"))
    assert (await carl.ask("/access/invitations/accept", {"code": code})).status == 201

    async def sees() -> bool:
        return bool((await carl.ask("/access/me")).body["people"])

    assert await sees()
    await desk.open(path)
    assert "why it is to rest" in (await desk.send(f"{path}/suspend", 400)).text
    await desk.send(f"{path}/suspend", 303, reason="Looked after by the council")
    assert not await sees()
    assert "Looked after by the council" in await desk.open(f"{path}?done=suspended")
    await desk.send(f"{path}/resume", 303)
    await desk.send(f"{path}/review", 303, note="Spoke with both")
    assert await sees()
    await desk.send(f"{path}/end", 303)
    assert not await sees()
    assert "Spoke with both" in await desk.open(path)
    await desk.send(f"{path}/tear", 400)
    await born(tour.place, 17, -2)
    await desk.open("/proxies")
    assert "Petra Parent" not in (await desk.send("/proxies/person", number=CLEO.value)).text
    said = {"number": CLEO.value, "evidence": "Dr Example"}
    assert "There is a problem" in (await desk.send("/proxies/capacity", 400, typed=said)).text
    assert "It was recorded." in (await desk.send("/proxies/capacity", typed=said, capacity="present")).text
    rows = {
        row.what for row in tour.place.deployment.audit() if row.actor_name == "Gwen Guardian" and row.person
    }
    assert rows >= {
        "record proxy", "list proxies", "suspend proxy", "review proxy", "end proxy", "assess capacity",
    }  # fmt: skip
    await born(tour.place, 36, -2)


async def test_whoever_has_not_the_duty_is_shown_no_page(session_tour: Tour) -> None:
    """By role, and in the audit; another organisation reaches nobody, as if there were nobody."""
    nurse, elsewhere = await Desk.of(session_tour, "R8001"), await Desk.of(session_tour, at="QZZ99")
    for path in ("/proxies", "/disputes", "/disputes/overdue"):
        await nurse.open(path, 403)
    await elsewhere.open("/proxies")
    nobody = (await elsewhere.send("/proxies/person", 400, number=NOBODY.value)).text
    theirs = (await elsewhere.send("/proxies/person", 400, number=CLEO.value)).text
    assert re.sub(r'value="\d+"', "", nobody) == re.sub(r'value="\d+"', "", theirs)
    none = await elsewhere.open("/proxies/of/none", 404)
    theirs = await elsewhere.open(f"/proxies/of/{session_tour.names['delegation']}", 404)
    assert re.sub(r"[a-z2-7]{26}", "*", none) == re.sub(r"[a-z2-7]{26}", "*", theirs)
    challenge = session_tour.names["challenges/logical"]
    await elsewhere.open(f"/disputes/of/{challenge}", 404)
    codes = {row.code for row in session_tour.place.deployment.audit() if row.role == "R8001"}
    assert "role-activity" in codes


async def test_a_source_reads_and_answers_what_is_said_of_its_entry(session_tour: Tour) -> None:
    """It needs an outcome and words, and is given once; the person is told, with the same words."""
    tour = session_tour
    entry = (await tour.place.deployment.get("AllergyIntolerance", patient=tour.names["whose"])).ids[0]
    opened = await tour.ada.ask("/access/people/me/challenges", {"entry": entry, "reason": HOSTILE})
    assert opened.status == 201, opened.body
    logical = opened.body["id"]
    path, owner = f"/disputes/of/{logical}", opened.body["owner"]
    desk, other = [await Desk.of(tour, at=at) for at in (owner, "A81001" if owner == "RXX" else "RXX")]
    assert path not in await other.open("/disputes")
    assert path in await desk.open("/disputes")
    assert "&lt;script&gt;" in await desk.open(path)
    assert "Choose what was done" in (await desk.send(path, 422)).text
    refused = (await desk.send(path, 422, outcome="refused", text=" ")).text
    assert "Say what was done" in refused
    assert 'value="refused" checked' in refused
    done = await desk.send(path, 303, outcome="refused", text="The ward confirms it.")
    assert done.headers["location"].endswith("?done=answered")
    assert "The ward confirms it." in await desk.open(path)
    mine = (await tour.ada.ask(f"/access/people/me/challenges/{logical}")).body
    assert (mine["state"], mine["answer"]) == ("refused", "The ward confirms it.")
    assert "Nothing is overdue." in await desk.open("/disputes/overdue")
