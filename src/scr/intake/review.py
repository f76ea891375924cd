"""The review queue: what is in quarantine because it is not certain whose it is, and what a person decides.

What live sources answer stands there too, where it may be about another person (``scr.intake.answers``).

Both sides are shown, what is known and what the payload tells, with how each fact compares. Every
decision has a name and a reason, and its audit row is durable before anything follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from msgspec import structs
from sqlalchemy import Connection

from scr.decode.tree import Unit
from scr.errors import Invalid, Unprocessable
from scr.fhir.demographics import Demographics, ToldOtherwise
from scr.identity import index, otherwise
from scr.identity.bars import is_barred, numbers_of
from scr.identity.match import Verdict, compare_any
from scr.identity.matching import Matching, shipped_matching
from scr.identity.merges import local_system, owners_of
from scr.intake import answers
from scr.intake.merging import MERGE, approve
from scr.intake.receive import Intake, Receipt
from scr.mapping.adapter import Adapter
from scr.mapping.run import Claim, claim
from scr.store import doubts, quarantine
from scr.store.doubts import PersonDoubt
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import Person
from scr.store.quarantine import Quarantined, QuarantineState
from scr.store.trail import AuditRow, append

DOUBTS = frozenset({"demographics-doubt", "demographics-unknown", "local-ids-differ", "other-person"})
"""Codes of units that may be the person's whom they name, or somebody else's."""
REVIEWED = DOUBTS | {MERGE}
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Case:
    """One part to be reviewed. ``told`` is what it says; ``known`` whom its number (or its sender's
    identifier) names, empty where nobody is; ``prior`` the other person of a merge, whom ``verdict`` is
    about then. ``hidden``: their whereabouts are restricted, so no postcode is shown."""

    item: Quarantined
    told: Demographics = field(repr=False)
    known: tuple[Demographics, ...] = field(repr=False)
    prior: Demographics | None = field(repr=False)
    verdict: Verdict | None
    hidden: bool

    @property
    def is_merge(self) -> bool:
        """Whether two records of its sender are to be merged or parted."""
        return self.item.code == MERGE

    @property
    def is_answer(self) -> bool:
        """Whether a live source answered it: there is nothing to file."""
        return self.item.code == answers.DIFFERS


class Review:
    """Shows what is in doubt, and carries out what is decided."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        adapters: Mapping[str, Adapter],
        intake: Intake,
        clock: Callable[[], int],
        matching: Matching | None = None,
    ) -> None:
        self._database = database
        self._keys = keys
        self._adapters = adapters
        self._intake = intake
        self._clock = clock
        self._matching = matching or shipped_matching()

    async def queue(self) -> list[Quarantined]:
        """What waits for a decision, the oldest first."""

        def read(conn: Connection) -> list[Quarantined]:
            held = [one for one in quarantine.quarantined(conn, limit=_MOST) if one.code in REVIEWED]
            return sorted([*held, *answers.waiting(conn, self._keys, _MOST)], key=lambda one: one.created)

        return await self._database.read(read)

    async def persons(self) -> list[PersonDoubt]:
        """Who is in doubt, and nobody decides it here, the oldest first: the register does not confirm their
        number, or a source has another person under it."""

        def read(conn: Connection) -> list[PersonDoubt]:
            found = (one for one in doubts.standing(conn) if one.code != answers.DIFFERS)
            return [answers.named(conn, self._keys, one) for one in found]

        return await self._database.read(read)

    async def show(self, item: str) -> Case:
        """One part with both sides. Raises NotFound; Unprocessable where it is no case for a review."""
        return await self._database.read(lambda conn: self._case(conn, item)[0])

    async def same(self, item: str, *, by: str, reason: str) -> Receipt | None:
        """It is the person whom it names: they are known by what it tells from now on, and it is filed.

        Gives what came of it: another doubt may remain. Of an answer there is nothing to file, so None: the
        source's next one is used. Raises NotFound, Invalid, Unprocessable.
        """
        _named(by, reason)

        def accept(conn: Connection) -> None:
            if answers.is_answer(item):
                asked, told = answers.find(conn, self._keys, item)
                self._tell(conn, self._answer(asked, told), asked, "identity same", by, reason)
                otherwise.accept(conn, self._keys, asked, told)
                return
            case, person = self._case(conn, item)
            if case.item.code not in DOUBTS or person is None:
                raise Unprocessable(
                    "nobody is known whose it could be: mend it at the source", code="nobody-known"
                )
            self._tell(conn, case, person, "identity same", by, reason)
            index.learn_also(conn, self._keys, person, case.told)

        await self._database.write(accept)
        return None if answers.is_answer(item) else await self._intake.retry(item)

    async def other(self, item: str, *, by: str, reason: str) -> None:
        """It is not the person whom it names, or the merge is wrong: nothing of it is ever filed.

        Its sender has to send it again under the right number. Raises NotFound, Invalid, Unprocessable.
        """
        _named(by, reason)

        def refuse(conn: Connection) -> None:
            case, person = self._case(conn, item)
            self._tell(conn, case, person, "identity other", by, reason)
            if answers.is_answer(item):
                otherwise.refuse(conn, self._keys, *answers.find(conn, self._keys, item))
                return
            quarantine.settle(conn, item, QuarantineState.DISMISSED)

        await self._database.write(refuse)

    async def merge(self, item: str, *, one_person: bool, by: str, reason: str) -> Receipt:
        """The sender's two records are one person's: what it filed under the prior one moves to the other.

        ``one_person``: and the two NHS Numbers are one human being's, who is read as one from now on.
        Raises NotFound, Invalid, Unprocessable, and Forbidden where the two must never be joined.
        """
        _named(by, reason)
        _, receipt = await approve(
            self._intake,
            self._database,
            self._keys,
            self._adapters,
            item,
            one_person=one_person,
            by=by,
            reason=reason,
            now=self._clock(),
        )
        return receipt

    def _answer(self, person: Person, told: ToldOtherwise) -> Case:
        """The case that an answer of a live source is."""
        hidden = person.standing.restricted
        known = tuple(_shown(one, hidden) for one in person.known_as)
        said = _shown(told.demographics, hidden)
        return Case(
            item=answers.as_case(person, told),
            told=said,
            known=known,
            prior=None,
            verdict=compare_any(known, said, self._matching),
            hidden=hidden,
        )

    def _case(self, conn: Connection, item: str) -> tuple[Case, Person | None]:
        if answers.is_answer(item):
            asked, answer = answers.find(conn, self._keys, item)
            return self._answer(asked, answer), asked
        found, raw = quarantine.open_quarantined(conn, self._keys, item)
        if found.code not in REVIEWED or found.state is not QuarantineState.OPEN:
            raise Unprocessable(
                "it is not in doubt whose it is: `scr quarantine show` says what is the matter",
                code="no-review",
            )
        stated = self._claim(found, raw)
        person = self._person(conn, found, stated)
        prior = self._prior(conn, found, stated, person)
        hidden = any(one is not None and one.standing.restricted for one in (person, prior))
        known = () if person is None else person.known_as
        against = prior.known_as if prior is not None and found.code == MERGE else known
        told = _shown(stated.demographics, hidden)
        against = tuple(_shown(one, hidden) for one in against)  # nor whether the postcodes are the same
        case = Case(
            item=found,
            told=told,
            known=tuple(_shown(one, hidden) for one in known),
            prior=None if prior is None else _shown(prior.demographics, hidden),
            verdict=compare_any(against, told, self._matching) if against else None,
            hidden=hidden,
        )
        return case, person

    def _claim(self, found: Quarantined, raw: bytes) -> Claim:
        adapter = self._adapters.get(found.adapter)
        units = [] if adapter is None else [unit for unit in adapter.units(raw) if isinstance(unit, Unit)]
        if adapter is None or len(units) != 1:
            raise Unprocessable(f"it cannot be read again by the adapter {found.adapter!r}", code="no-review")
        return claim(adapter, units[0])

    def _person(self, conn: Connection, found: Quarantined, stated: Claim) -> Person | None:
        """Whom the number names; without one, the only person that the sender's identifiers name."""
        if stated.nhs_number is not None:
            return index.find(conn, self._keys, stated.nhs_number)
        known = owners_of(conn, self._keys, found.provider, stated.local_ids)
        return known[0] if len(known) == 1 else None

    def _prior(
        self, conn: Connection, found: Quarantined, stated: Claim, person: Person | None
    ) -> Person | None:
        """The other person: of a merge the one that gives way, else whose the local identifier is.

        Nobody where a bar stands against a link of the two: it is not to be seen that there is another.
        """
        own = numbers_of([] if person is None else [person])
        named = own if stated.nhs_number is None else (*own, stated.nhs_number)
        ids = stated.local_ids if stated.other is None else stated.other.local_ids
        for system, value in ids:
            owner = index.find_local(conn, self._keys, local_system(found.provider, system), value)
            if owner is not None and (person is None or owner.key != person.key):
                barred = is_barred(conn, self._keys, named, numbers_of([owner]))
                return None if barred else owner
        return None

    def _tell(
        self, conn: Connection, case: Case, person: Person | None, what: str, by: str, reason: str
    ) -> None:
        row = AuditRow(
            at=self._clock(),
            actor=by,
            actor_name=by,
            action="U",
            what=what,
            outcome="success",
            person=None if person is None else person.key,
            organisation=case.item.provider.value,
            details={"quarantine": case.item.id, "code": case.item.code, "reason": reason},
        )
        append(conn, row)


def _named(by: str, reason: str) -> None:
    if not by.strip():
        raise Invalid("say who decides: a full name", code="no-name")
    if not reason.strip():
        raise Invalid("say why, in a sentence that somebody reads in a year's time", code="no-reason")


def _shown(demographics: Demographics, hidden: bool) -> Demographics:
    return structs.replace(demographics, postcode=None) if hidden else demographics
