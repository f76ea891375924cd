"""Signing in and out of our own pages through an upstream."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from scr.api.signin.person import Population, SignedIn
from scr.errors import Unavailable


class SignIn:
    """The sign-in of a deployment: who is there, and how somebody comes to be."""

    def offers(self, population: Population) -> bool:
        """Whether an upstream is configured for a population."""
        return False

    async def current(self, request: Request) -> SignedIn | None:
        """Who is signed in at this browser; None where nobody is. Raises Unavailable."""
        return None

    async def begin(self, request: Request, population: Population, return_to: str) -> Response:
        """Send the browser to the upstream; after it, to ``return_to``, a path of ours with its query.

        Raises Invalid ``bad-return`` for another address, Unavailable ``no-upstream`` and ``upstream-down``.
        """
        raise Unavailable("nobody can sign in here: no upstream is configured", code="no-upstream")
