"""What becomes of each thing that PDS can do to whoever asks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import RSAKey
from tests.support.patience import LONG
from tests.unit.identity.pds.answers import ADA, BERT, FHIR, Tree, dumped, level, patient, problem, searchset

from scr.errors import Invalid
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity.pds.access import AccessTokens, Application
from scr.identity.pds.client import Limits, PdsClient
from scr.identity.pds.facts import (
    Found,
    Invalidated,
    NotKnown,
    NumberAnswer,
    Refused,
    Several,
    Superseded,
    Unreachable,
)
from scr.identity.pds.search import Search
from scr.sources.http import open_client

KEY = RSAKey.generate_key(2048)
SEARCH = Search("Sample", ("Ada",), "1941-07-05")
Handler = Callable[[httpx.Request], httpx.Response]


@dataclass
class Service:
    """PDS and its token endpoint, in the place of the network; it notes what it was sent."""

    handle: Handler
    seen: list[httpx.Request] = field(default_factory=list)
    assertions: list[str] = field(default_factory=list)
    lifetime: str = "599"
    now: float = 1000.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        if request.url.path == "/oauth2/token":
            self.assertions.append(httpx.QueryParams(request.content.decode())["client_assertion"])
            token = f"token-{len(self.assertions)}"
            body = {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"}
            return httpx.Response(200, json=body)
        self.seen.append(request)
        return self.handle(request)

    def clock(self) -> float:
        """The time, which a test moves."""
        return self.now

    def tokens(self) -> AccessTokens:
        """Those that it gives."""
        application = Application(
            "http://pds.example/oauth2/token", "us", "kid-1", lambda: KEY.as_pem(private=True)
        )
        return AccessTokens(open_client(httpx.MockTransport(self)), application, self.clock)

    def asker(self, tokens: AccessTokens | None = None) -> PdsClient:
        """Who asks it, with tokens of its own unless others are given."""
        client = open_client(httpx.MockTransport(self))
        return PdsClient(
            client,
            "http://pds.example/R4",
            OdsCode("Z9901"),
            tokens or self.tokens(),
            clock=self.clock,
            limits=Limits(LONG, 4),
        )


def says(tree: Tree, status: int = 200, headers: Mapping[str, str] = FHIR) -> Handler:
    """Always the same answer."""
    return lambda _: httpx.Response(status, content=dumped(tree), headers=headers)


def raises(error: Exception) -> Handler:
    """A network that fails."""

    def handle(_: httpx.Request) -> httpx.Response:
        raise error

    return handle


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What is logged, at every level: nobody's number is in it at the end."""
    caplog.set_level(logging.DEBUG)
    yield caplog
    assert ADA.value not in caplog.text


REDACTED = patient(meta={"security": [level("REDACTED")]})
OTHERS_IDENTIFIER = {**patient(), "identifier": patient(BERT)["identifier"]}
INVALID = {**patient(), "id": "9990001015"}


@pytest.mark.parametrize(
    ("handler", "answer"),
    [
        (says(problem("RESOURCE_NOT_FOUND"), 404), NotKnown()),
        (says(problem("INVALIDATED_RESOURCE"), 404), Invalidated(ADA)),
        (says(REDACTED), Invalidated(ADA)),
        (says(problem("INVALID_RESOURCE_ID"), 400), Refused("http-400")),
        (says(OTHERS_IDENTIFIER), Refused("malformed")),
        (says(INVALID), Refused("malformed")),
        (says(searchset(patient())), Refused("malformed")),
        (says(problem("RESOURCE_NOT_FOUND")), Refused("malformed")),
        (says({**patient(), "birthDate": 1941}), Refused("malformed")),
        (says(patient(), 200, FHIR | {"X-Request-ID": "somebody-else's"}), Refused("other-answer")),
        (says({}, 404), Unreachable("http-404")),
        (lambda _: httpx.Response(404, text="no route"), Unreachable("http-404")),
        (lambda _: httpx.Response(200, content=dumped(patient())[:90], headers=FHIR), Refused("malformed")),
        (lambda _: httpx.Response(200, text="<html>"), Unreachable("wrong-type")),
        (lambda _: httpx.Response(302, headers={"location": "http://x"}), Unreachable("redirect")),
        (says(problem("ACCESS_DENIED"), 403), Unreachable("denied")),
        (says(problem("UNABLE_TO_CALL_SERVICE"), 408), Unreachable("http-408")),
        (says(problem("TOO_MANY_REQUESTS"), 429, FHIR | {"Retry-After": "7"}), Unreachable("http-429", 7.0)),
        (lambda _: httpx.Response(429, text="busy"), Unreachable("http-429")),
        (lambda _: httpx.Response(503, headers={"retry-after": "900"}), Unreachable("http-503", 900.0)),
        (lambda _: httpx.Response(500, text="oh"), Unreachable("http-500")),
        (raises(httpx.ConnectError("no")), Unreachable("unreachable")),
        (raises(httpx.ReadTimeout("slow")), Unreachable("timed-out")),
    ],
)
async def test_each_answer_means_one_thing(
    log: pytest.LogCaptureFixture, handler: Handler, answer: NumberAnswer
) -> None:
    """What is said of a number, of nobody, and what is not to be trusted; and no log names anyone."""
    assert await Service(handler).asker().number(ADA) == answer


