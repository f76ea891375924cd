"""A person's own say, by the API: Consents about the sharing of their record, written and read.

Who may: staff whose job role has the activity ``record-choices``, who write down what the person wishes,
for the people with whom their organisation has to do. It opens nothing else of anybody's record. A
Consent names what is withheld and from whom, so nobody else reads it: not in a search, not by its id.
https://hl7.org/fhir/R4/http.html#create, #update, #vread, #history
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import formatdate

from scr.api.fhir.opened import NO_PATIENT
from scr.api.look import Answer, Look, written
from scr.broker.query import Broker, Known
from scr.consent.actor import Actor, ActorKind
from scr.consent.consents import rules_of
from scr.consent.decide import WHEREABOUTS, AccessRequest, Decision, Reason
from scr.consent.policy import Policy
from scr.consent.scopes import allows
from scr.consent.ties import ties_in_force
from scr.errors import Invalid, NotFound, Unprocessable
from scr.fhir.bundle import Links, history, searchset
from scr.fhir.canonical import LABEL_SYSTEM
from scr.fhir.dates import utc
from scr.fhir.entry import Entry, Resource
from scr.fhir.privacy_consent import read_consent
from scr.fhir.search import Pairs, parse_search
from scr.store import sharing
from scr.store.engine import Database, Work
from scr.store.keys import KeyRing
from scr.store.people import Person
from scr.store.sharing import CONSENT, Said

RECORD_CHOICES = "record-choices"
"""The activity that it takes to write down what a person says of the sharing of their record."""
ANYBODYS_CHOICES = "record-anybodys-choices"
"""The activity that it takes to do so for people with whom one's organisation has nothing to do."""

_MISSING = f"no {CONSENT} with this id, or none that you may see"
_ETAG = re.compile(r'W/"([0-9]{1,9})"\Z')


