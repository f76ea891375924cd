"""Whom a person's rule is about, and by which names whoever asks may be meant.

Pure. What a token does not tell of an asker counts for a deny and against a permit.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from scr.consent.actor import Actor, ActorKind

_ONLINE = frozenset({ActorKind.CITIZEN, ActorKind.CARER})


class Asker(Struct, frozen=True, array_like=True):
    """Whom a rule is about. ``kind`` ``person`` is somebody who signs in for themselves, a carer say.

    ``value`` is an ODS code, a job role code, a national user id, or for a person ``issuer|sub`` or ten
    digits of an NHS Number. ``author`` is the organisation from which an entry came, whichever it is; it
    has no value, and stands in what is taken out of a deny alone: what is so denied is sealed.
    """

    kind: Literal["organisation", "role", "professional", "person", "author"]
    value: str


Name = tuple[str, str]
NOBODY: Final[frozenset[str]] = frozenset()
AUTHOR: Final = Asker("author", "")


def names_of(actor: Actor) -> frozenset[Name]:
    """What an actor may be named by in a rule: kind and value."""
    found: list[Name] = [("person", actor.subject)]
    if actor.kind in _ONLINE:
        if actor.nhs_number is not None:
            found.append(("person", actor.nhs_number.value))
        return frozenset(found)
    if actor.organisation is not None:
        found.append(("organisation", actor.organisation.value))
    if actor.kind is ActorKind.PROFESSIONAL:  # a system is its organisation's, and in nobody's role
        found += [("role", actor.role or ""), ("professional", actor.user_id)]
    return frozenset(name for name in found if name[1])


def untold_of(actor: Actor) -> frozenset[str]:
    """The kinds of name that an actor must have and that the token does not tell: theirs might be any."""
    if actor.kind in _ONLINE:
        return frozenset({"person"}) if actor.nhs_number is None else NOBODY
    missing = {"organisation"} if actor.organisation is None else set()
    if actor.kind is ActorKind.PROFESSIONAL:
        missing |= {
            kind for kind, told in (("role", actor.role), ("professional", actor.user_id)) if not told
        }
    return frozenset(missing)


def named(askers: tuple[Asker, ...], mine: frozenset[Name], unknown: frozenset[str]) -> bool:
    """Whether askers are who asks; of what is ``unknown`` of them only a deny may think so."""
    if not askers:
        return True
    for one in askers:
        if (one.kind, one.value) in mine or (one.kind in unknown and "|" not in one.value):
            return True
    return False


def writes_as(mine: frozenset[Name]) -> str:
    """The organisation as which somebody's entries come, or nothing: one of its own has written them."""
    return next((value for kind, value in mine if kind == "organisation"), "")
