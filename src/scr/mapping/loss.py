"""What of a unit was not used: fields with a value that no expression reads.

The paths that the expressions read are known when the adapter is loaded, so that this costs a
dictionary look-up a field. Places within lists are left out of a path: ``PID.3`` stands for every
repetition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scr.decode.tree import Unit
from scr.mapping.adapter import Adapter
from scr.mapping.formats import CsvFormat


def lost_of(adapter: Adapter, unit: Unit) -> tuple[str, ...]:
    """The source's fields that have a value and are neither read nor ignored on purpose, sorted."""
    if isinstance(adapter.decode, CsvFormat):
        tree = unit.tree
        return tuple(sorted(name for name in tree if name not in adapter.known and tree[name]))
    if adapter.rules is None:
        return tuple(unit.tree.get("lost", ()))
    return tuple(sorted({".".join(path) for path in leaf_paths(unit.tree) if not _is_known(path, adapter)}))


def leaf_paths(tree: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every value that is not empty."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from leaf_paths(value, (*at, str(key)))
    elif isinstance(tree, list):
        for item in tree:
            yield from leaf_paths(item, at)
    elif tree is not None and tree != "":
        yield at


def _is_known(path: tuple[str, ...], adapter: Adapter) -> bool:
    """Whether the path, or what is around it, is read or ignored. A reader within a ``for_each`` names
    the end of the path only."""
    known = adapter.known
    for end in range(len(path), 0, -1):
        for start in range(end):
            if ".".join(path[start:end]) in known:
                return True
    return False
