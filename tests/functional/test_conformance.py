"""The conformance pack: our own endpoint passes it, and what is wrong with another is found."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import orjson
import pytest
from tests.functional.deployment import ADA, BASE, Deployment
from tests.functional.statement import FILE, statement

from scr.cli.app import command_line
from scr.cli.conform import asked
from scr.cli.conforming.report import as_json, summary, table, write_page
from scr.cli.conforming.run import Token
from scr.data import DataFiles
from scr.errors import Invalid
from scr.fhir.conforming.checks import load_checks
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM

CHECKS = load_checks(DataFiles())
Sent = tuple[int, dict[str, str], bytes]
Spoil = Callable[[Sent], Sent]


def token_of(deployment: Deployment) -> Token:
    """A clinician's token."""

    async def token() -> str:
        return deployment.bearer(scope="user/*.cruds").removeprefix("Bearer ")

    return token


async def test_our_own_endpoint_does_what_it_claims(deployment: Deployment, tmp_path: Path) -> None:
    """Every check of three types and of the endpoint as a whole holds, and the report says so. What the token
    may not ask for is skipped."""
    report = await asked(
        deployment.client, BASE, CHECKS, token_of(deployment),
        identifier=f"{NHS_NUMBER_SYSTEM}|{ADA.value}", write=True,
        only=frozenset({"Patient", "Condition", "Flag", "AuditEvent"}),
    )  # fmt: skip
    assert report.failed == (), [(one.check.name, one.of, one.why) for one in report.failed]
    closed = {one.verdict for one in report.findings if one.of.startswith("AuditEvent")}
    assert closed == {"skipped"}
    passed = {one.check.name for one in report.findings if one.verdict == "passed"}
    assert passed == {check.name for check in CHECKS}
    assert report.count("passed") > 150
    written = orjson.loads(as_json(report))
    assert (written["failed"], len(written["findings"])) == (0, len(report.findings))
    write_page(report, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert summary(report) in page
    assert "What failed" not in page
    assert table(report).row_count == len(CHECKS)
    assert ADA.value not in page


def _status(wanted: int, given: int) -> Spoil:
    def spoil(sent: Sent) -> Sent:
        status, headers, body = sent
        return given if status == wanted else status, headers, body

    return spoil


def _header(name: str, value: str = "") -> Spoil:
    def spoil(sent: Sent) -> Sent:
        status, headers, body = sent
        kept = {key: told for key, told in headers.items() if key != name}
        return status, kept | ({name: value} if value else {}), body

    return spoil


def _text(old: bytes, new: bytes) -> Spoil:
    def spoil(sent: Sent) -> Sent:
        status, headers, body = sent
        return status, headers, re.sub(old, new, body)

    return spoil


SPOILED: dict[str, tuple[Spoil, str, str]] = {
    "no version": (_header("etag"), "read", "no header etag"),
    "given again": (_status(304, 200), "conditional-read", "status 200, not 304"),
    "not FHIR": (_header("content-type", "text/html"), "search", "media type"),
    "cut off": (_text(rb'(?s)("type":"searchset".*)\}\Z', rb"\1"), "search", "not a resource in JSON"),
    "no R4": (
        _text(rb'"resourceType":"Condition"', b'"resourceType":"Condition","x":1'),
        "search",
        "not valid R4",
    ),
    "another type": (
        _text(rb'"type":"searchset"', b'"type":"collection"'),
        "search",
        "no Bundle of type searchset",
    ),
    "silent about what it used": (_text(rb"code=", b"c0de="), "parameter", "does not name code"),
    "no ledger": (_text(rb"ledger-entry", b"x"), "ledger", "no ledger"),
    "let in": (_status(401, 200), "no-token", "status 200, not 401"),
    "all found": (_status(404, 200), "unknown-id", "status 200"),
    "a page too few": (_text(rb'"relation":"next"', b'"relation":"up"'), "paging", "the total says"),
    "a whole as a part": (_text(rb"SUBSETTED", b"x"), "elements", "not tagged"),
    "JSON for XML": (_text(rb"<Condition", b"{<Condition"), "xml", "not XML"),
    "a batch in a row": (_text(rb'"status":"404"', b'"status":"500"'), "batch", "answered 200, 500"),
}


class Spoiling(httpx.AsyncBaseTransport):
    """An endpoint of which every answer is spoiled in one way."""

    def __init__(self, inner: httpx.AsyncClient, spoil: Spoil) -> None:
        self._inner, self._spoil = inner, spoil

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, spoiled."""
        sent = self._inner.build_request(
            request.method, request.url, headers=request.headers, content=await request.aread()
        )
        response = await self._inner.send(sent)
        status, headers, body = self._spoil((response.status_code, dict(response.headers), response.content))
        return httpx.Response(status, headers={**headers, "content-length": str(len(body))}, content=body)


@pytest.mark.parametrize("name", SPOILED)
async def test_what_is_wrong_is_found(deployment: Deployment, name: str) -> None:
    """Each way to be wrong fails its check, and says why without repeating what was answered."""
    spoil, check, why = SPOILED[name]
    subject = await deployment.subject()
    chosen = tuple(one for one in CHECKS if one.name == check)
    async with httpx.AsyncClient(transport=Spoiling(deployment.client, spoil)) as client:
        report = await asked(
            client, BASE, chosen, token_of(deployment), patient=subject, only=frozenset({"Condition"})
        )
    assert report.failed, name
    assert any(why in one.why for one in report.failed), [one.why for one in report.failed]
    assert not any("Sample" in one.why or ADA.value in one.why for one in report.failed)


async def test_what_failed_is_asked_once_more(deployment: Deployment) -> None:
    """What is live may have changed between two questions: then it is no failure, and the report tells."""
    subject, spoiled = await deployment.subject(), [(304, 200)]

    def once(sent: Sent) -> Sent:
        return _status(*spoiled.pop())(sent) if spoiled and sent[0] == spoiled[0][0] else sent

    chosen = tuple(one for one in CHECKS if one.name == "conditional-read")
    async with httpx.AsyncClient(transport=Spoiling(deployment.client, once)) as client:
        report = await asked(
            client, BASE, chosen, token_of(deployment), patient=subject, only=frozenset({"Condition"})
        )
    assert (spoiled, [(one.verdict, one.why) for one in report.findings]) == (
        [],
        [("passed", "when asked again")],
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["conform"], "--patient"),
        (["conform", "--patient", "x"], "--token"),
        (["conform", "--patient", "x", "--client", "c"], "--key"),
    ],
)
def test_the_command_says_what_it_needs(arguments: list[str], code: str, tmp_path: Path) -> None:
    """Without a person or a way in nothing is asked."""
    with pytest.raises(Invalid, match=re.escape(code)):
        command_line(arguments)(["--home", str(tmp_path), *arguments], standalone_mode=False)


async def test_the_statement_that_is_kept_is_what_is_there(tmp_path: Path) -> None:
    """`conformance/capability-statement.json`: make it anew with `python -m tests.functional.statement`."""
    assert FILE.read_bytes() == await statement(tmp_path)
