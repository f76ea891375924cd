"""Payloads over HTTP: taken, quarantined, refused, and stored once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from tests.functional.deployment import (
    ADA,
    ADMISSION,
    BASE,
    SERVER,
    Deployment,
    checked,
    message,
    pid,
    running,
    visit,
)

from scr.store.quarantine import quarantined


def update(control: str, *, family: str = "O'Sample", born: str = "19410705") -> bytes:
    """A new admission of Ada's, as the hospital sends it."""
    return message("A01", control, pid(ADA, family, "Ada^Mary", born), visit(f"V-{control}"))


async def test_a_payload_is_filed_and_can_be_read(fresh: Deployment) -> None:
    """202 after the commit: the next question finds it."""
    subject = await fresh.subject()
    before = (await fresh.get("Encounter", patient=subject)).body["total"]
    said = await fresh.send("adt", update("N1"))
    assert said.status == 202
    assert said.body["issue"][0]["severity"] == "information"
    assert (await fresh.get("Encounter", patient=subject)).body["total"] == before + 1


async def test_delivered_twice_is_stored_once(fresh: Deployment) -> None:
    """The same bytes again get the same receipt, and change nothing."""
    subject = await fresh.subject()
    before = await fresh.get(f"Patient/{subject}/$everything")
    said = await fresh.send("adt", ADMISSION)
    assert said.status == 202
    assert "stored once" in said.body["issue"][0]["details"]["text"]
    after = await fresh.get(f"Patient/{subject}/$everything")
    assert after.versions == before.versions


DOUBTFUL = {
    "demographics-contradict": update("D1", family="Stranger", born="19990909"),
    "bad-nhs-number": update("D2").replace(ADA.value.encode(), b"9990000001"),
    "no-nhs-number": update("D3").replace(ADA.value.encode(), b"").replace(b"H1^", b"H9^"),
    "merge-needs-review": message(
        "A40", "D4", pid(ADA, "O'Sample", "Ada^Mary", "19410705"), "MRG|H2^^^PAS^MR"
    ),
}


async def test_what_is_in_doubt_is_quarantined_and_told(fresh: Deployment) -> None:
    """422 with the reason, nothing on the record, and nobody's data in the answer."""
    subject = await fresh.subject()
    before = await fresh.get(f"Patient/{subject}/$everything", _reconciled="false")
    for code, body in DOUBTFUL.items():
        said = await fresh.send("adt", body)
        assert said.status == 422
        issues = {issue["details"]["coding"][0]["code"] for issue in said.body["issue"]}
        assert issues == {"received", code}
        assert b"Stranger" not in said.raw
    after = await fresh.get(f"Patient/{subject}/$everything", _reconciled="false")
    assert after.versions == before.versions
    waiting = fresh.services.database.read_now(lambda c: quarantined(c))
    assert {item.code for item in waiting} == set(DOUBTFUL)


UNREADABLE = [
    b"",
    b"{",
    b"<html><body>no</body></html>",
    b"\x00\xff\xfe",
    b"MSH|",
    b"MSH|^~\\&|" + b"x" * 5000,
    b"\x1f\x8b\x08",
]


async def test_what_cannot_be_read_is_kept_and_told(fresh: Deployment) -> None:
    """Malformed, of another kind or empty: a clear answer, and none of it in the answer."""
    for body in UNREADABLE:
        said = await fresh.send("adt", body)
        assert said.status == 422, body
        assert "error" in {issue["severity"] for issue in said.body["issue"]}
        assert b"html" not in said.raw


async def test_a_client_sends_to_its_own_feeds_only(fresh: Deployment) -> None:
    """Another's feed, a feed that is not there, a feed that is no HTTP feed: the same 403."""
    answers = [
        await fresh.send("adt", ADMISSION, client="somebody"),
        await fresh.send("nonsense", ADMISSION),
        await fresh.send("social-care", ADMISSION),
        checked(  # somebody who signed in to the very client that sends
            await fresh.client.post(
                f"{SERVER}/intake/adt",
                headers={"Authorization": fresh.bearer(client_id="pas")},
                content=ADMISSION,
            )
        ),
    ]
    assert {(answer.status, answer.raw) for answer in answers} == {(403, answers[0].raw)}
    assert len(fresh.audit()) == 4


async def test_a_payload_without_a_token_is_not_read(fresh: Deployment) -> None:
    """401, in the audit as well."""
    answer = await fresh.client.post(f"{SERVER}/intake/adt", content=ADMISSION)
    assert checked(answer).status == 401
    assert [(row.what, row.code) for row in fresh.audit()] == [("intake", "no-token")]
    assert checked(await fresh.client.get(f"{SERVER}/intake/adt")).status == 405
    assert checked(await fresh.client.post(f"{BASE}/intake/adt")).status in {404, 405}


async def test_a_payload_over_the_limit_is_refused(tmp_path: Path, sqlite_template: Path) -> None:
    """413 as soon as it is over, whatever length it announced."""
    url = f"sqlite:///{tmp_path / 'scr.db'}"
    async with running(tmp_path / "home", url, max_payload_bytes=20_000) as fresh:
        said = await fresh.send("adt", b"x" * 20_001)
        assert (said.status, said.code) == (413, "too-large")
        chunks = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal chunks
            while True:
                chunks += 1
                yield b"x" * 1000

        assert (await fresh.send("adt", endless())).status == 413
        assert chunks < 30


async def test_a_system_that_feeds_cannot_look(fresh: Deployment) -> None:
    """The token that delivers payloads opens no record."""
    subject = await fresh.subject()
    headers = {"Authorization": fresh.bearer(nhsid_useruid=None, client_id="pas")}
    said = checked(await fresh.client.get(f"{BASE}/Patient/{subject}", headers=headers))
    assert (said.status, said.code) == (403, "actor-kind")
