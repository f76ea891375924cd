"""Resources about one person and nobody else, before mapping and after."""

from __future__ import annotations

from typing import Any

import pytest

from scr.fhir.entry import Entry, pack
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber
from scr.fhir.one_person import all_about, only_about, patient_ids, patient_in

MARGARET, OTHER = NHSNumber("9990548609"), NHSNumber("9990548463")
NUMBER = {"system": NHS_NUMBER_SYSTEM, "value": MARGARET.value}
ANOTHER = {"system": NHS_NUMBER_SYSTEM, "value": OTHER.value}


def condition(subject: object) -> dict[str, Any]:
    """A Condition with a subject."""
    return {"resourceType": "Condition", "id": "c", "subject": subject}


@pytest.mark.parametrize(
    ("subject", "ours"),
    [
        ({"reference": "Patient/p"}, True),
        ({"reference": "https://there.example/fhir/Patient/p"}, True),
        ({"reference": "Patient/p/_history/3"}, True),
        ({"identifier": NUMBER}, True),
        ({"identifier": {"system": "https://there.example/local", "value": "1"}}, True),
        ({"display": "Margaret"}, True),
        (None, True),
        ({"reference": "Patient/q"}, False),
        ({"reference": "Group/p"}, False),
        ({"reference": "#p"}, False),
        ({"reference": "urn:uuid:p"}, False),
        ({"identifier": ANOTHER}, False),
        ({"identifier": 5}, False),
        ({"something": "else"}, False),
        ("Patient/p", False),
        ([{"reference": "Patient/p"}, {"reference": "Patient/q"}], False),
    ],
)
def test_the_subject_is_the_person_or_it_is_not_taken(subject: object, ours: bool) -> None:
    """In doubt it is somebody else."""
    assert all_about([condition(subject)], "p", {MARGARET}) is ours
    contained = {"resourceType": "List", "id": "l", "contained": [condition(subject)]}
    assert all_about([contained], "p", {MARGARET}) is ours


def test_a_contained_patient_is_another_person() -> None:
    """Even with the same number: it is not known which resource means which."""
    inner = {"resourceType": "Patient", "id": "p", "identifier": [NUMBER]}
    assert not all_about([{**condition(None), "contained": [inner]}], "p", {MARGARET})
    assert patient_ids([inner, condition(None)]) == {"p"}


def packed(**more: object) -> Entry:
    """A mapped Condition of the person s."""
    return pack({**condition({"reference": "Patient/s"}), **more}, source="A81001", now=0)


def test_entries_refer_to_the_person_and_to_nobody_else() -> None:
    """Each entry of a type with a patient has the person's; no other Patient and no other number occurs."""
    own = pack({"resourceType": "Patient", "id": "own", "link": [{"other": {"reference": "Patient/old"}}]},
               source="A81001", now=0)  # fmt: skip
    practice = pack({"resourceType": "Organization", "id": "o"}, source="A81001", now=0)
    assert only_about([packed(), own, practice], "s", {MARGARET})
    assert only_about([own, packed(asserter={"reference": "Patient/own"})], "s", {MARGARET})
    assert not only_about([packed(subject={"reference": "Patient/t"})], "s", {MARGARET})
    assert not only_about([packed(asserter={"reference": "Patient/t"})], "s", {MARGARET})
    assert not only_about([packed(asserter={"reference": "https://x/Patient/t"})], "s", {MARGARET})
    assert not only_about([packed(identifier=[ANOTHER])], "s", {MARGARET})
    assert only_about([packed(identifier=[NUMBER])], "s", {MARGARET})
    assert not only_about([packed(subject=None)], "s", {MARGARET})


def test_a_patient_is_found_in_each_form_of_reference() -> None:
    """Relative, absolute, with a version; other types have none."""
    assert patient_in("Patient/a") == patient_in("https://x/y/Patient/a") == "a"
    assert patient_in("Patient/a/_history/1") == "a"
    assert patient_in("Observation/a") == patient_in("Patient") == ""


def test_a_relative_may_have_a_number_of_their_own() -> None:
    """In their RelatedPerson's identifiers, and nowhere else."""
    relative = {"resourceType": "RelatedPerson", "id": "r", "patient": {"reference": "Patient/s"}}
    named = pack({**relative, "identifier": [ANOTHER]}, source="A81001", now=0)
    hidden = pack(
        {**relative, "relationship": [{"extension": [{"valueIdentifier": ANOTHER}]}]}, source="A81001", now=0
    )
    assert only_about([named], "s", {MARGARET})
    assert not only_about([hidden], "s", {MARGARET})
