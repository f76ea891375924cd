"""Who looked at a record: what of the audit the person themselves is told.

Each look by name, role, organisation, time, purpose, and what was asked for; refused ones too. What is told
of a look is what was asked, never what came of it: of a single entry that was read no type is told, which
would say that there is such an entry. Where nobody is to learn where the person is, no organisation and no
role is told either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from scr.consent.policy import Policy
from scr.store import trail
from scr.store.audit.telling import Telling, Who
from scr.store.trail import AuditRow

DAY_MS = 86_400_000
LONGEST_DAYS = 366
MOST = 200

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
        telling = Telling.of(row.action, row.what, row.outcome, row.purpose, row.role, row.details)
        role = self.policy.roles.get(row.role)
        online = telling.who in ("you", "carer")
        unnamed = "A system" if telling.who == "system" else "Somebody whose name was not told"
        return Looked(
            id=row.id,
            at=row.at,
            who=telling.who,
            name=row.actor_name or unnamed,
            role="" if hides or online else row.role if role is None else role.name,
            organisation="" if hides else self.names.get(row.organisation, row.organisation),
            purpose=PURPOSES.get(row.purpose, row.purpose),
            what=telling.asked,
            allowed=telling.allowed,
            glass=telling.glass,
            through="" if hides else telling.through,
        )


def opened_by(one: Looked, fields: Mapping[str, object]) -> list[str]:
    """Which fields of the audit's row (``scr.store.audit.form``) say no more than what is told of the look.

    A field that says something else than what is told now stays closed; so does one that is not told.
    """
    told = {
        "id": one.id,
        "at": one.at,
        "who": one.who,
        "asked": one.what,
        "allowed": one.allowed,
        "glass": one.glass,
    }
    named = {"role": one.role, "organisation": one.organisation, "through": one.through}
    opened = [name for name, value in told.items() if fields[name] == value]
    return [*opened, "actor_name", "purpose", *(name for name, value in named.items() if value)]
