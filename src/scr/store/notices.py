"""What a person is told: sealed for them, once for each thing, as they have chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from scr.fhir.entry import Entry
from scr.store import alerts
from scr.store.driver import run, written
from scr.store.keys import seal, unseal
from scr.store.people import Person
from scr.store.tables import NOTICE, NOTICE_CHOICE

_DAY = 24 * 3600 * 1000
_RECENT = 28 * _DAY
_MOST = 200
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(dict[str, str])
_ADD = written(
    "INSERT INTO notice (person, id, kind, at, seen, sealed) VALUES (?, ?, ?, ?, NULL, ?)"
    " ON CONFLICT DO NOTHING"
)


class NoticeKind(StrEnum):
    """What people are told of."""

    RESULT = "result"
    GLASS = "break-glass"
    PROXY = "proxy"
    CHALLENGE = "challenge"


@dataclass(frozen=True, slots=True)
class Choice:
    """How a person is told of a kind: in the page, and by a message that there is something."""

    page: bool = True
    message: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice. ``details`` say what it is of, by name: ids, codes and names, no clinical content.

    ``seen`` is when it was seen first (ms UTC), None until then.
    """

    id: str
    kind: NoticeKind
    at: int
    seen: int | None
    details: Mapping[str, str] = field(repr=False)


def add(
    connection: Connection,
    person: Person,
    kind: NoticeKind,
    about: str,
    details: Mapping[str, str],
    now: int,
    *,
    sends: bool = False,
) -> bool:
    """Tell a person of something, once: ``about`` names it within its kind. False where they know already.

    ``sends``: the deployment sends messages, so that one goes out where the person has chosen so.
    """
    logical = _id(person, kind, about)
    sealed = seal(person.data_key, _encoder.encode(dict(details)), _place(person, logical))
    if run(connection, _ADD, (person.key, logical, kind.value, now, sealed)).rowcount == 0:
        return False
    if sends and choices(connection, person)[kind].message:
        alerts.put(connection, alerts.Alert(logical, alerts.NOTICE, now, now, about=person.patient_id))
    return True


def results(
    connection: Connection, person: Person, entries: Sequence[Entry], now: int, *, sends: bool = False
) -> None:
    """Tell a person of the new reports among what was filed for them.

    Of one that has any label nothing is told: whether they may see it, the record says when they look. Nor of
    an old one: a practice that is connected sends ten years of them.
    """
    for entry in entries:
        if entry.type != "DiagnosticReport" or entry.labels or entry.status not in {"final", "amended"}:
            continue
        if entry.when is None or now - entry.when[0] > _RECENT:
            continue
        details = {"entry": entry.reference, "source": entry.source}
        add(connection, person, NoticeKind.RESULT, entry.reference, details, now, sends=sends)


def notices_of(connection: Connection, people: Sequence[Person]) -> list[Notice]:
    """What the person of a record was told, of the kinds that they want to see, the newest first."""
    found: list[Notice] = []
    for person in people:
        wanted = choices(connection, person)
        query = select(NOTICE).where(NOTICE.c.person == person.key)
        for row in connection.execute(query.order_by(NOTICE.c.at.desc()).limit(_MOST)):
            if wanted[NoticeKind(row.kind)].page:
                details = _decoder.decode(unseal(person.data_key, row.sealed, _place(person, row.id)))
                found.append(Notice(row.id, NoticeKind(row.kind), row.at, row.seen, details))
    return sorted(found, key=lambda one: (-one.at, one.id))[:_MOST]


def seen(connection: Connection, people: Sequence[Person], ids: Sequence[str], now: int) -> int:
    """Note that notices were seen; gives how many were not before."""
    change = (
        update(NOTICE)
        .where(
            NOTICE.c.person.in_([one.key for one in people]), NOTICE.c.id.in_(ids), NOTICE.c.seen.is_(None)
        )
        .values(seen=now)
    )
    return connection.execute(change).rowcount


def unseen(connection: Connection, people: Sequence[Person]) -> int:
    """How many the person has not seen yet, of whatever kind."""
    query = select(func.count()).where(
        NOTICE.c.person.in_([one.key for one in people]), NOTICE.c.seen.is_(None)
    )
    return int(connection.execute(query).scalar_one())


def choices(connection: Connection, person: Person) -> dict[NoticeKind, Choice]:
    """How a person wants to be told of each kind: in the page only, where they have not chosen."""
    rows = connection.execute(select(NOTICE_CHOICE).where(NOTICE_CHOICE.c.person == person.key))
    chosen = {row.kind: Choice(bool(row.page), bool(row.message)) for row in rows}
    return {kind: chosen.get(kind.value, Choice()) for kind in NoticeKind}


def choose(connection: Connection, person: Person, wanted: Mapping[NoticeKind, Choice]) -> None:
    """Let these be a person's choices, in the place of those of the same kinds."""
    for kind, choice in wanted.items():
        mine = (NOTICE_CHOICE.c.person == person.key) & (NOTICE_CHOICE.c.kind == kind.value)
        connection.execute(delete(NOTICE_CHOICE).where(mine))
        row: dict[str, object] = {"person": person.key, "kind": kind.value, "page": int(choice.page)}
        row["message"] = int(choice.message)
        connection.execute(insert(NOTICE_CHOICE), row)


def _id(person: Person, kind: NoticeKind, about: str) -> str:
    """Of the same thing always the same, and not to be guessed."""
    said = f"notice\x1f{kind.value}\x1f{about}".encode()
    return hashlib.blake2b(said, key=person.data_key.digest_key(), digest_size=16).hexdigest()


def _place(person: Person, logical: str) -> bytes:
    return f"notice/{person.key}/{logical}".encode()
