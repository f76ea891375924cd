"""``Patient/$match``: a person by demographics, for those who have to do with them.

Nobody is shown whose record the actor may not open: one who is not known, and one who may not be seen,
are both not there. Each person whose record was opened for it has a row of their own in the audit. How
often somebody may ask is limited. https://hl7.org/fhir/R4/patient-operation-match.html
"""

from __future__ import annotations

from sqlalchemy import Connection

from scr.api.fhir.opened import Opened, Opener
from scr.api.limits import Limits
from scr.api.look import Answer, Look, audit_row
from scr.consent.actor import Actor, ActorKind
from scr.consent.policy import Policy
from scr.errors import Forbidden, NotFound
from scr.fhir.demographics import demographics_in
from scr.fhir.entry import Entry
from scr.fhir.headings import DEMOGRAPHICS
from scr.fhir.match_request import MatchRequest, matches, read_match
from scr.fhir.parameters import Asked
from scr.identity import index
from scr.identity.matching import Matching
from scr.identity.traced import Traced, traced, weighed
from scr.identity.tracing import candidates
from scr.store.keys import KeyRing
from scr.store.limits import Limit
from scr.store.people import Person
from scr.store.trail import AuditRow, append

TRACES = Limit("traces", 30, 120_000)
"""Of each user: thirty an hour. Who is known here is not to be found out by trying one after the other."""
_WHO = frozenset({ActorKind.PROFESSIONAL, ActorKind.SYSTEM})
_DEMOGRAPHICS = frozenset({DEMOGRAPHICS})


class Match:
    """Answers who is meant."""

    def __init__(
        self, opener: Opener, policy: Policy, matching: Matching, limits: Limits, keys: KeyRing, base_url: str
    ) -> None:
        self._opener = opener
        self._policy = policy
        self._matching = matching
        self._limits = limits
        self._keys = keys
        self._base_url = base_url

    async def __call__(self, look: Look, actor: Actor, asked: Asked, _logical: str) -> Answer:
        """Those who may be meant, with grade and score. Raises Forbidden, TooMany."""
        if actor.kind not in _WHO:
            raise Forbidden("only staff look for people by demographics", code="role-activity")
        request = read_match(asked)
        await self._limits.take(
            TRACES, actor.subject, "too many searches by demographics: try later", "traces"
        )
        database = self._limits.database
        people = await database.read(lambda conn: self._people(conn, request))
        ranked = traced(people, request.told, request.number, self._matching)
        found: dict[str, tuple[Entry, str, float]] = {}
        rows: list[AuditRow] = []
        for one in ranked:
            if len(found) == request.most or (request.only_certain and one.grade != "certain"):
                break
            row, patients = await self._shown(look, actor, one)
            rows.append(row)
            if not patients:
                continue
            # Weighed again by what may be seen: a name that only a withheld source told must find nobody.
            known = [demographics_in(patient) for patient in patients]
            seen = weighed(one.person, known, request.told, request.number, self._matching)
            if seen is not None and (seen.grade == "certain" or not request.only_certain):
                found.setdefault(patients[0].id, (patients[0], seen.grade, seen.score))
        if rows:
            await database.write(lambda conn: _tell(conn, rows))
        look.details["found"] = str(len(found))
        body = matches(found.values(), bundle_id=look.correlation, base_url=self._base_url, now=look.now)
        return Answer(body)

    def _people(self, connection: Connection, request: MatchRequest) -> list[Person]:
        found = {one.key: one for one in candidates(connection, self._keys, request.told)}
        if request.number is not None:
            person = index.find(connection, self._keys, request.number)
            if person is not None:
                found[person.key] = person
        return list(found.values())

    async def _shown(self, look: Look, actor: Actor, one: Traced) -> tuple[AuditRow, list[Entry]]:
        """The Patients of somebody that the actor may see, the composed one first; and the row that tells of
        it. None where the composed one is not among them."""
        own = Look(look.action, look.what, look.interaction, look.now, look.correlation, actor)
        try:
            opened = await self._opener.by_id(own, actor, one.person.patient_id, asked=_DEMOGRAPHICS)
        except NotFound as denied:
            return audit_row(own, denied, self._policy.hash), []
        return audit_row(own, None, self._policy.hash), _patients(opened)


def _patients(opened: Opened) -> list[Entry]:
    found = [entry for entry in opened.permitted if entry.type == "Patient"]
    found.sort(key=lambda entry: entry.id != opened.subject)
    return found if found and found[0].id == opened.subject else []


def _tell(connection: Connection, rows: list[AuditRow]) -> None:
    for row in rows:
        append(connection, row)