async def test_a_call_is_as_the_specification_has_it() -> None:
    """The number in the path, the headers, a token for our assertion; a session only where a user asks."""
    service = Service(says(patient()))
    ask = service.asker()
    assert isinstance(await ask.number(ADA), Found)
    await ask.number(ADA, session="555000001", fresh=True)
    first, second = service.seen
    assert (first.method, str(first.url)) == ("GET", f"http://pds.example/R4/Patient/{ADA.value}")
    assert first.headers["Authorization"] == "Bearer token-1"
    assert first.headers["NHSD-End-User-Organisation-ODS"] == "Z9901"
    assert len(first.headers["X-Request-ID"]) == len(first.headers["X-Correlation-ID"]) == 36
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    assert "NHSD-Session-URID" not in first.headers
    assert second.headers["NHSD-Session-URID"] == "555000001"
    (assertion,) = service.assertions
    signed = jwt.decode(assertion, KEY, algorithms=["RS512"])
    assert (signed.header["kid"], signed.header["alg"]) == ("kid-1", "RS512")
    assert signed.claims["iss"] == signed.claims["sub"] == "us"
    assert signed.claims["aud"] == "http://pds.example/oauth2/token"
    assert 0 < signed.claims["exp"] - service.now <= 300


async def test_a_token_is_kept_until_shortly_before_its_end_and_dropped_when_refused() -> None:
    """One for ten minutes; a new one for 401; and each assertion is used once."""
    refusing = iter([200, 200, 200, 401, 200])

    def handle(request: httpx.Request) -> httpx.Response:
        status = next(refusing)
        tree = patient() if status == 200 else problem("ACCESS_DENIED")
        return httpx.Response(status, content=dumped(tree), headers=FHIR)

    service = Service(handle)
    ask = service.asker()
    await ask.number(ADA, fresh=True)
    service.now += 560
    await ask.number(ADA, fresh=True)
    service.now += 15
    await ask.number(ADA, fresh=True)
    assert isinstance(await ask.number(ADA, fresh=True), Found)
    tokens = [request.headers["Authorization"] for request in service.seen]
    assert tokens == [f"Bearer token-{n}" for n in (1, 1, 2, 2, 3)]
    ids = {jwt.decode(one, KEY, algorithms=["RS512"]).claims["jti"] for one in service.assertions}
    assert len(ids) == 3


async def test_a_superseded_number_is_asked_for_twice() -> None:
    """An answer that got into the wrong hands is seen: the second one is another."""
    steady = Service(says(patient(BERT)))
    answer = await steady.asker().number(ADA)
    assert isinstance(answer, Superseded)
    assert (answer.asked, answer.person.number, len(steady.seen)) == (ADA, BERT, 2)
    mixed = iter([patient(BERT), patient(ADA)])
    once = Service(lambda _: httpx.Response(200, content=dumped(next(mixed)), headers=FHIR))
    assert await once.asker().number(ADA) == Refused("other-person")


