"""Where the authorisation server's doors are, as clients see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where things are, as clients see them; ``base_url`` is the FHIR base."""

    base_url: str

    @property
    def issuer(self) -> str:
        """The ``iss`` of our tokens."""
        return f"{self.base_url}/auth"

    @property
    def authorize(self) -> str:
        """Where an app sends people, to let it."""
        return f"{self.issuer}/authorize"

    @property
    def token(self) -> str:
        """Where tokens are given; also the audience of assertions."""
        return f"{self.issuer}/token"

    @property
    def introspect(self) -> str:
        """Where it is told what a token is."""
        return f"{self.issuer}/introspect"

    @property
    def revoke(self) -> str:
        """Where a token is given back."""
        return f"{self.issuer}/revoke"

    @property
    def launch(self) -> str:
        """Where a clinician's system says for whom it opens an app."""
        return f"{self.issuer}/launch"

    @property
    def keys(self) -> str:
        """Our public keys."""
        return f"{self.issuer}/jwks"

    @property
    def path(self) -> str:
        """The path of all of these, in a browser."""
        return urlsplit(self.issuer).path
