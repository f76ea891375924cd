"""What a provider tells of a person's wish that its part of the record is not shared (HL7 v2, ZU8-2).

A dissent withholds the provider's part, and an explicit consent that the same provider tells lifts it.
Which of the two holds goes by when each was said, not by when it came: the last word of a provider
stands in whatever order its messages arrive, and of two words of one moment the dissent. Nothing lifts
what another provider told, or what the person has said by a Consent (``store.sharing``).

In the table it is a relationship of kind ``objection``: ``since`` is when the last dissent was said, and
``until`` when the consent was that lifts it.
"""

from __future__ import annotations

from sqlalchemy import Connection

from scr.fhir.identifiers import OdsCode
from scr.store.driver import send, written
from scr.store.people import Person

_DISSENT = written(
    "INSERT INTO relationship (person, organisation, kind, source, since, seen, until)"
    " VALUES (?, ?, 'objection', ?, ?, ?, NULL)"
    " ON CONFLICT (person, organisation, kind, source) DO UPDATE SET"
    " since = CASE WHEN excluded.since > relationship.since THEN excluded.since ELSE relationship.since END,"
    " until = CASE WHEN relationship.until > excluded.since THEN relationship.until ELSE NULL END"
)
_CONSENT = written(
    # Where nothing was heard before, it is kept all the same: a dissent of before may still be on its way.
    "INSERT INTO relationship (person, organisation, kind, source, since, seen, until)"
    " VALUES (?, ?, 'objection', ?, ?, ?, ?)"
    " ON CONFLICT (person, organisation, kind, source) DO UPDATE SET until = excluded.until"
    " WHERE relationship.until < excluded.until"
    " OR (relationship.until IS NULL AND relationship.since < excluded.until)"
)


def dissent(connection: Connection, person: Person, provider: OdsCode, source: OdsCode, at: int) -> None:
    """The person does not want shared what ``provider`` knows, as ``source`` told at ``at`` (ms UTC)."""
    send(connection, _DISSENT, (person.key, provider.value, source.value, at, at))


def consent(connection: Connection, person: Person, provider: OdsCode, source: OdsCode, at: int) -> None:
    """The person does want it shared, as the same source told: what it told before counts no more."""
    send(connection, _CONSENT, (person.key, provider.value, source.value, at, at, at))
