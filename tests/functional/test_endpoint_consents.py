"""The person's own say at the endpoint: written, in force at once, withdrawn, and told to nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, text
from tests.functional.deployment import ADA, BASE, BERT, CLEO, Deployment, Said, checked
from tests.support import consents as c

from scr.api.fhir.consents import ANYBODYS_CHOICES, Consents
from scr.api.look import Look
from scr.api.services import now_ms
from scr.consent.actor import Actor, ActorKind
from scr.consent.decide import WHEREABOUTS, Interaction
from scr.errors import NotFound
from scr.fhir.dates import day_text
from scr.fhir.identifiers import OdsCode
from scr.fhir.standing import Standing
from scr.identity import index

OFFICER = {"role": "R0001", "at": "A81001"}
DENY: c.Tree = {"type": "deny"}


async def write(
    deployment: Deployment,
    consent: c.Tree | bytes,
    *,
    to: str = "Consent",
    if_match: str | None = None,
    role: str = "R0001",
    at: str = "A81001",
    scope: str = "user/*.cruds",
    **headers: str,
) -> Said:
    """POST, or PUT to ``to`` with If-Match."""
    sent = {"Authorization": deployment.bearer(role, at, scope=scope), **headers}
    if if_match is not None:
        sent["If-Match"] = if_match
    body = consent if isinstance(consent, bytes) else orjson.dumps(consent)
    method = "POST" if to == "Consent" else "PUT"
    return checked(await deployment.client.request(method, f"{BASE}/{to}", content=body, headers=sent))


async def kept(deployment: Deployment, consent: c.Tree) -> c.Tree:
    """A Consent that is taken."""
    said = await write(deployment, consent)
    assert said.status == 201, said.body
    return said.body


async def withdraw(deployment: Deployment, consent: c.Tree) -> Said:
    """The same Consent, not active any more."""
    version = consent["meta"]["versionId"]
    said = await write(
        deployment,
        {**consent, "status": "inactive"},
        to=f"Consent/{consent['id']}",
        if_match=f'W/"{version}"',
    )
    assert said.status == 200, said.body
    return said


async def test_an_objection_is_in_force_at_once_and_until_it_is_withdrawn(fresh: Deployment) -> None:
    """Who objects to the whole record is closed to staff by the next request, and open by the one after."""
    subject = await fresh.subject()
    said = await write(fresh, c.consent(DENY, subject))
    assert said.status == 201
    assert said.headers["ETag"] == 'W/"1"'
    logical = said.body["id"]
    assert said.headers["Location"] == f"{BASE}/Consent/{logical}/_history/1"
    assert said.body["meta"]["versionId"] == "1"
    assert (await fresh.get(f"Patient/{subject}")).status == 404
    assert (await fresh.get("Observation", patient=subject)).status == 404
    assert (await fresh.get(f"Patient/{subject}/$everything")).status == 404
    answer = await withdraw(fresh, said.body)
    assert answer.headers["ETag"] == 'W/"2"'
    assert (await fresh.get(f"Patient/{subject}")).status == 200
    assert [
        (row.action, row.outcome, row.details["consent"])
        for row in fresh.audit()
        if row.action in {"create", "update"}
    ] == [
        ("update", "success", f"Consent/{logical}/_history/2"),
        ("create", "success", f"Consent/{logical}/_history/1"),
    ]
    assert all(row.person for row in fresh.audit() if row.action in {"create", "update"})


async def test_a_closed_record_looks_as_if_nobody_were_there(fresh: Deployment) -> None:
    """By number and by id, somebody who objects and somebody who is not known answer alike."""
    subject = await fresh.subject()
    await kept(fresh, c.consent(DENY, subject))
    system = "https://fhir.nhs.uk/Id/nhs-number"
    there = await fresh.get("Patient", identifier=f"{system}|{ADA.value}")
    nobody = await fresh.get("Patient", identifier=f"{system}|9995400006")
    assert (there.status, there.body) == (nobody.status, nobody.body)
    mine, none = await fresh.get(f"Patient/{subject}"), await fresh.get("Patient/nobody")
    assert (mine.status, mine.body) == (none.status, none.body)


CASES: dict[str, tuple[c.Tree, str]] = {
    "category": ({"type": "deny", "class": [c.heading("problems")]}, "Condition"),
    "type": ({"type": "deny", "class": [c.kind("Condition")]}, "Condition"),
    "source": ({"type": "deny", "actor": [c.source("QXX")]}, "Observation"),
    "asker": ({"type": "deny", "actor": [c.asker("A81001")], "class": [c.kind("Condition")]}, "Condition"),
    "role": ({"type": "deny", "actor": [c.role("R8000")], "class": [c.kind("Condition")]}, "Condition"),
}


@pytest.mark.parametrize("name", CASES)
async def test_what_is_objected_to_is_gone_from_every_way_in(deployment: Deployment, name: str) -> None:
    """A part that the person withholds is in no search, total, read or record; and there again afterwards."""
    subject = await deployment.subject()
    provision, kind = CASES[name]
    before = await deployment.get(kind, patient=subject)
    assert before.ids
    consent = await kept(deployment, c.consent(provision, subject))
    after = await deployment.get(kind, patient=subject)
    assert (after.ids, after.body["total"]) == ([], 0)
    everything = await deployment.get(f"Patient/{subject}/$everything", _type=kind)
    assert everything.ids == []
    assert (await deployment.get(before.ids[0])).status == 404
    assert not any(one.encode() in after.raw for one in before.ids)
    await withdraw(deployment, consent)
    assert (await deployment.get(kind, patient=subject)).ids == before.ids


async def test_staff_are_told_by_what_kind_of_choice_and_not_whether_there_is_anything(
    deployment: Deployment,
) -> None:
    """The same words for a heading that is full and for one that is empty, for one entry and for none."""
    subject = await deployment.subject()
    choices: list[tuple[c.Tree, str]] = [
        ({"class": [c.heading("problems")]}, "choice-category"),
        ({"class": [c.heading("pregnancy")]}, "choice-category"),
        ({"data": [c.thing("DocumentReference/none")]}, "choice-entry"),
        ({"securityLabel": [{"system": LABEL, "code": "hiv"}]}, "choice-label"),
        ({"actor": [c.source("QXX")]}, "choice-source"),
    ]
    told: dict[str, set[str]] = {}
    for narrowed, code in choices:
        consent = await kept(deployment, c.consent({"type": "deny", **narrowed}, subject))
        found = _choices(await deployment.get("AllergyIntolerance", patient=subject))
        assert [codes for codes, _ in found] == [("withheld", code)]
        told.setdefault(code, set()).update(text for _, text in found)
        await withdraw(deployment, consent)
    assert all(len(texts) == 1 for texts in told.values())
    assert _choices(await deployment.get("AllergyIntolerance", patient=subject)) == []
    another = await kept(deployment, c.consent({"type": "deny", "actor": [c.asker("ZZX01")]}, subject))
    assert _choices(await deployment.get("AllergyIntolerance", patient=subject)) == []
    await withdraw(deployment, another)


def _choices(said: Said) -> list[tuple[tuple[str, ...], str]]:
    """The codes and the words in which a ledger tells of the person's choices."""
    [ledger] = [e["resource"] for e in said.body["entry"] if e["search"]["mode"] == "outcome"]
    details = [issue["details"] for issue in ledger["issue"]]
    codes = [(tuple(one["code"] for one in detail["coding"]), detail["text"]) for detail in details]
    return [(found, text) for found, text in codes if any(code.startswith("choice-") for code in found)]


