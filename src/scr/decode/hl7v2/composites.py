"""The components of a field as a mapping whose values are read when they are asked for, or all at once."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from functools import lru_cache
from itertools import compress
from typing import Any

import msgspec

from scr.decode.hl7v2.plans import KINDS, Kind
from scr.decode.hl7v2.tables import AS_IT_STANDS, DATATYPES, NO_SHAPE, Shape
from scr.decode.hl7v2.text import USUAL, Delimiters

DELETED = '""'
"""HL7's delete indicator, chapter 2.5.3."""

_LONGEST = 250
"""Characters of a text that is worth remembering: a code, a place or a clinician has fewer."""

UNSEEN = object()
"""What was not looked for yet."""


class Composite(msgspec.Struct, eq=False):
    """The components of a field, or the subcomponents of a component: a mapping, as a segment is.

    A struct, because a message has some twenty: ``parts`` as they were sent, and the components ``seen``.
    """

    parts: list[str]
    shape: Shape
    delimiters: Delimiters
    inner: bool
    seen: dict[str, Any]

    def get(self, key: str, default: Any = None) -> Any:
        """A component by name or number; the default where it is not there."""
        value = self.seen.get(key, UNSEEN)
        if value is UNSEEN:
            value = self.seen[key] = self._find(key)
        return default if value is None else value

    def _find(self, key: str) -> Any:
        number, parts = self.shape.numbers.get(key) or (int(key) if key.isdecimal() else 0), self.parts
        text = parts[number - 1] if 0 < number <= len(parts) else ""
        return self._read(number, text) if text else None

    def _read(self, number: int, text: str) -> Any:
        delimiters = self.delimiters
        if not self.inner and text != DELETED:
            fields = self.shape.fields
            datatype = fields[number - 1][1] if number <= len(fields) else ""
            if datatype != "ST":
                shape, separator = DATATYPES.get(datatype), delimiters.subcomponent
                if shape is not None or (not datatype and separator and separator in text):
                    return composite(text, separator, shape or NO_SHAPE, delimiters, inner=True)
        return leaf(text, "ST", delimiters)

    def __getitem__(self, key: str) -> Any:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def items(self) -> ItemsView[str, Any]:
        """Name (or number) and value of each component that holds something."""
        fields, known = self.shape.fields, len(self.shape.fields)
        return {
            (fields[number - 1].name if number <= known else "") or str(number): value
            for number, text in enumerate(self.parts, 1)
            if text and (value := self._read(number, text)) is not None
        }.items()

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self.items())

    def __len__(self) -> int:
        return len(self.items())

    def __bool__(self) -> bool:  # it is there; to count what it holds would cost reading all of it
        return True

    def __eq__(self, other: object) -> bool:
        return same(self, other)

    __hash__ = None  # type: ignore[assignment]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def keys(self) -> KeysView[str]:
        """The name (or number) of each component that holds something."""
        return dict(self.items()).keys()

    def values(self) -> ValuesView[Any]:
        """The value of each component that holds something."""
        return dict(self.items()).values()

    def __repr__(self) -> str:
        return f"<Composite of {len(self.parts)}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("parts", len(self.parts))]  # what it holds is somebody's


Mapping.register(Composite)


def composite(text: str, separator: str, shape: Shape, delimiters: Delimiters, *, inner: bool) -> Any:
    """A Composite; None where only separators and blanks are there."""
    parts = text.split(separator) if separator else [text]
    if not parts[0].isalnum():  # as a code or a name begins
        blank = f' "{delimiters.subcomponent}'  # the delete indicator counts as nothing here too
        if not any(part.strip(blank) for part in parts):
            return None
    return Composite(parts, shape, delimiters, inner, {})


def plain_composite(text: str, kind: Kind, delimiters: Delimiters) -> Composite | None:
    """The same where no escape and no delete indicator stands in it, its components read at once."""
    if kind.recurs and delimiters is USUAL and len(text) <= _LONGEST:
        return _recurring(text, kind.name)
    return _made_at_once(text, kind, delimiters)


@lru_cache(maxsize=8192)
def _recurring(text: str, kind: str) -> Composite | None:
    """What was read of the same text before."""
    return _made_at_once(text, KINDS[kind], USUAL)


def _made_at_once(text: str, kind: Kind, delimiters: Delimiters) -> Composite | None:
    parts, separator = text.split(delimiters.component), delimiters.subcomponent
    if not parts[0].isalnum() and not any(part.strip(f' "{separator}') for part in parts):
        return None
    seen = kind.empty.copy()
    if separator in text:
        _read_each(parts, kind, delimiters, seen)
    else:
        seen.update(zip(compress(kind.names, parts), map(str.strip, filter(None, parts)), strict=False))
        for place, name, shape in kind.inner:
            if place < len(parts) and parts[place]:
                seen[name] = _first(parts[place], shape, delimiters)
        if "" in seen.values() or "" in seen:  # a part of blanks; a place without a name
            seen.pop("", None)
            seen.update({name: None for name, value in seen.items() if value == ""})
    return Composite(parts, kind.shape, delimiters, False, seen)


def _read_each(parts: list[str], kind: Kind, delimiters: Delimiters, seen: dict[str, Any]) -> None:
    """The components, where some have subcomponents: those are found when they are asked for."""
    for (name, shape), part in compress(zip(kind.places, parts, strict=False), parts):
        if not name:
            continue
        if delimiters.subcomponent in part:
            del seen[name]
        else:
            seen[name] = part.strip() or None if shape is None else _first(part, shape, delimiters)


def _first(part: str, shape: Shape, delimiters: Delimiters) -> Composite | None:
    """A component of which there is only the first subcomponent."""
    if not part.isalnum() and not part.strip(' "'):
        return None
    return Composite([part], shape, delimiters, True, {shape.fields[0].name: part.strip() or None})


def leaf(text: str, datatype: str, delimiters: Delimiters) -> str | None:
    """A text, its escape sequences resolved; None where there is none, or it is the delete indicator."""
    if text == DELETED:
        return None
    value, escape = text if datatype in AS_IT_STANDS else text.strip(), delimiters.escape
    if escape and escape in value:
        value = delimiters.unescape(value)
    return None if not value or value.isspace() else value


def same(view: Any, other: object) -> bool:
    """Equality; JMESPath compares each object with ``{}``, so that must cost nothing."""
    if not other or not isinstance(other, Mapping):
        return False
    return dict(view.items()) == dict(other.items())


def split(text: str, separator: str) -> list[str]:
    """The parts of a text; the sender may have named no such separator."""
    return text.split(separator) if separator else [text]
