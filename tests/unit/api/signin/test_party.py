"""We as a client of an upstream that answers with nonsense, or not at all."""

from __future__ import annotations

import httpx
import pytest
from structlog.testing import capture_logs
from tests.unit.api.signin.upstream import TestUpstream

from scr.api.signin.metadata import Directory
from scr.api.signin.party import Party, check_upstream
from scr.api.signin.told import Told
from scr.errors import Invalid, ScrError
from scr.settings import Upstream

_GOOD = {"access_token": "access", "id_token": "id", "token_type": "bearer"}


class Answers(TestUpstream):
    """An upstream whose token endpoint, or UserInfo, gives one answer; ``sent`` is what it was sent."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer
        self.sent: list[httpx.Request] = []

    def respond(self, request: httpx.Request) -> httpx.Response:
        """That answer, and discovery as ever."""
        if request.url.path not in ("/token", "/me"):
            return super().respond(request)
        self.sent.append(request)
        return self.answer

    def party(self, settings: Upstream) -> Party:
        """We, who know it."""
        client = httpx.AsyncClient(transport=httpx.MockTransport(self.respond))
        directory = Directory(settings, client, lambda: self.now)
        return Party(
            settings, directory, client, lambda _: b"a secret: 100 %", lambda: self.now, "https://us"
        )


_ANSWERS = [
    (httpx.Response(400, json={"error": "invalid_grant"}), "upstream-refused", "invalid_grant"),
    (httpx.Response(401, json={"error": "<the secret>"}), "upstream-refused", "http-401"),
    (httpx.Response(403, text="no"), "upstream-refused", "http-403"),
    (httpx.Response(500, json={}), "upstream-down", ""),
    (httpx.Response(503, text="busy"), "upstream-down", ""),
    (httpx.Response(302, headers={"location": "https://elsewhere.example"}), "upstream-down", ""),
    (httpx.Response(200, text="<html>"), "upstream-down", ""),
    (httpx.Response(200, json={**_GOOD, "id_token": None}), "upstream-down", ""),
    (httpx.Response(200, json={**_GOOD, "token_type": "mac"}), "upstream-down", ""),
]


@pytest.mark.parametrize(("answer", "code", "logged"), _ANSWERS, ids=[str(row[1:]) for row in _ANSWERS])
async def test_a_code_that_is_not_redeemed(answer: httpx.Response, code: str, logged: str) -> None:
    """Refused or down, in words for people; the operator's log has the error where it is a standard one."""
    upstream = Answers(answer)
    party = upstream.party(upstream.settings(authentication="client_secret_post"))
    with capture_logs() as logs, pytest.raises(ScrError, match="CIS2") as refused:
        await party.redeem("the-code", "the-verifier")
    assert refused.value.code == code
    assert [line["error"] for line in logs if "error" in line] == ([logged] if logged else [])
    assert "the-code" not in str(logs)


async def test_what_is_told_of_somebody_is_read_or_not_at_all() -> None:
    """A list of roles that is none, or of people to act for without a number, signs nobody in."""
    for told in ({}, {"sub": "s", "nhsid_nrbac_roles": "all"}, {"sub": "s", "delegations": [{"sub": "t"}]}):
        upstream = Answers(httpx.Response(200, json=told))
        good = Answers(httpx.Response(200, json=_GOOD))
        tokens = await good.party(good.settings(authentication="client_secret_post")).redeem("c", "v")
        with pytest.raises(ScrError) as refused:
            await upstream.party(upstream.settings()).told(tokens)
        assert refused.value.code == "upstream-down"
        assert upstream.sent[0].headers["authorization"] == "Bearer access"
        assert "access" not in repr(tokens)
    assert repr(Told(sub="s", name="Ann Lee")) == "Told()"


@pytest.mark.parametrize(
    ("way", "where"),
    [
        ("client_secret_basic", ("authorization", "Basic cmVjb3JkOmElMjBzZWNyZXQlM0ElMjAxMDAlMjAlMjU=")),
        ("client_secret_post", ("body", "client_id=record&client_secret=a+secret%3A+100+%25")),
    ],
)
async def test_a_secret_goes_where_it_belongs(way: str, where: tuple[str, str]) -> None:
    """In the header, each part encoded first (RFC 6749, 2.3.1), or in the form; never in both."""
    upstream = Answers(httpx.Response(200, json=_GOOD))
    await upstream.party(upstream.settings(authentication=way)).redeem("c", "v")
    [request] = upstream.sent
    sent = {"authorization": request.headers.get("authorization", ""), "body": request.content.decode()}
    assert where[1] in sent.pop(where[0])
    assert "secret" not in str(sent)


def test_a_key_that_is_none_is_told_at_the_start() -> None:
    """By the name of the upstream, and without the key."""
    settings = TestUpstream().settings()
    with pytest.raises(Invalid, match="'cis2' is not an RSA private key") as refused:
        check_upstream(settings, lambda _: b"-----BEGIN nothing-----")
    assert "BEGIN" not in str(refused.value)
