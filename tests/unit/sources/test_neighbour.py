"""A neighbour as a source: what is taken of its answer, and what its ledger tells of its own neighbours."""

from __future__ import annotations

import time

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.gaps import Issue
from scr.fhir.origin import came_from, tag_origin
from scr.fhir.pages import Part
from scr.mapping.provider import BackendServices
from scr.sources.access import AccessTokens
from scr.sources.backend_services import BackendClient, Signer
from scr.sources.fhir_rest import gaps
from scr.sources.neighbour import ASKED_BY_NEIGHBOUR, Admission
from scr.sources.protocol import Outcome
from scr.sources.requester import Requester

OURS, THEIRS, THIRD = "https://a.test/fhir", "https://b.test/fhir", "https://c.test/fhir"
JSON = st.recursive(
    st.none() | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


def admission(*, neighbour: bool) -> Admission:
    """How the other lets us in."""
    signer = Signer(lambda: b"")
    known_as = BackendServices(client_id="us", key="file:k")
    tokens = AccessTokens(httpx.AsyncClient(), BackendClient(THEIRS, known_as, signer), time.time)
    requester = Requester(f"{OURS}/auth", THEIRS, signer, time.time) if neighbour else None
    return Admission(tokens, requester, OURS)


def part(kind: str, logical: str, *origins: str) -> Part:
    """An entry of an answer, with the records that it went through."""
    resource: dict[str, object] = {"resourceType": kind, "id": logical, "meta": {"tag": [{"code": "x"}]}}
    for origin in origins:
        tag_origin(resource, origin)
    return Part(kind, logical, "match", "", orjson.dumps(resource))


@pytest.mark.parametrize(("neighbour", "kept"), [(True, ["p", "theirs", "third"]), (False, None)])
def test_what_was_ours_is_not_taken_back(neighbour: bool, kept: list[str] | None) -> None:
    """However many it went through since; nor its sources' own Patients. Of another server all is."""
    parts = [
        part("Patient", "p"), part("Patient", "p-of-a-source"), part("Condition", "theirs"),
        part("Condition", "third", THIRD), part("Condition", "ours", OURS),
        part("Condition", "round", OURS, THIRD),
    ]  # fmt: skip
    taken = [one.id for one in admission(neighbour=neighbour).taken(parts, "p")]
    assert taken == (kept or [one.id for one in parts])


@given(st.dictionaries(st.sampled_from(["meta", "id"]), JSON | st.fixed_dictionaries({"tag": JSON})))
def test_whatever_it_looked_like_a_resource_that_was_tagged_says_so(resource: dict[str, object]) -> None:
    """Once, and of nobody else; the rest of it stays."""
    before = dict(resource)
    tag_origin(resource, THEIRS)
    once = orjson.dumps(resource)
    tag_origin(resource, THEIRS)
    assert orjson.dumps(resource) == once
    assert came_from(once, THEIRS)
    assert not came_from(once, OURS)
    assert {k: v for k, v in resource.items() if k != "meta"} == {
        k: v for k, v in before.items() if k != "meta"
    }


def test_a_neighbour_that_did_not_ask_its_neighbours_has_no_gap() -> None:
    """Any other source of its that was not asked is one."""
    told = Issue("warning", "incomplete", outcome="not-asked", headings=("problems",))
    asked = Issue(
        "warning", "incomplete", outcome="not-asked", headings=("problems",), reason=ASKED_BY_NEIGHBOUR
    )
    assert gaps([told]) == {"problems": Outcome.INCOMPLETE}
    assert gaps([asked]) == {}
