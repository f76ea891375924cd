"""Misuse from the look to the decision: found in the audit of a deployment, and decided on over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.functional.deployment import ADA, SERVER, Deployment

from scr.api.misusing import judge
from scr.api.services import now_ms
from scr.identity.misuse.imports import Importing
from scr.identity.misuse.watch import MisuseWatch
from scr.identity.oversight import Watcher
from scr.store.turns import turn

FINDINGS = f"{SERVER}/misuse/findings"


async def ask(
    deployment: Deployment, path: str = "", *, role: str = "R0001", **body: object
) -> tuple[int, Any]:
    """Ask as somebody in a role; with a body it is sent."""
    headers = {"Authorization": deployment.bearer(role, "C99")}
    method = "POST" if body else "GET"
    answer: httpx.Response = await deployment.client.request(
        method, FINDINGS + path, headers=headers, json=body or None
    )
    return answer.status_code, answer.json()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_from_a_look_at_ones_own_record_to_the_decision(fresh: Deployment) -> None:
    """The user is known by the staff list; the finding names nobody until it is opened, which is in the audit
    as the decision is; whoever has no duty sees none."""
    services = fresh.services
    subject = await fresh.subject(ADA)
    await fresh.get("Condition", patient=subject)
    looker = next(row for row in fresh.audit() if row.person)
    lists = Importing(services.database, services.keys, now_ms)
    told = f"user,nhs_number\n{looker.actor},{ADA.value}\n".encode()
    await lists.staff(told, Watcher("Tamsin Arkwright"))
    watch = MisuseWatch(services.database, services.keys, services.policy, now_ms)
    async with turn(services.database, "misuse"):
        assert await judge(watch, services.database, lambda: False) is None
    done = await judge(watch, services.database, lambda: False)
    assert done is not None
    assert done.findings == 1
    assert await judge(watch, services.database, lambda: False) is None
    status, listed = await ask(fresh)
    assert status == 200
    [finding] = listed["findings"]
    assert (finding["rules"], finding["status"]) == ([{"rule": "own-record", "points": 100}], "new")
    assert finding["user"] == looker.actor
    assert finding["policy"] == services.policy.misuse.hash  # type: ignore[union-attr]
    assert ADA.value not in str(listed)
    one = f"/{finding['id']}"
    _, shown = await ask(fresh, one)
    assert shown["person"]["nhsNumber"] == ADA.value
    assert {look["what"] for look in shown["looks"]} == {"Patient", "Condition"}
    assert (await ask(fresh, role="R8000"))[0] == 403
    assert (await ask(fresh, "/nothing"))[0] == 404
    for body, code in (
        ({"status": "fine", "note": "x"}, "bad-body"),
        ({"status": "explained", "note": " "}, "no-note"),
        ({"status": "new", "note": "x"}, "no-verdict"),
    ):
        status, refused = await ask(fresh, f"{one}/decision", **body)
        assert (status, refused["code"]) == (400, code)
    status, _ = await ask(fresh, f"{one}/decision", status="misuse", note="Looked up their own results.")
    assert status == 200
    assert (await ask(fresh))[1] == {"findings": []}
    [decided] = (await ask(fresh, "?all=true"))[1]["findings"]
    assert (decided["status"], bool(decided["decidedBy"])) == ("misuse", True)
    _, shown = await ask(fresh, one)
    assert [said["note"] for said in shown["decisions"]] == ["Looked up their own results."]
    kept = [(row.what, row.details.get("status")) for row in fresh.audit() if row.what.startswith("misuse")]
    assert kept.count(("misuse show", None)) == 2
    assert kept.count(("misuse decide", "misuse")) == 1
