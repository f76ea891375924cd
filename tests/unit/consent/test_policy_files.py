"""Agreements, proxies and what the files of a policy name of each other: a mistake stops the load."""

from __future__ import annotations

from pathlib import Path

import pytest

from scr.consent.actor import ActorKind
from scr.consent.policy import FILES, Policy, load_policy
from scr.data import DataFiles
from scr.errors import Invalid


def changed(home: Path, name: str, right: str, wrong: str) -> DataFiles:
    """A deployment whose own file of this name differs from the packaged one in one place."""
    text = DataFiles().find("consent", name).read_text(encoding="utf-8")
    assert right in text
    (home / "consent").mkdir(exist_ok=True)
    (home / "consent" / name).write_text(text.replace(right, wrong, 1), encoding="utf-8")
    return DataFiles(home)


CHILD = "      until_age: 16\n"
MISTAKES = [
    ("agreements.yaml", "to: [council]", "to: [councils]", "shared.1.to: unknown: councils"),
    ("agreements.yaml", "from: [council,", "from: [councill,", "kept.0.from: unknown: councill"),
    ("agreements.yaml", "headings: [legal, risks]", "headings: [legals]", "unknown: legals"),
    ("agreements.yaml", "purposes: [TREAT, ETREAT]", "purposes: [TREATS]", "unknown: TREATS"),
    ("agreements.yaml", "shared:", "shred:", "did you mean 'shared'"),
    ("agreements.yaml", "also: [hospital,", "also: [pharmacy,", "'pharmacy' is another type's as well"),
    ("agreements.yaml", "organisations: {}", "organisations: {ZZX09: shop}", "'shop' is not defined"),
    ("agreements.yaml", "organisations: {}", "organisations: {'?': pharmacy}", "organisations.?"),
    ("proxies.yaml", "review_age: 13", "review_age: 14", "less than or equal to 13"),
    ("proxies.yaml", CHILD, CHILD.replace("16", "17"), "less than or equal to 16"),
    ("proxies.yaml", CHILD, "", "needs until_age"),
    ("proxies.yaml", "unused_years: 5", "unused_years: 6", "less than or equal to 5"),
    (
        "proxies.yaml",
        "capacity: absent\n    court",
        "capacity: any\n    court",
        "only while capacity is absent",
    ),
    ("proxies.yaml", "headings: all", "headings: [letters]", "citizen.headings: unknown headings: letters"),
    ("proxies.yaml", "adds: [Binary,", "adds: [Condition,", "citizen.adds: nobody adds Condition here;"),
    ("proxies.yaml", "    consent:\n", "    next-of-kin:\n", "parental-responsibility"),
    ("breakglass.yaml", "  B0168:", "  B0169:", "B0169: not defined under 'activities' of roles.yaml"),
    ("relationships.yaml", "activity: claim-relationship", "activity: claim", "claim: not defined under"),
    ("labels.yaml", "open_to: []", "open_to: [B9]", "B9: not defined under"),
    ("roles.yaml", "citizen: [P9]", "citizen: []", "at least 1"),
    ("roles.yaml", "citizen: [P9]", "patient: [P9]", "citizen"),
]


@pytest.mark.parametrize(("name", "right", "wrong", "message"), MISTAKES)
def test_a_mistake_names_file_and_line(
    tmp_path: Path, name: str, right: str, wrong: str, message: str
) -> None:
    """Whatever is wrong, in whichever file, nothing is loaded."""
    with pytest.raises(Invalid) as refused:
        load_policy(changed(tmp_path, name, right, wrong))
    assert f"{name}, line " in str(refused.value)
    assert message in str(refused.value)


@pytest.mark.parametrize("name", FILES)
def test_the_hash_is_of_every_file(tmp_path: Path, name: str) -> None:
    """One more line in any of them is another policy."""
    text = DataFiles().find("consent", name).read_text(encoding="utf-8")
    (tmp_path / "consent").mkdir()
    (tmp_path / "consent" / name).write_text(f"{text}# and this\n", encoding="utf-8")
    assert load_policy(DataFiles(tmp_path)).hash != load_policy(DataFiles()).hash


def test_a_deployment_s_own_roles_need_not_know_what_the_packaged_files_name(tmp_path: Path) -> None:
    """What its roles.yaml does not define, nobody has: there is nothing to refuse."""
    (tmp_path / "consent").mkdir()
    own = "purposes: [TREAT]\nactivities: {}\nroles: {R1: {name: One, activities: []}}\n"
    (tmp_path / "consent" / "roles.yaml").write_text(own)
    policy = load_policy(DataFiles(tmp_path))
    assert policy.glass.lifted_for(policy.roles["R1"].activities) == frozenset()


def test_without_a_file_nothing_is_open() -> None:
    """A policy that was made of nothing opens nothing to anybody, whatever the defaults of its parts."""
    empty = Policy({}, frozenset(), "")
    assert [kind for kind in ActorKind if empty.opens(kind, "R8000")] == []
    assert [kind for kind in ActorKind if empty.purposes_of(kind)] == []
    assert not empty.agreements.is_party("gp-practice", "TREAT")
    assert not empty.agreements.shares("gp-practice", "problems", "TREAT", "gp-practice")


def test_an_organisation_is_known_by_any_word_for_its_type_and_the_policy_s_own_list_first() -> None:
    """Hospital, Trust and acute are one type; what the agreements list goes before a provider's file."""
    policy = load_policy(DataFiles())
    told = {"A1": "Hospital", "A2": " TRUST ", "A3": "acute-trust", "A4": "", "A5": "a club"}
    found = [policy.agreements.type_of(ods, told) for ods in (*told, "A6")]
    assert found == ["acute-trust", "acute-trust", "acute-trust", "", "", ""]
