"""Who is in a reference set, of whichever kind it is.

A release keeps the members of simple reference sets as such. Of a map they are the concepts that it has rows
for, of a historical association those that became something by it, of the reasons of inactivation those that
have one. Other kinds (of languages, of descriptions, in an order) are not kept: asked for by name, such a one
is refused, so that nobody takes it for empty.
"""

from __future__ import annotations

from collections.abc import Callable

from scr.errors import Invalid
from scr.terminology.ecl.ids import Ids, Store
from scr.terminology.ecl.tree import Concept
from scr.terminology.release.schema import ASSOCIATIONS
from scr.terminology.systems import SNOMED_CT

_EVERY, _SIMPLE, _REASONS = 900000000000455006, 446609009, 900000000000489007
_MAP = f"{SNOMED_CT}?fhir_cm="
_MAPS = f"SELECT CAST(substr(name, {len(_MAP) + 1}) AS INTEGER) FROM map WHERE name GLOB ?"  # noqa: S608 - a number
_MAPPED = """SELECT DISTINCT CAST(mapping.source AS INTEGER) FROM map JOIN mapping ON mapping.map = map.id
  WHERE map.name = ?"""
_REPLACED = "SELECT concept FROM replacement WHERE kind = ? AND concept > 0"
_REASONED = "SELECT concept FROM property WHERE code = 'inactivationReason' AND concept > 0"
_MEMBERS = "SELECT DISTINCT concept FROM member"


def members(store: Store, refsets: Ids) -> Ids:
    """The members of any of these; what is no reference set has none."""
    found = store.members(refsets)
    for refset in refsets & _maps(store):
        found |= store.searched(_MAPPED, f"{_MAP}{refset}")
    for association, kind in ASSOCIATIONS.items():
        if int(association) in refsets:
            found |= store.searched(_REPLACED, kind)
    if _REASONS in refsets:
        found |= store.column(_REASONED)
    return found


def members_of_any(store: Store) -> Ids:
    """``^ *``: the members of all that are kept."""
    kept = _maps(store) | set(map(int, ASSOCIATIONS)) | {_REASONS}
    return store.column(_MEMBERS) | members(store, kept)


def need_kept(store: Store, refset: Concept) -> None:
    """Raises Invalid where a reference set is of a kind whose members the release does not keep."""
    number = int(refset.code)
    simple = number == _SIMPLE or store.below(_SIMPLE, number)
    if simple or number == _EVERY or not store.below(_EVERY, number):
        return
    kept = number == _REASONS or refset.code in ASSOCIATIONS or number in _maps(store)
    if not kept and not store.has_members(number):
        raise Invalid(
            f"the members of {refset.code} are not kept here: it is no simple reference set, no map and no"
            " historical association",
            code="bad-ecl",
            where=f"ECL, character {refset.at + 1}",
        )


def membership(store: Store, refset: int) -> Callable[[int], bool] | None:
    """A test whether a concept is in a simple reference set; None for one of another kind."""
    if not store.has_members(refset):
        return None
    return lambda one: refset in store.refsets_of(one)


def _maps(store: Store) -> Ids:
    return store.searched(_MAPS, f"{_MAP}*")
