"""What a person does about who sees their record: looks, questions, choices and previews, each audited.

The JSON API and the pages serve it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import msgspec
from sqlalchemy import Connection

from scr.access import choices
from scr.access.choices import Chosen, Words
from scr.access.looked import Looked, Teller
from scr.access.preview import Asker, Preview, preview
from scr.access.proxies import Proxies
from scr.api.access.acting import check_own
from scr.api.access.who import Visitor
from scr.api.look import Look, written
from scr.broker.query import Broker
from scr.consent.policy import Policy
from scr.consent.scopes import allows
from scr.consent.sharing import SharingRule
from scr.errors import Forbidden, Invalid, NotFound
from scr.fhir.choices import Choice
from scr.fhir.dates import utc
from scr.fhir.entry import Entry
from scr.store import delegations, look_questions, sharing
from scr.store.delegations import Delegated
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.look_questions import Asked, Question

LONGEST_QUESTION = 2_000
NO_LOOK = "there is no such look at your record"


@dataclass(frozen=True, slots=True)
class Mine:
    """The work. ``names`` are those of organisations, by ODS code. Raises what refuses it."""

    database: Database
    keys: KeyRing
    policy: Policy
    broker: Broker
    proxies: Proxies
    names: Mapping[str, str]

    # Who looked

    async def looks(
        self, look: Look, visitor: Visitor, *, before: int | None = None, days: int = 366
    ) -> list[Looked]:
        """Who looked at the record, the newest first; a carer is told of what they looked at themselves."""
        check_scope(visitor, "AuditEvent", "s")
        teller = Teller(self.policy, self.names)
        only = None if visitor.own else visitor.actor.subject
        return await self.database.read(
            lambda conn: teller.since(
                conn,
                visitor.people,
                look.now,
                before=before,
                days=days,
                hides=visitor.admitted.hides,
                only=only,
            )
        )

    async def ask(self, look: Look, visitor: Visitor, which: str, text: str) -> Question:
        """Ask the privacy officer about a look. Raises NotFound, Invalid."""
        check_own(visitor)
        if not 1 <= len(text.strip()) <= LONGEST_QUESTION:
            message = f"say what you want to know, in {LONGEST_QUESTION} characters at most"
            raise Invalid(message, code="bad-question", where="text")
        teller, person = Teller(self.policy, self.names), visitor.known.person

        def work(conn: Connection) -> Question:
            found = teller.one(conn, visitor.people, which, look.now)
            if found is None:
                raise NotFound(NO_LOOK, code="no-look")
            asked = Asked(text.strip(), visitor.actor.subject, visitor.name, found.sentence)
            return look_questions.ask(conn, person, which, asked, look.now)

        made = await written(look, self.database, self.policy, work, lambda _: None)
        return _nowhere(made) if visitor.admitted.hides else made

    async def questions(self, look: Look, visitor: Visitor) -> list[Question]:
        """What the person has asked, the newest first, and what was answered."""
        check_own(visitor)
        view = visitor.known.view
        found = await self.database.read(lambda conn: look_questions.of_people(conn, view))
        return [_nowhere(one) for one in found] if visitor.admitted.hides else found

    # Choices

    async def choices(self, look: Look, visitor: Visitor) -> list[Chosen]:
        """What the person has chosen, in force or not, the newest first."""
        self._may(visitor, "s")
        view = visitor.known.view
        found = await self.database.read(lambda conn: sharing.consents_of(conn, view))
        return [self._words.chosen(entry) for entry in found]

    async def history(self, look: Look, visitor: Visitor, choice: str) -> list[Chosen]:
        """Every version of a choice, the newest first. Raises NotFound."""
        self._may(visitor, "r")

        def work(conn: Connection) -> list[Entry]:
            choices.own(conn, self.keys, visitor.known, choice)
            return [said.entry for said in sharing.versions(conn, self.keys, choice)]

        return [self._words.chosen(entry) for entry in await self.database.read(work)]

    async def choose(self, look: Look, visitor: Visitor, choice: Choice) -> Chosen:
        """Make a choice: it is in force for the next request. Raises Invalid with the field."""
        self._may(visitor, "c")
        choices.check(self.policy, choice, look.now)
        known = visitor.known
        return await self._write(look, lambda conn: choices.create(conn, self.keys, known, choice, look.now))

    async def withdraw(self, look: Look, visitor: Visitor, choice: str, version: str) -> Chosen:
        """Withdraw a choice, as it was read. Raises NotFound, PreconditionFailed."""
        self._may(visitor, "u")
        known = visitor.known
        return await self._write(
            look, lambda conn: choices.withdraw(conn, self.keys, known, choice, version, look.now)
        )

    async def _write(self, look: Look, work: Callable[[Connection], Entry]) -> Chosen:
        def note(entry: Entry) -> None:
            look.details["consent"] = f"{entry.reference}/_history/{entry.version}"

        return self._words.chosen(await written(look, self.database, self.policy, work, note))

    # Who could look

    async def preview(
        self,
        look: Look,
        visitor: Visitor,
        asker: Asker,
        *,
        trying: Choice | None = None,
        without: str = "",
    ) -> Preview:
        """What somebody would see of the record, now or with a change. Raises Invalid, Unprocessable."""
        self._may(visitor, "r")
        if trying is not None:
            choices.check(self.policy, trying, look.now)
        actor = asker.actor(self.policy, visitor.known.person.nhs_number)
        known = await self.broker.by_person(visitor.person, actor)
        if known is None:
            raise NotFound("the record is not held any more", code="no-record")
        right = await self.proxies.right(known, actor, own=False) if asker.carer else None
        rules: tuple[SharingRule, ...] | None = None
        if trying is not None:
            rules = choices.tried(known, trying, look.now)
        elif without:
            rules = choices.without(known, without)
        return preview(
            known,
            actor,
            self.policy,
            utc(look.now),
            online=None if right is None else right.online,
            rules=rules,
        )

    async def carer(self, visitor: Visitor, delegation: str) -> Delegated:
        """The access of a carer who has accepted, by its id. Raises NotFound."""
        view = visitor.known.view
        found = await self.database.read(lambda conn: delegations.of_people(conn, view))
        one = next((each for each in found if each.id == delegation and each.accepted), None)
        if one is None:
            raise NotFound("there is no such carer", code="no-delegation")
        return one

    @property
    def _words(self) -> Words:
        return Words(self.policy, self.names)

    def _may(self, visitor: Visitor, letter: str) -> None:
        if not visitor.own:
            raise Forbidden("only the person themselves may do this", code="own-only")
        check_scope(visitor, sharing.CONSENT, letter)


def _nowhere(one: Question) -> Question:
    """Without the look in words, in which a place stands: nobody is to learn where the person is."""
    return replace(one, question=msgspec.structs.replace(one.question, about=""))


def check_scope(visitor: Visitor, kind: str, letter: str) -> None:
    """Raises Forbidden where the token's scopes leave it out."""
    if not allows(visitor.actor.scopes, kind, letter):
        raise Forbidden(f"the token's scopes do not grant {kind}.{letter}", code="scope")
