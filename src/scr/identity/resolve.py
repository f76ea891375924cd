"""Whose is a unit? A person, new or known, or the reason why nobody can say.

The NHS Number leads, and is checked twice: by the demographics known here, and by those that the
national register gives for it, where it was asked. A unit without a number is its sender's own person
only where the sender's local identifier has been that person's before and the demographics agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from msgspec import structs
from sqlalchemy import Connection

from scr.errors import Forbidden, Unprocessable
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.pds import PdsPerson
from scr.identity import bars, heard, index, links
from scr.identity.match import BEST_LAST, Agreement, Verdict, compare_any
from scr.identity.matching import Matching
from scr.identity.pds.facts import NO_FACTS, Facts, Found, Invalidated, NotKnown, Settled, Superseded
from scr.identity.sought import Sought
from scr.mapping.run import Claim
from scr.store.keys import KeyRing
from scr.store.people import Person, lock_person

_NO_NUMBER = {
    "no-nhs-number": "It holds no NHS Number{at}: add it at the source, and send it again.",
    "bad-nhs-number": "Its NHS Number{at} fails the check, or there are several: correct it at the source.",
}
_NO_DEMOGRAPHICS = (
    "Neither a birth date nor a name is there to check the NHS Number by: add one at the source."
)
_INVALIDATED = "Its NHS Number was taken out of use: trace the person, and correct it at the source."
_DISPUTED = "PDS tells of its NHS Number what cannot be taken up here: find out whose it is by hand."
_NOT_KNOWN = "Nobody has its NHS Number: trace the person, and correct it at the source."
_LOCAL_IDS_DIFFER = (
    "It holds no NHS Number, and its local identifiers are several people's: find out whose it is."
)


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Why nobody can say whose it is: a stable code, and a sentence without anyone's data."""

    code: str
    sentence: str
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Resolver:
    """Says whose a unit is, by the keys of the index and the policy of matching."""

    keys: KeyRing
    policy: Matching
    ids: Mapping[NHSNumber, str] = field(default_factory=dict, repr=False)
    """The ids that Patients get who are registered now, where they were made before."""
    sought: Sought | None = None
    """What was asked of the index already."""

    def whose(
        self, conn: Connection, provider: OdsCode, stated: Claim, now: int, facts: Facts = NO_FACTS
    ) -> Person | Unresolved:
        """The person that a unit is about. ``facts`` are what the register said of the numbers.

        What the register told is kept with the person. Raises Conflict where another writer registers the
        same person at this moment: run it again.
        """
        if stated.nhs_number is None:
            if stated.problem == "no-nhs-number" and stated.local_ids:
                return self._by_local_ids(conn, provider, stated)
            return _without_number(stated.problem, stated)
        if stated.demographics.birth_date is None and stated.demographics.family is None:
            return Unresolved("no-demographics", _NO_DEMOGRAPHICS)
        fact = facts.get(stated.nhs_number)
        if isinstance(fact, Invalidated):
            return Unresolved("nhs-number-invalidated", _INVALIDATED)
        if isinstance(fact, NotKnown):
            return Unresolved("nhs-number-not-known", _NOT_KNOWN)
        if fact is None:
            return self._by_number(conn, stated.nhs_number, stated.demographics, None, now)
        return self._by_register(conn, stated, fact, now)

    def _by_register(
        self, conn: Connection, stated: Claim, fact: Found | Superseded, now: int
    ) -> Person | Unresolved:
        told = fact.person
        former = (fact.asked,) if isinstance(fact, Superseded) else ()
        for number in former:
            if bars.is_barred(conn, self.keys, [number], [told.number]):
                return Unresolved("nhs-number-disputed", _DISPUTED)
            index.give_way(conn, self.keys, number, told.number)
        person = self._by_number(conn, told.number, stated.demographics, told, now)
        if isinstance(person, Unresolved):
            return person
        standing = told.standing(now, former)
        heard.in_use(conn, self.keys, person, standing)
        for number in former:
            whose = self._as_one(conn, number, person, told, now)
            if whose is not None:
                return whose
        return replace(person, standing=standing)

    def hear(self, conn: Connection, number: NHSNumber, said: Settled, now: int) -> None:
        """Take up what the register said of a number that somebody is held under, with no unit at hand.

        What cannot be taken up, or speaks against what is known here, is noted for a human.
        """
        held = index.find(conn, self.keys, number)
        if held is None or not lock_person(conn, held):
            return
        person = index.find(conn, self.keys, number) or held  # as it is now that nobody else changes it
        if isinstance(said, Invalidated):
            heard.out_of_use(conn, self.keys, {number: said}, now)
        elif isinstance(said, NotKnown):
            heard.in_doubt(conn, self.keys, person, "nhs-number-not-known", now)
        elif isinstance(said, Superseded):
            self._give_way(conn, person, said, now)
        else:
            heard.in_use(conn, self.keys, person, said.person.standing(now))
            if self._differs(person, said.person):
                heard.in_doubt(conn, self.keys, person, "demographics-differ", now)

    def _give_way(self, conn: Connection, person: Person, said: Superseded, now: int) -> None:
        told, former = said.person, said.asked
        if bars.is_barred(conn, self.keys, [former], [told.number]):
            heard.in_doubt(conn, self.keys, person, "nhs-number-disputed", now)
            return
        if compare_any(person.known_as, told.demographics, self.policy).agreement is not Agreement.AGREE:
            heard.in_doubt(conn, self.keys, person, "demographics-differ", now)
            return
        index.give_way(conn, self.keys, former, told.number)
        retained = index.find(conn, self.keys, told.number)
        if retained is None:
            return
        heard.in_use(conn, self.keys, retained, told.standing(now, (former,)))
        if isinstance(self._as_one(conn, former, retained, told, now), Unresolved):
            heard.in_doubt(conn, self.keys, person, "nhs-number-disputed", now)

    def _differs(self, person: Person, told: PdsPerson) -> bool:
        """Whether whom the register knows by a number is plainly not as the person who is held under it."""
        if told.withheld or person.demographics.is_empty:
            return False
        known = (compare_any(told.every_demographics, one, self.policy).agreement for one in person.known_as)
        return all(one in {Agreement.CONTRADICT, Agreement.DOUBT} for one in known)

    def _as_one(
        self, conn: Connection, number: NHSNumber, person: Person, told: PdsPerson, now: int
    ) -> Person | Unresolved | None:
        """Let a number that gave way find the person; whoever is held under it is read as one with them.

        That is only so where what is known of the other agrees with the register too, and nothing stands
        against the link. The other is whose a unit is that names the former number, so that the link can
        be undone to the row; None where nobody else is held under it.
        """
        index.learn_former(conn, self.keys, person, number)
        other = index.find(conn, self.keys, number)
        if other is None or other.key == person.key:
            return None
        verdict = compare_any(other.known_as, told.demographics, self.policy)
        if verdict.agreement is not Agreement.AGREE:
            return _in_doubt(verdict, by="number that gave way to its NHS Number")
        try:
            links.link(
                conn, self.keys, other, person,
                kind="superseded", reasons=["pds-superseded"], evidence={}, by="PDS", now=now,
            )  # fmt: skip
        except (Forbidden, Unprocessable):
            return Unresolved("nhs-number-disputed", _DISPUTED)
        heard.in_use(conn, self.keys, other, told.standing(now))
        return index.find(conn, self.keys, number)  # as it is now, with its view

    def _by_number(
        self,
        conn: Connection,
        number: NHSNumber,
        stated: Demographics,
        register: PdsPerson | None,
        now: int,
    ) -> Person | Unresolved:
        person = self._find(conn, number)
        if register is None and person is not None and person.standing.invalidated:
            return Unresolved("nhs-number-invalidated", _INVALIDATED)
        verdict = self._verdict(person, register, stated)
        if verdict is not None and verdict.agreement is not Agreement.AGREE:
            return _in_doubt(verdict)
        if person is not None:
            return person
        known = stated if register is None or register.withheld else register.demographics
        return index.register(conn, self.keys, number, known, now, self.ids.get(number), looked=True)

    def _find(self, conn: Connection, number: NHSNumber) -> Person | None:
        if self.sought is not None and self.sought.number == number:
            return self.sought.person
        return index.find(conn, self.keys, number)

    def _verdict(
        self, person: Person | None, register: PdsPerson | None, stated: Demographics
    ) -> Verdict | None:
        """The worse of what is known here and what the register says; None where neither says anything."""
        verdicts: list[Verdict] = []
        if person is not None:
            verdicts.append(compare_any(person.known_as, stated, self.policy))
        if register is not None and not register.withheld:
            known = register.every_demographics
            if register.restricted:
                known = tuple(structs.replace(one, postcode=None) for one in known)
            verdicts.append(compare_any(known, stated, self.policy))
        return min(verdicts, key=lambda one: BEST_LAST.index(one.agreement), default=None)

    def _by_local_ids(self, conn: Connection, provider: OdsCode, stated: Claim) -> Person | Unresolved:
        known = {
            person.key: person
            for system, value in stated.local_ids
            if (person := index.find_local(conn, self.keys, f"{provider}|{system}", value)) is not None
        }
        if not known:
            return _without_number("no-nhs-number", stated)
        if len(known) > 1:
            return Unresolved("local-ids-differ", _LOCAL_IDS_DIFFER)
        person = next(iter(known.values()))
        if person.standing.invalidated:
            return Unresolved("nhs-number-invalidated", _INVALIDATED)
        verdict = compare_any(person.known_as, stated.demographics, self.policy)
        return person if verdict.agreement is Agreement.AGREE else _in_doubt(verdict, by="local identifier")


def _without_number(problem: str, stated: Claim) -> Unresolved:
    at = f" ({stated.number_at})" if stated.number_at else ""
    return Unresolved(problem, _NO_NUMBER[problem].format(at=at))


def _in_doubt(verdict: Verdict, by: str = "NHS Number") -> Unresolved:
    return Unresolved(
        f"demographics-{verdict.agreement.value}",
        f"Its demographics do not fit the person known by this {by} "
        f"({', '.join(verdict.reasons)}): find out whose it is before it is filed.",
        verdict,
    )
