"""A release: what it answers, what it says of what it does not hold, and how it is switched."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.small_release import Small, SmallMap, SmallRelease

from scr.errors import Invalid, NotFound
from scr.terminology.release.closure import Cycle, closure
from scr.terminology.release.current import POINTER, Releases, folder_of, superseded
from scr.terminology.release.reader import Release
from scr.terminology.systems import CTV3, READ_V2, SNOMED_CT

LOCAL = "urn:example:local"
SMALL = SmallRelease(
    concepts={
        SNOMED_CT: {
            "138875005": Small("Concept"),
            "404684003": Small("Clinical finding", ["138875005"]),
            "195967001": Small("Asthma", ["404684003"], ["Asthmatic"]),
            "233678006": Small("Childhood asthma", ["195967001"], attributes=[(1, "246075003", "404684003")]),
            "900000000000101": Small("Asthma attack", active=False, replaced_by="195967001"),
            "999000011000999103": Small("Reference set", ["138875005"]),
        },
        LOCAL: {"a": Small("Asthma clinic"), "b": Small("Baby clinic", ["a"]), "c": Small("Clinic c", ["b"])},
    },
    refsets={"999000011000999103": ["195967001"]},
    maps=[
        SmallMap("read", READ_V2, SNOMED_CT, {"H33..": ["195967001"], "zz...": []}),
        SmallMap("here", READ_V2, SNOMED_CT, {"H33..": ["233678006"]}, own=True),
        SmallMap("rest", LOCAL, SNOMED_CT, {"*": ["404684003"], "a": ["195967001"]}),
        SmallMap("same", CTV3, READ_V2, {"*": ["*"]}),
    ],
)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The small release, opened."""
    return Release(SMALL.write(tmp_path_factory.mktemp("release") / "release-a.sqlite"))


def test_a_concept_is_told_by_its_code(release: Release) -> None:
    """Display, whether it is in use, what replaces it; of SNOMED CT and of another system."""
    asthma = release.concept(SNOMED_CT, "195967001")
    assert asthma is not None
    assert (asthma.display, asthma.active) == ("Asthma", True)
    gone = release.concept(SNOMED_CT, "900000000000101")
    assert gone is not None
    assert not gone.active
    assert [(r.kind, r.code) for r in release.replacements(SNOMED_CT, gone.code)] == [
        ("replaced-by", "195967001")
    ]
    local = release.concept(LOCAL, "b")
    assert local is not None
    assert local.display == "Baby clinic"


@pytest.mark.parametrize(
    ("system", "code"),
    [(SNOMED_CT, "1"), (SNOMED_CT, ""), (SNOMED_CT, "0195967001"), (SNOMED_CT, "195967001 "),
     (SNOMED_CT, "x"),
     (SNOMED_CT, "9" * 40), (SNOMED_CT, "١٩٥"), (SNOMED_CT, "-1"), (LOCAL, "A"), ("urn:nowhere", "a")],
)  # fmt: skip
def test_what_is_not_held_is_answered_with_nothing(release: Release, system: str, code: str) -> None:
    """No question about an unknown code or system raises, and none is answered with another concept."""
    assert release.concept(system, code) is None
    assert not release.subsumes(system, code, code)
    assert not release.designations(system, code)
    assert not release.ancestors(system, code) | release.descendants(system, code)
    assert not release.is_member("999000011000999103", code)
    assert release.search(system, "zzz") == ()


def test_the_hierarchy_is_asked_up_and_down(release: Release) -> None:
    """Parents and children are direct, ancestors and descendants at any depth; a concept subsumes itself."""
    assert release.parents(SNOMED_CT, "233678006") == {"195967001"}
    assert release.ancestors(SNOMED_CT, "233678006") == {"195967001", "404684003", "138875005"}
    assert release.descendants(SNOMED_CT, "404684003") == {"195967001", "233678006"}
    assert release.children(LOCAL, "a") == {"b"}
    assert release.subsumes(LOCAL, "a", "c")
    assert not release.subsumes(LOCAL, "c", "a")
    assert release.subsumes(SNOMED_CT, "195967001", "195967001")


def test_attributes_and_members_are_asked_both_ways(release: Release) -> None:
    """An attribute from its source and from its target; a member from its set and from the concept."""
    (found,) = release.attributes(SNOMED_CT, "233678006")
    assert (found.group, found.type, found.target) == (1, "246075003", "404684003")
    assert release.sources_of(SNOMED_CT, "246075003", "404684003") == {"233678006"}
    assert release.members("999000011000999103") == {"195967001"}
    assert release.refsets_of("195967001") == release.refsets() == {"999000011000999103"}


