"""Two records that become one, and are two again: by messages of a hospital, and by a reviewer."""

from __future__ import annotations

from typing import Literal

import pytest
from sqlalchemy import Connection
from tests.functional.deployment import (
    ADA,
    BERT,
    CLEO,
    Deployment,
    message,
    pid,
    visit,
)

from scr.api.services import now_ms
from scr.errors import Forbidden
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, OdsCode
from scr.identity import index, links, recall
from scr.intake.merging import approve
from scr.store import links as kept
from scr.store.links import LinkId
from scr.store.people import Person
from scr.store.quarantine import quarantined

HOSPITAL = OdsCode("RXX")
ADAS = pid(ADA, "O'Sample", "Ada^Mary", "19410705")
CLEOS = pid(CLEO, "Example", "Cleo", "19900101", local="H2")
SYSTEM = "urn:hl7v2:rxx:pas"


def local(deployment: Deployment, value: str) -> Person | None:
    """Whose an identifier of the hospital is."""
    keys = deployment.services.keys
    return deployment.services.database.read_now(
        lambda c: index.find_local(c, keys, f"{HOSPITAL}|{SYSTEM}", value)
    )


def person(deployment: Deployment, number: NHSNumber) -> Person:
    """The person with a number."""
    found = deployment.services.database.read_now(lambda c: index.find(c, deployment.services.keys, number))
    assert found is not None
    return found


def link(
    deployment: Deployment,
    former: NHSNumber,
    retained: NHSNumber,
    kind: Literal["reviewed", "superseded"] = "reviewed",
) -> LinkId:
    """A reviewer says that two numbers are one human being's."""
    keys = deployment.services.keys

    def work(conn: Connection) -> LinkId:
        one, other = index.find(conn, keys, former), index.find(conn, keys, retained)
        assert one is not None
        assert other is not None
        return links.link(
            conn, keys, one, other,
            kind=kind, reasons=["test"], evidence={"seen": "a passport"}, by="tests", now=now_ms(),
        )  # fmt: skip

    return deployment.services.database.write_now(work)


def unlink(deployment: Deployment, link_id: str) -> links.Undone:
    """And that they are not."""
    keys = deployment.services.keys
    return deployment.services.database.write_now(
        lambda c: links.unlink(c, keys, link_id, by="tests", reason="a mistake", now=now_ms())
    )


async def test_an_identifier_is_learnt_by_a_merge_and_forgotten_when_it_is_taken_back(
    fresh: Deployment,
) -> None:
    """A40 with an identifier that nobody has: it is Ada's; A37: it is nobody's again."""
    assert (await fresh.send("adt", message("A40", "L1", ADAS, "MRG|H9^^^PAS^MR"))).status == 202
    found = local(fresh, "H9")
    assert found is not None
    assert found.key == person(fresh, ADA).key
    apart = message("A37", "L2", ADAS, "PID|2||H9^^^PAS^MR||O'Sample^Ada||19410705|2")
    assert (await fresh.send("adt", apart)).status == 202
    assert local(fresh, "H9") is None
    again = apart.replace(b"L2", b"L3")
    assert (await fresh.send("adt", again)).status == 422  # nothing is known that it could take back
    told = [row for row in fresh.audit() if row.what == "identity alias"]
    assert [(row.action, row.organisation) for row in told] == [("D", "RXX"), ("C", "RXX")]