async def test_what_was_said_is_remembered_for_a_while() -> None:
    """Ten minutes; what is no answer about anyone is not remembered."""
    service = Service(says(problem("INVALIDATED_RESOURCE"), 404))
    ask = service.asker()
    for _ in range(3):
        assert await ask.number(ADA) == Invalidated(ADA)
    assert len(service.seen) == 1
    service.now += 601
    service.handle = raises(httpx.ConnectError("no"))
    await ask.number(ADA)
    service.handle = says(patient())
    assert isinstance(await ask.number(ADA), Found)


async def test_it_is_left_alone_after_some_failures_and_one_call_looks_again() -> None:
    """Five in a row: then no call is made for a while; one looks whether it is back."""
    service = Service(lambda _: httpx.Response(500, text="oh"))
    ask = service.asker()
    answers = [await ask.number(ADA) for _ in range(7)]
    assert [one.code for one in answers if isinstance(one, Unreachable)] == ["http-500"] * 5 + [
        "left-alone"
    ] * 2
    assert len(service.seen) == 5
    service.handle = says(patient())
    service.now += 5
    assert isinstance(await ask.number(ADA), Found)


@pytest.mark.parametrize(
    ("handler", "answer"),
    [
        (says(searchset()), NotKnown()),
        (says(searchset(patient(), patient(BERT))), Several()),
        (says(problem("TOO_MANY_MATCHES")), Several()),
        (says(searchset(patient(birthDate="1941-07-06"))), Refused("other-person")),
        (says({**searchset(patient()), "total": 7}), Refused("malformed")),
        (says(problem("INVALID_SEARCH_DATA"), 400), Refused("http-400")),
        (says(problem("TOO_MANY_REQUESTS"), 429, FHIR | {"Retry-After": "7"}), Unreachable("http-429", 7.0)),
    ],
)
async def test_only_a_single_match_is_an_answer(handler: Handler, answer: object) -> None:
    """None, several, too many, or one who was not looked for: nobody."""
    assert await Service(handler).asker().search(SEARCH) == answer


async def test_a_search_asks_for_one_match_and_tells_its_score() -> None:
    """Its parameters are those of the specification."""
    service = Service(says(searchset(patient(), score=0.91)))
    found = await service.asker().search(Search("Sam*", ("Ada", "May"), "1941-07-05", postcode="ZZ99 1AA"))
    assert isinstance(found, Found)
    assert found.score == 0.91
    assert sorted(service.seen[0].url.params.multi_items()) == [
        ("_max-results", "1"),
        ("address-postalcode", "ZZ99 1AA"),
        ("birthdate", "eq1941-07-05"),
        ("family", "Sam*"),
        ("given", "Ada"),
        ("given", "May"),
    ]


@pytest.mark.parametrize(
    "search",
    [
        Search("Sample"),
        Search(birth_date="1941-07-05"),
        Search("Sample", birth_date="1941-07-05", fuzzy=True),
        Search("Sam*", birth_date="1941-07-05", exact=True),
        Search("Sample", ("Ada",), "1941-07-05", exact=True, fuzzy=True),
    ],
)
def test_a_search_that_pds_does_not_take_is_not_sent(search: Search) -> None:
    """It is refused here, with what is missing."""
    with pytest.raises(Invalid):
        search.parameters()


_TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


_TOKENS = Service(lambda _: httpx.Response(404)).tokens()
"""For every example: to read the private key takes longer than all the rest of one."""


@given(
    changed=st.dictionaries(st.sampled_from(sorted(patient())), _TREES, max_size=3),
    status=st.sampled_from([200, 201, 204, 400, 401, 403, 404, 418, 429, 500, 503]),
)
async def test_whatever_pds_answers_nobody_is_found_by_another_number(
    changed: dict[str, object], status: int
) -> None:
    """Any field of an answer may be anything: the person is the one asked for, or PDS says so twice."""
    body = orjson.dumps({**patient(), **changed})
    service = Service(lambda _: httpx.Response(status, content=body, headers=FHIR))
    answer = await service.asker(_TOKENS).number(ADA)
    if isinstance(answer, Found):
        assert (answer.person.number, status) == (ADA, 200)
    elif isinstance(answer, Superseded):
        assert isinstance(answer.person.number, NHSNumber)
        assert answer.person.number.value == changed["id"]
