"""The rows of claims: the relationships that users claimed, and the glasses that they broke.

Reason and review are sealed with the person's key, so that they are gone with the person. Every read is
of the rows as they are now: what was withdrawn on one process holds on none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, select, text, update

from scr.consent.breakglass import BrokenGlass
from scr.consent.ties import Tie
from scr.errors import NotFound
from scr.fhir.identifiers import OdsCode
from scr.store.driver import run, written
from scr.store.keys import random_id, seal, unseal
from scr.store.people import Person
from scr.store.tables import CLAIM


class ClaimKind(StrEnum):
    """What was claimed."""

    GLASS = "glass"
    RELATIONSHIP = "relationship"


class Verdict(StrEnum):
    """What a reviewer says of a claim."""

    APPROPRIATE = "appropriate"
    FOLLOW_UP = "follow-up"


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim, without its reason and without what was noted of it. Instants are ms UTC.

    ``subject``, ``role`` and ``organisation`` are the token's of whoever claimed it; ``name``,
    ``role_name`` and ``organisation_name`` what people call them.
    """

    id: str
    person: str
    kind: ClaimKind
    subject: str
    name: str
    role: str
    role_name: str
    organisation: OdsCode
    organisation_name: str
    purpose: str
    since: int
    until: int
    withdrawn: int | None = None
    withdrawn_by: str = ""
    reviewed: int | None = None
    reviewed_by: str = ""
    verdict: str = ""

    @property
    def over(self) -> int:
        """When it ended or ends."""
        return self.until if self.withdrawn is None else min(self.until, self.withdrawn)

    def tie(self) -> Tie | None:
        """The relationship that was claimed; None for a glass, and for what was withdrawn."""
        if self.kind is not ClaimKind.RELATIONSHIP or self.withdrawn is not None:
            return None
        return Tie(
            organisation=self.organisation,
            kind="self-claimed",
            since=self.since,
            source=self.organisation,
            seen=self.since,
            until=self.until,
            subject=self.subject,
            role=self.role,
        )

    def glass(self) -> BrokenGlass | None:
        """The glass that was broken; None for a relationship. Its reason stays sealed."""
        if self.kind is not ClaimKind.GLASS:
            return None
        return BrokenGlass(
            id=self.id,
            person=self.person,
            subject=self.subject,
            role=self.role,
            organisation=self.organisation,
            since=self.since,
            until=self.until,
            withdrawn=self.withdrawn,
            purpose=self.purpose,
        )


class Review(msgspec.Struct, frozen=True, array_like=True):
    """What somebody said of a claim: when (ms UTC), who, what they came to, and what they noted."""

    at: int
    by: str
    verdict: Verdict
    note: str


_NAMES = tuple(one.name for one in fields(Claim))
_COLUMNS = tuple(CLAIM.c[name] for name in _NAMES)
_ONE = select(*_COLUMNS).where(CLAIM.c.id == bindparam("id"))
_OF_ACTOR = written(
    f"SELECT {', '.join(_NAMES)} FROM claim WHERE person = ? AND subject = ? AND until > ?"  # noqa: S608
)
_OPEN = select(func.count()).where(
    CLAIM.c.subject == bindparam("subject"),
    CLAIM.c.kind == bindparam("kind"),
    CLAIM.c.until > bindparam("now"),
    CLAIM.c.withdrawn.is_(None),
)
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[Review, ...])
_HOLD = text("SELECT pg_advisory_xact_lock(:number)")
_TEXTS = select(CLAIM.c.sealed, CLAIM.c.review).where(CLAIM.c.id == bindparam("id"))


def add(connection: Connection, person: Person, claim: Claim, reason: str) -> Claim:
    """Write a claim of a person; gives it with its id."""
    made = replace(claim, id=random_id(), person=person.key)
    row = {**_values(made), "kind": made.kind.value, "organisation": made.organisation.value}
    row["sealed"] = seal(person.data_key, reason.encode(), _place(made, "reason"))
    connection.execute(insert(CLAIM), row)
    return made


