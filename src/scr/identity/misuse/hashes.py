"""Keyed hashes by which the lists are compared with who looks and with whom they look at."""

from __future__ import annotations

from functools import lru_cache

from scr.fhir.identifiers import NHSNumber
from scr.identity.index import token_of
from scr.identity.names import fold
from scr.store.keys import KeyRing


class Hashes:
    """Keyed hashes of what stands in a list; of nothing it is empty."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._of = lru_cache(maxsize=20_000)(self._hash)

    def user(self, user: str) -> str:
        """Of a user id, as it stands."""
        return self._of("misuse user", user.strip())

    def number(self, number: NHSNumber) -> str:
        """Of an NHS Number: that of the index of people."""
        return token_of(self._keys, number)

    def family(self, name: str | None) -> str:
        """Of a surname: case, accents and hyphens apart."""
        return self._of("misuse family", fold(name))

    def postcode(self, postcode: str | None) -> str:
        """Of a postcode: case and spaces apart."""
        return self._of("misuse postcode", fold(postcode))

    def organisation(self, code: str) -> str:
        """Of an ODS code."""
        return self._of("misuse organisation", code)

    def _hash(self, kind: str, value: str) -> str:
        return self._keys.blind(kind, value) if value else ""


def users_of(actor: str) -> tuple[str, ...]:
    """How a list may name an actor of the audit: as that does, or without the issuer before the id."""
    issuer, _, user = actor.rpartition("|")
    return (actor, user) if issuer else (actor,)
