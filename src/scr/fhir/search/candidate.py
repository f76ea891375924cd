"""What a test looks at: one entry, and the record that it stands in.

Most parameters are answered by an entry's head. For the others its body is parsed, once in a search and
only then, and of it only those elements that the search asks for: the rest of the bytes is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import msgspec
import orjson

from scr.fhir.entry import Entry, Resource


class Needs:
    """Which elements of a type's resources a search looks at; told as its parameters are compiled."""

    def __init__(self) -> None:
        self._roots: dict[str, set[str]] = {}

    def add(self, kind: str, root: str) -> None:
        """Resources of the type are asked for this element."""
        self._roots.setdefault(kind, set()).add(root)

    def reader(self, kind: str) -> Callable[[bytes], object]:
        """What takes those elements out of the bytes of a resource."""
        return _reader(tuple(sorted(self._roots.get(kind, ()))))


@lru_cache(maxsize=1024)
def _reader(roots: tuple[str, ...]) -> Callable[[bytes], object]:
    shape = msgspec.defstruct("Roots", [(root, Any, None) for root in roots], gc=False)
    return msgspec.json.Decoder(shape).decode


class Candidate:
    """One entry while it is looked at."""

    __slots__ = ("_roots", "_whole", "around", "entry")

    def __init__(self, entry: Entry, around: Around) -> None:
        self.entry = entry
        self.around = around
        self._roots: object = None
        self._whole: Resource | None = None

    def root(self, name: str) -> Any:
        """An element of the resource; None where it has none of the name."""
        if self._roots is None:
            self._roots = self.around.reader(self.entry.type)(self.entry.body)
        return getattr(self._roots, name, None)

    def whole(self) -> Resource:
        """The resource."""
        if self._whole is None:
            self._whole = orjson.loads(self.entry.body)
        return self._whole


class Around:
    """The entries of one person among which a search goes: those that may be seen, and no others.

    ``kept`` is for tests that find something out once for all of them: references, by whatever names it.
    """

    def __init__(self, entries: Iterable[Entry], needs: Needs) -> None:
        self._needs = needs
        self._readers: dict[str, Callable[[bytes], object]] = {}
        self.candidates = [Candidate(entry, self) for entry in entries]
        self.kept: dict[object, frozenset[str]] = {}
        self._by_type: dict[str, list[Candidate]] | None = None
        self._by_reference: dict[str, Candidate] | None = None

    def reader(self, kind: str) -> Callable[[bytes], object]:
        """What takes the elements that are asked for out of the bytes of a resource of the type."""
        found = self._readers.get(kind)
        if found is None:
            found = self._readers[kind] = self._needs.reader(kind)
        return found

    def of_type(self, kind: str) -> list[Candidate]:
        """The candidates of a type."""
        if self._by_type is None:
            self._by_type = {}
            for one in self.candidates:
                self._by_type.setdefault(one.entry.type, []).append(one)
        return self._by_type.get(kind, [])

    def named(self, reference: str) -> Candidate | None:
        """The candidate with this ``Type/id``."""
        if self._by_reference is None:
            self._by_reference = {one.entry.reference: one for one in self.candidates}
        return self._by_reference.get(reference)