async def test_one_entry_is_withheld_and_the_others_stay(deployment: Deployment) -> None:
    """An objection to one entry, for everybody but one organisation."""
    subject = await deployment.subject()
    before = (await deployment.get("Observation", patient=subject)).ids
    consent = await kept(
        deployment,
        c.consent(
            {
                "type": "deny",
                "data": [c.thing(before[0])],
                "provision": [{"type": "permit", "actor": [c.asker("RXX")]}],
            },
            subject,
        ),
    )
    assert (await deployment.get("Observation", patient=subject)).ids == before[1:]
    assert (await deployment.get(before[0])).status == 404
    await withdraw(deployment, consent)
    assert (await deployment.get(before[0])).status == 200


async def test_a_page_is_decided_again_after_an_objection(deployment: Deployment) -> None:
    """What was pinned before the person objected is not on the next page."""
    subject = await deployment.subject()
    first = await deployment.get("Observation", patient=subject, _count="1")
    following = first.link("next")
    assert following is not None
    consent = await kept(deployment, c.consent({"type": "deny", "class": [c.kind("Observation")]}, subject))
    second = await deployment.get(following)
    assert (second.ids, second.body["total"]) == ([], 0)
    await withdraw(deployment, consent)


async def test_it_is_versioned_and_read_by_those_who_write_it(deployment: Deployment) -> None:
    """read, vread, history and search, for whoever records choices; and by the same rules for all of them."""
    subject = await deployment.subject()
    consent = await kept(deployment, c.consent({"type": "deny", "actor": [c.asker("ZZX01")]}, subject))
    own = f"Consent/{consent['id']}"
    assert (await deployment.get(own, **OFFICER)).body == consent
    await withdraw(deployment, consent)
    now = await deployment.get(own, **OFFICER)
    assert (now.body["status"], now.headers["ETag"]) == ("inactive", 'W/"2"')
    assert (await deployment.get(f"{own}/_history/1", **OFFICER)).body == consent
    assert (await deployment.get(f"{own}/_history/3", **OFFICER)).status == 404
    history = await deployment.get(f"{own}/_history", **OFFICER)
    assert [entry["response"]["etag"] for entry in history.body["entry"]] == ['W/"2"', 'W/"1"']
    found = await deployment.get("Consent", patient=subject, **OFFICER)
    assert own in found.ids
    assert (await deployment.get("Consent", patient="nobody", **OFFICER)).status == 404
    assert (await deployment.get("Consent", **OFFICER)).code == "patient-needed"


