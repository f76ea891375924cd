"""Loading the policy: a mistake stops it, and names file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.errors import Invalid
from scr.fhir.headings import HEADINGS

GOOD = """\
purposes: [TREAT]
activities:
  see:
    name: See
    headings: [allergies]
    interactions: [r]
roles:
  R1:
    name: One
    activities: [see]
"""

MISTAKES = [
    ("headings: [allergies]", "headings: [alergies]", 5, "unknown headings: alergies"),
    ("activities: [see]", "activities: [look]", 10, "'look', which is not defined"),
    ("interactions: [r]", "interactions: [write]", 6, "Input should be 'r' or 's'"),
    ("interactions: [r]", "interactoins: [r]", 6, "did you mean 'interactions'"),
    ("    name: See\n", "    name: See\n    writes: {Patient: [u]}\n", 5, "Patient is not written here"),
    ("    name: See\n", "    name: See\n    writes: {Flag: [d]}\n", 5, "Input should be 'c' or 'u'"),
    ("purposes: [TREAT]", "purposes: []", 1, "at least 1"),
    ("roles:", "roles: [", 9, "not valid YAML"),
    ("    name: See\n", "    name: See\n    name: Again\n", 5, "stands twice"),
]


def home_with(tmp_path: Path, text: str) -> DataFiles:
    """A deployment whose own roles.yaml is this text."""
    (tmp_path / "consent").mkdir()
    (tmp_path / "consent" / "roles.yaml").write_text(text, encoding="utf-8")
    return DataFiles(tmp_path)


def test_a_deployment_s_own_policy_stands_instead_of_the_packaged_one(tmp_path: Path) -> None:
    """The override is in force, and the hash says that it is another policy."""
    own = load_policy(home_with(tmp_path, GOOD))
    assert set(own.roles) == {"R1"}
    assert own.roles["R1"].headings == {"allergies"}
    assert own.hash != load_policy(DataFiles()).hash


@pytest.mark.parametrize(("right", "wrong", "line", "message"), MISTAKES)
def test_a_mistake_names_file_and_line(
    tmp_path: Path, right: str, wrong: str, line: int, message: str
) -> None:
    """Whatever is wrong, the error says where, and nothing is loaded."""
    assert right in GOOD
    with pytest.raises(Invalid, match=r"roles\.yaml") as refused:
        load_policy(home_with(tmp_path, GOOD.replace(right, wrong, 1)))
    assert f"line {line}" in str(refused.value)
    assert message in str(refused.value)
    own = message.startswith(("unknown headings", "'look'", "Patient is not"))
    assert refused.value.code == ("bad-policy" if own else "bad-configuration")


def test_every_packaged_role_that_views_can_see_demographics() -> None:
    """No role opens clinical headings of somebody whose name it may not see."""
    for role in load_policy(DataFiles()).roles.values():
        assert not role.headings or "demographics" in role.headings
        assert role.headings <= set(HEADINGS)
