"""What of a unit was not used: fields with a value that no expression reads.

The paths that the expressions read are known when the adapter is loaded, so that this costs a
dictionary look-up a field. Places within lists are left out of a path: all repetitions are one field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import compress
from typing import Any

from scr.decode.hl7v2.tables import SEGMENTS
from scr.decode.sheets import OTHERS, OWN
from scr.decode.tree import Unit
from scr.mapping.expression import Expression
from scr.mapping.paths import Path, makes_things

_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}\Z")
_ROWS = frozenset({"csv", "xlsx"})
_NUMBER = re.compile(r"[0-9]{6}|[0-9]{3}[ -][0-9]{3}")
_PLAIN = frozenset({"json", "xml"})
_IGNORED = "(ignored)"
"""Before the name of an ignored element of EDIFACT: what it begins with is ignored too."""
_FRAMING = frozenset({"MSH", "EVN"})
"""Segments that are about the message and not about the person."""
_CELLS = 256
"""Of a segment with more cells than any standard one, the rest is not accounted for."""
_ALL_UNREAD: tuple[bool, ...] | None = (False, *(True,) * (_CELLS - 1))
_ITSELF = "(itself)"
"""After a path that is read for its own value only: what stands below it is read by nobody yet."""
_CONTROLS = ("for_each", "when")
_WORKBOOK = "workbook"
_WHOLE_UNITS = frozenset({"csv", "edifact", "hl7v2", "xlsx", _WORKBOOK})
"""Formats whose fields have nothing below them."""
_DERIVED = {"nhs_numbers": ("PID", "3"), "local_identifiers": ("PID", "3")}
"""What the tree of HL7 v2 has made of a field."""
_EMPTY = '^~&" '
"""What stands in a field that has no value: separators, and the delete indicator."""


def fields_read(format_: str, place: str, expression: Expression) -> Iterator[Path]:
    """The paths that the expression at a key path of the file accounts for.

    A value takes along all that stands below it. A ``for_each`` or a ``when`` only looks whether
    something is there; but for one that makes objects, whose parts are read under other names.
    """
    looks = place.rpartition(".")[2] in _CONTROLS and not makes_things(expression.node)
    for path in expression.reads:
        yield (*path, _ITSELF) if looks and format_ not in _WHOLE_UNITS else path


def known_fields(format_: str, reads: Iterable[Path], ignored: Iterable[str]) -> frozenset[Path]:
    """The fields that are accounted for, as ``lost_of`` asks for them.

    An ignored field is named as it is reported: a column, ``PID-13`` (or ``PV2``, the whole segment),
    ``S16.DTM+SCO.1.2`` (or ``S16.DTM+SCO``, or ``S01+MR``, the whole group), a path with dots, a sheet
    and a column (``notes.Staff PIN``) or the title of a sheet that is not declared.
    """
    if format_ == "edifact":
        return frozenset({*reads, *((_IGNORED, name) for name in ignored)})
    if format_ == "hl7v2":
        named = (tuple(name.split("-", 1)) for name in ignored)
        return frozenset({field for path in reads if (field := _hl7_field(path))} | set(named))
    if format_ in _ROWS:
        return frozenset({path[:1] for path in reads} | {(name,) for name in ignored})
    if format_ == _WORKBOOK:
        cells = (name.partition(".") for name in ignored)
        return frozenset({path[:2] for path in reads} | {(s, c) if dot else (s,) for s, dot, c in cells})
    return frozenset({*reads, *(tuple(name.split(".")) for name in ignored)})


def lost_of(format_: str, known: frozenset[Path], unit: Unit, *, whole: bool = False) -> tuple[str, ...]:
    """The source's fields that have a value and are not accounted for, sorted.

    ``whole``: the resources go through as they are, so that only their conversion can lose anything.
    """
    if format_ == "edifact":
        return tuple(sorted(_lost_elements(known, unit.tree)))
    if format_ == "hl7v2":
        return tuple(sorted(set(_lost_fields(known, unit.tree))))
    if format_ in _ROWS:
        tree = unit.tree
        return tuple([name for name in _unread_columns(known, tuple(tree)) if tree[name]])
    if format_ == _WORKBOOK:
        return tuple(sorted(_lost_cells(known, unit.tree)))
    if format_ in _PLAIN:
        unread = (path for path in leaf_paths(unit.tree) if not _is_known(path, known))
        return tuple(sorted({".".join(map(_shown, path)) for path in unread}))
    lost = set() if whole else set(leaf_paths(unit.tree.get("resources", ()), ("resources",)))
    lost |= {tuple(str(name).split(".")) for name in unit.tree.get("lost", ())}
    return tuple(sorted(".".join(path) for path in lost if not _is_known(path, known)))


@lru_cache(maxsize=256)
def _unread_columns(known: frozenset[Path], header: tuple[str, ...]) -> list[str]:
    """The columns of a header that are not accounted for, sorted: the same for all rows of a file."""
    return sorted(name for name in header if (name,) not in known)


def _lost_cells(known: frozenset[Path], tree: Mapping[str, Any]) -> Iterator[str]:
    """Of a workbook: the cells of the row itself, and sheets that nobody declared. What the row is joined to
    is counted where it stands."""
    own = tree[OWN]
    yield from (
        f"{own}.{name}" for name, value in tree.get(own, {}).items() if value and (own, name) not in known
    )
    yield from (f"{title} (a sheet)" for title in tree.get(OTHERS, ()) if (title,) not in known)


def named(format_: str, path: Path) -> str:
    """A path that an expression reads, by the name that people know the field by: ``PID-3``, a column."""
    return "-".join(_hl7_field(path)) if format_ == "hl7v2" else ".".join(map(_shown, path))


def _shown(name: str) -> str:
    """A name of the source, unless it holds what may be somebody's number: some key objects by it."""
    return "?" if _NUMBER.search(name) else name


