"""Why somebody may or may not see a record: asked by who watches over privacy, or of one's own look.

What is told is how the rules go, and never what a record holds. Of somebody whose whereabouts are
restricted nothing is told to those who must not learn where they are: which organisations have to do with
them would say it. Of one's own refused look no more is told than the refusal did: the rules as they go for
somebody of whom nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass

from scr.api.look import Clock
from scr.broker.query import Broker, Known
from scr.consent.account import Part, parts
from scr.consent.actor import Actor, ActorKind
from scr.consent.decide import WHEREABOUTS, AccessRequest, Interaction
from scr.consent.explain import Answer as Refusing
from scr.consent.explain import Explanation, Said, explain
from scr.consent.policy import Policy
from scr.errors import Invalid, NotFound
from scr.fhir.dates import utc
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.store.engine import Database
from scr.store.trail import AuditRow, append, of_request

NOBODY = "no Patient with this id or number, or none that you may ask about"
NOT_YOURS = "no look of yours has this id: it stands in the header X-Correlation-ID of an answer"
_INTERACTIONS = {"query": Interaction.SEARCH, "create": Interaction.CREATE, "update": Interaction.UPDATE}


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Who is thought to ask: a job role at an organisation, for a purpose. What ``user`` claimed counts."""

    role: str
    organisation: OdsCode
    purpose: str = "TREAT"
    interaction: Interaction = Interaction.READ
    user: str = ""

    def actor(self, policy: Policy) -> Actor:
        """Somebody with every scope and a sure sign-in: these are a token's, and not the question here."""
        return Actor(
            kind=ActorKind.PROFESSIONAL,
            subject=self.user or "what-if",
            role=self.role,
            organisation=self.organisation,
            scopes=frozenset({"user/*.cruds"}),
            assurance=policy.assurance.get(ActorKind.PROFESSIONAL, ("",))[0],
        )


@dataclass(frozen=True, slots=True)
class Account:
    """The decision on a person's record as a whole with all its rules, and what it comes to by heading."""

    explanation: Explanation
    parts: tuple[Part, ...]
    sources: int


@dataclass(frozen=True, slots=True)
class OwnLook:
    """A look of one's own, and how the rules go now for somebody of whom nothing is known."""

    row: AuditRow
    explanation: Explanation
    same_policy: bool

    @property
    def said(self) -> tuple[Said, ...]:
        """The rules about the user, and the one that refuses: what others say of a person is not for them."""
        found = self.explanation.said
        return tuple(one for one in found if one.part == "actor" or one.answer is Refusing.DENIES)


class Explainer:
    """Answers why."""

    def __init__(self, broker: Broker, policy: Policy, database: Database, clock: Clock) -> None:
        self.policy = policy
        self._broker = broker
        self._database = database
        self._clock = clock

    async def by_id(self, watcher: Actor, patient: str, asked: WhatIf) -> Account:
        """About the person whose Patient has an id. Raises NotFound, Invalid."""
        return await self._account(
            watcher, await self._broker.by_id(patient, asked.actor(self.policy)), asked
        )

    async def by_number(self, watcher: Actor, number: NHSNumber, asked: WhatIf) -> Account:
        """About the person with an NHS Number. Raises NotFound, Invalid."""
        return await self._account(
            watcher, await self._broker.by_number(number, asked.actor(self.policy)), asked
        )

    async def own(self, actor: Actor, correlation: str) -> OwnLook:
        """One's own look, by the id of its request. Raises NotFound, whether it is another's or nobody's."""
        rows = await self._database.read(lambda conn: of_request(conn, correlation, actor.subject))
        if not rows or not actor.subject:
            raise NotFound(NOT_YOURS, code="no-look")
        row = rows[0]
        request = AccessRequest(
            actor, _INTERACTIONS.get(row.action, Interaction.READ), organisations=self._broker.organisations
        )
        explanation = explain(request, self.policy, utc(self._clock()))
        return OwnLook(row, explanation, row.policy == self.policy.hash)

    async def _account(self, watcher: Actor, known: Known | None, asked: WhatIf) -> Account:
        if asked.role not in self.policy.roles:
            raise Invalid("the policy has no such job role: see consent/roles.yaml", code="unknown-role")
        hidden = known is not None and any(person.standing.restricted for person in known.view)
        if hidden and not self.policy.may(watcher.role, WHEREABOUTS):
            known = None
        await self._tell(watcher, known, asked)
        if known is None:
            raise NotFound(NOBODY, code="no-such-person")
        now = utc(self._clock())
        request = known.request(asked.actor(self.policy), asked.interaction, asked.purpose)
        named = {ods.value for ods in known.contributing}
        found = explain(request, self.policy, now)
        return Account(found, parts(request, self.policy, now, named), len(named))

    async def _tell(self, watcher: Actor, known: Known | None, asked: WhatIf) -> None:
        """That somebody was asked about is in the audit under them, as a look at their record is."""
        row = AuditRow(
            at=self._clock(),
            actor=watcher.subject,
            actor_name=watcher.name,
            role=watcher.role or "",
            organisation=str(watcher.organisation or ""),
            action="E",
            what="explain access",
            outcome="success" if known is not None else "refused",
            code="" if known is not None else "no-such-person",
            person=None if known is None else known.person.key,
            policy=self.policy.hash,
            details={"role": asked.role, "organisation": asked.organisation.value, "purpose": asked.purpose},
        )
        await self._database.write(lambda conn: append(conn, row))
