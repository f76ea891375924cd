"""Letting somebody act for a person, and ending it: invite, accept, review, suspend, end.

Each is a piece of work in a transaction, so that whoever serves it writes its audit row beside it. A carer
takes an invitation up with a code that counts once and not for long, and that tells nothing to whoever does
not hold it. A person lets adults act for them by their own consent; on any other basis staff record it, who
have seen what it rests on.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
from sqlalchemy import Connection

from scr.consent.actor import Actor, ActorKind
from scr.consent.policy import Policy
from scr.consent.proxies import Carers
from scr.errors import Conflict, Forbidden, Invalid, NotFound
from scr.store import delegations
from scr.store.delegations import Assessed, Delegated, Event, State, Terms
from scr.store.keys import KeyRing
from scr.store.people import Person

CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without those that are taken for one another."""
CODE_LENGTH = 16
CODE_HOURS = 72
LONGEST_TEXT = 200
MOST_OPEN = 10
_DAY_MS = 86_400_000
NO_INVITATION = "this code takes up no invitation: it was used, ended, or is not one"
NO_DELEGATION = "there is no such access"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An access as it is to be given. ``until`` is ms UTC; ``calls`` what the person calls the carer."""

    calls: str
    until: int
    basis: str = "consent"
    headings: tuple[str, ...] | None = None
    contributes: bool = False
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Invited:
    """An access that waits to be taken up, and the code that takes it up: it is shown this once."""

    delegated: Delegated
    code: str


def invite(
    connection: Connection,
    keys: KeyRing,
    policy: Policy,
    people: Sequence[Person],
    by: Actor,
    wanted: Wanted,
    now: int,
) -> Invited:
    """Invite a carer to the record of a person. ``people`` are all that are read as one, theirs first.

    Raises Invalid, which says what has to be changed, and Conflict where too many wait already.
    """
    check_wanted(policy, wanted, now)
    waiting = [one for one in delegations.of_people(connection, people) if one.state(now) is State.INVITED]
    if len(waiting) >= MOST_OPEN:
        raise Conflict("too many invitations wait to be taken up: end one first", code="too-many-invited")
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    terms = Terms(
        basis=wanted.basis,
        calls=wanted.calls.strip(),
        headings=wanted.headings,
        contributes=wanted.contributes,
        evidence=wanted.evidence.strip(),
        events=(_event(now, "invited", by),),
    )
    made = Delegated("", people[0].key, now, wanted.until, terms)
    kept = delegations.add(connection, keys, people[0], made, code, now + CODE_HOURS * 3_600_000)
    return Invited(kept, "-".join(code[i : i + 4] for i in range(0, CODE_LENGTH, 4)))


def check_wanted(policy: Policy, wanted: Wanted, now: int) -> None:
    """Raises Invalid where an access cannot be given as it is wanted."""
    carers = carers_of(policy)
    if wanted.basis not in carers.bases:
        raise Invalid(f"one of {', '.join(sorted(carers.bases))}", code="bad-basis", where="basis")
    if not 1 <= len(wanted.calls.strip()) <= LONGEST_TEXT:
        raise Invalid("say who it is, in a few words", code="bad-name", where="calls")
    if wanted.basis != "consent" and not 1 <= len(wanted.evidence.strip()) <= LONGEST_TEXT:
        raise Invalid("say which document was seen, in a few words", code="no-evidence", where="evidence")
    if not now < wanted.until <= now + carers.longest_days * _DAY_MS:
        message = f"has to be later than now, and in {carers.longest_days} days at most"
        raise Invalid(message, code="bad-until", where="until")
    open_to = policy.online[ActorKind.CARER].headings
    if wanted.headings is not None and (not wanted.headings or set(wanted.headings) - open_to):
        raise Invalid("one or more of the headings that carers may see", code="bad-heading", where="headings")


def carers_of(policy: Policy) -> Carers:
    """What the policy says of carers. Raises Forbidden where it knows none."""
    if policy.proxies.carer is None:
        raise Forbidden("the policy lets nobody act for anybody", code="no-carers")
    return policy.proxies.carer


def plain_code(text: str) -> str:
    """A code as it was typed, without what people put between its letters."""
    return "".join(letter for letter in text.upper() if letter.isalnum())[:64]


def waiting_for(
    connection: Connection, keys: KeyRing, carer: Actor, code: str, now: int
) -> tuple[Person, Delegated]:
    """The invitation of a code, for somebody who would take it up.

    Raises NotFound, the same for a code that was never one; Forbidden for whoever acts for another just now.
    """
    if carer.kind is not ActorKind.CITIZEN or carer.app:
        raise Forbidden("sign in as yourself to take up an invitation", code="not-yourself")
    found = delegations.by_code(connection, keys, plain_code(code), now)
    if found is None or found[1].until <= now:
        raise NotFound(NO_INVITATION, code="no-invitation")
    return found


def accept(
    connection: Connection, keys: KeyRing, view: Sequence[Person], carer: Actor, one: Delegated, now: int
) -> Delegated:
    """Take up an invitation that was ``waiting_for``. ``view`` are all that are read as one with the person.

    Raises Conflict for the person themselves, and for a carer who has access already; NotFound where another
    one was first.
    """
    if any(person.nhs_number == carer.patient for person in view):
        raise Conflict("an invitation is for somebody else than the person themselves", code="own-invitation")
    mine = delegations.held_by(delegations.of_people(connection, view), carer.subject)
    if any(each.state(now) in (State.IN_FORCE, State.SUSPENDED) for each in mine):
        raise Conflict("you have access already: it has to end before another begins", code="has-access")
    person = next(each for each in view if each.key == one.person)
    terms = _with(one.terms, _event(now, "accepted", carer), carer=carer.subject, carer_name=carer.name)
    taken = delegations.accept(connection, keys, person, one, terms, now)
    if taken is None:
        raise NotFound(NO_INVITATION, code="no-invitation")
    return taken


def end(connection: Connection, person: Person, one: Delegated, by: Actor, now: int) -> Delegated:
    """End an access, or an invitation: from the next request on it opens nothing, in any process."""
    if one.ended is not None:
        return one
    ended = replace(one, ended=now, terms=_with(one.terms, _event(now, "ended", by)))
    delegations.change(connection, person, ended)
    return ended


def suspend(
    connection: Connection, person: Person, one: Delegated, by: Actor, why: str, now: int
) -> Delegated:
    """Let an access rest; with no reason, let it rest no longer. Raises Invalid, Conflict."""
    _lasting(one, now)
    if len(why) > LONGEST_TEXT:
        raise Invalid(f"at most {LONGEST_TEXT} characters", code="bad-reason", where="reason")
    done = "suspended" if why else "resumed"
    changed = replace(one, terms=_with(one.terms, _event(now, done, by, why), suspended=why))
    delegations.change(connection, person, changed)
    return changed


def review(
    connection: Connection,
    policy: Policy,
    person: Person,
    one: Delegated,
    by: Actor,
    note: str,
    until: int | None,
    now: int,
) -> Delegated:
    """Note that somebody has looked at an access and found it right; ``until`` gives it another end."""
    _lasting(one, now)
    if not 1 <= len(note.strip()) <= LONGEST_TEXT:
        raise Invalid("say what was looked at, in a few words", code="no-note", where="note")
    longest = now + carers_of(policy).longest_days * _DAY_MS
    if until is not None and not now < until <= longest:
        raise Invalid("has to be later than now, and not too far off", code="bad-until", where="until")
    terms = _with(one.terms, _event(now, "reviewed", by, note.strip()), reviewed=now)
    changed = replace(one, until=one.until if until is None else until, terms=terms)
    delegations.change(connection, person, changed)
    return changed


def assess(
    connection: Connection, person: Person, by: Actor, capacity: str, evidence: str, now: int
) -> Assessed:
    """Record whether a person can decide for themselves, and by what that is known. Raises Invalid."""
    if capacity not in ("present", "absent"):
        raise Invalid("present or absent", code="bad-capacity", where="capacity")
    if not 1 <= len(evidence.strip()) <= LONGEST_TEXT:
        raise Invalid("say by what it is known, in a few words", code="no-evidence", where="evidence")
    said = Assessed(now, "present" if capacity == "present" else "absent", by.subject, by.name, evidence)
    delegations.assess(connection, person, said)
    return said


def _lasting(one: Delegated, now: int) -> None:
    if one.state(now) not in (State.IN_FORCE, State.SUSPENDED, State.OVER):
        raise Conflict("nobody has this access: it was ended, or not taken up", code="not-in-force")


def _with(terms: Terms, event: Event, **changes: object) -> Terms:
    return msgspec.structs.replace(terms, events=(*terms.events, event), **changes)


def _event(now: int, what: str, by: Actor, note: str = "") -> Event:
    return Event(now, what, by.subject, by.name, note)
