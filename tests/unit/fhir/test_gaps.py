"""What an answer says of its own gaps is read as loosely as it is written."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.canonical import OUTCOME_SYSTEM
from scr.fhir.gaps import Issue, issues_in, issues_of, list_notes

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "issue",
                    "details",
                    "coding",
                    "code",
                    "system",
                    "extension",
                    "url",
                    "severity",
                    "valueCoding",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(_JSON)
def test_nothing_that_stands_there_raises(junk: object) -> None:
    """A warning in the wrong shape never costs the record that it came with."""
    body = {"resourceType": "OperationOutcome", "issue": [junk], "extension": [junk], "code": junk}
    assert all(isinstance(issue, Issue) for issue in issues_of([body, junk]))
    assert len(list_notes([{**body, "resourceType": "List"}, junk])) == 1
    assert isinstance(issues_in(orjson.dumps(body)), tuple)


def test_codes_and_names_are_taken_and_free_text_is_not() -> None:
    """A parameter is read where a text begins with one: anything else may be about a person."""
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [
            {"severity": "error", "code": "x", "diagnostics": "includeProblems.filterStatus"},
            {"severity": "warning", "code": "y", "diagnostics": "Margaret Okafor, 9990000000"},
            {"details": {"text": "includeReferrals is an unrecognised parameter"}},
            {"details": {"coding": [{"system": OUTCOME_SYSTEM, "code": "late"}, {"code": "z"}]}},
        ],
    }
    named, told, spoken, coded = issues_of([outcome])
    assert (named.is_error, named.about) == (True, "includeProblems.filterStatus")
    assert (told.is_error, told.about) == (False, "")
    assert spoken.about == "includeReferrals"
    assert (coded.outcome, coded.codes) == ("late", ("late", "z"))


def test_a_body_that_is_no_outcome_has_no_issues() -> None:
    """None tells it from an outcome without issues."""
    assert issues_in(b'{"resourceType":"Bundle"}') is None
    assert issues_in(b"<html>") is None
    assert issues_in(b'{"resourceType":"OperationOutcome"}') == ()