async def test_a_merge_of_two_people_moves_nothing_until_a_reviewer_says_so(fresh: Deployment) -> None:
    """Held back, approved, moved with ids and history, and moved back by the hospital's A37."""
    stay = message("A01", "L1", CLEOS, visit("V200"))
    assert (await fresh.send("adt", stay)).status == 202
    cleo = await fresh.subject(CLEO, at="RXX")
    before = await fresh.get(f"Patient/{cleo}/$everything", at="RXX")
    [encounter] = [name for name in before.ids if name.startswith("Encounter/")]
    assert (await fresh.get(encounter)).status == 404  # Ada's practice does not know Cleo

    merge = message("A40", "L2", ADAS, "MRG|H2^^^PAS^MR")
    said = await fresh.send("adt", merge)
    assert (said.status, said.body["issue"][1]["details"]["coding"][0]["code"]) == (422, "merge-needs-review")
    services = fresh.services
    [item] = services.database.read_now(quarantined)
    made, receipt = await approve(
        services.intake, services.database, services.keys, services.adapters, item.id,
        one_person=False, by="reviewer", reason="seen both records", now=now_ms(),
    )  # fmt: skip
    assert receipt.problems == ()
    moved = await fresh.get(encounter)
    ada = await fresh.subject()
    assert moved.body["subject"]["reference"] == f"Patient/{ada}"
    assert moved.body["meta"]["versionId"] != before.versions[encounter.partition("/")[2]]
    assert encounter in (await fresh.get(f"Patient/{ada}/$everything")).ids
    assert encounter not in (await fresh.get(f"Patient/{cleo}/$everything", at="RXX")).ids
    later = message("A08", "L3", CLEOS, visit("V200"))
    assert (await fresh.send("adt", later)).status == 422  # the visit is Ada's now, and the number Cleo's

    seen = services.database.read_now(lambda c: recall.recall(c, made))
    assert {(row.organisation, row.what) for row in seen} >= {("A81001", "Encounter")}
    apart = message("A37", "L4", ADAS, CLEOS)
    assert (await fresh.send("adt", apart)).status == 202
    back = await fresh.get(f"Patient/{cleo}/$everything", at="RXX")
    assert set(back.ids) == set(before.ids)
    assert (await fresh.get(encounter)).status == 404
    owner = local(fresh, "H2")
    assert owner is not None
    assert owner.key == person(fresh, CLEO).key


async def test_linked_numbers_are_one_record_and_two_again(fresh: Deployment) -> None:
    """By either number, under either Patient id; what one objects to is kept back of both."""
    ada, bert = await fresh.subject(), await fresh.subject(BERT)
    berts = await fresh.get(f"Patient/{bert}/$everything", _reconciled="false")
    adas = await fresh.get(f"Patient/{ada}/$everything", _reconciled="false")
    first = await fresh.get(f"Patient/{ada}/$everything", _count="2")
    made = link(fresh, BERT, ADA)
    assert (await fresh.get(str(first.link("next")))).status == 404  # pinned when it was another record
    assert await fresh.subject(BERT) == ada
    joined = await fresh.get(f"Patient/{bert}/$everything", _reconciled="false")
    assert set(joined.ids) == {*adas.ids, *berts.ids} - {f"Patient/{bert}"}
    assert all(bert not in str(one) for one in joined.matches if one["id"] != ada)
    [composed] = [one for one in joined.matches if one["id"] == ada]
    assert {"other": {"reference": f"Patient/{bert}"}, "type": "replaces"} in composed["link"]
    assert {one["value"]: one.get("use") for one in composed["identifier"]} == {
        ADA.value: None,
        BERT.value: "secondary",
    }
    former = await fresh.get(f"Patient/{bert}")
    assert (former.body["id"], former.body["active"]) == (bert, False)
    assert former.body["link"][0] == {"other": {"reference": f"Patient/{ada}"}, "type": "replaced-by"}
    page = await fresh.get(f"Patient/{ada}/$everything", _count="2")
    assert (await fresh.get(str(page.link("next")))).status == 200

    undone = unlink(fresh, made)
    assert not undone.link.in_force
    assert (await fresh.get(str(page.link("next")))).status == 404
    assert (
        await fresh.get(f"Patient/{bert}/$everything", _reconciled="false")
    ).versions.keys() == berts.versions.keys()
    assert (await fresh.get(f"Patient/{ada}/$everything", _reconciled="false")).ids == adas.ids
    assert (await fresh.get(f"Patient/{bert}")).body["active"] is True


async def test_an_objection_of_one_is_an_objection_of_both(fresh: Deployment) -> None:
    """Bert does not want the hospital's knowledge shared: of the linked record it is not."""
    dissent = message("A31", "L1", pid(BERT, "Sample", "Bert", "19680912", "1", "H3"), "ZU8|U|2|No")
    await fresh.send("adt", dissent)
    ada = await fresh.subject()
    seen = await fresh.get("Encounter", patient=ada)
    assert seen.matches
    made = link(fresh, BERT, ADA)
    assert not (await fresh.get("Encounter", patient=ada)).matches
    unlink(fresh, made)
    assert (await fresh.get("Encounter", patient=ada)).ids == seen.ids