async def test_nobody_else_reads_or_writes_it(deployment: Deployment) -> None:
    """A clinician who sees the record sees nothing of it; a role without the activity writes nothing."""
    subject = await deployment.subject()
    consent = await kept(deployment, c.consent({"type": "deny", "actor": [c.asker("ZZX01")]}, subject))
    own = f"Consent/{consent['id']}"
    assert (await deployment.get(own)).status == 404
    assert (await deployment.get(f"{own}/_history")).code == "role-activity"
    assert own not in (await deployment.get("Consent", patient=subject)).ids
    everything = await deployment.get(f"Patient/{subject}/$everything")
    assert consent["id"].encode() not in everything.raw
    for role in ("R8000", "R8008", "R5007"):
        assert (await write(deployment, c.consent(DENY, subject), role=role)).code == "role-activity"
    assert (await write(deployment, c.consent(DENY, subject), scope="user/*.rs")).code == "scope"
    assert (await write(deployment, c.consent(DENY, subject), scope="user/Patient.cruds")).code == "scope"


async def test_another_organisations_officer_finds_nobody(deployment: Deployment) -> None:
    """Somebody's id, and a Consent's, are as unknown as ones that nobody has."""
    subject = await deployment.subject()
    consent = await kept(deployment, c.consent({"type": "deny", "actor": [c.asker("ZZX01")]}, subject))
    strange = {"role": "R0001", "at": "ZZX99"}
    mine = await deployment.get(f"Consent/{consent['id']}", **strange)
    none = await deployment.get("Consent/nothing", **strange)
    assert (mine.status, mine.body) == (none.status, none.body) == (404, none.body)
    there = await write(deployment, c.consent(DENY, subject), **strange)
    nobody = await write(deployment, c.consent(DENY, "nobody"), **strange)
    assert (there.status, there.body) == (nobody.status, nobody.body) == (404, nobody.body)
    changed = await write(
        deployment,
        {**consent, "status": "inactive"},
        to=f"Consent/{consent['id']}",
        if_match='W/"1"',
        **strange,
    )
    assert changed.status == 404
    assert (await deployment.get("Consent", patient=subject, **strange)).status == 404


