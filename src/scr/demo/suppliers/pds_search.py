"""How the demonstration's PDS searches: wildcards, exact or alike, with history; scored as PDS does."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from scr.demo.suppliers.pds_register import Held

_KNOWN = frozenset(
    {
        "_exact-match", "_fuzzy-match", "_history", "_max-results", "address-postalcode",
        "address-postcode", "birthdate", "family", "gender", "general-practitioner", "given", "phone",
    }
)  # fmt: skip
_ALIKE = 0.8
_WHEREABOUTS = ("address-postalcode", "address-postcode", "general-practitioner", "phone")


class BadSearch(Exception):
    """A search that PDS does not take; the text is the code of the error."""


def search(held: Iterable[Held], query: Mapping[str, list[str]]) -> list[tuple[Held, float]]:
    """Whoever matches, the best first. Raises BadSearch."""
    _check(query)
    found = [(one, score) for one in held if (score := _score(one, query))]
    if _on(query, "_exact-match"):
        found = [(one, score) for one, score in found if score == 1.0]
    return sorted(found, key=lambda match: -match[1])


def _check(query: Mapping[str, list[str]]) -> None:
    if not query:
        raise BadSearch("UNSUPPORTED_SERVICE")
    if not query.keys() <= _KNOWN:
        raise BadSearch("ADDITIONAL_PROPERTIES")
    if "birthdate" not in query or not ("family" in query or _on(query, "_fuzzy-match")):
        raise BadSearch("MISSING_VALUE")
    if any(value[:2] not in {"eq", "ge", "le"} or len(value) != 12 for value in query["birthdate"]):
        raise BadSearch("INVALID_VALUE")


def _score(held: Held, query: Mapping[str, list[str]]) -> float:
    """1 is exact, 0 is none of theirs. A restricted person is never found by where they are."""
    person = held.person
    if held.restricted and any(name in query for name in _WHEREABOUTS):
        return 0.0
    fuzzy, history = _on(query, "_fuzzy-match"), _on(query, "_history")
    former = held.former_names if fuzzy or history else ()
    exactly = {
        "gender": "female" if person.female else "male",
        "general-practitioner": person.practice,
        "phone": person.phone,
    }
    if any(value != exactly[name] for name in exactly for value in query.get(name, ())):
        return 0.0
    if not all(_in_range(person.birth_date.isoformat(), value) for value in query["birthdate"]):
        return 0.0
    scores = [
        *(_name(value, (person.family, *former), fuzzy=fuzzy) for value in query.get("family", ())),
        *(_name(value, (person.given,), fuzzy=fuzzy) for value in query.get("given", ())),
        *(
            _name(value, (person.address.postcode,), fuzzy=False)
            for name in ("address-postalcode", "address-postcode")
            for value in query.get(name, ())
        ),
    ]
    return min(scores, default=1.0)


def _in_range(date: str, wanted: str) -> bool:
    match wanted[:2]:
        case "ge":
            return date >= wanted[2:]
        case "le":
            return date <= wanted[2:]
        case _:
            return date == wanted[2:]


def _name(wanted: str, held: tuple[str, ...], *, fuzzy: bool) -> float:
    folded = wanted.casefold()
    names = [name.casefold() for name in held]
    if folded == names[0]:
        return 1.0
    if any(fnmatchcase(name, folded) for name in names):
        return 0.9
    alike = max(difflib.SequenceMatcher(None, folded, name).ratio() for name in names) if fuzzy else 0.0
    return round(alike, 4) if alike >= _ALIKE else 0.0


def _on(query: Mapping[str, list[str]], name: str) -> bool:
    return query.get(name) == ["true"]
