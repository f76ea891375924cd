"""Under which of a provider's own identifiers of a person a resource came.

A resource's row has a mark of 16 bytes for each: a keyed hash of the identifier's system (4 bytes) and
of the identifier (12). They tell whoever has the store alone nothing, and whoever has the index key,
when a provider merges two of its records, which resources belong to which of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from scr.fhir.identifiers import OdsCode
from scr.store.keys import KeyRing

_SYSTEM, _MARK = 4, 16
_MOST = 8
"""Identifiers for one resource; a sender who lists more has listed everything it knows."""


def marks_of(keys: KeyRing, provider: OdsCode, identifiers: Iterable[tuple[str, str]]) -> bytes:
    """The marks of a provider's identifiers (system, value) of a person."""
    made = (_mark(keys, provider, system, value) for system, value in list(identifiers)[:_MOST])
    return b"".join(sorted(set(made)))


def joined(one: bytes, other: bytes) -> bytes:
    """The marks of both: what came under two identifiers is of both."""
    if not other or one == other:
        return one
    return b"".join(sorted({*split(one), *split(other)}))


def split(marks: bytes) -> list[bytes]:
    """Each mark by itself."""
    return [marks[at : at + _MARK] for at in range(0, len(marks), _MARK)]


def belongs(marks: bytes, to: bytes) -> bool:
    """Whether what has ``marks`` is of the identifiers ``to`` and of no other of the same systems."""
    theirs = set(split(to))
    systems = {mark[:_SYSTEM] for mark in theirs}
    mine = {mark for mark in split(marks) if mark[:_SYSTEM] in systems}
    return bool(mine) and mine <= theirs


def touches(marks: bytes, to: bytes) -> bool:
    """Whether what has ``marks`` came under one of the identifiers ``to`` at all."""
    return not set(split(marks)).isdisjoint(split(to))


def _mark(keys: KeyRing, provider: OdsCode, system: str, value: str) -> bytes:
    named = f"{provider}|{system}"
    family = keys.fingerprint("filed-under system", named.encode())[:_SYSTEM]
    return family + keys.fingerprint("filed-under", f"{named}\x1f{value}".encode())[: _MARK - _SYSTEM]