async def test_an_office_for_everybody_and_one_whose_whereabouts_are_restricted(
    deployment: Deployment,
) -> None:
    """With the activity for it anybody's are written; who cares for a restricted person is told to few."""
    services, subject = deployment.services, await deployment.subject(CLEO, at="RXX")
    clerk = Actor(ActorKind.PROFESSIONAL, "x", role="R0001", organisation=OdsCode("ZZX99"))
    consent = c.consent({"type": "deny", "actor": [c.asker("ZZX01")]}, subject)

    async def tried(*activities: str) -> int:
        role = services.policy.roles["R0001"]
        more = replace(role, activities=role.activities | set(activities))
        policy = replace(services.policy, roles={"R0001": more})
        desk = Consents(services.broker, policy, services.database, services.keys, BASE)
        look = Look("create", "Consent", Interaction.CREATE, now_ms())
        try:
            return (await desk.create(look, clerk, consent)).status
        except NotFound as refused:
            return refused.status

    def restrict(conn: Connection) -> None:
        person = index.find(conn, services.keys, CLEO)
        assert person is not None
        index.learn_standing(conn, services.keys, person, Standing(restricted=True, checked=1))

    assert (await tried(), await tried(ANYBODYS_CHOICES)) == (404, 201)
    await services.database.write(restrict)
    assert (await tried(ANYBODYS_CHOICES), await tried(ANYBODYS_CHOICES, WHEREABOUTS)) == (404, 201)


async def test_a_consent_stays_with_whom_it_is_of(deployment: Deployment) -> None:
    """It cannot be turned into another person's, nor another's id be taken."""
    ada, bert = await deployment.subject(), await deployment.subject(BERT)
    consent = await kept(deployment, c.consent({"type": "deny", "actor": [c.asker("ZZX01")]}, ada))
    own = f"Consent/{consent['id']}"
    moved = {**consent, "patient": {"reference": f"Patient/{bert}"}}
    assert (await write(deployment, moved, to=own, if_match='W/"1"')).code == "other-person"
    assert (await write(deployment, {**consent, "id": "x"}, to=own, if_match='W/"1"')).code == "bad-id"
    unknown = await write(deployment, {**consent, "id": "unknown"}, to="Consent/unknown", if_match='W/"1"')
    assert unknown.status == 404
    elsewhere = await kept(deployment, {**consent, "id": consent["id"]})
    assert elsewhere["id"] != consent["id"]


async def test_who_has_not_read_the_present_version_does_not_write_the_next(deployment: Deployment) -> None:
    """If-Match is needed, and has to be right; conditions that are not looked at are refused."""
    subject = await deployment.subject()
    consent = await kept(deployment, c.consent({"type": "deny", "actor": [c.asker("ZZX01")]}, subject))
    own = f"Consent/{consent['id']}"
    assert (await write(deployment, consent, to=own)).code == "if-match-needed"
    assert (await write(deployment, consent, to=own, if_match="*")).code == "if-match-needed"
    stale = await write(deployment, {**consent, "status": "inactive"}, to=own, if_match='W/"7"')
    assert (stale.status, stale.code) == (412, "stale-version")
    conditional = await write(deployment, consent, **{"If-None-Exist": "patient=x"})
    assert (conditional.status, conditional.code) == (400, "not-supported")
    removed = await deployment.client.request(
        "DELETE", f"{BASE}/{own}", headers={"Authorization": deployment.bearer("R0001")}
    )
    assert checked(removed).status == 405


def _without(name: str) -> Callable[[c.Tree], None]:
    def change(consent: c.Tree) -> None:
        del consent[name]

    return change


def _with(**more: Any) -> Callable[[c.Tree], None]:
    return lambda consent: consent.update(more)


def _provision(**more: Any) -> Callable[[c.Tree], None]:
    return lambda consent: consent["provision"].update(more)


def _nested(**more: Any) -> Callable[[c.Tree], None]:
    return lambda consent: consent["provision"].update(provision=[{"type": "permit", **more}])


