"""Who looked at a record: what of the audit the person themselves is told.

Each look by name, role, organisation, time, purpose, and what was asked for; refused ones too. What is told
of a look is what was asked, never what came of it: of a single entry that was read no type is told, which
would say that there is such an entry. Where nobody is to learn where the person is, no organisation and no
role is told either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from scr.consent.breakglass import BTG
from scr.consent.policy import Policy
from scr.fhir.headings import HEADINGS, headings_of_type
from scr.store import trail
from scr.store.trail import AuditRow

DAY_MS = 86_400_000
LONGEST_DAYS = 366
MOST = 200

Who = Literal["you", "carer", "professional", "system"]

PURPOSES: Mapping[str, str] = {
    "TREAT": "Care",
    "ETREAT": "Emergency care",
    "BTG": "Emergency access",
    "CAREMGT": "Planning of care",
    "PATRQT": "Your own look",
    "FAMRQT": "On your behalf",
    "HRESCH": "Research",
}


@dataclass(frozen=True, slots=True)
class Looked:
    """One look. ``id`` is of the audit's row, ``at`` ms UTC; texts are for people.

    ``organisation`` is its name or its ODS code. ``allowed`` is False where it was refused. ``glass``: the
    glass was broken for it. ``through`` is the neighbouring record or the app that asked for them.
    """

    id: str
    at: int
    who: Who
    name: str
    role: str
    organisation: str
    purpose: str
    what: str
    allowed: bool
    glass: bool = False
    through: str = ""

    @property
    def sentence(self) -> str:
        """The look in one line, for whoever is asked about it."""
        told = [self.name, self.role, self.organisation, self.purpose, self.what]
        return ", ".join([*filter(None, told), "allowed" if self.allowed else "refused"])


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells of looks. ``names`` are those of organisations, by ODS code."""

    policy: Policy
    names: Mapping[str, str]

    def since(
        self,
        connection: Connection,
        people: Sequence[str],
        now: int,
        *,
        before: int | None = None,
        days: int = LONGEST_DAYS,
        hides: bool = False,
        only: str | None = None,
    ) -> list[Looked]:
        """Of the last days, at the persons with these opaque keys, the newest first: ``MOST`` and what else
        was at the same moment as the last.

        ``before``: only earlier ones, ms UTC. ``hides``: nobody is to learn where the person is. ``only``:
        the looks of this subject alone.
        """
        until = now if before is None else before - 1
        since = now - min(days, LONGEST_DAYS) * DAY_MS
        rows = trail.looks_at(connection, people, since, until, most=MOST, actor=only)
        return [self.told(row, hides=hides) for row in rows]

    def one(self, connection: Connection, people: Sequence[str], look: str, now: int) -> Looked | None:
        """The look with an id, at these persons."""
        row = trail.row_by_id(connection, look, people)
        recent = row is not None and now - LONGEST_DAYS * DAY_MS <= row.at <= now
        return self.told(row) if row is not None and row.actor and recent else None

    def told(self, row: AuditRow, *, hides: bool = False) -> Looked:
        """One row of the audit, in words."""
        who = _who(row)
        role = self.policy.roles.get(row.role)
        online = who in ("you", "carer")
        return Looked(
            id=row.id,
            at=row.at,
            who=who,
            name=row.actor_name or ("A system" if who == "system" else "Somebody whose name was not told"),
            role="" if hides or online else row.role if role is None else role.name,
            organisation="" if hides else self.names.get(row.organisation, row.organisation),
            purpose=PURPOSES.get(row.purpose, row.purpose),
            what=asked_for(row),
            allowed=row.outcome == "success",
            glass="glass" in row.details or row.purpose == BTG,
            through="" if hides else str(row.details.get("neighbour_name", "")),
        )


def asked_for(row: AuditRow) -> str:
    """What was asked for, in words."""
    if row.what in WORDS:
        return WORDS[row.what]
    if row.action == "read":
        return "One entry of the record"
    names = sorted(HEADINGS[one] for one in headings_of_type(row.what.partition(" ")[0]))
    return ", ".join(names) or "The record"


WORDS = {
    "Patient": "Who you are",
    "access": "Who may see the record",
    "access/home": "The first page",
    "access/whose": "Whose record to see",
    "access/record": "The record",
    "access/summary": "The summary to take along",
    "access/looks": "Who looked at the record",
    "access/choices": "What you chose about sharing",
    "access/carers": "Who acts for you",
    "access/preview": "Who could look",
    "access/questions": "Your questions about looks",
    "explain access": "Why somebody may see the record",
    "record proxy": "Who acts for you",
    "list proxies": "Who acts for you",
    "end proxy": "Who acts for you",
    "suspend proxy": "Who acts for you",
    "review proxy": "Who acts for you",
    "assess capacity": "Whether you can decide for yourself",
    "answer question": "Your questions about looks",
    "challenge": "What you said is wrong",
    "$everything": "All of the record",
    "summary": "The summary",
}


def _who(row: AuditRow) -> Who:
    if row.purpose == "PATRQT":
        return "you"
    if row.purpose == "FAMRQT":
        return "carer"
    return "professional" if row.role else "system"
