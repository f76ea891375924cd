"""Scopes as people read them."""

from __future__ import annotations

from collections.abc import Iterable

from scr.api.oauth.offer import OFFLINE, ONLINE, OPENID, Offer
from scr.consent.scopes import Scope, parse
from scr.fhir.headings import HEADINGS, headings_of_type

_VERBS = {"r": "see", "s": "see", "c": "add to", "u": "change", "d": "delete"}


def lines(offer: Offer, *, staff: bool) -> list[str]:
    """What an app would be let do, one sentence each, without its full stop."""
    read = [scope for one in sorted(offer.scopes) if (scope := parse(one)) is not None]
    said = [f"{_verbs(scope)} {_things(scope)} {_whose(offer, scope, staff)}" for scope in read]
    if OPENID in offer.scopes:
        said.append("know that it is you, by an id that no other app has of you")
    return [line[:1].upper() + line[1:] for line in dict.fromkeys(said)]


def how_long(scopes: Iterable[str]) -> str:
    """For how long the app may act."""
    if OFFLINE in scopes:
        return "For 30 days, also while you are not using it, or until you sign out here."
    if ONLINE in scopes:
        return "Until you sign out here, or for eight hours after you signed in."
    return "For five minutes."


def _verbs(scope: Scope) -> str:
    verbs = list(dict.fromkeys(_VERBS[letter] for letter in "rsud" + "c" if letter in scope.letters))
    return verbs[0] if len(verbs) == 1 else f"{', '.join(verbs[:-1])} and {verbs[-1]}"


def _things(scope: Scope) -> str:
    if scope.type == "*":
        return "everything"
    titles = sorted(HEADINGS[heading].lower() for heading in headings_of_type(scope.type))
    part = " of some kinds" if scope.parameters else ""
    return f"{', '.join(titles)} ({scope.type}{part})" if titles else f"{scope.type}{part}"


def _whose(offer: Offer, scope: Scope, staff: bool) -> str:
    if not staff:
        return "in the record that you have come in for"
    if offer.held or scope.context == "patient":
        return "in the record of the one patient whom it was opened for"
    return "in the record of anybody whom you look up in it, as far as your role goes"
