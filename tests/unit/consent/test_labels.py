"""The labeller: what it puts on a resource, by lists and by a release, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.small_release import Small, SmallMap, SmallRelease

from scr.consent.label_codes import LabelCodes
from scr.consent.label_policy import load_labels
from scr.consent.labels import Labeller
from scr.data import DataFiles
from scr.errors import Invalid
from scr.fhir.canonical import LABEL_SYSTEM, RELATED_LABEL_SYSTEM
from scr.fhir.labels import security_of
from scr.terminology.release.reader import Release
from scr.terminology.systems import CTV3, SNOMED_CT, V3_ACT_CODE, V3_CONFIDENTIALITY

POLICY = load_labels(DataFiles())
HIV = {"system": SNOMED_CT, "code": "86406008"}
Tree = dict[str, Any]


def condition(*codings: Tree, logical: str = "c", **more: Any) -> Tree:
    """A condition with these codings."""
    return {"resourceType": "Condition", "id": logical, "code": {"coding": list(codings)}, **more}


def labelled(*resources: Tree, labeller: Labeller | None = None) -> list[set[str]]:
    """What each resource is marked with: bare codes, and a + before what comes of others."""
    made = list(resources)
    assert (labeller or Labeller(POLICY))(made) == []
    marks = {RELATED_LABEL_SYSTEM: "+{}", LABEL_SYSTEM: "{}", V3_CONFIDENTIALITY: "{}", V3_ACT_CODE: "{}"}
    return [{marks[system].format(code) for system, code in security_of(one)} for one in made]


def test_a_sensitive_code_is_marked_three_times() -> None:
    """How confidential, of which sort, and by which label of the policy."""
    assert labelled(condition(HIV)) == [{"R", "HIV", "hiv"}]


def test_nothing_of_what_came_is_changed() -> None:
    """The resource that the decoder made stays as it is; another stands in its place."""
    came = condition(
        HIV, meta={"security": [{"system": V3_CONFIDENTIALITY, "code": "N", "display": "normal"}]}
    )
    kept, unit = str(came), [came]
    Labeller(POLICY)(unit)
    assert str(came) == kept
    assert unit[0]["meta"]["security"].count(came["meta"]["security"][0]) == 1


def test_a_code_counts_wherever_it_stands() -> None:
    """In a reason, in a contained resource, in an extension, beside another code."""
    reason = {"resourceType": "MedicationRequest", "id": "m", "reasonCode": [{"coding": [HIV]}]}
    inside = {"resourceType": "List", "id": "l", "contained": [condition(HIV)]}
    extension = {"url": "urn:x", "valueCodeableConcept": {"coding": [{"code": "1"}, HIV]}}
    outside = {"resourceType": "Encounter", "id": "e", "extension": [extension]}
    assert all("hiv" in marks for marks in labelled(reason, inside, outside))


@pytest.mark.parametrize(("level", "label"), [("R", "source-restricted"), ("V", "source-very-restricted")])
def test_what_the_source_restricts_spreads_like_a_label(level: str, label: str) -> None:
    """A GP's confidential entry marks the consultation that it belongs to."""
    security = [{"system": V3_CONFIDENTIALITY, "code": level}]
    own, around = labelled(
        condition(meta={"security": security}, encounter={"reference": "Encounter/e"}),
        {"resourceType": "Encounter", "id": "e"},
    )
    assert {level, label} <= own
    assert around == {level, f"+{label}"}


def test_a_sensitivity_that_the_source_says_is_the_label_of_it() -> None:
    """A source that says HIV and nothing of confidentiality, or too little, is taken at its word."""
    security = [{"system": V3_ACT_CODE, "code": "HIV"}, {"system": V3_CONFIDENTIALITY, "code": "N"}]
    (marks,) = labelled(condition(meta={"security": security}))
    assert {"HIV", "hiv", "N", "R"} <= marks


def test_a_patient_who_is_restricted_marks_nothing() -> None:
    """The flag on a person is about where they are; it is not a label of their record."""
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "meta": {"security": [{"system": V3_CONFIDENTIALITY, "code": "R"}]},
    }
    first, second = labelled(patient, condition(HIV, subject={"reference": "Patient/p"}))
    assert first == {"R"}
    assert "+source-restricted" not in second


