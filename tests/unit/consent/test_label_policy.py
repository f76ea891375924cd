"""labels.yaml: what it comes to, label by label, and at which key a mistake in it is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scr.consent.actor import ActorKind
from scr.consent.label_policy import Label, LabelPolicy, load_labels
from scr.consent.policy import Policy, Role
from scr.data import DataFiles
from scr.errors import Invalid
from scr.fhir.canonical import LABEL_SYSTEM, RELATED_LABEL_SYSTEM
from scr.terminology.systems import V3_ACT_CODE, V3_CONFIDENTIALITY

LABELS = """\
systems: {s: urn:s, t: urn:t}
unclassified: {professional: normal, system: normal, citizen: withheld, carer: withheld}
bars:
  an-act: {name: An Act, open_to: [B0360]}
labels:
  one: {name: One, confidentiality: R, sensitivity: HIV, bar: an-act, below: ["86406008"]}
  two: {name: Two, confidentiality: V, sensitivity: PSY, online: review, products_of: ["86406008"]}
  three: {name: Three, sensitivity: PSY, confidentiality: R, codes: {s: [a, b], t: [c]}}
  four: {name: Four, refsets: ["999004381000000103"]}
"""


def test_labels_as_they_are_written(tmp_path: Path) -> None:
    """Each comes to its codings; what a source says of a sensitivity that two labels have is neither."""
    (tmp_path / "consent").mkdir()
    path = tmp_path / "consent" / "labels.yaml"
    path.write_text(LABELS, encoding="utf-8")
    found = load_labels(DataFiles(tmp_path))
    assert found.withheld_unclassified == {ActorKind.CITIZEN, ActorKind.CARER}
    assert [label.review for label in found.labels.values()] == [False, False, False, True, False, False]
    assert found.labels["three"].codes == {"urn:s": ("a", "b"), "urn:t": ("c",)}
    assert (found.labels["four"].confidentiality, found.labels["four"].sensitivity) == ("", "")
    assert found.codings(["one", "four", "gone"], ["three"]) == [
        (LABEL_SYSTEM, "one"), (V3_CONFIDENTIALITY, "R"), (V3_ACT_CODE, "HIV"),
        (LABEL_SYSTEM, "four"), (LABEL_SYSTEM, "gone"),
        (RELATED_LABEL_SYSTEM, "three"), (V3_ACT_CODE, "PSY"),
    ]  # fmt: skip
    for security, labels in (
        ([(V3_ACT_CODE, "HIV")], {"one"}),
        ([(V3_ACT_CODE, "PSY")], set()),
        ([(V3_ACT_CODE, "")], set()),
        ([(V3_CONFIDENTIALITY, "R"), (V3_CONFIDENTIALITY, "V"), (V3_CONFIDENTIALITY, "N")],
         {"source-restricted", "source-very-restricted"}),
        ([(LABEL_SYSTEM, "three"), (V3_ACT_CODE, "HIV")], {"three"}),
        ([(LABEL_SYSTEM, "gone")], set()),
        ([(RELATED_LABEL_SYSTEM, "three"), (V3_CONFIDENTIALITY, "R")], set()),
        ([("urn:other", "one")], set()),
        ([("urn:other", "R"), ("urn:other", "HIV"), ("", "")], set()),
    ):  # fmt: skip
        assert found.said_by_source(security) == labels
    tokens = [f"{LABEL_SYSTEM}|one", f"{RELATED_LABEL_SYSTEM}|two", f"{LABEL_SYSTEM}|gone", "urn:other|three"]
    assert [label.key for label in found.of_entry(tokens)] == ["one", "two"]
    assert [bar.key for bar in found.bars_on(tokens)] == ["an-act"]
    assert found.bars_on(tokens[1:]) == []
    assert [found.reviewed_before_online([token]) for token in tokens] == [False, True, False, False]
    policy = Policy({}, frozenset(), "", found)
    see = Role("R", "", frozenset(), frozenset(), "V", frozenset({"B0360"}))
    assert policy.barred(see, tuple(tokens)) is None
    assert policy.barred(replace(see, activities=frozenset()), tuple(tokens)) == found.bars["an-act"]


MISTAKES = [
    ("bar: an-act", "bar: act", "labels.one.bar: 'act' is not"),
    (
        "confidentiality: R, sensitivity: HIV",
        "sensitivity: HIV",
        "labels.one.sensitivity: a sensitivity needs",
    ),
    ("codes: {s: [a, b]", "codes: {act: [a]", "labels.three.codes.act: 'act' is not"),
    ("  one: {", "  source-restricted: {", "labels.source-restricted: this name is one of"),
    ("  one: {", "  source-very-restricted: {", "labels.source-very-restricted: this name is one of"),
    (', refsets: ["999004381000000103"]', "", "labels.four: no code brings it"),
    (", carer: withheld", "", "unclassified: does not say what holds for: carer"),
]


@pytest.mark.parametrize(("right", "wrong", "told"), MISTAKES, ids=[row[2][:26] for row in MISTAKES])
def test_a_label_that_cannot_be_meant_is_refused_at_its_key(
    tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    """With the code that says that the policy is at fault."""
    assert right in LABELS
    (tmp_path / "consent").mkdir()
    (tmp_path / "consent" / "labels.yaml").write_text(LABELS.replace(right, wrong), encoding="utf-8")
    with pytest.raises(Invalid) as refused:
        load_labels(DataFiles(tmp_path))
    assert told in str(refused.value)
    assert refused.value.code == "bad-policy"


def test_what_a_policy_of_labels_is_without_a_file() -> None:
    """The sources' own marks, and nobody sees what nobody could classify."""
    empty = LabelPolicy()
    assert {key: label.confidentiality for key, label in empty.labels.items()} == {
        "source-restricted": "R", "source-very-restricted": "V"
    }  # fmt: skip
    assert empty.withheld_unclassified == set(ActorKind)
    one = LabelPolicy({"x": Label("x", "No sensitivity")})
    assert one.said_by_source([(V3_ACT_CODE, ""), (V3_ACT_CODE, "HIV")]) == set()
    assert one.said_by_source([(RELATED_LABEL_SYSTEM, "x")]) == set()
