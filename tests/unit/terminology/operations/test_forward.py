"""What another terminology server is sent: codes and expressions, and nobody's words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.terminology.operations.small import ASTHMA, LOCAL, valid

from scr.terminology.operations.forward import forwarded, names_left_out
from scr.terminology.operations.question import Question, from_pairs, from_parameters
from scr.terminology.systems import ICD_10, SNOMED_CT

words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=6, max_size=12).map(lambda word: f"zz{word}")


def posted(operation: str, *parameter: dict[str, Any]) -> Question:
    """A question by POST."""
    return from_parameters(operation, {"resourceType": "Parameters", "parameter": list(parameter)})


@given(words)
def test_no_word_beside_a_code_is_sent(word: str) -> None:
    """Displays, texts, titles, narratives and extensions stay here, wherever they stand."""
    coding = {"system": SNOMED_CT, "code": ASTHMA, "display": word, "version": word}
    asked = posted(
        "ValueSet/$validate-code",
        {"name": "codeableConcept", "valueCodeableConcept": {"text": word, "coding": [coding]}},
        {"name": "display", "valueString": word},
        {"name": "valueSet", "resource": {
            "resourceType": "ValueSet", "title": word, "text": {"div": word}, "name": word, "url": word,
            "compose": {"include": [{"system": LOCAL, "concept": [{"code": "a", "display": word}],
                                     "extension": [{"url": word}]}], "inactive": False},
        }},
    )  # fmt: skip
    sent = forwarded(asked)
    assert sent is not None
    assert word not in orjson.dumps(sent).decode()
    assert names_left_out(asked)
    by_name = {part["name"]: part for part in valid(sent)["parameter"]}
    assert by_name["codeableConcept"]["valueCodeableConcept"]["coding"] == [
        {"system": SNOMED_CT, "code": ASTHMA}
    ]
    assert by_name["valueSet"]["resource"]["compose"] == {
        "include": [{"system": LOCAL, "concept": [{"code": "a"}]}],
        "inactive": False,
    }


@pytest.mark.parametrize(
    ("operation", "pairs", "sent"),
    [
        ("CodeSystem/$lookup", {"system": SNOMED_CT, "code": ASTHMA}, True),
        ("CodeSystem/$lookup", {"system": ICD_10, "code": "9995100002"}, False),
        ("CodeSystem/$lookup", {"system": "", "code": "999 510 0002"}, False),
        ("CodeSystem/$subsumes", {"system": "urn:x", "codeA": "1", "codeB": "9995100002"}, False),
        ("CodeSystem/$lookup", {"coding": "urn:x|9995100002"}, False),
        ("ValueSet/$expand", {"url": "urn:x", "filter": "type 2 diab"}, True),
        ("ValueSet/$expand", {"url": "urn:x", "filter": "999 510 0002"}, False),
        ("ValueSet/$expand", {"url": "urn:x", "filter": "a.sample@example"}, False),
    ],
)
def test_a_question_that_may_name_somebody_stays_here(
    operation: str, pairs: dict[str, str], sent: bool
) -> None:
    """A number that may be an NHS Number, an address: the question is not put elsewhere at all."""
    found = forwarded(from_pairs(operation, list(pairs.items())))
    assert (found is not None) is sent