@pytest.mark.parametrize(
    ("resource", "unknown"),
    [
        (condition(), True),
        (condition(text="words"), True),
        (condition({"system": "urn:supplier", "code": "X1"}), True),
        (condition({"system": SNOMED_CT, "code": "73211009"}), True),
        (condition({"system": "urn:supplier", "code": "X1"}, HIV), False),
        ({"resourceType": "DocumentReference", "id": "d"}, True),
        ({"resourceType": "DocumentReference", "id": "d", "type": {"text": "Letter"}}, True),
        ({"resourceType": "QuestionnaireResponse", "id": "q"}, True),
        ({"resourceType": "Encounter", "id": "e"}, False),
        ({"resourceType": "Encounter", "id": "e", "reasonCode": [{"text": "chest pain"}]}, True),
        (
            {"resourceType": "Encounter", "id": "e", "reasonCode": [{"coding": [HIV]}, {"text": "pain"}]},
            False,
        ),
        ({"resourceType": "MedicationRequest", "id": "m", "medicationReference": {}}, False),
        ({"resourceType": "Patient", "id": "p"}, False),
        ({"resourceType": "Practitioner", "id": "p"}, False),
    ],
    ids=[
        "no concept", "words", "a supplier's code", "no release to ask", "one that is known", "no type",
        "a type in words", "answers", "an encounter may say nothing", "a reason in words",
        "a sensitive reason", "by reference", "a person", "a practitioner",
    ],
)  # fmt: skip
def test_what_nobody_can_classify_is_marked(resource: Tree, unknown: bool) -> None:
    """Words only, or codes that neither the lists nor a release know."""
    (marks,) = labelled(resource)
    assert ("unclassified" in marks) is unknown


def test_the_contents_of_a_document_are_what_its_type_says() -> None:
    """A Binary is unclassified with its document, and classified with it."""
    for coding, unknown in ((HIV, False), ({"system": "urn:x", "code": "1"}, True)):
        document = {
            "resourceType": "DocumentReference",
            "id": "d",
            "type": {"coding": [coding]},
            "content": [{"attachment": {"url": "https://host/fhir/Binary/b"}}],
        }
        _, marks = labelled(document, {"resourceType": "Binary", "id": "b"})
        assert ("unclassified" in marks) is unknown
        assert ("+hiv" in marks) is not unknown
        other = condition(HIV, extension=[{"url": "urn:x", "valueReference": {"reference": "Binary/b"}}])
        assert "unclassified" in labelled(other, {"resourceType": "Binary", "id": "b"})[1]