LEVEL = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
LABEL = "https://fhir.shared-care-record.example/CodeSystem/label"
BAD: dict[str, tuple[Callable[[c.Tree], None], str]] = {
    "no status": (_without("status"), "Consent.status"),
    "no performer": (_without("performer"), "Consent.performer"),
    "no organization": (_without("organization"), "Consent.organization"),
    "no source": (_without("sourceReference"), "Consent.source"),
    "no policy": (_without("policy"), "Consent.policy"),
    "a policy without an address": (
        _with(policy=[{"authority": "https://shared-care-record.example"}]),
        "Consent.policy[0].uri",
    ),
    "no provision": (_without("provision"), "Consent.provision"),
    "no patient": (_without("patient"), "Consent.patient.reference"),
    "a patient by address": (
        _with(patient={"reference": "https://elsewhere.example/Patient/1"}),
        "Consent.patient.reference",
    ),
    "an advance decision": (
        _with(scope=c.coded("http://terminology.hl7.org/CodeSystem/consentscope", "adr")),
        "Consent.scope",
    ),
    "another category": (_with(category=[c.coded("http://loinc.org", "59283-2")]), "Consent.category"),
    "a modifier": (
        _with(modifierExtension=[{"url": "urn:x", "valueBoolean": True}]),
        "Consent.modifierExtension",
    ),
    "a rule that contradicts": (
        _with(policyRule=c.coded("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTIN")),
        "Consent.policyRule",
    ),
    "a contained resource": (
        _with(contained=[{"resourceType": "Organization", "id": "o", "name": "O"}]),
        "Consent.contained",
    ),
    "an unknown element": (_with(verdict="yes"), "Consent.verdict"),
    "no type": (_with(provision={"period": {"start": "2026-01-01"}}), "Consent.provision.type"),
    "a code": (_provision(code=[c.coded("http://snomed.info/sct", "86406008")]), "Consent.provision.code"),
    "an action that is no reading": (
        _provision(action=[c.coded("http://terminology.hl7.org/CodeSystem/consentaction", "correct")]),
        "Consent.provision.action",
    ),
    "a period that ends before it starts": (
        _provision(period={"start": "2026-02-01", "end": "2026-01-01"}),
        "Consent.provision.period",
    ),
    "a day that there is not": (_provision(period={"end": "2026-02-30"}), "Consent.provision.period.end"),
    "an empty period": (_provision(period={"id": "p"}), "Consent.provision.period"),
    "an actor by address": (
        _provision(actor=[c.party("IRCP", {"reference": "Organization/1"})]),
        "Consent.provision.actor[0].reference",
    ),
    "an actor in another role": (
        _provision(actor=[c.party("AUT", c.organisation("ZZA01"))]),
        "Consent.provision.actor[0].role",
    ),
    "an organisation that is no code": (
        _provision(actor=[c.party("IRCP", c.organisation("Sample Surgery"))]),
        "Consent.provision.actor[0].reference.identifier.value",
    ),
    "a class of another system": (
        _provision(**{"class": [{"system": "urn:ietf:bcp:13", "code": "text/plain"}]}),
        "Consent.provision.class[0]",
    ),
    "a heading that there is not": (
        _provision(**{"class": [c.heading("dreams")]}),
        "Consent.provision.class[0]",
    ),
    "a low confidentiality": (
        _provision(
            securityLabel=[
                {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}
            ]
        ),
        "Consent.provision.securityLabel[0]",
    ),
    "a label that there is not": (
        _provision(securityLabel=[{"system": LABEL, "code": "hivv"}]),
        "Consent.provision.securityLabel",
    ),
    "more than the thing itself": (
        _provision(data=[{"meaning": "related", "reference": {"reference": "Condition/1"}}]),
        "Consent.provision.data[0].meaning",
    ),
    "a purpose of another system": (
        _provision(purpose=[{"system": "urn:x", "code": "TREAT"}]),
        "Consent.provision.purpose[0]",
    ),
    "an exception to an exception": (
        _nested(actor=[c.asker("ZZA01")], provision=[{"type": "deny"}]),
        "Consent.provision.provision[0].provision",
    ),
    "an exception that says nothing": (_nested(), "Consent.provision.provision[0]"),
    "a label that is permitted": (
        _nested(securityLabel=[{"system": LABEL, "code": "hiv"}]),
        "Consent.provision.provision[0].securityLabel",
    ),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_cannot_be_read_is_refused_with_the_element_named(
    deployment: Deployment, name: str
) -> None:
    """422, the place, nothing of what stands there; and nothing is kept."""
    subject = await deployment.subject()
    change, place = BAD[name]
    consent = c.consent({"type": "deny"}, subject)
    change(consent)
    said = await write(deployment, consent)
    assert said.status == 422, said.body
    assert said.body["issue"][0]["details"]["text"].startswith(f"{place}: ")
    assert (await deployment.get(f"Patient/{subject}")).status == 200


async def test_refused_writes_are_audited_and_the_endpoint_says_what_it_takes(deployment: Deployment) -> None:
    """Each refusal has a row with its reason; metadata tells the interactions; a search may be posted."""
    subject = await deployment.subject()
    await write(deployment, c.consent({"type": "deny", "code": [c.coded("urn:x", "y")]}, subject))
    await write(deployment, c.consent(DENY, subject), role="R8000")
    rows = [(row.action, row.what, row.outcome, row.code) for row in deployment.audit()[:2]]
    assert rows == [
        ("create", "Consent", "refused", "role-activity"),
        ("create", "Consent", "refused", "unreadable-consent"),
    ]
    posted = await deployment.post("Consent/_search", {"patient": subject}, **OFFICER)
    assert posted.status == 200
    assert (
        await deployment.get("Consent", patient=subject, _count="1", **OFFICER)
    ).code == "unknown-parameter"
    assert (await deployment.get("Consent/x", _elements="id", **OFFICER)).code == "unknown-parameter"
    metadata = (await deployment.get("metadata")).body
    [served] = [one for one in metadata["rest"][0]["resource"] if one["type"] == "Consent"]
    assert {one["code"] for one in served["interaction"]} >= {"create", "update", "vread", "history-instance"}


async def test_a_body_that_can_be_understood_in_two_ways_is_refused(deployment: Deployment) -> None:
    """A name that stands twice, what is no JSON, and what is too long."""
    subject = await deployment.subject()
    body = orjson.dumps(c.consent(DENY, subject))
    twice = body[:-1] + b',"status":"inactive"}'
    assert (await write(deployment, twice)).code == "bad-json"
    assert (await write(deployment, body[:-1])).code == "bad-json"
    assert (await write(deployment, b"[" * 20_000)).code == "bad-json"
    assert (await write(deployment, b'{"a":"' + b"x" * 70_000 + b'"}')).status == 413
    assert (await write(deployment, orjson.dumps({"resourceType": "Patient"}))).status == 422


async def test_a_period_is_over_when_its_last_day_is(deployment: Deployment) -> None:
    """A Consent of last year has no effect; one that ends today has."""
    subject = await deployment.subject()
    today = day_text(now_ms())
    whole: c.Tree = {"type": "deny", "class": [c.kind("Condition")]}
    for period, closed in (({"end": "2025-01-01"}, False), ({"start": "2025-01-01", "end": today}, True)):
        consent = await kept(deployment, c.consent({**whole, "period": period}, subject))
        found = (await deployment.get("Condition", patient=subject)).ids
        assert (found == []) is closed
        await withdraw(deployment, consent)


async def test_a_consent_does_not_stand_without_its_audit_row(fresh: Deployment) -> None:
    """Where the audit cannot be written, nobody has objected: by no new Consent, and no new version."""
    subject = await fresh.subject()
    first = await kept(fresh, c.consent({"type": "permit"}, subject))
    gone, back = text("ALTER TABLE audit RENAME TO gone"), text("ALTER TABLE gone RENAME TO audit")
    await fresh.services.database.write(lambda conn: conn.execute(gone))
    objection = c.consent(DENY, subject)
    made = await write(fresh, objection)
    again = await write(
        fresh, {**objection, "id": first["id"]}, to=f"Consent/{first['id']}", if_match='W/"1"'
    )
    assert [(said.status, said.code) for said in (made, again)] == [(503, "no-audit")] * 2
    await fresh.services.database.write(lambda conn: conn.execute(back))
    assert (await fresh.get(f"Patient/{subject}")).status == 200
    listed = await fresh.get("Consent", **OFFICER, patient=subject)
    assert [one["meta"]["versionId"] for one in listed.matches] == ["1"]
