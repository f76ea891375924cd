"""Real-shape answers of practices through the pipeline: each is taken whole, for its own person only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from tests.unit.sources import given
from tests.unit.sources.people import MARGARET

from scr.fhir.identifiers import NHSNumber
from scr.sources.gpconnect import AREAS, gaps
from scr.sources.http import SourceFailure
from scr.sources.pipeline import Reader, read_payload
from scr.sources.protocol import Outcome, Question


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """How a practice's answers are read."""
    return given.reader(tmp_path_factory.mktemp("home"), "STU3")


def bundles(corpus: Path) -> Iterator[tuple[NHSNumber, bytes]]:
    """Every whole answer, and whose it is."""
    for folder in ("structured-uat", "structured-e2e"):
        for path in sorted((corpus / "gp" / folder).glob("*.json")):
            body = path.read_bytes()
            entries = [entry["resource"] for entry in orjson.loads(body)["entry"]]
            (patient,) = (r for r in entries if r["resourceType"] == "Patient")
            numbers = [i["value"] for i in patient["identifier"] if i["system"].endswith("/nhs-number")]
            yield NHSNumber.parse(numbers[0]), body


@pytest.mark.corpus
def test_every_answer_is_taken_for_its_own_person_and_no_other(corpus: Path, reader: Reader) -> None:
    """The person's own question gets entries tied to them; anybody else's gets none."""
    count = 0
    for number, body in bundles(corpus):
        question = Question(number, "p1", given.SUBJECT, given.ACTOR, deadline=0.0)
        reading = read_payload(body, question, reader)
        assert reading.entries
        assert reading.unread == frozenset()
        other = Question(MARGARET, "p2", given.SUBJECT, given.ACTOR, deadline=0.0)
        with pytest.raises(SourceFailure) as caught:
            read_payload(body, other, reader)
        assert caught.value.code == "wrong-person"
        count += 1
    assert count == 17


@pytest.mark.corpus
def test_the_gaps_are_those_that_the_lists_warn_of(corpus: Path, reader: Reader) -> None:
    """Confidential items are withheld, data in transit is incomplete, and without warnings all is there."""
    for number, body in bundles(corpus):
        question = Question(number, "p1", given.SUBJECT, given.ACTOR, deadline=0.0)
        reading = read_payload(body, question, reader)
        found = gaps(reading.issues, reading.lists)
        if b"confidential-items" in body:
            assert Outcome.WITHHELD in found.values()
        if b"data-in-transit" in body:
            assert set(found) == {area.heading for area in AREAS}
        else:
            assert found == {}
