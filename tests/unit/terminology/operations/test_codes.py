"""About one code or two: looked up, validated, compared; with a release and without."""

from __future__ import annotations

import pytest
from tests.unit.terminology.operations.small import ASTHMA, CHILDHOOD, FINDING, GONE, LOCAL, LUNG, SITE, valid

from scr.errors import NotFound, UnknownCode
from scr.terminology.operations.codes import DETAILS, lookup, subsumes, validate_code
from scr.terminology.operations.library import Library
from scr.terminology.operations.resources import lookup_parameters, validation_parameters
from scr.terminology.systems import SNOMED_CT, V3_ACT_CODE

GENDER = "http://hl7.org/fhir/administrative-gender"


def test_a_code_is_looked_up_with_what_is_asked_for(library: Library) -> None:
    """Display alone at first; all details when they are asked for, and valid Parameters."""
    assert lookup(library, SNOMED_CT, ASTHMA).designations == ()
    found = lookup(library, SNOMED_CT, CHILDHOOD, DETAILS)
    told = {(one.code, one.value) for one in found.properties}
    assert {("parent", ASTHMA), (SITE, LUNG)} <= told
    assert {one.term for one in found.designations} >= {"Childhood asthma", "Childhood asthma (test)"}
    parameters = valid(lookup_parameters(found, ["said beside it"]))
    names = [one["name"] for one in parameters["parameter"]]
    assert names[:3] == ["name", "version", "display"]
    assert names[-1] == "warning"
    gone = lookup(library, SNOMED_CT, GONE, DETAILS)
    assert not gone.active
    assert ("replaced-by", ASTHMA) in {(one.code, one.value) for one in gone.properties}


@pytest.mark.parametrize(
    ("system", "code", "display"),
    [(GENDER, "female", "Female"), (V3_ACT_CODE, "OPIOIDUD", "opioid use disorder information sensitivity")],
)
def test_the_projects_own_systems_need_no_release(
    shelf: Library, library: Library, system: str, code: str, display: str
) -> None:
    """The same answer with a release and without one."""
    for one in (shelf, library):
        found = lookup(one, system, code, DETAILS)
        assert found.display == display
        valid(lookup_parameters(found))


@pytest.mark.parametrize(
    ("system", "code", "error", "says"),
    [
        (SNOMED_CT, "1234567", UnknownCode, "has no code '1234567'"),
        (V3_ACT_CODE, "XYZ", UnknownCode, "only a part of this system is known here"),
        ("urn:nowhere", "a", NotFound, "the code system is not known here"),
    ],
)
def test_what_is_not_known_is_told_apart(
    library: Library, system: str, code: str, error: type[NotFound], says: str
) -> None:
    """An unknown code of a known system, of a system known in part, and an unknown system."""
    with pytest.raises(NotFound, match=says) as caught:
        lookup(library, system, code)
    assert type(caught.value) is error
    assert caught.value.issue == ("code-invalid" if error is UnknownCode else "not-found")


@pytest.mark.parametrize(
    ("system", "code", "display", "result", "message"),
    [
        (SNOMED_CT, ASTHMA, "", True, ""),
        (SNOMED_CT, ASTHMA, "bronchial  ASTHMA", True, ""),
        (SNOMED_CT, ASTHMA, "Asthma (test)", True, ""),
        (SNOMED_CT, ASTHMA, "What is meant by Asthma", False, "not one of the terms"),
        (SNOMED_CT, ASTHMA, "Pneumonia", False, "not one of the terms"),
        (SNOMED_CT, GONE, "", True, "no longer used"),
        (SNOMED_CT, "1234567", "", False, "has no code"),
        (GENDER, "male", "Male", True, ""),
        (GENDER, "M", "", False, "has no code"),
    ],
)
def test_a_code_is_validated_by_its_terms(
    library: Library, system: str, code: str, display: str, result: bool, message: str
) -> None:
    """Any active term counts, whatever its case and spaces; a wrong one is told with the right one."""
    found = validate_code(library, system, code, display)
    assert found.result is result
    assert message in found.message
    assert bool(message) == bool(found.message)
    valid(validation_parameters(found))


@pytest.mark.parametrize(
    ("system", "left", "right", "outcome"),
    [
        (SNOMED_CT, FINDING, CHILDHOOD, "subsumes"),
        (SNOMED_CT, CHILDHOOD, FINDING, "subsumed-by"),
        (SNOMED_CT, ASTHMA, ASTHMA, "equivalent"),
        (SNOMED_CT, ASTHMA, LUNG, "not-subsumed"),
        (LOCAL, "a", "c", "subsumes"),
        (V3_ACT_CODE, "BH", "OPIOIDUD", "subsumes"),
        (V3_ACT_CODE, "OPIOIDUD", "SUD", "subsumed-by"),
        (V3_ACT_CODE, "HIV", "STD", "not-subsumed"),
    ],
)
def test_two_codes_are_compared(library: Library, system: str, left: str, right: str, outcome: str) -> None:
    """Above, below, the same, neither: of the release and of the small systems."""
    assert subsumes(library, system, left, right) == outcome


def test_an_unknown_code_is_not_compared(library: Library) -> None:
    """`not-subsumed` is said of two codes that are there, and of nothing else."""
    for left, right in ((ASTHMA, "1234567"), ("1234567", ASTHMA), ("1234567", "1234567")):
        with pytest.raises(UnknownCode):
            subsumes(library, SNOMED_CT, left, right)
