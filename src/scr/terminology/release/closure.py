"""What is below what, at any depth, from what is directly below what."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import chain, repeat

Pair = tuple[int, int]


class Cycle(Exception):
    """A concept that would be above itself. ``ring``: the concepts on the way round, the first again last."""

    def __init__(self, ring: tuple[int, ...]) -> None:
        super().__init__(f"a ring of {len(ring) - 1}")
        self.ring = ring


def closure(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Every (ancestor, descendant), in order, from every (child, parent). Raises Cycle.

    Concepts are worked on from the top down; of each, the places of its ancestors are kept as four-byte
    numbers, because seven million of them are what SNOMED CT comes to.
    """
    known = list(pairs)
    ids = sorted({number for pair in known for number in pair})
    place = {number: at for at, number in enumerate(ids)}
    parents: list[list[int]] = [[] for _ in ids]
    children: list[list[int]] = [[] for _ in ids]
    for child, parent in known:
        parents[place[child]].append(place[parent])
        children[place[parent]].append(place[child])
    del known, place
    order = _from_the_top(parents, children, ids)
    del children
    above = _ancestors(order, parents)
    return _turned(above, ids)


def _from_the_top(parents: list[list[int]], children: list[list[int]], ids: list[int]) -> list[int]:
    """Each concept after all of its parents."""
    waiting_for = [len(each) for each in parents]
    order = [at for at, count in enumerate(waiting_for) if not count]
    for at in order:  # grows while it is read
        for child in children[at]:
            waiting_for[child] -= 1
            if not waiting_for[child]:
                order.append(child)
    if len(order) < len(ids):
        raise Cycle(tuple(ids[at] for at in _ring(parents, waiting_for)))
    return order


def _ring(parents: list[list[int]], waiting_for: list[int]) -> list[int]:
    """Some ring: whoever still waits has a parent that still waits, so going up must come round."""
    at = next(at for at, count in enumerate(waiting_for) if count)
    way: list[int] = []
    seen: dict[int, int] = {}
    while at not in seen:
        seen[at] = len(way)
        way.append(at)
        at = next(parent for parent in parents[at] if waiting_for[parent])
    return [*way[seen[at] :], at]


def _ancestors(order: list[int], parents: list[list[int]]) -> list[array[int]]:
    above: list[array[int]] = [array("i")] * len(order)
    for at in order:
        direct = parents[at]
        if len(direct) == 1:  # most have one parent, and need no set
            above[at] = above[direct[0]] + array("i", direct)
        elif direct:
            above[at] = array("i", {*direct}.union(*(above[parent] for parent in direct)))
    return above


def _turned(above: list[array[int]], ids: list[int]) -> Iterator[Pair]:
    """From the ancestors of each to the descendants of each, in order."""
    below: list[array[int]] = [array("i") for _ in ids]
    for at, ancestors in enumerate(above):
        for ancestor in ancestors:
            below[ancestor].append(at)
    id_of = ids.__getitem__
    return chain.from_iterable(
        zip(repeat(ids[at]), map(id_of, descendants), strict=False) for at, descendants in enumerate(below)
    )
