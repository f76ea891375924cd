"""Whatever is asked, by whomever: what is withheld makes no difference to the answer.

Every request is put to two deployments, of which one has what is withheld and the other never had it
(``worlds``). The short form runs with the suite; `make assurance` asks a hundred thousand questions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.functional.asking import ROLES, Worlds, holds_for, opened_worlds, requests
from tests.functional.worlds import PEOPLE, STRANGER, Request


@pytest.fixture(scope="module")
def worlds(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """The two worlds, for the tests of the module."""
    with opened_worlds(tmp_path_factory.mktemp("worlds"), sqlite_template) as opened:
        yield opened


def test_there_is_something_to_withhold(worlds: Worlds) -> None:
    """The first world has more of everybody than the second, and what both have can be seen."""
    for somebody in PEOPLE:
        assert worlds.more(somebody) or "NXX" in somebody.hidden, somebody
        policy = worlds.pair.withheld.services.policy
        seen = [role for role in ROLES if somebody.kept_from(policy, role)]
        path = f"Patient/{worlds.subjects[somebody.number]}/$everything"
        assert 200 in {worlds.ask(Request(path, role=role))[0].status_code for role in seen}, somebody


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.data())
def test_what_is_withheld_makes_no_difference(worlds: Worlds, data: st.DataObject) -> None:
    """Status, body, headers, totals, links, pages, order, errors: alike to the byte."""
    holds_for(worlds, data.draw(requests(worlds)))


def test_a_stranger_is_as_unknown_as_nobody(worlds: Worlds) -> None:
    """Who is known elsewhere only, and who is not known at all: by number and by id, whatever the role."""
    logical = worlds.patient_id(STRANGER)
    for role in ROLES:
        for request in (
            Request("Patient", (("identifier", STRANGER.value),), role=role),
            Request("Patient/_search", role=role, form=(("identifier", STRANGER.value),)),
            Request("Patient", (("_id", logical),), role=role),
            Request(f"Patient/{logical}", role=role),
            Request(f"Patient/{logical}/$everything", role=role),
            Request("Observation", (("patient", logical),), role=role),
        ):
            assert holds_for(worlds, request) == 1