async def test_a_new_version_stays_in_the_row_where_the_thing_is(fresh: Deployment) -> None:
    """The hospital goes on under the retained number, with the former's identifier: nothing is refused."""
    made = link(fresh, CLEO, ADA)
    under_hers = pid(ADA, "O'Sample", "Ada^Mary", "19410705", local="H2")
    assert (await fresh.send("adt", message("A01", "L1", under_hers, visit("V300")))).status == 202
    unlink(fresh, made)
    owner = local(fresh, "H2")
    assert owner is not None
    assert owner.key == person(fresh, CLEO).key
    again = message("A01", "L2", under_hers, visit("V301"))
    assert (await fresh.send("adt", again)).status == 422


async def test_recall_lists_the_answers_that_a_link_was_part_of_and_no_other(fresh: Deployment) -> None:
    """Those that were permitted, of either number, while it was in force."""
    ada = await fresh.subject()
    made = link(fresh, BERT, ADA)
    await fresh.get("Patient", identifier=f"{NHS_NUMBER_SYSTEM}|{BERT.value}")
    await fresh.get(f"Patient/{ada}/$everything", at="RXX")
    assert (await fresh.get(f"Patient/{ada}", at="Z99")).status == 404
    await fresh.subject(CLEO, at="RXX")
    unlink(fresh, made)
    await fresh.subject()
    rows = fresh.services.database.read_now(lambda c: recall.recall(c, made))
    assert [(row.organisation, row.what) for row in rows] == [
        ("RXX", "Patient/$everything"),
        ("A81001", "Patient"),
    ]
    assert recall.as_csv(rows).count("\n") == 3


async def test_barred_numbers_are_never_one(fresh: Deployment) -> None:
    """A bar undoes what stands against it, refuses what comes, and names nobody in store or audit."""
    made = link(fresh, BERT, ADA)
    keys, database = fresh.services.keys, fresh.services.database
    _, undone = database.write_now(
        lambda c: links.bar(c, keys, [ADA, BERT], reason="gender recognition", by="officer", now=now_ms())
    )
    assert [one.link.id for one in undone] == [made]
    assert await fresh.subject() != await fresh.subject(BERT)
    told = [row for row in fresh.audit() if row.what == "identity bar"]
    assert [row.person for row in told] == [None]
    with pytest.raises(Forbidden) as refused:
        link(fresh, ADA, BERT)
    assert refused.value.code == "barred"
    assert not any(number.value in str(refused.value) for number in (ADA, BERT))
    merge = message("A40", "L1", ADAS, "MRG|H7^^^PAS^MR~" + BERT.value + "^^^NHS^NH")
    assert (await fresh.send("adt", merge)).status == 422
    assert local(fresh, "H7") is None
    assert database.read_now(lambda c: kept.latest(c)) == []


async def test_live_sources_are_asked_by_every_number_that_is_valid(fresh: Deployment) -> None:
    """Of two that a reviewer linked, the neighbour knows the former; a superseded one is not asked."""
    ada = await fresh.subject()
    [live] = (await fresh.get("Observation", patient=ada, date="2025-01-10")).ids
    made = link(fresh, ADA, BERT)
    bert = await fresh.subject(BERT)
    seen = (await fresh.get("Observation", patient=bert)).matches
    assert {one["subject"]["reference"] for one in seen} == {f"Patient/{bert}"}
    assert live in {f"Observation/{one['id']}" for one in seen}
    assert (await fresh.get(live)).body["subject"]["reference"] == f"Patient/{bert}"
    unlink(fresh, made)
    assert (await fresh.get(live)).body["subject"]["reference"] == f"Patient/{ada}"
    for one in seen:
        assert (await fresh.get(f"Observation/{one['id']}")).status == 200
    assert not (await fresh.get("Observation", patient=bert)).matches
    link(fresh, ADA, BERT, "superseded")
    assert not (await fresh.get("Observation", patient=bert)).matches


async def test_a_review_does_not_show_whom_a_bar_keeps_apart(fresh: Deployment) -> None:
    """A merge of two shows both sides; of two that are barred, the one that is named."""
    assert (await fresh.send("adt", message("A40", "L1", ADAS, "MRG|H2^^^PAS^MR"))).status == 422
    services = fresh.services
    [item] = services.database.read_now(quarantined)
    assert (await services.review.show(item.id)).prior is not None
    services.database.write_now(
        lambda c: links.bar(c, services.keys, [ADA, CLEO], reason="adoption", by="officer", now=now_ms())
    )
    assert (await services.review.show(item.id)).prior is None
    with pytest.raises(Forbidden):
        await services.review.merge(item.id, one_person=False, by="reviewer", reason="it looks right")