@pytest.mark.parametrize(
    ("system", "code", "codes"),
    [
        (READ_V2, "H33..", ["233678006"]),
        (READ_V2, "H33", ["233678006"]),
        (READ_V2, "H33..00", ["233678006"]),
        (READ_V2, "zz...", [""]),
        (READ_V2, "h33..", []),
        (LOCAL, "a", ["195967001"]),
        (LOCAL, "anything", ["404684003"]),
        (CTV3, "XE0YX", []),
    ],
)
def test_a_map_is_followed_the_deployments_own_first(
    release: Release, system: str, code: str, codes: list[str]
) -> None:
    """Own maps win, Read codes come with or without dots and term code, a row may stand for all the rest."""
    assert [one.code for one in release.translate(system, code, SNOMED_CT)] == codes


def test_a_map_can_be_named(release: Release) -> None:
    """Whoever names a map gets that one's answer, whatever the deployment decided."""
    assert [one.code for one in release.translate(READ_V2, "H33..", name="read")] == ["195967001"]


def test_a_map_may_keep_the_code(release: Release) -> None:
    """Where the target is the source's own code, that is what is answered."""
    assert [one.code for one in release.translate(CTV3, "XE0YX")] == ["XE0YX"]


@pytest.mark.parametrize(
    ("typed", "codes"),
    [
        ("asth", ["195967001", "233678006"]),
        ("ASTHM child", ["233678006"]),
        ("child asthm", ["233678006"]),
        ("asthmatic", ["195967001"]),
        ('asth" OR "', []),
        ("***", []),
        ("sthma", []),
        ("meant", []),
    ],
)
def test_typing_finds_words_by_their_beginnings(release: Release, typed: str, codes: list[str]) -> None:
    """Any order, any case; shorter preferred terms first; no definition, no other system."""
    assert [one.code for one in release.search(SNOMED_CT, typed)] == codes


def test_a_search_lets_in_inactive_concepts_only_when_asked_and_last(release: Release) -> None:
    """`inactive` adds what is no longer used, after everything that is; `within` and `limit` hold."""
    codes = [one.code for one in release.search(SNOMED_CT, "asth", inactive=True)]
    assert codes == ["195967001", "233678006", "900000000000101"]
    only = release.search(SNOMED_CT, "asth", 1, within=lambda code: code != "195967001")
    assert [one.code for one in only] == ["233678006"]
    assert [one.code for one in release.search(LOCAL, "clin")] == ["c", "b", "a"]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """Neither a file that is not a release nor one that is not there is taken for an empty release."""
    other = tmp_path / "release-x.sqlite"
    other.write_bytes(b"not a database at all, and long enough to be looked at" * 100)
    with pytest.raises(Invalid, match="load its sources again"):
        Release(other)
    with pytest.raises(NotFound, match="scr terminology load"):
        Release(tmp_path / "release-y.sqlite")


def test_a_switch_is_noticed_and_the_old_release_goes_on(tmp_path: Path) -> None:
    """Nothing, then a release, then another: seen after a second, and whoever holds the old one keeps it."""
    now = 0.0
    releases = Releases(folder_of(tmp_path), clock=lambda: now)
    assert releases.current() is None
    SMALL.put_in_force(tmp_path, "a")
    assert releases.current() is None
    now = 1.0
    old = releases.current()
    assert old is not None
    changed = SmallRelease({SNOMED_CT: {"138875005": Small("Root")}})
    changed.put_in_force(tmp_path, "b")
    now = 2.5
    new = releases.current()
    assert new is not None
    assert new.concept(SNOMED_CT, "195967001") is None
    superseded(folder_of(tmp_path))[0].unlink()
    assert old.concept(SNOMED_CT, "195967001") is not None


@pytest.mark.parametrize("text", ["", "../release-a.sqlite", "release-a.sqlite/..", "other", "release-a"])
def test_a_pointer_to_no_release_is_refused(tmp_path: Path, text: str) -> None:
    """What the pointer names is a release file beside it and nothing else."""
    folder = folder_of(tmp_path)
    folder.mkdir()
    (folder / POINTER).write_text(text)
    with pytest.raises(Invalid, match="does not name a release"):
        Releases(folder).current()


edges = st.sets(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30)


@given(edges)
def test_the_closure_is_what_can_be_reached(pairs: set[tuple[int, int]]) -> None:
    """On any graph: every pair that a walk reaches, each once and in order; a ring is told, and is a ring."""
    reached: dict[int, set[int]] = {}
    for start in range(13):
        seen: set[int] = set()
        todo = [parent for child, parent in pairs if child == start]
        while todo:
            at = todo.pop()
            if at not in seen:
                seen.add(at)
                todo += [parent for child, parent in pairs if child == at]
        reached[start] = seen
    if any(start in above for start, above in reached.items()):
        with pytest.raises(Cycle) as caught:
            list(closure(pairs))
        ring = caught.value.ring
        assert ring[0] == ring[-1]
        assert all(step in pairs for step in itertools.pairwise(ring))
    else:
        assert list(closure(pairs)) == sorted((up, down) for down, above in reached.items() for up in above)
