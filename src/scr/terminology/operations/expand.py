"""``ValueSet/$expand`` and ``ValueSet/$validate-code``. https://hl7.org/fhir/R4/valueset-operations.html

An expansion is flat: no code contains another. ``typed`` has what a filter finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

from scr.errors import TooCostly
from scr.terminology.operations.chosen import Chosen, choose
from scr.terminology.operations.codes import Validation, of_known
from scr.terminology.operations.definition import Definition
from scr.terminology.operations.library import Coded, Known, Library
from scr.terminology.operations.typed import BOUNDS, Bounds, Typing
from scr.terminology.release.answers import Designation

_MANY = 2_000
_One = TypeVar("_One")


@dataclass(frozen=True, slots=True)
class Page:
    """What of an expansion is asked for. ``count`` None: all of it."""

    filter: str = ""
    offset: int = 0
    count: int | None = None
    active_only: bool = False
    designations: bool = False
    language: str = ""


WHOLE = Page()


class Contained(NamedTuple):
    """One code of an expansion. ``designations`` are empty where they were not asked for."""

    system: str
    code: str
    display: str
    active: bool
    designations: tuple[Designation, ...]


class Expansion(NamedTuple):
    """A page of an expansion. ``total`` is None where nobody counted."""

    definition: Definition
    page: Page
    total: int | None
    codes: tuple[Contained, ...]
    versions: tuple[tuple[str, str], ...]
    unknown: tuple[Coded, ...]


def expand(
    library: Library, definition: Definition, page: Page = WHOLE, bounds: Bounds = BOUNDS
) -> Expansion:
    """A page of the codes of a value set.

    A code that the value set lists and nobody knows is left out, and told in ``unknown``. Raises NotFound
    for a system or value set that is not known, Invalid for what cannot be read, TooCostly.
    """
    chosen = choose(library, definition)
    active_only = page.active_only or not definition.inactive
    if page.filter.strip():
        total, found, unknown = _typed(library, chosen, page, active_only, bounds)
    else:
        total, found, unknown = _listed(library, chosen, page, active_only, bounds)
    versions = [(one, library.version_of(one)) for one in chosen.systems]
    codes = tuple(_contained(library, one, page) for one in found)
    return Expansion(definition, page, total, codes, tuple(versions), tuple(unknown))


def validate_in(library: Library, definition: Definition, coded: Coded, display: str = "") -> Validation:
    """Whether a code is in a value set, and is called so. Raises as ``expand`` does."""
    chosen = choose(library, definition)
    systems = [coded.system] if coded.system else chosen.systems
    for system in systems:
        one = Coded(system, coded.code)
        known = library.known(*one)
        if known is None or not chosen.holds(one):
            continue
        if not known.active and not definition.inactive:
            return Validation(
                False, known.display, "the code is no longer used, and only codes in use are valid"
            )
        return of_known(library, known, display)
    name = definition.url or "the value set"
    return Validation(False, "", f"{name[:200]} does not hold the code {coded.code[:40]!r}")


_Found = tuple[int | None, Sequence[Known], Sequence[Coded]]


def _listed(library: Library, chosen: Chosen, page: Page, active_only: bool, bounds: Bounds) -> _Found:
    every = chosen.listed()
    if len(every) <= _MANY:
        return _known_of(library, every, page, active_only, bounds)
    if active_only:
        active = {system: _active(library, system) for system in chosen.systems}
        every = [coded for coded in every if coded.code in active[coded.system]]
    told = [(coded, library.known(*coded)) for coded in _page(every, page, bounds)]
    found = [one for _, one in told if one is not None]
    return len(every), found, [coded for coded, one in told if one is None]


def _known_of(
    library: Library, every: Sequence[Coded], page: Page, active_only: bool, bounds: Bounds
) -> _Found:
    """Each looked up, so that what nobody knows is neither counted nor paged."""
    known: list[Known] = []
    unknown: list[Coded] = []
    for coded in every:
        one = library.known(*coded)
        if one is None:
            unknown.append(coded)
        elif one.active or not active_only:
            known.append(one)
    return len(known), _page(known, page, bounds), unknown


def _active(library: Library, system: str) -> frozenset[str]:
    """The codes of a system that are in use."""
    if library.release is None or system not in library.systems:
        return frozenset(library.shipped.systems[system].concepts)
    rows = library.release.connection().execute(
        "SELECT code FROM concept JOIN system ON system.id = concept.system WHERE uri = ? AND active",
        (system,),
    )
    return frozenset(row[0] for row in rows)


def _page(every: Sequence[_One], page: Page, bounds: Bounds) -> Sequence[_One]:
    count = len(every) - page.offset if page.count is None else page.count
    if count > bounds.codes:
        raise TooCostly(
            f"{len(every)} codes are more than the {bounds.codes} that an answer holds:"
            " ask for pages with offset and count, or give a filter"
        )
    return every[page.offset : page.offset + max(count, 0)]


def _typed(library: Library, chosen: Chosen, page: Page, active_only: bool, bounds: Bounds) -> _Found:
    wanted = bounds.matches if page.count is None else min(page.offset + page.count, bounds.matches)
    found = list(
        islice(Typing(library, chosen, page.filter, active_only, bounds).found(wanted + 1), wanted + 1)
    )
    total = len(found) if len(found) <= wanted else None
    return total, found[page.offset : wanted], ()


def _contained(library: Library, known: Known, page: Page) -> Contained:
    if not page.designations and not page.language:
        return Contained(*known, ())
    release = library.release
    every = () if release is None else release.designations(known.system, known.code)
    terms = tuple(one for one in every if one.active and one.use != "definition")
    display = _in_language(terms, page.language) or known.display
    return Contained(known.system, known.code, display, known.active, terms if page.designations else ())


def _in_language(terms: Sequence[Designation], language: str) -> str:
    """The preferred term in a language, or nothing; ``en`` takes ``en-GB`` too."""
    ranges = [one.partition(";")[0].strip().lower() for one in language.split(",") if one.strip()]
    for wanted in ranges:
        found = [
            one for one in terms
            if one.acceptability and one.use != "fsn"
            and (one.language.lower() == wanted or one.language.lower().startswith(f"{wanted}-"))
        ]  # fmt: skip
        if found:
            return max(found, key=lambda one: one.acceptability).term
    return ""
