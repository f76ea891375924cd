"""Neighbouring shared care records: each asks the others for its clinicians, and nobody in a circle."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from functools import partial

import msgspec
import pytest
import pytest_asyncio
from joserfc.jwk import ECKey
from sqlalchemy import update
from tests.functional.ring import (
    CODES,
    NAMES,
    Area,
    area,
    base_of,
    by_heading,
    conditions,
    hospital,
    ring_of_three,
)

from scr.fhir.canonical import ORIGIN_SYSTEM
from scr.fhir.identifiers import ODS_SYSTEM
from scr.mapping.provider import BackendServices
from scr.sources.access import AccessTokens
from scr.sources.backend_services import BackendClient, Signer
from scr.sources.http import open_client
from scr.sources.requester import HEADER, PURPOSE_SYSTEM, ROLE_SYSTEM, TYPE
from scr.store import clients
from scr.store.tables import CLIENT

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEY_FILE = "file:keys/signing.json"
OTHER = ECKey.generate_key("P-384", {"kid": "other"})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ring(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Area]]:
    """Three records that are each other's neighbours."""
    async with ring_of_three(tmp_path_factory.mktemp("ring")) as areas:
        yield areas


def issuers_of_questions(some: Area) -> set[str]:
    """Who told for whom it asks, on each request for a person."""
    told = [one.headers[HEADER] for one in some.ring.asked if "Patient" in one.url.path]
    bodies = [token.split(".")[1] for token in told]
    return {_decoded(body)["iss"] for body in bodies}


def _decoded(body: str) -> dict[str, str]:
    raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    found: dict[str, str] = {k: v for k, v in msgspec.json.decode(raw).items() if isinstance(v, str)}
    return found


async def test_each_sees_what_all_three_hold_and_nobody_is_asked_in_a_circle(ring: dict[str, Area]) -> None:
    """In a ring of three whoever is asked by a neighbour asks none: the question ends after one step."""
    for name, here in ring.items():
        here.ring.asked.clear()
        said = await here.everything()
        others = [other for other in NAMES if other != name]
        assert conditions(said) == set(CODES.values())
        assert said.ledger == {hospital(name): "answered", **{area(o): "answered" for o in others}}
        assert issuers_of_questions(here) == {f"{base_of(name)}/auth"}
        assert sorted(here.ring.questions()) == sorted(
            others * 4
        )  # two looks, a search and the record in each
        for other in others:
            row = ring[other].audit()[0]
            assert (row.actor, row.actor_name) == (f"{base_of(name)}/auth|555000000100", "Ann Lee")
            assert (row.role, row.organisation, row.outcome) == ("R8000", hospital(name), "success")
            assert row.details["neighbour"] == f"area-{name}"
            assert row.details["neighbour_name"] == f"Area {name}"
            assert row.details["asked_as"] in {own.correlation for own in here.audit()}
            assert str(row.details["ledger"]).startswith("1/3 answered; ")


async def test_what_came_from_a_neighbour_says_so_and_has_one_patient(ring: dict[str, Area]) -> None:
    """Each entry of a neighbour names the record that it was taken from; none of our own does."""
    said = await ring["a"].everything()
    for one in said.matches:
        origins = {tag["code"] for tag in one["meta"].get("tag", ()) if tag["system"] == ORIGIN_SYSTEM}
        source = one["meta"].get("source", "")
        expected = {base_of(name) for name in NAMES if area(name) in source}
        assert origins == expected, one


