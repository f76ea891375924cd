"""Contributions at the endpoint, batches, conditions and versions: written and read by whoever may."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Connection
from tests.functional.deployment import ADA, BASE, BERT, RESTRICTED, Deployment, Said, Tree, checked

from scr.api.services import now_ms
from scr.fhir.entry import pack
from scr.fhir.xml import xml_of
from scr.store import contributions

SNOMED = "http://snomed.info/sct"
XHTML = "http://www.w3.org/1999/xhtml"
NOTE = "https://x.test/note"


def flag(about: str, **more: object) -> Tree:
    """An alert."""
    return {
        "resourceType": "Flag",
        "status": "active",
        "identifier": [{"system": NOTE, "value": "1"}],
        "code": {"coding": [{"system": SNOMED, "code": "225915006"}], "text": "Two to lift"},
        "subject": {"reference": f"Patient/{about}"},
        **more,
    }


async def write(
    deployment: Deployment,
    to: str,
    resource: Tree,
    *,
    role: str = "R8000",
    at: str = "A81001",
    scope: str = "user/*.cruds",
    **headers: str,
) -> Said:
    """POST, or PUT to an id."""
    sent = {"Authorization": deployment.bearer(role, at, scope=scope)}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    method = "PUT" if "/" in to else "POST"
    content = orjson.dumps(resource)
    return checked(await deployment.client.request(method, f"{BASE}/{to}", content=content, headers=sent))


async def test_what_is_written_may_be_xml(fresh: Deployment) -> None:
    """Whatever takes a resource takes it in both formats, to the same effect; of XML no DTD."""
    subject = await fresh.subject()

    async def sent(to: str, resource: Tree | bytes, method: str = "POST", **headers: str) -> Said:
        content = xml_of(orjson.dumps(resource)) if isinstance(resource, dict) else resource
        headers["Authorization"] = fresh.bearer(scope="user/*.cruds")
        headers["Content-Type"] = "application/fhir+xml; charset=utf-8"
        return checked(await fresh.client.request(method, f"{BASE}/{to}", content=content, headers=headers))

    made = await sent("Flag", flag(subject))
    assert made.status == 201, made.body
    assert {name: made.body[name] for name in ("code", "identifier", "status")} == {
        name: flag(subject)[name] for name in ("code", "identifier", "status")
    }
    own = f"Flag/{made.body['id']}"
    ended = {**flag(subject), "id": made.body["id"], "status": "inactive"}
    changed = await sent(own, ended, "PUT", **{"If-Match": made.headers["ETag"]})
    assert (changed.status, changed.body["status"]) == (200, "inactive")
    asked = {"request": {"method": "GET", "url": own}}
    batch = await sent("", {"resourceType": "Bundle", "type": "batch", "entry": [asked]})
    assert batch.body["entry"][0]["resource"] == changed.body
    narrowed = {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueCode": "Flag"}]}
    assert (await sent(f"Patient/{subject}/$everything", narrowed)).ids == [own]
    dtd = b'<!DOCTYPE a [<!ENTITY x "y">]><Flag xmlns="http://hl7.org/fhir"><status value="&x;"/></Flag>'
    for body in (dtd, b"<Flag", b"<Flag xmlns='urn:x'/>", b"{}", b""):
        assert (await sent("Flag", body)).code in {"bad-xml", "other-type"}, body


async def test_an_alert_is_written_found_changed_and_never_deleted(fresh: Deployment) -> None:
    """It is in every way in under its heading, each version is kept, and the author is who wrote it."""
    subject = await fresh.subject()
    liar: Any = {"author": {"display": "Somebody else"}, "meta": {"source": "urn:lie", "profile": ["x:y"]}}
    said = await write(fresh, "Flag", flag(subject, **liar))
    assert said.status == 201, said.body
    own, first = f"Flag/{said.body['id']}", said.headers["ETag"].removeprefix('W/"').rstrip('"')
    assert said.headers["Location"] == f"{BASE}/{own}/_history/{first}"
    assert said.body["author"]["identifier"]["value"] == "A81001"
    assert said.body["meta"]["source"] == "urn:ods:A81001#contributed"
    assert [tag["code"] for tag in said.body["meta"]["tag"]] == ["contributed"]
    assert "profile" not in said.body["meta"]
    assert (await fresh.get(own, role="R8001", at="RXX")).body == said.body
    assert (await fresh.get("Flag", patient=subject, identifier=f"{NOTE}|1")).ids == [own]
    everything = await fresh.get(f"Patient/{subject}/$everything", _type="Flag")
    assert everything.ids == [own]
    changed = {**said.body, "status": "entered-in-error"}
    assert (await write(fresh, own, changed)).status == 428
    assert (await write(fresh, own, changed, if_match='W/"x"')).code == "stale-version"
    then = await write(fresh, own, changed, if_match=said.headers["ETag"])
    assert (then.status, then.body["status"]) == (200, "entered-in-error"), then.body
    assert (await write(fresh, own, changed, if_match=said.headers["ETag"])).code == "stale-version"
    history = await fresh.get(f"{own}/_history")
    methods = [one["request"]["method"] for one in history.body["entry"]]
    assert [one["resource"]["status"] for one in history.body["entry"]] == ["entered-in-error", "active"]
    assert methods == ["PUT", "POST"]
    assert (await fresh.get(f"{own}/_history/{first}")).body["status"] == "active"
    response = await fresh.client.delete(f"{BASE}/{own}", headers={"Authorization": fresh.bearer()})
    assert checked(response).status == 405
    written = [
        row for row in fresh.audit() if row.action in {"create", "update"} and row.outcome == "success"
    ]
    assert [str(row.details["contribution"]).partition("/_history/")[0] for row in written] == [own, own]
    assert all(row.person for row in written)


async def test_only_who_may_writes_and_only_of_one_person(deployment: Deployment) -> None:
    """Role, scope, relationship, organisation, shape and every reference are looked at; nothing is told."""
    ada, bert = await deployment.subject(), await deployment.subject(BERT)
    who: list[tuple[dict[str, str], str]] = [
        ({"role": "R8009"}, "role-activity"),
        ({"role": "R1460"}, "role-activity"),
        ({"role": "R9999"}, "unknown-role"),
        ({"scope": "user/*.rs"}, "scope"),
        ({"scope": "user/Task.c"}, "scope"),
        ({"at": "RZZ"}, "not-found"),
    ]
    for asker, code in who:
        assert (await write(deployment, "Flag", flag(ada), **asker)).code == code, asker
    there, nobody = [await write(deployment, "Flag", flag(one), at="RZZ") for one in (ada, "nobody")]
    assert (there.status, there.body) == (nobody.status, nobody.body)
    observed = (await deployment.get("Observation", patient=ada)).ids[0]
    wrong: list[tuple[Tree, int]] = [
        (flag(ada, encounter={"reference": "Encounter/none"}), 422),
        (flag(ada, encounter={"reference": "https://elsewhere.test/Encounter/1"}), 422),
        (flag(ada, encounter={"reference": f"Patient/{bert}"}), 422),
        (flag(ada, identifier=[{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": BERT.value}]), 422),
        (flag(ada, contained=[{"resourceType": "Patient"}]), 422),
        (flag(ada, text={"status": "additional", "div": f"<div xmlns='{XHTML}'>a</div>"}), 422),
        (flag(ada, modifierExtension=[{"url": "x:y", "valueBoolean": True}]), 422),
        (flag(ada, status="perhaps"), 422),
        (flag(ada, subject={"reference": f"https://here.test/Patient/{ada}"}), 422),
        (flag(ada, resourceType="Task"), 422),
    ]
    for resource, status in wrong:
        said = await write(deployment, "Flag", resource)
        assert said.status == status, (resource, said.body)
        assert ADA.value not in said.raw.decode()
    task = {
        "resourceType": "Task", "status": "requested", "intent": "order",
        "for": {"reference": f"Patient/{ada}"}, "focus": {"reference": observed},
    }  # fmt: skip
    said = await write(deployment, "Task", task)
    assert said.status == 201, said.body
    own = f"Task/{said.body['id']}"
    assert (await deployment.get(own)).body["focus"] == {"reference": observed}
    other = await write(deployment, own, said.body, role="R8001", at="RXX", if_match=said.headers["ETag"])
    assert other.code == "other-organisation"
    moved = {**said.body, "for": {"reference": f"Patient/{bert}"}}
    assert (await write(deployment, own, moved, if_match=said.headers["ETag"])).code == "other-person"
    assert (await write(deployment, "Condition", {**task, "resourceType": "Condition"})).status == 405


async def test_one_is_written_once_however_often_it_is_sent(fresh: Deployment) -> None:
    """If-None-Exist finds what the writer may see; two are refused; a person is not to be searched for."""
    subject = await fresh.subject()
    condition = {"if_none_exist": f"identifier={NOTE}|1"}
    first = await write(fresh, "Flag", flag(subject), **condition)
    again = await write(fresh, "Flag", flag(subject, status="inactive"), **condition)
    assert (first.status, again.status, again.body) == (201, 200, first.body)
    assert (await write(fresh, "Flag", flag(subject))).status == 201
    assert (await write(fresh, "Flag", flag(subject), **condition)).code == "several-exist"
    for strange in ("", "patient=x", "_include=Flag:subject", "nothing=1"):
        assert (await write(fresh, "Flag", flag(subject), if_none_exist=strange)).status == 400


async def test_what_is_known_is_not_given_again(deployment: Deployment) -> None:
    """304 with the same headers and a row in the audit; only to whom the whole of it would be given."""
    subject = await deployment.subject()
    own = (await deployment.get("Observation", patient=subject)).ids[0]
    for path in (own, f"Patient/{subject}"):
        first = await deployment.get(path)
        for name, value in (("If-None-Match", first.headers["ETag"]), ("If-None-Match", "*")):
            headers = {"Authorization": deployment.bearer(), name: value, "Accept": "application/fhir+xml"}
            response = await deployment.client.get(f"{BASE}/{path}", headers=headers)
            assert (response.status_code, response.content) == (304, b"")
            assert response.headers["ETag"] == first.headers["ETag"]
            assert deployment.audit()[0].outcome == "success"
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    for headers, status in (
        (since, 200 if path.startswith("Patient") else 304),
        ({"If-None-Match": 'W/"x"', "If-Modified-Since": "Sat, 01 Jan 2050 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": "no date"}, 200),
    ):
        response = await deployment.client.get(
            f"{BASE}/{own}", headers={"Authorization": deployment.bearer(), **headers}
        )
        assert response.status_code in {status, 304 if headers is since else status}
    hidden = {"Authorization": deployment.bearer(at="RZZ"), "If-None-Match": "*"}
    assert (await deployment.client.get(f"{BASE}/{own}", headers=hidden)).status_code == 404


def batch(*requests: tuple[str, str, Tree | None]) -> Tree:
    """A batch of methods, addresses and resources."""
    entries = [
        {"request": {"method": method, "url": url}, **({"resource": resource} if resource else {})}
        for method, url, resource in requests
    ]
    return {"resourceType": "Bundle", "type": "batch", "entry": entries}


async def send(deployment: Deployment, bundle: Tree, **who: str) -> Said:
    """POST to the base."""
    headers = {"Authorization": deployment.bearer(scope="user/*.cruds", **who)}
    return checked(await deployment.client.post(BASE, content=orjson.dumps(bundle), headers=headers))


def statuses(said: Said) -> list[str]:
    """The status of each entry."""
    assert said.status == 200, said.body
    return [one["response"]["status"] for one in said.body["entry"]]


async def test_each_entry_of_a_batch_is_a_request_of_its_own(fresh: Deployment) -> None:
    """Decided and audited alone; two persons do not mix, no entry stops another, nothing leads elsewhere."""
    ada, bert = await fresh.subject(), await fresh.subject(BERT)
    before = len(fresh.audit())
    said = await send(
        fresh,
        batch(
            ("GET", f"Observation?patient={ada}&_count=1", None),
            ("GET", f"Patient/{bert}", None),
            ("POST", "Flag", flag(ada)),
            ("GET", f"Flag?patient={ada}", None),
            ("GET", "Patient/nobody", None),
            ("POST", "Condition", {"resourceType": "Condition"}),
            ("DELETE", f"Patient/{ada}", None),
            ("GET", "https://elsewhere.test/fhir/Patient/1", None),
            ("GET", "../health/live", None),
            ("GET", "auth/authorize", None),
            ("POST", "Bundle", batch(("GET", "metadata", None))),
            ("POST", "Patient/$break-glass", {"resourceType": "Parameters"}),
            ("GET", f"{BASE}/Patient/{ada}", None),
        ),
    )
    assert statuses(said) == [
        "200", "200", "201", "200", "404", "405", "400", "400", "400", "400", "405", "400", "200",
    ]  # fmt: skip
    flags = said.body["entry"][3]["resource"]["entry"]
    assert [one["resource"]["resourceType"] for one in flags] == ["Flag", "OperationOutcome"]
    assert all("outcome" in one["response"] for one in said.body["entry"] if one["response"]["status"] >= "4")
    rows = fresh.audit()[: len(fresh.audit()) - before]
    assert len([row for row in rows if row.what in {"Observation", "Patient", "Flag"}]) == 6
    assert [row.details["entries"] for row in rows if row.what == "batch"] == ["13"]
    alone = await fresh.get(f"Patient/{bert}")
    assert said.body["entry"][1]["resource"] == alone.body
    assert said.body["entry"][1]["response"]["etag"] == alone.headers["ETag"]
    stranger = await send(fresh, batch(("GET", f"Patient/{ada}", None), ("GET", "Patient/x", None)), at="RZZ")
    there, nobody = stranger.body["entry"]
    assert there == nobody


async def test_a_batch_has_limits(deployment: Deployment) -> None:
    """No transaction, not too many, nothing without a token; conditions go with their entry alone."""
    ada = await deployment.subject()
    assert (await send(deployment, {"resourceType": "Bundle", "type": "transaction"})).status == 501
    assert (await send(deployment, {"resourceType": "Bundle", "type": "searchset"})).status == 400
    assert (await send(deployment, {"resourceType": "Patient"})).status == 400
    many = batch(*[("GET", "Patient/x", None)] * 51)
    assert (await send(deployment, many)).code == "too-many-entries"
    response = await deployment.client.post(BASE, content=orjson.dumps(batch(("GET", "Patient/x", None))))
    assert response.status_code == 401
    known = (await deployment.get(f"Patient/{ada}")).headers["ETag"]
    conditional = batch(("GET", f"Patient/{ada}", None), ("GET", f"Patient/{ada}", None))
    conditional["entry"][0]["request"]["ifNoneMatch"] = known
    assert statuses(await send(deployment, conditional)) == ["304", "200"]
    conditional["entry"][0]["request"]["ifNoneMatch"] = "a\r\nAuthorization: b"
    assert statuses(await send(deployment, conditional)) == ["400", "200"]


async def test_a_version_that_may_not_be_seen_leaves_no_trace(fresh: Deployment) -> None:
    """Of three versions the restricted one is in no history, and is not read by its number."""
    subject = await fresh.subject()
    made = await write(fresh, "Flag", flag(subject))
    logical, services = made.body["id"], fresh.services

    def next_version(text: str, labels: list[Tree]) -> str:
        def work(conn: Connection) -> str:
            kept = contributions.find(conn, services.keys, "Flag", logical)
            assert kept is not None
            meta = {"security": labels} if labels else {}
            body = {**flag(subject), "id": logical, "meta": meta, "code": {"text": text}}
            entry = pack(body, source="A81001", now=now_ms())
            after, labelling = kept.entry.version, services.policy.labels
            return contributions.keep(
                conn, services.keys, kept.person, entry, labelling, now_ms(), after=after
            ).version

        return services.database.write_now(work)

    hidden = next_version("zzhidden", [RESTRICTED])
    assert (await fresh.get(f"Flag/{logical}")).status == 404
    assert (await fresh.get(f"Flag/{logical}/_history")).status == 404
    shown = next_version("Three to lift", [])
    history = await fresh.get(f"Flag/{logical}/_history")
    assert history.body["total"] == 2
    etags = [entry["response"]["etag"] for entry in history.body["entry"]]
    assert etags == [f'W/"{shown}"', made.headers["ETag"]]
    assert b"zzhidden" not in history.raw
    there = await fresh.get(f"Flag/{logical}/_history/{hidden}")
    nowhere = await fresh.get(f"Flag/{logical}/_history/{'0' * 16}")
    assert (there.status, there.body) == (404, nowhere.body)


async def test_what_a_practice_wrote_stays_when_the_person_moves(fresh: Deployment) -> None:
    """An alert of the practice that they have left is found by whoever has to do with them."""
    subject = await fresh.subject()
    said = await write(fresh, "Flag", flag(subject))
    own = f"Flag/{said.body['id']}"
    await fresh.end_relationship(ADA, "A81001")
    assert (await fresh.get("Flag", role="R8001", at="RXX", patient=subject)).ids == [own]
    assert (await fresh.get(own, role="R8001", at="RXX")).body["id"] == said.body["id"]