class Consents:
    """The interactions on Consents of this deployment's own."""

    def __init__(
        self, broker: Broker, policy: Policy, database: Database, keys: KeyRing, base_url: str
    ) -> None:
        self._broker = broker
        self._policy = policy
        self._database = database
        self._keys = keys
        self._base_url = base_url

    def serves(self, actor: Actor) -> bool:
        """Whether somebody is one who writes down what people wish."""
        return actor.kind is ActorKind.PROFESSIONAL and self._policy.may(actor.role, RECORD_CHOICES)

    def admit(self, request: AccessRequest, policy: Policy, _now: datetime) -> Decision:
        """Whether the actor may do this to anybody's Consents at all."""
        reason = None
        if not self.serves(request.actor):
            reason = Reason("role-activity", "The job role has no activity that records people's choices.")
        elif not allows(request.actor.scopes, CONSENT, request.interaction.value):
            reason = Reason("scope", "The token's scopes do not grant this interaction.")
        elif request.actor.organisation is None:
            reason = Reason("no-organisation", "The token names no organisation.")
        if reason is not None:
            return Decision(False, (reason,), policy.hash)
        return Decision(True, (Reason("permitted", "Role and scope allow it."),), policy.hash)

    async def create(self, look: Look, actor: Actor, consent: Resource) -> Answer:
        """A new Consent; the server gives the id. It is in force when the answer comes."""
        self._check(consent)
        patient = read_consent(consent).patient
        known = await self._broker.by_id(patient, actor)
        person = self._person(self._admitted(look, actor, known, NO_PATIENT), patient)
        if person is None:
            raise NotFound(NO_PATIENT)
        entry = await self._written(
            look, lambda conn: sharing.create(conn, self._keys, person, consent, look.now)
        )
        location = f"{self._base_url}/{entry.reference}/_history/{entry.version}"
        return self._answer(look, entry, 201, Location=location)

    async def update(
        self, look: Look, actor: Actor, logical: str, consent: Resource, if_match: str | None
    ) -> Answer:
        """The next version: what the person says now, or that they say it no more (``inactive``)."""
        version = _version(if_match)
        said = await self._find(look, actor, logical)
        self._check(consent)
        if consent.get("id") != logical:
            raise Unprocessable("must be the id of the address", code="bad-id", where="Consent.id")
        if read_consent(consent).patient != said.person.patient_id:
            raise Unprocessable(
                "a Consent stays with whom it is of: withdraw it, and create another",
                code="other-person",
                where="Consent.patient",
            )
        entry = await self._written(
            look, lambda conn: sharing.update(conn, self._keys, said, consent, version, look.now)
        )
        return self._answer(look, entry)

    async def read(self, look: Look, actor: Actor, logical: str) -> Answer:
        """The present version."""
        return self._answer(look, (await self._find(look, actor, logical)).entry)

    async def vread(self, look: Look, actor: Actor, logical: str, version: str) -> Answer:
        """One version."""
        for said in await self._versions(look, actor, logical):
            if said.entry.version == version:
                return self._answer(look, said.entry)
        raise NotFound(f"no {CONSENT} with this id and version, or none that you may see")

    async def history(self, look: Look, actor: Actor, logical: str) -> Answer:
        """Every version, the newest first."""
        versions = [said.entry for said in await self._versions(look, actor, logical)]
        own = f"{self._base_url}/{CONSENT}/{logical}/_history"
        body = history(versions, bundle_id=look.correlation, base_url=self._base_url, own=own, now=look.now)
        return Answer(body)

    async def search(self, look: Look, actor: Actor, pairs: Pairs) -> Answer:
        """``Consent?patient=[id]``: all that the person has said here, withdrawn or not, the newest first."""
        if any(name == "_count" for name, _ in pairs):
            raise Invalid("all are given at once", code="unknown-parameter", where="_count")
        asked = parse_search(CONSENT, pairs, base_url=self._base_url)
        if asked.includes or asked.shape:
            raise Invalid("each is given whole, and nothing with it", code="unknown-parameter", where=CONSENT)
        known = self._admitted(look, actor, await self._broker.by_id(asked.patient, actor), NO_PATIENT)
        entries = await self._database.read(lambda conn: sharing.consents_of(conn, known.view))
        found = asked.run(entries)
        body = searchset(
            found,
            bundle_id=look.correlation,
            base_url=self._base_url,
            links=Links(f"{self._base_url}/{CONSENT}?patient={asked.patient}"),
            now=look.now,
            total=len(found),
        )
        return Answer(body)

    async def _written(self, look: Look, work: Work[Entry]) -> Entry:
        """A Consent is not in force without the audit's telling who wrote it."""
        return await written(look, self._database, self._policy, work, lambda entry: _noted(look, entry))

    async def _find(self, look: Look, actor: Actor, logical: str) -> Said:
        """A Consent that the actor may see. Raises NotFound, known or not."""
        said = await self._database.read(lambda conn: sharing.find(conn, self._keys, logical))
        if said is None:
            raise NotFound(_MISSING)
        self._admitted(look, actor, await self._broker.by_person(said.person.key, actor), _MISSING)
        return said

    async def _versions(self, look: Look, actor: Actor, logical: str) -> list[Said]:
        await self._find(look, actor, logical)
        return await self._database.read(lambda conn: sharing.versions(conn, self._keys, logical))

    def _admitted(self, look: Look, actor: Actor, known: Known | None, missing: str) -> Known:
        """The person, where the actor's organisation has to do with them.

        Who cares for somebody whose whereabouts are restricted stands in their Consents too.
        """
        look.person = None if known is None else known.person.key
        if known is None:
            raise NotFound(missing)
        anybodys = self._policy.may(actor.role, ANYBODYS_CHOICES)
        told = (tie for tie in known.ties if tie.kind != "self-claimed")  # that is for looking, and no more
        near = anybodys or bool(ties_in_force(told, actor, self._policy.ties, utc(look.now)))
        restricted = any(person.standing.restricted for person in known.view)
        if actor.launch and actor.launch not in {person.patient_id for person in known.view}:
            raise NotFound(missing)
        if not near or (restricted and not self._policy.may(actor.role, WHEREABOUTS)):
            raise NotFound(missing)
        return known

    def _check(self, consent: Resource) -> None:
        """It can be read completely, and no label in it is a slip of the pen that would withhold nothing."""
        prefix = f"{LABEL_SYSTEM}|"
        for rule in rules_of({**consent, "status": "active"}):
            for label in rule.labels:
                if label.startswith(prefix) and label[len(prefix) :] not in self._policy.labels.labels:
                    raise Unprocessable(
                        "names a label that labels.yaml does not have",
                        code="unknown-label",
                        where="Consent.provision.securityLabel",
                    )

    @staticmethod
    def _person(known: Known, patient: str) -> Person | None:
        """Of those who are read as one, the very person whose Patient it names."""
        return next((person for person in known.view if person.patient_id == patient), None)

    @staticmethod
    def _answer(look: Look, entry: Entry, status: int = 200, **headers: str) -> Answer:
        _noted(look, entry)
        tags = {
            "ETag": f'W/"{entry.version}"',
            "Last-Modified": formatdate(entry.last_updated / 1000, usegmt=True),
        }
        return Answer(entry.body, status, {**tags, **headers})


def _noted(look: Look, entry: Entry) -> None:
    look.details["consent"] = f"{entry.reference}/_history/{entry.version}"


def _version(if_match: str | None) -> str:
    """The version that a writer has read. Raises Invalid where the header does not say one."""
    match = _ETAG.match(if_match or "")
    if match is None:
        raise Invalid(
            'send If-Match with the ETag of the version that you have read, such as W/"1"',
            code="if-match-needed",
        )
    return match.group(1)