class Word:
    """What a neighbour says on a request: right, but for what a test changes."""

    def __init__(self, some: Area) -> None:
        settings = some.services.settings
        self.name = some.name
        self.signer = Signer(partial(settings.secret, KEY_FILE))

    def claims(self, to: str, **changes: object) -> dict[str, object]:
        """The claims; ``ihe_iua.X`` and ``beside.X`` change what is inside."""
        now = int(time.time())
        iua: dict[str, object] = {
            "subject_organization_id": f"{ODS_SYSTEM}|{hospital(self.name)}",
            "subject_role": [{"system": ROLE_SYSTEM, "code": "R8000"}],
            "purpose_of_use": [{"system": PURPOSE_SYSTEM, "code": "TREAT"}],
            "subject_name": "Ann Lee",
        }
        beside: dict[str, object] = {"asked_by": [f"{base_of(self.name)}/auth"], "ties": ["encounter"]}
        top = {name: value for name, value in changes.items() if "__" not in name}
        for name, value in changes.items():
            where, _, what = name.partition("__")
            if what:
                (iua if where == "iua" else beside)[what] = value
        return {
            "iss": f"{base_of(self.name)}/auth",
            "sub": "555000000100",
            "aud": base_of(to),
            "iat": now,
            "exp": now + 60,
            "jti": f"{time.time_ns()}-{id(changes)}",
            "extensions": {"ihe_iua": iua, "shared_care_record": beside},
            **top,
        }

    def said(self, to: str, **changes: object) -> str:
        """Signed."""
        return self.signer.sign(self.claims(to, **changes), TYPE)


async def token_of(some: Area, to: str) -> str:
    """One's own token at another."""
    client = open_client(some.ring)
    known_as = BackendServices(client_id=f"area-{some.name}", key=KEY_FILE)
    asker = BackendClient(base_of(to), known_as, Word(some).signer)
    return f"Bearer {await AccessTokens(client, asker, time.time).token(time.monotonic() + 10)}"


def role(code: str) -> list[dict[str, str]]:
    """A selected role."""
    return [{"system": ROLE_SYSTEM, "code": code}]


def purpose(code: str) -> list[dict[str, str]]:
    """A purpose of use."""
    return [{"system": PURPOSE_SYSTEM, "code": code}]


_TOMORROW = int(time.time()) + 86_400
"""However long after this table was read the tests come."""
REFUSED: dict[str, tuple[dict[str, object], int, str]] = {
    "of another issuer": ({"iss": f"{base_of('c')}/auth"}, 401, "requester-unknown-issuer"),
    "for another record": ({"aud": base_of("c")}, 401, "requester-bad-audience"),
    "expired": ({"iat": 1, "exp": 61}, 401, "requester-expired"),
    "from the future": ({"iat": _TOMORROW}, 401, "requester-not-yet-valid"),
    "good for a day": ({"exp": _TOMORROW}, 401, "requester-too-long"),
    "without an id": ({"jti": ""}, 401, "requester-bad-token"),
    "without a name for who asks": ({"sub": ""}, 401, "requester-bad-token"),
    "for another's organisation": (
        {"iua__subject_organization_id": f"{ODS_SYSTEM}|{hospital('b')}"}, 403, "not-its-organisation",
    ),
    "for an organisation without a system": (
        {"iua__subject_organization_id": hospital("a")}, 403, "not-its-organisation",
    ),
    "in a role that it has not": ({"iua__subject_role": role("R8008")}, 403, "not-its-role"),
    "in a role that the policy does not know": ({"iua__subject_role": role("R9999")}, 403, "unknown-role"),
    "in two roles": ({"iua__subject_role": [*role("R8000"), *role("R9999")]}, 403, "not-its-role"),
    "for a purpose that is none": ({"iua__purpose_of_use": purpose("HMARKT")}, 403, "purpose"),
    "for no purpose": ({"iua__purpose_of_use": []}, 403, "purpose"),
    "in a circle": ({"beside__asked_by": [f"{base_of(n)}/auth" for n in "ba"]}, 403, "own-question"),
    "without a relationship": ({"beside__ties": []}, 403, "no-relationship"),
    "by a tie that was claimed": ({"beside__ties": ["self-claimed", "care"]}, 403, "no-relationship"),
    "under a glass alone": (
        {"beside__ties": [], "beside__broken_glass": True, "iua__purpose_of_use": purpose("BTG")},
        403, "no-relationship",
    ),
}  # fmt: skip


