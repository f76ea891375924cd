"""Labels at the endpoint: a code that nobody has marked is withheld, with everything that belongs to it."""

from __future__ import annotations

from tests.functional.deployment import ADA, Deployment, message, pid, visit

from scr.api.services import now_ms
from scr.fhir.canonical import LIFTED_LABEL_SYSTEM
from scr.intake.lifting import Lifting
from scr.terminology.systems import ICD_10, V3_CONFIDENTIALITY


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


async def test_a_label_that_is_wrong_is_lifted_and_put_back(fresh: Deployment) -> None:
    """The diagnosis and its visit are seen, marked as freed; put back, they are closed with all that was."""
    subject = await fresh.subject()
    who = pid(ADA, "O'Sample", "Ada^Mary", "19410705")
    before = set((await fresh.get("Encounter", patient=subject)).ids)
    await fresh.send("adt", message("A01", "L3", who, visit("V-L3"), "DG1|1||B20^HIV disease^I10"))
    assert set((await fresh.get("Encounter", patient=subject)).ids) == before
    services = fresh.services
    lifting = Lifting(services.database, services.keys, services.policy, now_ms)
    of = f"{ICD_10}|B20"
    assert lifting.lift(ADA, "hiv", of, by="Tamsin Arkwright", reason="Another's result") == 2
    [freed] = set((await fresh.get("Encounter", patient=subject)).ids) - before
    found = await fresh.get("Condition", patient=subject, _security=f"{LIFTED_LABEL_SYSTEM}|hiv")
    assert len(found.ids) == 1
    assert f'"{V3_CONFIDENTIALITY}"' not in found.raw.decode()
    lifting.put_back(ADA, "hiv", of, by="Tamsin Arkwright", reason="It was hers")
    assert set((await fresh.get("Encounter", patient=subject)).ids) == before
    assert "B20" not in (await fresh.get("Condition", patient=subject)).raw.decode()
    for gone in (freed, f"{freed}/_history", f"{found.ids[0]}/_history/1", f"{found.ids[0]}/_history/2"):
        assert (await fresh.get(gone)).status == 404
