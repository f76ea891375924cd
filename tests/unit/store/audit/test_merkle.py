"""The trees of RFC 9162: roots by the definition, and proofs that hold for the truth alone."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.store.audit.merkle import (
    Frontier,
    consistency,
    consistency_parts,
    inclusion,
    inclusion_parts,
    is_consistent,
    is_included,
    leaf_hash,
    node_hash,
    root_of,
)

LEAVES = st.lists(st.binary(max_size=3).map(leaf_hash), min_size=1, max_size=70)
OTHER = leaf_hash(b"other")


def by_definition(leaves: list[bytes]) -> bytes:
    """2.1.1, to the letter."""
    if len(leaves) == 1:
        return leaves[0]
    split = max(2**n for n in range(7) if 2**n < len(leaves))
    return node_hash(by_definition(leaves[:split]), by_definition(leaves[split:]))


@given(LEAVES, st.integers(0, 69))
def test_a_root_is_that_of_the_definition_and_grows(leaves: list[bytes], at: int) -> None:
    """Whole, or gone on from what was kept of its beginning."""
    assert root_of(leaves) == by_definition(leaves)
    at = min(at, len(leaves))
    begun = Frontier()
    for leaf in leaves[:at]:
        begun.add(leaf)
    again = Frontier(at, begun.parts)
    for leaf in leaves[at:]:
        again.add(leaf)
    assert again.root == root_of(leaves)


@given(LEAVES, st.data())
def test_a_leaf_is_proved_at_its_place_alone(leaves: list[bytes], data: st.DataObject) -> None:
    """Another leaf, place, size, root, or a path that is longer or shorter, proves nothing."""
    size, root = len(leaves), root_of(leaves)
    at = data.draw(st.integers(0, size - 1))
    path = inclusion(leaves, at)
    assert is_included(leaves[at], at, size, path, root)
    assert not is_included(OTHER, at, size, path, root)
    assert not is_included(leaves[at], at, size, path, OTHER)
    assert not is_included(leaves[at], at, size, [*path, OTHER], root)
    assert not is_included(leaves[at], size + at, size, path, root)
    if path:
        assert not is_included(leaves[at], at, size, path[:-1], root)
        broken = data.draw(st.integers(0, len(path) - 1))
        assert not is_included(leaves[at], at, size, [*path[:broken], OTHER, *path[broken + 1 :]], root)


@given(LEAVES, st.data())
def test_a_tree_is_proved_to_have_grown_from_its_beginning_alone(
    leaves: list[bytes], data: st.DataObject
) -> None:
    """A tree in which something before was changed is not consistent with it."""
    size, root = len(leaves), root_of(leaves)
    before = data.draw(st.integers(1, size))
    old, path = root_of(leaves[:before]), consistency(leaves, before)
    assert is_consistent(before, old, size, root, path)
    assert not is_consistent(before, OTHER, size, root, path)
    assert not is_consistent(before, old, size, OTHER, path)
    assert not is_consistent(before, old, size, root, [*path, OTHER])
    changed = data.draw(st.integers(0, before - 1))
    forged = [*leaves[:changed], OTHER, *leaves[changed + 1 :]]
    assert not is_consistent(before, old, size, root_of(forged), consistency(forged, before))


def test_there_is_no_proof_of_what_is_not_there() -> None:
    """No leaf beyond the tree, no tree of nothing, no parts of another size."""
    leaves = [leaf_hash(b"a"), leaf_hash(b"b")]
    assert Frontier().root == hashlib.sha256(b"").digest()
    for wrong in (-1, 2):
        with pytest.raises(IndexError):
            inclusion(leaves, wrong)
    for wrong in (0, 3):
        with pytest.raises(IndexError):
            consistency(leaves, wrong)
    with pytest.raises(ValueError, match="size"):
        Frontier(3, b"")


@given(LEAVES, st.data())
def test_a_part_is_made_of_the_tree_before_its_end(leaves: list[bytes], data: st.DataObject) -> None:
    """Every part that a proof is made of: of what was kept of that tree, and the last leaf."""
    size = len(leaves)
    at = data.draw(st.integers(0, size - 1))
    for begin, end in [*inclusion_parts(at, size), *consistency_parts(at + 1, size)]:
        before = Frontier()
        for leaf in leaves[: end - 1]:
            before.add(leaf)
        kept = Frontier(end - 1, before.parts)
        assert kept.root_with(begin, leaves[end - 1]) == root_of(leaves[begin:end])
