"""Labels at the endpoint: a code that nobody has marked is withheld, with everything that belongs to it."""

from __future__ import annotations

from tests.functional.deployment import ADA, Deployment, message, pid, visit


async def test_a_diagnosis_of_today_closes_the_visit_of_yesterday(fresh: Deployment) -> None:
    """The visit was seen; the diagnosis that comes for it is not, and the visit is not any more."""
    subject = await fresh.subject()
    who = pid(ADA, "O'Sample", "Ada^Mary", "19410705")
    before = set((await fresh.get("Encounter", patient=subject)).ids)
    await fresh.send("adt", message("A01", "L1", who, visit("V-L1")))
    [seen] = set((await fresh.get("Encounter", patient=subject)).ids) - before
    said = await fresh.send("adt", message("A08", "L2", who, visit("V-L1"), "DG1|1||B20^HIV disease^I10"))
    assert said.status == 202
    answer = await fresh.get("Encounter", patient=subject)
    assert set(answer.ids) == before
    assert (await fresh.get(seen)).status == 404
    assert "B20" not in (await fresh.get("Condition", patient=subject)).raw.decode()
    [ledger] = [e["resource"] for e in answer.body["entry"] if e["search"]["mode"] == "outcome"]
    assert any("more confidential" in issue["details"]["text"] for issue in ledger["issue"])