SET, DISEASE, BELOW, OLD, DRUG = "999004381000000103", "56265001", "57054005", "999000000000109", "318906001"
SUBSTANCE = "372756006"
RELEASE = SmallRelease(
    concepts={
        SNOMED_CT: {
            "138875005": Small("Root"),
            SET: Small("A set", ["138875005"]),
            DISEASE: Small("A member of the set", ["138875005"]),
            BELOW: Small("Below a member", [DISEASE]),
            "86406008": Small("HIV", ["138875005"]),
            "40780007": Small("A stage of HIV", ["86406008"]),
            "73211009": Small("Diabetes", ["138875005"]),
            OLD: Small("No longer used", active=False, replaced_by=DISEASE),
        }
    },
    refsets={SET: [DISEASE]},
    maps=[SmallMap("ctv3", CTV3, SNOMED_CT, {"XaFx1": [BELOW], "C10..": ["73211009"]})],
)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of a few concepts."""
    return Release(RELEASE.write(tmp_path_factory.mktemp("release") / "release-a.sqlite"))


@pytest.mark.parametrize(
    ("system", "code", "label", "how"),
    [
        (SNOMED_CT, DISEASE, "sexually-transmitted", "refset"),
        (SNOMED_CT, BELOW, "sexually-transmitted", "refset"),
        (SNOMED_CT, OLD, "sexually-transmitted", "refset"),
        (CTV3, "XaFx1", "sexually-transmitted", "refset"),
        ("http://read.info/readctv3", "XaFx1", "sexually-transmitted", "refset"),
        (SNOMED_CT, "40780007", "hiv", "below"),
    ],
)
def test_a_release_takes_members_descendants_maps_and_replacements_along(
    release: Release, system: str, code: str, label: str, how: str
) -> None:
    """Whichever way leads to the reference set or the concept; and the reason says which."""
    codes = LabelCodes(POLICY, release)
    answer = codes.look_up((system, code))
    assert answer.labels == {label}
    assert answer.known
    assert LabelCodes(POLICY, None).look_up((system, code)).labels == frozenset()
    if system != "http://read.info/readctv3":
        assert {(why.label, why.how) for why in codes.why(system, code)} == {(label, how)}


def test_with_a_release_a_code_that_it_knows_is_classified(release: Release) -> None:
    """Diabetes has no label and is known: nobody has to look at it."""
    labeller = Labeller(POLICY, lambda: release)
    assert labelled(condition({"system": SNOMED_CT, "code": "73211009"}), labeller=labeller) == [set()]
    assert labelled(condition({"system": CTV3, "code": "C10.."}), labeller=labeller) == [set()]


def test_a_release_that_takes_another_s_place_is_asked_from_then_on(release: Release) -> None:
    """What was remembered of the codes goes with the release that it was asked of."""
    in_force: list[Release | None] = [None]
    labeller = Labeller(POLICY, lambda: in_force[0])
    assert labelled(condition({"system": SNOMED_CT, "code": BELOW}), labeller=labeller) == [{"unclassified"}]
    in_force[0] = release
    (marks,) = labelled(condition({"system": SNOMED_CT, "code": BELOW}), labeller=labeller)
    assert "sexually-transmitted" in marks


_CODINGS = st.sampled_from(
    [HIV, {"system": SNOMED_CT, "code": "386639001"}, {"system": "urn:x", "code": "1"}, {"code": "no system"}]
)
_SECURITY = st.lists(
    st.builds(
        lambda system, code: {"system": system, "code": code},
        st.sampled_from([V3_CONFIDENTIALITY, V3_ACT_CODE, "urn:other"]),
        st.sampled_from(["N", "R", "V", "HIV", "NOPAT", "?"]),
    ),
    max_size=3,
)
_UNITS = st.lists(
    st.builds(
        lambda kind, number, codings, security, refers: {
            "resourceType": kind,
            "id": f"{number}",
            "code": {"coding": codings},
            "meta": {"security": security},
            "encounter": {"reference": refers},
        },
        st.sampled_from(["Condition", "Observation", "Encounter", "Patient"]),
        st.integers(0, 3),
        st.lists(_CODINGS, max_size=2),
        _SECURITY,
        st.sampled_from(["Encounter/0", "Encounter/1", "#x", "https://host/Encounter/2/_history/1"]),
    ),
    max_size=6,
    unique_by=lambda one: (one["resourceType"], one["id"]),
)


@given(_UNITS)
def test_labels_are_only_added_and_labelling_again_changes_nothing(unit: list[Tree]) -> None:
    """Whatever the source said is still there, as it said it; a second run finds nothing to add."""
    once = list(unit)
    Labeller(POLICY)(once)
    for before, after in zip(unit, once, strict=True):
        kept = after["meta"]["security"]
        assert all(coding in kept for coding in before["meta"]["security"])
        assert {k: v for k, v in after.items() if k != "meta"} == {
            k: v for k, v in before.items() if k != "meta"
        }
    again = list(once)
    Labeller(POLICY)(again)
    assert again == once


GOOD = """\
systems: {snomed: http://snomed.info/sct}
unclassified: {professional: normal, system: normal, citizen: withheld, carer: withheld}
bars:
  some-act: {name: Some Act, open_to: []}
labels:
  some-label:
    name: Some label
    confidentiality: R
    sensitivity: HIV
    bar: some-act
    refsets: ["999004381000000103"]
    codes: {snomed: ["86406008"]}
"""
MISTAKES = [
    ("carer: withheld", "carer: hidden", 2, "Input should be 'normal' or 'withheld'"),
    (", carer: withheld", "", 2, "does not say what holds for: carer"),
    ("bar: some-act", "bar: sme-act", 10, "'sme-act' is not defined under 'bars'"),
    ("confidentiality: R", "confidentiality: S", 8, "Input should be 'N', 'R' or 'V'"),
    ("    confidentiality: R\n", "", 8, "a sensitivity needs a confidentiality"),
    ("sensitivity: HIV", "sensitivity: HIVV", 9, "Input should be"),
    ("codes: {snomed", "codes: {snomd", 12, "'snomd' is not defined under 'systems'"),
    ('["86406008"]', '["864 06008"]', 12, "String should match"),
    ("999004381000000103", "9990043810000001O3", 11, "String should match"),
    ("some-label:", "unclassified:", 6, "one of the program's own"),
    ("    name: Some label", "    nme: Some label", 7, "did you mean 'name'"),
    (
        '    refsets: ["999004381000000103"]\n    codes: {snomed: ["86406008"]}\n',
        "",
        6,
        "no code brings it",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "line", "message"), MISTAKES, ids=[row[3] for row in MISTAKES])
def test_a_mistake_in_the_labels_names_file_and_line(
    tmp_path: Path, right: str, wrong: str, line: int, message: str
) -> None:
    """Whatever is wrong, the error says where, and nothing is loaded."""
    (tmp_path / "consent").mkdir()
    path = tmp_path / "consent" / "labels.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert set(load_labels(DataFiles(tmp_path)).bars) == {"some-act"}
    assert right in GOOD
    path.write_text(GOOD.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(Invalid, match=r"labels\.yaml") as refused:
        load_labels(DataFiles(tmp_path))
    assert f"line {line}" in str(refused.value)
    assert message in str(refused.value)
