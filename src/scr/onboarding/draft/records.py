"""Records of JSON, JSON Lines and XML: where they are, and the fields in them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from scr.decode import xml_tree
from scr.decode.plain_json import JsonFormat, decode_json
from scr.decode.plain_xml import XmlFormat, decode_xml
from scr.decode.tree import DecodeError, Unit
from scr.onboarding.draft.columns import Column, Path, Sample, quoted, taken
from scr.onboarding.draft.shapes import is_nhs


def of_json(raw: bytes) -> Sample:
    """A sample of JSON or JSON Lines."""
    lines = False
    try:
        payload = json.loads(raw)
    except ValueError:
        lines, payload = True, None
    records = "@" if lines else _records_at(payload)
    units, bad = taken(decode_json(raw, JsonFormat(records, lines)))
    decode: dict[str, Any] = {"format": "json"}
    decode |= {"records": records} if records != "@" else {}
    decode |= {"lines": True} if lines else {}
    return _of_records(decode, units, bad)


def of_xml(raw: bytes) -> Sample:
    """A sample of XML."""
    whole = [unit for unit in decode_xml(raw, XmlFormat()) if isinstance(unit, Unit)]
    records = _records_at(whole[0].tree) if whole else "@"
    repeated = sorted(_repeated(raw))
    units, bad = taken(decode_xml(raw, XmlFormat(records, {}, frozenset(repeated))))
    decode: dict[str, Any] = {"format": "xml"}
    decode |= {"records": records} if records != "@" else {}
    decode |= {"lists": repeated} if repeated else {}
    return _of_records(decode, units, bad)


class _Repeats:
    """Notes which elements stand more than once in another."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._open: list[set[str]] = [set()]

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        local = name.rpartition("}")[2]
        if local in self._open[-1]:
            self.found.add(local)
        self._open[-1].add(local)
        self._open.append(set())

    def end(self, _name: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        """Text is of no interest here."""

    def close(self) -> set[str]:
        return self.found


def _repeated(raw: bytes) -> set[str]:
    found: set[str] = xml_tree.parse(raw, _Repeats())
    return found


def _records_at(payload: object) -> str:
    """Where the records are: the list whose items name people, or else the longest list of objects.

    A payload that names its one person beside its lists is one record.
    """
    lists = list(_lists(payload, ""))
    naming = [(path, items) for path, items in lists if _has_number(items)]
    if naming:
        return max(naming, key=lambda each: len(each[1]))[0] or "@"
    if isinstance(payload, list):
        return "@"
    single = _unwrapped(payload)
    return (
        single
        if single != "@" or _has_number(payload) or not lists
        else max(lists, key=lambda e: len(e[1]))[0]
    )


def _lists(node: object, path: str) -> Iterator[tuple[str, list[object]]]:
    """Every list of objects that names alone lead to, four of them at most, with its path."""
    if isinstance(node, list):
        if node and all(isinstance(each, Mapping) for each in node):
            yield path, node
    elif isinstance(node, Mapping) and path.count(".") < 3:
        for key, value in node.items():
            yield from _lists(value, f"{path}.{quoted(str(key))}" if path else quoted(str(key)))


def _has_number(node: object) -> bool:
    """Whether an NHS Number stands anywhere in it."""
    if isinstance(node, Mapping):
        return any(map(_has_number, node.values()))
    if isinstance(node, list):
        return any(map(_has_number, node[:50]))
    return isinstance(node, str | int) and is_nhs(str(node))


def _unwrapped(payload: object) -> str:
    """The way through objects that hold nothing but one other object."""
    path, node = "", payload
    while isinstance(node, Mapping) and len(node) == 1:
        key, node = next(iter(node.items()))
        if not isinstance(node, Mapping):
            break
        path = f"{path}.{quoted(str(key))}" if path else quoted(str(key))
    return path or "@"


def _of_records(decode: dict[str, Any], units: list[Unit], bad: int) -> Sample:
    if not units:
        raise DecodeError("there is no record that can be read", code="no-rows")
    found: dict[tuple[Path, tuple[Path, ...]], dict[int, list[str]]] = {}
    for number, unit in enumerate(units):
        for path, lists, value in _leaves(unit.tree, (), ()):
            found.setdefault((path, lists), {}).setdefault(number, []).append(value)
    columns = []
    containers = {path for unit in units for path in _containers(unit.tree, ())}
    for (path, lists), values in found.items():
        if path in containers and path not in lists:
            continue  # a text here, an object or a list there: no expression reads both
        if lists:
            told = tuple(value for each in values.values() for value in each)
        else:
            told = tuple(values.get(number, [""])[0] for number in range(len(units)))
        columns.append(Column(path, told, lists[-1] if lists else (), lists[:-1]))
    return Sample(decode, tuple(columns), len(units), bad)


def _containers(node: object, at: Path) -> Iterator[Path]:
    """The paths at which an object or a list stands."""
    if isinstance(node, Mapping | list):
        yield at
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _containers(value, (*at, str(key)))
    elif isinstance(node, list):
        for item in node:
            yield from _containers(item, at)


def _leaves(node: object, at: Path, lists: tuple[Path, ...]) -> Iterator[tuple[Path, tuple[Path, ...], str]]:
    """Each scalar of a record: its path, the lists that it is in, the outermost first, its text."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, (*at, str(key)), lists)
    elif isinstance(node, list):
        for item in node:
            yield from _leaves(item, at, lists if lists[-1:] == (at,) else (*lists, at))
    elif node is not None:
        yield at, lists, ("true" if node else "false") if isinstance(node, bool) else str(node).strip()
