"""Plain XML → one unit for each record, as the tree that expressions walk.

The tree is made of XML by these rules:

- An element with neither attributes nor elements in it is its text; an empty one is the empty text.
- Any other element is an object: each attribute as ``_name``, each element in it by its name, its own
  text, where it has any, as ``_text``.
- An element that stands more than once in another is a list; one that is named in ``lists`` always is.
- Names are without their namespace. For a namespace that is declared in ``namespaces``, with the prefix
  declared there: ``prefix_name``. Attributes of XML Schema (``xsi:type``) are left out; an element with
  ``xsi:nil`` is null.
- Text is without the white space around it. Comments and processing instructions are left out.

``records`` says by JMESPath, from within the outermost element, where the records are; without it the
payload is one. A unit's ``raw`` is its tree as ``{"$record": …}``, which decodes again by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from scr.decode import xml_tree
from scr.decode.plain_json import kept_record, records_at, unit_of
from scr.decode.tree import BadUnit, Unit

_SCHEMA = "{http://www.w3.org/2001/XMLSchema-instance}"


@dataclass(frozen=True, slots=True)
class XmlFormat:
    """Where the records are. ``namespaces``: prefix to address. ``lists``: names that are always lists."""

    records: str = "@"
    namespaces: Mapping[str, str] = field(default_factory=dict)
    lists: frozenset[str] = frozenset()


def decode_xml(raw: bytes, spec: XmlFormat) -> Iterator[Unit | BadUnit]:
    """The records of a payload. Raises DecodeError where it cannot be read: not well-formed, a DTD or an
    entity in it, too deep, too large, nothing where the records should be."""
    kept = kept_record(raw)
    if kept is not None:
        return iter([kept])
    tree = xml_tree.parse(raw, _Tree(spec))
    found = [] if _is_empty(tree, spec.records) else records_at(tree, spec.records, "")
    return (unit_of(record, f"record {number}") for number, record in enumerate(found, start=1))


def _is_empty(tree: object, records: str) -> bool:
    """Whether what should hold the records is there and holds nothing: an extract of a quiet day."""
    around, _, name = records.rpartition(".")
    if not name.isidentifier():
        return False
    try:
        holder = jmespath.search(around or "@", tree)
    except JMESPathError:
        return False
    return holder == "" or (isinstance(holder, dict) and all(key.startswith("_") for key in holder))


@dataclass(slots=True)
class _Node:
    """An element that has begun and not ended."""

    made: dict[str, Any]
    text: list[str] = field(default_factory=list)
    nil: bool = False


class _Tree:
    """Builds the tree."""

    def __init__(self, spec: XmlFormat) -> None:
        self._prefixes = {f"{{{address}}}": prefix for prefix, address in spec.namespaces.items()}
        self._lists = spec.lists
        self._names: dict[str, str] = {}
        self._open: list[_Node] = [_Node({})]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        node = _Node({})
        for key, value in attributes.items():
            if key.startswith(_SCHEMA):
                node.nil = node.nil or (key == f"{_SCHEMA}nil" and value.strip() in {"true", "1"})
            else:
                node.made[f"_{self._name(key)}"] = value.strip()
        self._open.append(node)

    def data(self, text: str) -> None:
        self._open[-1].text.append(text)

    def end(self, name: str) -> None:
        node = self._open.pop()
        text = "".join(node.text).strip()
        value: Any = None if node.nil else text
        if node.made:
            value = {**node.made, "_text": text} if text else node.made
        self._put(self._open[-1].made, self._name(name), value)

    def close(self) -> Any:
        return next(iter(self._open[0].made.values()))

    def _put(self, made: dict[str, Any], name: str, value: Any) -> None:
        if name not in made:
            made[name] = [value] if name in self._lists and len(self._open) > 1 else value
        elif isinstance(made[name], list):
            made[name].append(value)
        else:
            made[name] = [made[name], value]

    def _name(self, name: str) -> str:
        """A name as it stands in the tree."""
        known = self._names.get(name)
        if known is None:
            space, _, local = name.rpartition("}")
            prefix = self._prefixes.get(f"{space}}}")
            known = self._names[name] = f"{prefix}_{local}" if prefix else local
        return known
