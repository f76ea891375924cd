"""Whatever is asked, by whomever: what is withheld makes no difference to the answer.

Every request is put to two deployments, of which one has what is withheld and the other never had it
(``worlds``). The short form runs with the suite; `make assurance` asks a hundred thousand questions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.functional.asking import Worlds, opened_worlds, same
from tests.functional.worlds import PEOPLE, SENT_ANEW, Request

SHORT = 300


@pytest.fixture(scope="module")
def worlds(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """The two worlds, for the tests of the module."""
    with opened_worlds(tmp_path_factory.mktemp("worlds"), sqlite_template) as opened:
        yield opened


def test_there_is_something_to_withhold(worlds: Worlds) -> None:
    """The first world has more of everybody than the second, and what both have can be seen."""
    policy = worlds.pair.withheld.services.policy
    for somebody in PEOPLE:
        assert worlds.more(somebody) or "NXX" in somebody.hidden, somebody
        path = f"Patient/{worlds.subjects[somebody.number]}/$everything"
        askers = {who for who in somebody.askers if somebody.kept_from(policy, who.role)}
        seen = (worlds.ask(Request(path, role=who.role, at=who.at))[0].status_code for who in sorted(askers))
        assert any(status == 200 for status in seen), somebody


def test_what_is_withheld_makes_no_difference(worlds: Worlds) -> None:
    """Status, body, headers, totals, links, pages, order, errors: alike to the byte."""
    assert worlds.hold("short", range(SHORT)) >= SHORT


def test_what_is_sent_anew_for_the_sake_of_what_is_withheld_has_the_same_version(worlds: Worlds) -> None:
    """Its ETag, its versionId and its place in the order: the time alone is another."""
    subject = worlds.subjects[SENT_ANEW.number]
    for request in (
        Request(f"Patient/{subject}/$everything"),
        Request("Condition", (("patient", subject),)),
        Request("Observation", (("patient", subject), ("_sort", "-date"))),
        *(Request(reference) for reference in worlds.ids[SENT_ANEW.number.value]),
    ):
        one, other = worlds.ask(request)
        assert same(one) == same(other), request


def test_nor_while_a_source_is_down(worlds: Worlds) -> None:
    """What it gave before to those who may see it is known by its id, and told to nobody else."""
    worlds.down(down=True)
    assert worlds.hold("down", range(SHORT // 6)) >= SHORT // 6


def test_streams_and_what_is_new_are_alike_too(worlds: Worlds) -> None:
    """Part by part, in the same order: nothing waits for what is withheld, and none of it is news."""
    for asked in worlds.asked:
        path = f"Patient/{asked.subject}"
        for who in asked.askers[::4]:
            for operation, kind in (
                ("$everything", "application/fhir+ndjson"),
                ("$since-last-look", "application/fhir+json"),
                ("$everything", "text/event-stream"),
            ):
                request = Request(
                    f"{path}/{operation}", headers=(("accept", kind),), role=who.role, at=who.at
                )
                one, other = worlds.ask(request)
                assert same(one) == same(other), request
