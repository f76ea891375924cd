"""Merkle trees of RFC 9162 (Certificate Transparency 2.0), chapter 2.1: roots, and proofs of two kinds.

All of it is over hashes of leaves (32 bytes, SHA-256). A leaf's hash is made with a first byte 0 and a
node's with 1, so that neither passes for the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32


def leaf_hash(content: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over two."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """What a growing tree needs of what it has: the roots of its whole parts, the largest first.

    ``size`` says how many leaves there are; there is a part for each bit of it.
    """

    def __init__(self, size: int = 0, parts: bytes = b"") -> None:
        """Go on from what ``parts`` gave. Raises ValueError where it is not of a tree of this size."""
        if len(parts) != size.bit_count() * HASH_BYTES:
            raise ValueError("these are not the parts of a tree of this size")
        self.size = size
        self._parts = [parts[at : at + HASH_BYTES] for at in range(0, len(parts), HASH_BYTES)]

    def add(self, leaf: bytes) -> None:
        """Add a leaf, by its hash."""
        carried, size = leaf, self.size
        while size & 1:
            carried, size = node_hash(self._parts.pop(), carried), size >> 1
        self._parts.append(carried)
        self.size += 1

    @property
    def parts(self) -> bytes:
        """The roots of the whole parts, one after another."""
        return b"".join(self._parts)

    @property
    def root(self) -> bytes:
        """The root of the tree; of an empty one the hash of nothing (2.1.1)."""
        if not self._parts:
            return hashlib.sha256(b"").digest()
        root = self._parts[-1]
        for part in reversed(self._parts[:-1]):
            root = node_hash(part, root)
        return root

    def root_with(self, begin: int, leaf: bytes) -> bytes:
        """The root over the leaves from one on, and one leaf more: of a part (``Part``) that ends with it."""
        root, start, size = leaf, self.size, self.size
        for part in reversed(self._parts):
            start -= size & -size
            size &= size - 1
            if start < begin:
                break
            root = node_hash(part, root)
        return root


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaves, by their hashes."""
    tree = Frontier()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root


Part = tuple[int, int]
"""Leaves from one up to another (without it) that are a tree of their own within a tree."""


def inclusion_parts(index: int, size: int) -> list[Part]:
    """Over which leaves the hashes are that prove that a leaf is in a tree of ``size`` (2.1.3.1): those
    beside its way, from the leaf upwards. Raises IndexError."""
    if not 0 <= index < size:
        raise IndexError("no such leaf")
    parts: list[Part] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            parts.append((middle, end))
            end = middle
        else:
            parts.append((begin, middle))
            begin = middle
    return parts[::-1]


def consistency_parts(before: int, size: int) -> list[Part]:
    """Over which leaves the hashes are that prove that the tree of ``before`` leaves became one of ``size``
    (2.1.4.1). Raises IndexError."""
    if not 0 < before <= size:
        raise IndexError("no such tree")
    parts: list[Part] = []
    begin, end = 0, size
    while before < end:
        middle = begin + _split(end - begin)
        if before <= middle:
            parts.append((middle, end))
            end = middle
        else:
            parts.append((begin, middle))
            begin = middle
    return [*([(begin, end)] if begin else []), *parts[::-1]]


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The proof that a leaf is in the tree over these."""
    return [root_of(leaves[begin:end]) for begin, end in inclusion_parts(index, len(leaves))]


def consistency(leaves: Sequence[bytes], before: int) -> list[bytes]:
    """The proof that the tree over the first ``before`` leaves became the one over all of them."""
    return [root_of(leaves[begin:end]) for begin, end in consistency_parts(before, len(leaves))]


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof holds (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for beside in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(beside, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, beside)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(before: int, old: bytes, size: int, new: bytes, path: Sequence[bytes]) -> bool:
    """Whether it is proved that the tree of ``before`` leaves with root ``old`` became this one (2.1.4.2)."""
    if not 0 < before <= size:
        return False
    if before == size:
        return not path and old == new
    steps = [old, *path] if before & (before - 1) == 0 else list(path)
    if not steps:
        return False
    at, last = before - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, step)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old and second == new


def _split(size: int) -> int:
    """The largest power of two below a size."""
    return 1 << ((size - 1).bit_length() - 1)
