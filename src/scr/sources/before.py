"""What stands before a source, under the source's own name, and does something with its answers."""

from __future__ import annotations

from dataclasses import dataclass

from scr.fhir.identifiers import OdsCode
from scr.sources.protocol import Source


@dataclass(frozen=True, slots=True)
class Before:
    """Something before a source: it is asked in its place (``ask``)."""

    source: Source

    @property
    def ods(self) -> OdsCode:
        """The provider's organisation."""
        return self.source.ods

    @property
    def name(self) -> str:
        """The provider's name, for people."""
        return self.source.name

    @property
    def headings(self) -> frozenset[str]:
        """The headings that it can contribute to."""
        return self.source.headings
