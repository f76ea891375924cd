"""``DocumentReference/$docref``: the documents of a person, by type and time.

https://hl7.org/fhir/R4/documentreference.html, http://hl7.org/fhir/uv/ipa/OperationDefinition/docref. It is
a search on DocumentReference under other names, and is answered as one.
"""

from __future__ import annotations

from scr.api.fhir.search import Searcher
from scr.api.look import Answer, Look
from scr.consent.actor import Actor
from scr.errors import Invalid
from scr.fhir.parameters import Asked

_SAME = {"patient": "patient", "type": "type", "_count": "_count", "_format": "_format", "_pretty": "_pretty"}
_KNOWN = frozenset({*_SAME, "start", "end", "on-demand"})


class DocRef:
    """Finds documents."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher

    async def __call__(self, look: Look, actor: Actor, asked: Asked, _logical: str) -> Answer:
        """The documents: current ones, of the given types, dated within the given days."""
        if asked.only("docref", _KNOWN).truth("on-demand"):
            raise Invalid(
                "what is made on demand is asked for by Patient/[id]/$summary or $record-document",
                code="no-on-demand",
                where="on-demand",
            )
        pairs = [(_SAME[name], value) for name, value in asked.pairs if name in _SAME]
        for name, prefix in (("start", "ge"), ("end", "le")):
            if value := asked.text(name):
                pairs.append(("date", prefix + value))
        return await self._searcher.resources(look, actor, "DocumentReference", pairs)
