"""Who acts for whom: what the person, and who acts for them, do with it, audited with what is written.

The JSON API and the pages serve it. Only the person themselves lets anybody in, and no app does so for them.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from scr.access import delegating
from scr.access.delegating import Invited, Wanted
from scr.access.telling import tell
from scr.api.access.who import Caller, Visitor
from scr.api.limits import Limits
from scr.api.look import Look, written
from scr.consent.policy import Policy
from scr.errors import Forbidden, NotFound
from scr.identity.links import view_of
from scr.store import delegations
from scr.store.delegations import Delegated
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.limits import Limit
from scr.store.people import Person

WRONG_CODES = Limit("wrong-codes", 10, 360_000)
"""Of each who types codes of invitations: ten at once, and one more each six minutes."""


@dataclass(frozen=True, slots=True)
class Acting:
    """The work. Raises what refuses it. ``sends``: messages go out that there is something new."""

    database: Database
    keys: KeyRing
    policy: Policy
    limits: Limits
    sends: bool = False

    async def carers(self, look: Look, visitor: Visitor) -> list[Delegated]:
        """Every access to the person's record, over or not, the newest first."""
        check_own(visitor)
        view = visitor.known.view
        found = await self.database.read(lambda conn: delegations.of_people(conn, view))
        return found[::-1]

    async def invite(self, look: Look, visitor: Visitor, wanted: Wanted) -> Invited:
        """Invite a carer. Raises Invalid with the field, Conflict."""
        check_own(visitor)
        view, actor = visitor.known.view, visitor.actor

        def work(conn: Connection) -> Invited:
            return delegating.invite(conn, self.keys, self.policy, view, actor, wanted, look.now)

        def note(made: Invited) -> None:
            look.details["delegation"] = made.delegated.id

        return await written(look, self.database, self.policy, work, note)

    async def end(self, look: Look, visitor: Visitor, delegation: str) -> Delegated:
        """End an access to the person's record; a carer ends their own. Raises NotFound."""
        if not visitor.own and delegation != visitor.right.delegation:
            raise NotFound(delegating.NO_DELEGATION, code="no-delegation")
        check_self(visitor)

        def work(conn: Connection) -> Delegated:
            person, one = self._of(conn, visitor, delegation)
            ended = delegating.end(conn, person, one, visitor.actor, look.now)
            if not visitor.own and one.ended is None:
                tell(conn, person, ended, "ended", look.now, sends=self.sends)
            return ended

        look.details["delegation"] = delegation[:40]
        return await written(look, self.database, self.policy, work, lambda _: None)

    async def invitation(self, look: Look, caller: Caller, code: str) -> tuple[Person, Delegated]:
        """What a code takes up: whose record, and what they would be let do. Raises NotFound, TooMany."""
        return await self._try(look, caller, code)

    async def accept(self, look: Look, caller: Caller, code: str) -> Person:
        """Take an invitation up; gives whose it is. Raises NotFound, Conflict, TooMany."""
        person, one = await self._try(look, caller, code)
        look.person = person.key

        def work(conn: Connection) -> Delegated:
            view = view_of(conn, self.keys, person)
            taken = delegating.accept(conn, self.keys, view, caller.actor, one, look.now)
            tell(conn, person, taken, "accepted", look.now, sends=self.sends)
            return taken

        def note(taken: Delegated) -> None:
            look.details["delegation"] = taken.id

        await written(look, self.database, self.policy, work, note)
        return person

    async def _try(self, look: Look, caller: Caller, code: str) -> tuple[Person, Delegated]:
        who, message = caller.actor.subject, "too many codes that take up nothing: try later"
        await self.limits.check(WRONG_CODES, who, message, "too-many-codes")
        try:
            return await self.database.read(
                lambda conn: delegating.waiting_for(conn, self.keys, caller.actor, code, look.now)
            )
        except NotFound:
            await self.limits.count(WRONG_CODES, who)
            raise

    @staticmethod
    def _of(conn: Connection, visitor: Visitor, delegation: str) -> tuple[Person, Delegated]:
        for one in delegations.of_people(conn, visitor.known.view):
            if one.id == delegation:
                return next(each for each in visitor.known.view if each.key == one.person), one
        raise NotFound(delegating.NO_DELEGATION, code="no-delegation")


def check_own(visitor: Visitor) -> None:
    """Raises Forbidden for all but the person themselves, at our own pages or with their own token."""
    if not visitor.own:
        raise Forbidden("only the person themselves may do this", code="own-only")
    check_self(visitor)


def check_self(visitor: Visitor) -> None:
    """Raises Forbidden for an app."""
    if visitor.actor.app:
        raise Forbidden("people do this themselves, and not through an app", code="through-app")
