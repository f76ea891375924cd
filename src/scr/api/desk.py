"""The boundary of what is not about one person's record alone: who is let in, and what is written down.

Closed by default: whoever asks needs a token of a trusted issuer whose selected role has the activity of
the duty in ``consent/roles.yaml``. Every call, refused ones too, is in the audit before anything of the
answer leaves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import structlog

from scr.api.auth import TokenVerifier
from scr.api.look import Clock
from scr.api.reading import read_body as read_body
from scr.consent.actor import Actor, ActorKind
from scr.consent.policy import Policy
from scr.errors import Fault, Forbidden, ScrError, Unavailable
from scr.spans import span
from scr.store.engine import Database
from scr.store.trail import AuditRow, append

T = TypeVar("T")
_log = structlog.get_logger("scr.api.desk")


@dataclass(frozen=True, slots=True)
class Duty:
    """What somebody may do here: the activity that it takes, by code and name, and its word in the audit.

    Without a code it takes a job role of the policy, whichever.
    """

    code: str
    name: str
    what: str


class Desk:
    """Lets in whoever has a duty, and writes down what they asked."""

    def __init__(
        self, duty: Duty, verifier: TokenVerifier, policy: Policy, database: Database, now: Clock
    ) -> None:
        self.duty = duty
        self._verifier = verifier
        self._policy = policy
        self._database = database
        self._now = now

    async def call(
        self,
        authorization: str | None,
        action: str,
        work: Callable[[Actor], Awaitable[T]],
        *,
        details: Mapping[str, str] | None = None,
        correlation: str = "",
    ) -> T:
        """Do one piece of work for the bearer of a token. Raises what refuses or stops it, audited too."""
        return await self.serve(
            lambda: self._verifier.actor(authorization),
            action,
            work,
            details=details,
            correlation=correlation,
        )

    async def bearer(self, token: str) -> Actor:
        """Who bears a token. Raises Unauthenticated, Unavailable."""
        return await self._verifier.actor(f"Bearer {token}")

    async def serve(
        self,
        who: Callable[[], Awaitable[Actor]],
        action: str,
        work: Callable[[Actor], Awaitable[T]],
        *,
        details: Mapping[str, str] | None = None,
        correlation: str = "",
    ) -> T:
        """Do one piece of work for somebody. Raises what refuses or stops it, audited too."""
        actor: Actor | None = None
        error: ScrError | None = None
        result: T
        try:
            actor = await who()
            self._admit(actor)
            result = await work(actor)
        except ScrError as refused:
            error = refused
        except Exception as failed:  # noqa: BLE001 - the HTTP boundary: no detail of a failure goes out
            _log.error("fault", kind=type(failed).__name__, what=self.duty.what, correlation=correlation)
            error = Fault(f"something went wrong here; quote {correlation} when you report it")
        row = self._row(actor, error, action, details or {}, correlation)
        try:
            with span("audit"):
                await self._database.write(lambda connection: append(connection, row))
        except ScrError:
            message = "the audit cannot be written: look at what is there, then try again"
            raise Unavailable(message, code="no-audit") from None
        if error is not None:
            raise error
        return result

    def _admit(self, actor: Actor) -> None:
        if actor.app:  # it was let into records, as far as its scopes go, and not to this
            raise Forbidden("a duty is done by people themselves, and not through an app", code="through-app")
        duty, staff = self.duty, actor.kind is ActorKind.PROFESSIONAL
        if not duty.code:
            if not staff or actor.role not in self._policy.roles:
                raise Forbidden("it takes a job role that the policy knows", code="unknown-role")
        elif not staff or not self._policy.may(actor.role, duty.code, actor.activities):
            raise Forbidden(
                f"the selected role does not have the activity {self.duty.code} ({self.duty.name})",
                code="role-activity",
            )
        wanted = self._policy.assurance.get(actor.kind)
        if wanted is not None and actor.assurance not in wanted:
            raise Forbidden("the sign-in does not tell surely enough who it was", code="assurance")

    def _row(
        self,
        actor: Actor | None,
        error: ScrError | None,
        action: str,
        details: Mapping[str, str],
        correlation: str,
    ) -> AuditRow:
        return AuditRow(
            at=self._now(),
            actor=actor.subject if actor else "",
            actor_name=actor.name if actor else "",
            role=(actor.role or "") if actor else "",
            organisation=str(actor.organisation or "") if actor else "",
            action=action,
            what=self.duty.what,
            outcome="success" if error is None else "refused" if error.status < 500 else "failed",
            code=error.code if error else "",
            policy=self._policy.hash,
            correlation=correlation,
            details=dict(details),
        )
