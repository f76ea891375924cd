"""Filters and history supplements over a release: which of a set meet a filter, and what became one of them.

Of a large set with a term to search for, the typing search's index says first which concepts can have it.
"""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable

from scr.terminology.ecl.ids import Ids, Store, chunks
from scr.terminology.ecl.tree import (
    Comparison,
    ConceptFilter,
    Criterion,
    DescriptionFilter,
    Profile,
    SearchTerm,
)

_FEW = 2_000
"""Of so many concepts the descriptions are simply read."""
_WORD = re.compile(r"[^\W_]+")
_DESCRIPTIONS = """SELECT concept, term, use, language, active, description FROM designation
  WHERE concept IN ({})"""
_CONCEPTS = "SELECT id, active, defined, module, effective FROM concept WHERE id IN ({})"
_DESCRIBED = "SELECT concept FROM designation WHERE description IN ({})"
_SEARCH = """SELECT DISTINCT concept FROM search JOIN designation ON designation.id = search.rowid
  WHERE search MATCH ? AND concept > 0"""
_TYPES = {"synonym": "syn", "fsn": "fsn", "definition": "def"}
_BEFORE = "SELECT concept FROM replacement WHERE kind IN ({}) AND target IN ({{}})"
_AFTER = "SELECT target FROM replacement WHERE kind IN ({}) AND concept = ?"
PROFILES: dict[Profile, tuple[str, ...]] = {
    "min": ("same-as",),
    "mod": ("same-as", "replaced-by", "was-a", "partially-equivalent-to"),
    "max": (
        "same-as", "replaced-by", "was-a", "partially-equivalent-to", "possibly-equivalent-to",
        "possibly-replaced-by", "moved-to", "moved-from", "similar-to", "alternative", "refers-to",
    ),
}  # fmt: skip
"""The historical associations of each profile (chapter 6.11), as a release names them."""

_COMPARE: dict[Comparison, Callable[[str, str], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
"""Beside ``=`` and ``!=``; dates are compared as the texts that they are."""

_Description = tuple[str, str, str, bool, str]
Holds = Callable[[_Description], bool]


def described(store: Store, ids: Collection[int], wanted: DescriptionFilter) -> Ids:
    """Those that have one description which meets the whole filter."""
    holds = _holding(wanted)
    found: Ids = set()
    for chunk in chunks(ids if len(ids) <= _FEW else _narrowed(store, ids, wanted)):
        for concept, term, use, language, active, number in store.texts_of(_DESCRIPTIONS, chunk):
            told = (term, _TYPES.get(use, use), language, bool(active), str(number))
            if concept not in found and holds(told):
                found.add(concept)
    return found


def stated(store: Store, ids: Iterable[int], wanted: ConceptFilter) -> Ids:
    """Those that meet a filter of concepts."""
    found: Ids = set()
    for chunk in chunks(ids):
        for concept, active, defined, module, effective in store.texts_of(_CONCEPTS, chunk):
            status = "defined" if defined else "primitive"
            told = {"definitionstatus": status, "moduleid": str(module), "effectivetime": str(effective)}
            if wanted.active in {"", "*", str(int(active))} and all(
                _is_among(told[one.name], one) for one in wanted.criteria
            ):
                found.add(concept)
    return found


def _is_among(told: str, one: Criterion) -> bool:
    compare = _COMPARE.get(one.comparison)
    if compare is None:
        return (told in one.values) != one.negated
    return any(compare(told, value) for value in one.values if isinstance(value, str))


def became(store: Store, ids: Collection[int], kinds: tuple[str, ...]) -> Ids:
    """What was in use once and became any of these, by associations of these kinds."""
    return store.of(_BEFORE.format(_quoted(kinds)), ids)


def successors(store: Store, one: int, kinds: tuple[str, ...]) -> Ids:
    """What one concept became."""
    return store.column(_AFTER.format(_quoted(kinds)), (one,))


def _quoted(kinds: Iterable[str]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)  # names of our own


def _narrowed(store: Store, ids: Collection[int], wanted: DescriptionFilter) -> Collection[int]:
    """Fewer concepts: those whose descriptions are named, or of which the index of the search can say that
    they have all words of a term; else all. It knows no description that is out of use, and no definition.
    """
    for one in wanted.criteria:
        if one.name == "id" and not one.negated:
            named = [int(value) for value in one.values if isinstance(value, str)]
            return store.of(_DESCRIBED, named) & set(ids)
    if wanted.active != "1" or any("def" in one.values for one in wanted.criteria if one.name == "type"):
        return ids
    for one in wanted.criteria:
        terms = [term for term in one.values if isinstance(term, SearchTerm)]
        plain = [_WORD.findall(term.text) for term in terms if not term.wild]
        if one.name != "term" or one.negated or len(plain) < len(terms) or not all(plain):
            continue
        match = " OR ".join("(" + " ".join(f'"{word}"*' for word in words) + ")" for words in plain)
        return store.searched(_SEARCH, match) & set(ids)
    return ids


def _holding(wanted: DescriptionFilter) -> Holds:
    each = [_meets(one) for one in wanted.criteria]

    def holds(description: _Description) -> bool:
        return wanted.active in {"*", str(int(description[3]))} and all(one(description) for one in each)

    return holds


def _meets(one: Criterion) -> Holds:
    if one.name == "term":
        tests = [_matches(term) for term in one.values if isinstance(term, SearchTerm)]
        return lambda description: any(test(description[0]) for test in tests) != one.negated
    if one.name == "type":
        return lambda description: _is_among(description[1], one)
    if one.name == "id":
        return lambda description: _is_among(description[4], one)
    return lambda description: (description[2][:2].lower() in one.values) != one.negated


def _matches(wanted: SearchTerm) -> Callable[[str], bool]:
    folded = _folded(wanted.text)
    if wanted.wild:
        pattern = re.compile(".*".join(map(re.escape, folded.split("*"))), re.DOTALL)
        return lambda term: pattern.fullmatch(_folded(term)) is not None
    words = _WORD.findall(folded)

    def matches(term: str) -> bool:
        there = _WORD.findall(_folded(term))
        return all(any(one.startswith(word) for one in there) for word in words)

    return matches


def _folded(text: str) -> str:
    """Small letters without their marks, as the index of the search has them."""
    plain = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))