def leaf_paths(tree: Any, at: Path = ()) -> Iterator[Path]:
    """The path of every value that is not empty."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from leaf_paths(value, (*at, str(key)))
    elif isinstance(tree, list):
        for item in tree:
            yield from leaf_paths(item, at)
    elif tree is not None and tree != "":
        yield at


def _is_known(path: Path, known: frozenset[Path]) -> bool:
    """Whether the path, or the whole around it, is read or ignored."""
    return (*path, _ITSELF) in known or any(path[:end] in known for end in range(1, len(path) + 1))


def _hl7_field(path: Path) -> Path:
    """The segment and field number of a path such as ``orders.OBX.observation_value.1``."""
    if path[0] in _DERIVED:
        return _DERIVED[path[0]]
    places = [i for i, name in enumerate(path[:-1]) if _SEGMENT.match(name)]
    if not places:
        return ()
    segment, name = path[places[-1]], path[places[-1] + 1]
    shape = SEGMENTS.get(segment)
    number = None if shape is None else shape.numbers.get(name)
    return (segment, name if number is None else str(number))


def _lost_fields(known: frozenset[Path], tree: Mapping[str, Any]) -> Iterator[str]:
    unread_of = _unread_cells(known)
    for segment in tree.get("segments") or ():
        unread, cells = unread_of.get(segment.name, _ALL_UNREAD), segment.cells
        if unread is None or (len(cells) <= _CELLS and not any(compress(cells, unread))):
            continue
        for number, cell in enumerate(cells):
            if cell and (number >= _CELLS or unread[number]) and cell.strip(_EMPTY):
                yield f"{segment.name}-{number}"
    for place in tree.get("surplus") or ():
        yield f"{place} (only the first value is read)"


@lru_cache(maxsize=256)
def _unread_cells(known: frozenset[Path]) -> dict[str, tuple[bool, ...] | None]:
    """Which cells of a segment are not accounted for, by segment; 0, the segment's own name, is. None: none
    is asked for."""
    accounted: dict[str, set[int]] = {}
    for path in known:
        if len(path) == 2 and path[1].isdecimal():
            accounted.setdefault(path[0], {0}).add(int(path[1]))
    whole = {*_FRAMING, *(path[0] for path in known if len(path) == 1)}
    masks = {name: tuple(n not in some for n in range(_CELLS)) for name, some in accounted.items()}
    return {**masks, **dict.fromkeys(whole)}


def _lost_elements(known: frozenset[Path], tree: Mapping[str, Any]) -> Iterator[str]:
    """The elements of EDIFACT whose path in the tree nothing reads: a value counts only by itself there."""
    ignored = _beginnings(known)
    for name, path in (tree.get("fields") or {}).items():
        if tuple(path.split(".")) not in known and not f"{name}.".startswith(ignored):
            yield name


@lru_cache(maxsize=256)
def _beginnings(known: frozenset[Path]) -> tuple[str, ...]:
    names = [path[1] for path in known if len(path) == 2 and path[0] == _IGNORED]
    return tuple(name + mark for name in names for mark in ".+ ")
