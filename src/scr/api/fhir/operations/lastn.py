"""``Observation/$lastn``: the newest observations of each kind, of those that a search finds.

https://hl7.org/fhir/R4/observation-operation-lastn.html
"""

from __future__ import annotations

from scr.api.fhir.search import LastOfEach, Searcher
from scr.api.look import Answer, Look
from scr.consent.actor import Actor
from scr.errors import Invalid
from scr.fhir.parameters import Asked

_MOST = 1000
_KINDS = frozenset({"category", "code"})


class LastN:
    """Finds the last of each kind."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher

    async def __call__(self, look: Look, actor: Actor, asked: Asked, _logical: str) -> Answer:
        """``max`` (1 where it is not told) of each kind; every other parameter is one of the search."""
        most = asked.number("max", 1, _MOST)
        pairs = [pair for pair in asked.pairs if pair[0] != "max"]
        named = {name.partition(":")[0] for name, _ in pairs}
        if named.isdisjoint(_KINDS):
            raise Invalid(
                "say of what: category or code is needed", code="parameter-needed", where="category"
            )
        if named & {"_sort"}:
            raise Invalid("$lastn has an order of its own", code="bad-parameter", where="_sort")
        taking = LastOfEach(most, void="status" in named)
        return await self._searcher.resources(look, actor, "Observation", pairs, taking=taking)
