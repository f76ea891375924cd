"""How a code without a translation is written down: without anything that could be a person's.

A code, its system and its text came from a payload, and what somebody typed may stand in any of them. The
counts lie in the clear and outlive the person whose record they were met in. So a code is told only where
it has the shape of one, a number that could be a person's is not told, and a text is told where it is a
dictionary's (``systems.LEGACY``) or three different people's records brought the same.
"""

from __future__ import annotations

import re
import threading
from typing import NamedTuple

from scr.terminology.coding import Untranslated
from scr.terminology.systems import Standing, standing_of

HIDDEN = "(not told)"
"""In the place of a code or a system that may be somebody's words or number."""

PEOPLE = 3
"""So many different people bring a text before it is told."""

_LONGEST_TEXT = 120
_SYSTEM = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]{1,200}\Z")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.^/+_&%-]{0,19}\Z")
_NUMBER = re.compile(r"[0-9](?:[ ./-]?[0-9]){5,}")
_PERSONS = re.compile(r"[0-9]{6}|[0-9](?:[ ./-]?[0-9]){8}|[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2}")
"""In a code: a hospital's number, one as long as an NHS Number, a date. ``tt-0003-01`` is none of these."""
_DICTIONARY_NUMBER = re.compile(r"[0-9]{1,9}|[0-9]{11,18}")
_OID = re.compile(r"urn:oid:[0-9.]+\Z")
_MEMORY = 50_000


class Met(NamedTuple):
    """A code without a translation, as it is written down. ``text`` is empty where it is not told."""

    system: str
    code: str
    reason: str
    text: str


class SharedTexts:
    """Which texts several people's records have brought. It lives in memory only; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._whose: dict[tuple[str, str, str], frozenset[str]] = {}

    def met(self, found: Untranslated, whose: str) -> Met:
        """A code as it is written down; ``whose`` is an opaque id of the person whose it is."""
        system, code = system_told(found.system), code_told(found.system, found.code)
        reason = str(found.reason)
        if HIDDEN in (system, code) or not _may_be_told(found.display):
            return Met(system, code, reason, "")
        known = standing_of(system) is Standing.LEGACY or self._is_shared(
            (system, code, found.display), whose
        )
        return Met(system, code, reason, found.display if known else "")

    def _is_shared(self, text: tuple[str, str, str], whose: str) -> bool:
        with self._lock:
            people = self._whose.get(text, frozenset())
            if len(people) < PEOPLE:
                if len(self._whose) >= _MEMORY:
                    self._whose.clear()
                people = self._whose[text] = people | {whose}
        return len(people) >= PEOPLE


def system_told(system: str) -> str:
    """A system's address, if it looks like one and holds no long number; an OID is one."""
    if not system or _OID.match(system) or (_SYSTEM.match(system) and not _PERSONS.search(system)):
        return system
    return HIDDEN


def code_told(system: str, code: str) -> str:
    """A code, if it looks like one. A dictionary's may be a number, but for one as long as an NHS Number."""
    if standing_of(system) in (Standing.LEGACY, Standing.NATIONAL) and _DICTIONARY_NUMBER.fullmatch(code):
        return code
    return code if _CODE.match(code) and not _PERSONS.search(code) else HIDDEN


def _may_be_told(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_TEXT and text.isprintable() and not _NUMBER.search(text)