def hold(connection: Connection, subject: str) -> None:
    """Let nobody else claim for this subject before the transaction ends: what is open is counted first.

    On SQLite there is one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        digest = hashlib.blake2b(f"claim\x1f{subject}".encode(), digest_size=8).digest()
        number = int.from_bytes(digest, "big", signed=True)
        connection.execute(_HOLD, {"number": number})


def of_actor(connection: Connection, person: str, subject: str, now: int) -> tuple[Claim, ...]:
    """What the token's subject has claimed of a person, by opaque key, and is not past its end.

    What was withdrawn is among it.
    """
    found = run(connection, _OF_ACTOR, (person, subject, now)).fetchall()
    return tuple(claim_of(dict(zip(_NAMES, row, strict=True))) for row in found)


def open_now(connection: Connection, subject: str, kind: ClaimKind, now: int) -> int:
    """How many claims of a kind the token's subject has open, of whomever."""
    asked = {"subject": subject, "kind": kind.value, "now": now}
    return int(connection.execute(_OPEN, asked).scalar_one())


def read(connection: Connection, claim: str) -> Claim:
    """A claim by its id. Raises NotFound."""
    row = connection.execute(_ONE, {"id": claim}).one_or_none()
    if row is None:
        raise NotFound("there is no claim with this id: `scr privacy list` shows them", code="no-claim")
    return claim_of(row._asdict())


def reason_of(connection: Connection, person: Person, claim: Claim) -> str:
    """Why it was claimed."""
    return _texts(connection, person, claim)[0]


def reviews_of(connection: Connection, person: Person, claim: Claim) -> tuple[Review, ...]:
    """What was said of it, the first first; nothing while nobody has."""
    return _texts(connection, person, claim)[1]


def waiting(connection: Connection, limit: int) -> list[Claim]:
    """The claims that nobody has reviewed, or that are to be followed up, the oldest first."""
    settled = CLAIM.c.verdict == Verdict.APPROPRIATE.value
    query = select(*_COLUMNS).where(~settled).order_by(CLAIM.c.since, CLAIM.c.id)
    return [claim_of(row._asdict()) for row in connection.execute(query.limit(limit))]


def latest(connection: Connection, limit: int) -> list[Claim]:
    """Every claim, reviewed or not, the newest first."""
    query = select(*_COLUMNS).order_by(CLAIM.c.since.desc(), CLAIM.c.id.desc())
    return [claim_of(row._asdict()) for row in connection.execute(query.limit(limit))]


def withdraw(connection: Connection, claim: Claim, *, by: str, now: int) -> int:
    """End a claim, and every other open one of its kind by the same user about the same person.

    Gives how many there were.
    """
    change = (
        update(CLAIM)
        .where(
            CLAIM.c.person == claim.person,
            CLAIM.c.subject == claim.subject,
            CLAIM.c.kind == claim.kind.value,
            CLAIM.c.withdrawn.is_(None),
            CLAIM.c.until > now,
        )
        .values(withdrawn=now, withdrawn_by=by)
    )
    return connection.execute(change).rowcount


def review(connection: Connection, person: Person, claim: Claim, said: Review) -> None:
    """Write down what somebody says of it, beside what was said before."""
    every = (*reviews_of(connection, person, claim), said)
    values = {
        "reviewed": said.at,
        "reviewed_by": said.by,
        "verdict": said.verdict.value,
        "review": seal(person.data_key, _encoder.encode(every), _place(claim, "review")),
    }
    connection.execute(update(CLAIM).where(CLAIM.c.id == claim.id).values(values))


def _values(claim: Claim) -> dict[str, object]:
    return {name: getattr(claim, name) for name in _NAMES}


def claim_of(row: Mapping[str, Any]) -> Claim:
    """The claim of a row, by the names of its columns."""
    values = dict(row)
    values["kind"] = ClaimKind(values["kind"])
    values["organisation"] = OdsCode(values["organisation"])
    return Claim(**values)


def _texts(connection: Connection, person: Person, claim: Claim) -> tuple[str, tuple[Review, ...]]:
    sealed, review = connection.execute(_TEXTS, {"id": claim.id}).one()
    reason = unseal(person.data_key, sealed, _place(claim, "reason")).decode()
    if review is None:
        return reason, ()
    return reason, _decoder.decode(unseal(person.data_key, review, _place(claim, "review")))


def _place(claim: Claim, what: str) -> bytes:
    return f"claim/{claim.person}/{claim.id}/{what}".encode()
