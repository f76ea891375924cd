"""SMART scopes, both syntaxes. They narrow what a role allows and never widen it.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html:
``(patient|user|system)/(Type|*).cruds`` with the letters in that order, and the older ``.read``,
``.write`` and ``.*``. A scope with a search part (``?category=…``), or one that cannot be read,
grants nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SCOPE = re.compile(r"(?:patient|user|system)/([A-Z][A-Za-z]*|\*)\.(c?r?u?d?s?|read|write|\*)\Z")
_OLDER = {"read": "rs", "write": "cud", "*": "cruds"}


@lru_cache(maxsize=1024)
def granted(scopes: frozenset[str]) -> frozenset[tuple[str, str]]:
    """Pairs of resource type (or ``*``) and one letter of ``cruds``."""
    pairs: set[tuple[str, str]] = set()
    for scope in scopes:
        match = _SCOPE.match(scope)
        if match is not None:
            kind, letters = match.groups()
            pairs.update((kind, letter) for letter in _OLDER.get(letters, letters))
    return frozenset(pairs)


def allows(scopes: frozenset[str], kind: str, letter: str) -> bool:
    """Whether the scopes grant the interaction (a letter of ``cruds``) on the resource type."""
    pairs = granted(scopes)
    return (kind, letter) in pairs or ("*", letter) in pairs
