"""Who may be meant by demographics: found by blind tokens, then compared (``identity/match``).

A person has a token for their birth date with each of family name, first given name and postcode, so that
one of the three may differ. Without a whole birth date nobody is found. Nothing of it stands in the clear.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs
from sqlalchemy import Connection

from scr.fhir.demographics import Demographics
from scr.identity.names import fold
from scr.store.driver import run, run_many, some, written
from scr.store.keys import KeyRing
from scr.store.people import Person, person_by_key

MOST_CANDIDATES = 50
_KIND = "trace"
_ADD = written("INSERT INTO person_trace (person, token) VALUES (?, ?) ON CONFLICT DO NOTHING")
_CLEAR = written("DELETE FROM person_trace WHERE person = ?")
_FOUND = some("SELECT DISTINCT person FROM person_trace WHERE token IN ({marks}) ORDER BY person LIMIT 51")
_UNTRACED = written(
    "SELECT p.key FROM person p WHERE p.key > ? AND NOT EXISTS"
    " (SELECT 1 FROM person_trace t WHERE t.person = p.key) ORDER BY p.key LIMIT ?"
)


def blocks(told: Demographics) -> frozenset[str]:
    """What a person is looked for by, in the clear."""
    born = told.birth_date or ""
    if len(born) != 10:
        return frozenset()
    parts = {"f": told.family, "g": told.given[0] if told.given else None, "p": told.postcode}
    return frozenset(f"{born} {part} {fold(text)}" for part, text in parts.items() if fold(text))


def trace(connection: Connection, keys: KeyRing, person: Person, *, new: bool = False) -> None:
    """Let a person be found by what is held of them now. ``new``: nothing was, before."""
    if not new:
        run(connection, _CLEAR, (person.key,))
    run_many(connection, _ADD, [(person.key, token) for token in _tokens(keys, person)])


def candidates(connection: Connection, keys: KeyRing, told: Demographics) -> list[Person]:
    """Those who may be meant, by opaque key; nobody where too many may be: then too little is told."""
    tokens = sorted(keys.blind(_KIND, block) for block in blocks(told))
    if not tokens:
        return []
    found = [str(key) for (key,) in run(connection, _FOUND(len(tokens)), tokens).fetchall()]
    if len(found) > MOST_CANDIDATES:
        return []
    return [one for key in found if (one := person_by_key(connection, keys, key)) is not None]


def catch_up(connection: Connection, keys: KeyRing, after: str, most: int) -> str | None:
    """Trace some of those who are held and not traced, in the order of their keys; the last one's key, None
    when there are no more. For those who were held before there were traces."""
    found = [str(key) for (key,) in run(connection, _UNTRACED, (after, most)).fetchall()]
    for key in found:
        person = person_by_key(connection, keys, key)
        if person is not None:
            trace(connection, keys, person, new=True)
    return found[-1] if found else None


def told_of(person: Person) -> list[Demographics]:
    """What a person may be found by: of one whose whereabouts are restricted, never where they live."""
    if not person.standing.restricted:
        return list(person.known_as)
    return [structs.replace(one, postcode=None) for one in person.known_as]


def _tokens(keys: KeyRing, person: Person) -> Iterable[str]:
    """The tokens, and one of the person alone: that they are traced, though nothing is known of them."""
    known = {block for one in told_of(person) for block in blocks(one)}
    return sorted({keys.blind(_KIND, block) for block in known} | {keys.blind(_KIND, person.key)})
