"""``AuditEvent`` over HTTP: to privacy officers, the newest first, valid R4, and nothing of a record."""

from __future__ import annotations

from tests.functional.deployment import ADA, BERT, SECRETS, Deployment

OFFICER = {"role": "R0001", "at": "C99"}
BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."


async def test_the_audit_is_searched_by_whoever_watches(fresh: Deployment) -> None:
    """By patient, date, agent, action and outcome, page by page; each is read again by its id."""
    ada, bert = await fresh.subject(ADA), await fresh.subject(BERT)
    await fresh.get("Condition", patient=ada)
    (flag,) = (await fresh.get("Condition", patient=ada, _count="1")).ids
    await fresh.get(flag)
    await fresh.get("Condition", patient=ada, role="R8000", at="RZZ")
    of_ada = await fresh.get("AuditEvent", patient=f"Patient/{ada}", **OFFICER)
    rows = [one for one in fresh.audit() if one.person is not None and one.what != "privacy"]
    assert of_ada.status == 200, of_ada.body
    ids = [one["id"] for one in of_ada.matches]
    assert ids == sorted(ids, reverse=True)
    assert set(ids) < {one.id for one in rows}
    profiles = {
        p.removeprefix(BALP) for one in of_ada.matches for p in one.get("meta", {}).get("profile", [])
    }
    assert profiles == {"PatientRead", "PatientQuery"}
    for asked, wanted in (
        ({"patient": ada, "action": "R"}, [one.id for one in rows if one.action == "read"]),
        ({"patient": bert, "action": "R"}, []),
        ({"outcome": "4", "patient": ada}, [one.id for one in rows if one.outcome == "refused"]),
        ({"date": "lt2020"}, []),
        ({"agent-name": "nobody of this name"}, []),
        ({"patient": "nobody"}, []),
    ):
        assert (await fresh.get("AuditEvent", **asked, **OFFICER)).ids == [
            f"AuditEvent/{i}" for i in wanted
        ], asked
    first = await fresh.get("AuditEvent", patient=ada, _count="1", **OFFICER)
    (onward,) = [one["url"] for one in first.body["link"] if one["relation"] == "next"]
    second = await fresh.get(onward.partition("/fhir/")[2], **OFFICER)
    assert [*first.ids, *second.ids] == [f"AuditEvent/{i}" for i in ids[:2]]
    assert (await fresh.get(first.ids[0], **OFFICER)).body["id"] == ids[0]
    text = repr([one.body for one in (of_ada, first, second)])
    assert not any(secret in text for secret in (*SECRETS, ADA.value))


async def test_nobody_else_sees_the_audit(deployment: Deployment) -> None:
    """A clinician's token is refused, before anything is looked for; and that is in the audit too."""
    for what in ("AuditEvent", "AuditEvent?patient=nobody", "AuditEvent/nothing"):
        assert (await deployment.get(what)).code == "role-activity"
    assert (await deployment.get("AuditEvent/nothing", **OFFICER)).status == 404
    for wrong in ("_count=no", "colour=red", "_before=a&_before=b", "date=soon"):
        assert (await deployment.get(f"AuditEvent?{wrong}", **OFFICER)).status == 400, wrong
    assert deployment.audit()[0].action == "query"
