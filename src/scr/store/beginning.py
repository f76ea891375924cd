"""What a look begins with, in one statement: whose record it is, and all that is decided by before it.

To ask for each of these by itself takes a look longer than everything else that it does, and on PostgreSQL a
way there and back for each. So one statement finds the person, and brings what hangs on them: every row says
which part it is of (``_Part``), and has a place for every kind of value.

Each part is found by the person's key, or, where a directory finds the person, by the directory's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from scr.consent.sharing import SharingRule
from scr.fhir.identifiers import OdsCode
from scr.fhir.person import PERSON_SOURCE
from scr.store.claims import Claim, claim_of
from scr.store.driver import Statement, written
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.locator import Located
from scr.store.messages import MessageState
from scr.store.people import Person, open_person
from scr.store.quarantine import QuarantineState
from scr.store.sharing import rules_in


class _Part(IntEnum):
    PERSON, REGISTER, TIE, CLAIM, SHARING, BACK, HELD, SERVED = range(8)


_TEXTS, _NUMBERS, _BYTES = 12, 4, 2
_CLAIM = (
    "id", "kind", "subject", "name", "role", "role_name", "organisation", "organisation_name", "purpose",
    "withdrawn_by", "reviewed_by", "verdict",
)  # fmt: skip
_CLAIM_TIMES = ("since", "until", "withdrawn", "reviewed")


def _arm(
    part: _Part, rest: str, texts: Sequence[str] = (), numbers: Sequence[str] = (), parts: Sequence[str] = ()
) -> str:
    """One part: expressions for its texts, its numbers and its bytes, and where they are from."""
    places = ((texts, _TEXTS, "text"), (numbers, _NUMBERS, "bigint"), (parts, _BYTES, "bytea"))
    told = [
        one or f"CAST(NULL AS {kind})"
        for some, width, kind in places
        for one in (*some, *[""] * (width - len(some)))
    ]
    return f"SELECT {part.value}, {', '.join(told)} {rest}"


_KEY = "(SELECT key FROM who)"
_TOKENS = f"(SELECT token FROM person_index WHERE person = {_KEY} AND kind = 'nhs-number')"  # noqa: S608
_PARTS = (
    _arm(
        _Part.PERSON,
        "FROM who",
        ("key", "patient_id", "view"),
        ("revision",),
        ("wrapped_key", "sealed"),
    ),
    _arm(_Part.REGISTER, "FROM onboarding_event", numbers=("max(seq)",)),
    _arm(
        _Part.TIE,
        f"FROM relationship WHERE person = {_KEY}",
        ("organisation", "kind", "source"),
        ("since", "seen", "until"),
    ),
    _arm(
        _Part.CLAIM,
        f"FROM claim WHERE person = {_KEY} AND subject = ? AND until > ?",
        _CLAIM,
        _CLAIM_TIMES,
    ),
    _arm(_Part.SHARING, f"FROM sharing WHERE person = {_KEY}", parts=("sealed",)),
    _arm(
        _Part.BACK,
        f"FROM quarantine WHERE claimed IN {_TOKENS} AND state = '{QuarantineState.OPEN}'",
        ("provider",),
    ),
    _arm(
        _Part.BACK,
        f"FROM waiting w CROSS JOIN message m WHERE w.claimed IN {_TOKENS} AND m.id = w.message"
        f" AND m.state = '{MessageState.WAITING}'",
        ("m.provider",),
    ),
)
_ROW = "SELECT key, patient_id, wrapped_key, sealed, revision, view FROM person"
_HELD_HERE = f"FROM held WHERE id = ? AND type = ? AND source <> '{PERSON_SOURCE}'"
_SERVED_ONCE = "FROM locator WHERE id = ? AND type = ?"


def _beginning(who: str, *more: str) -> Statement:
    return written(f"WITH who AS ({_ROW} WHERE {who}) {' UNION ALL '.join((*_PARTS, *more))}")


BY_KEY = _beginning("key = ?")
BY_PATIENT_ID = _beginning("patient_id = ?")
BY_TOKEN = _beginning("key = (SELECT person FROM person_index WHERE token = ?)")
_BY_RESOURCE = _beginning(
    f"key = COALESCE((SELECT person {_HELD_HERE}), (SELECT person {_SERVED_ONCE}))",
    _arm(_Part.HELD, _HELD_HERE, ("person", "source")),
    _arm(_Part.SERVED, _SERVED_ONCE, ("person", "source"), parts=("head",)),
)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What was found, all of it at one moment; of nobody who is linked with the person.

    ``register`` is the number of the register's last event; ``ties`` are what organisations have to do with
    the person, as their rows stand: organisation, kind, source, since, seen, until; ``claims`` are those of
    the subject that are not past their end; ``back`` are the providers of which something that names the
    person is not filed; ``located`` is where the resource is that the person was found by.
    """

    person: Person | None
    register: int
    ties: tuple[tuple[Any, ...], ...] = ()
    claims: tuple[Claim, ...] = ()
    rules: tuple[SharingRule, ...] = ()
    back: frozenset[OdsCode] = frozenset()
    located: Located | None = None


async def begin(
    database: Database, keys: KeyRing, by: Statement, value: str, subject: str, now: int
) -> Beginning:
    """What is known of the person whom a statement finds by a value, for a token's subject at ``now``.

    Raises Fault ``unreadable``, as whoever opens a person does; Unavailable.
    """
    return _read(keys, await database.ask(by, (value, subject, now)))


async def begin_by_resource(
    database: Database, keys: KeyRing, kind: str, logical: str, subject: str, now: int
) -> Beginning:
    """The same, of the person whose ``kind/logical`` is, if it is held or was ever served."""
    place = (logical, kind)
    return _read(keys, await database.ask(_BY_RESOURCE, (*place, *place, subject, now, *place, *place)))


def _read(keys: KeyRing, rows: Sequence[Sequence[Any]]) -> Beginning:
    found: dict[int, list[Sequence[Any]]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row[1:])
    register = found[_Part.REGISTER][0][_TEXTS] or 0
    located = _located(found)
    if _Part.PERSON not in found:
        return Beginning(None, register, located=located)
    [row] = found[_Part.PERSON]
    key, patient_id, view = row[:3]
    person = open_person(keys, (key, patient_id, row[-2], row[-1], row[_TEXTS], view))
    return Beginning(
        person,
        register,
        tuple(sorted((*row[:3], *row[_TEXTS : _TEXTS + 3]) for row in found.get(_Part.TIE, ()))),
        tuple(_claim(key, row) for row in found.get(_Part.CLAIM, ())),
        tuple(rule for row in found.get(_Part.SHARING, ()) for rule in rules_in(person, bytes(row[-2]))),
        frozenset(OdsCode(row[0]) for row in found.get(_Part.BACK, ())),
        located,
    )


def _located(found: dict[int, list[Sequence[Any]]]) -> Located | None:
    for part in (_Part.HELD, _Part.SERVED):
        for row in found.get(part, ()):
            return Located(row[0], OdsCode(row[1]), part is _Part.HELD, row[-2])
    return None


def _claim(person: str, row: Sequence[Any]) -> Claim:
    texts = dict(zip(_CLAIM, row, strict=False))
    times = dict(zip(_CLAIM_TIMES, row[_TEXTS:], strict=False))
    return claim_of({**texts, **times, "person": person})