async def test_nobody_asks_where_the_neighbours_word_is_not_as_it_has_to_be(ring: dict[str, Area]) -> None:
    """Each is refused with its code, and the audit has it, with the neighbour's name."""
    here, there = ring["a"], ring["b"]
    subject, word = await there.subject(), Word(here)
    authorization = {"Authorization": await token_of(here, "b")}
    path = f"Patient/{subject}/$everything"
    change = update(CLIENT).where(CLIENT.c.id == "area-a").values(roles="R8000 R9999")
    await there.services.database.write(lambda connection: connection.execute(change))
    seen = {}
    for name, (changes, _, _) in REFUSED.items():
        search = "Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|9995100002"
        answer = await there.send("GET", search, headers={**authorization, HEADER: word.said("b", **changes)})
        row = there.audit()[0]
        assert "Area a" in (row.actor_name, row.details.get("neighbour_name")), name
        assert row.outcome == "refused"
        seen[name] = (answer.status_code, row.code)
    assert seen == {name: (status, code) for name, (_, status, code) in REFUSED.items()}

    good = word.said("b")
    others = Signer(lambda: msgspec.json.encode({"keys": [OTHER.as_dict(private=True)]}))
    for headers, code in (
        ([], "no-requester"),
        ([good, good], "requester-bad-token"),
        (["x.y.z"], "requester-bad-token"),
        ([others.sign(word.claims("b"), TYPE)], "requester-unknown-key"),
        ([word.signer.sign(word.claims("b"), "at+jwt")], "requester-wrong-kind"),
        ([good], ""),
        ([good], "requester-used-before"),
    ):
        pairs = [*authorization.items(), *((HEADER, one) for one in headers)]
        answer = await there.send("GET", path, headers=pairs)
        assert (answer.status_code, there.audit()[0].code) == ((401, code) if code else (200, "permitted"))


async def test_a_neighbour_reads_and_nobody_else_speaks_for_others(ring: dict[str, Area]) -> None:
    """No glass is broken and no relationship claimed through a neighbour; a clinician brings no such word;
    under a glass that was broken there, the record is open as far as it is without."""
    here, there = ring["a"], ring["b"]
    word, authorization = Word(here), {"Authorization": await token_of(here, "b")}
    for path in ("Patient/$break-glass", "Patient/$claim-relationship", "Consent"):
        answer = await there.send("POST", path, headers={**authorization, HEADER: word.said("b")})
        assert (answer.status_code, there.audit()[0].code) in {(403, "through-neighbour"), (403, "scope")}
    said = await there.ask("Observation?patient=x", headers={HEADER: word.said("b")})
    assert (said.status, said.code) == (401, "not-a-neighbour")
    told = word.said("b", iua__purpose_of_use=purpose("BTG"), beside__broken_glass=True)
    path = f"Patient/{await there.subject()}/$everything"
    answer = await there.send("GET", path, headers={**authorization, HEADER: told})
    row = there.audit()[0]
    assert (answer.status_code, row.purpose, row.details["broken_there"]) == (200, "TREAT", "yes")


async def test_what_either_side_keeps_back_is_told_by_heading(ring: dict[str, Area]) -> None:
    """Of a neighbour that shares less with an organisation's type, the ledger says for which headings; one
    that knows us no more is down, and the others answer."""
    here, there = ring["a"], ring["b"]
    change = update(CLIENT).where(CLIENT.c.id == "area-a").values(speaks_for=f"{hospital('a')}=pharmacy")
    await there.services.database.write(lambda connection: connection.execute(change))
    said = await here.everything()
    assert conditions(said) == set(CODES.values())
    theirs = [one for one in said.matches if area("b") in one["meta"].get("source", "")]
    assert "Encounter" not in {one["resourceType"] for one in theirs}
    told = by_heading(said)
    assert (told[area("b"), "admissions"], told[area("c"), "admissions"]) == ("withheld", "answered")

    await there.services.database.write(lambda connection: clients.disable(connection, "area-a", 1))
    said = await here.everything()
    assert conditions(said) == {CODES["a"], CODES["c"]}
    assert (said.ledger[area("b")], said.ledger[area("c")]) == ("down", "answered")
