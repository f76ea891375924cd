"""What a search asks of terminology (``fhir.search.Codes``) by ``:in``, ``:below`` and ``:above``.

https://hl7.org/fhir/R4/search.html#token. What is not known is refused: a value set or a code that nobody
has would find nothing, and nothing would look like none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from scr.errors import Invalid, NotFound
from scr.terminology.operations.chosen import choose, find_definition
from scr.terminology.operations.codes import subsumed
from scr.terminology.operations.library import Coded, Library

Holds = Callable[[str, str], bool]


class SearchedCodes:
    """Answers from the release and the small systems that are in force when it is asked."""

    def __init__(self, library: Callable[[], Library]) -> None:
        self._library = library

    def value_set(self, url: str) -> Holds:
        """The codes of a value set. Raises Invalid where it, or a system of it, is not known here."""
        library = self._library()
        try:
            chosen = choose(library, find_definition(library, url))
        except NotFound as missing:
            raise Invalid(missing.message, code=missing.code, where=missing.where) from None
        return cache(lambda system, code: chosen.holds(Coded(system, code)))

    def below(self, system: str, code: str) -> Holds:
        """A code and all that are kinds of it. Raises Invalid where it is not known here."""
        library = self._known(system, code)
        return cache(
            lambda its, other: its == system and (other == code or subsumed(library, system, code, other))
        )

    def above(self, system: str, code: str) -> Holds:
        """A code and all that it is a kind of. Raises Invalid where it is not known here."""
        library = self._known(system, code)
        return cache(
            lambda its, other: its == system and (other == code or subsumed(library, system, other, code))
        )

    def _known(self, system: str, code: str) -> Library:
        library = self._library()
        if library.known(system, code) is None:
            raise Invalid("the code or its system is not known here", code="unknown-code", where=system[:200])
        return library
