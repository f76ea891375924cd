"""A question whose answer is made later, as it is kept: who asks what, by which token, in which role.

It may be made by another process than the one that took it, so everything that a decision needs is in it,
and nothing that one could come with: of the token, what names it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from scr.api.auth.token import Named
from scr.api.fhir.search import LastOfEach, Searcher
from scr.api.look import MAKES, Answer, Look
from scr.consent.actor import Actor
from scr.consent.decide import Interaction
from scr.fhir.search import Pairs

Still = Callable[[Named, Actor], Awaitable[None]]
"""Whether somebody who asked by a token may ask yet. Raises Unauthenticated, Forbidden, Unavailable."""


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which search it is, and with what: of ``Patient``, of the type ``of``, or everything of ``of``."""

    way: Literal["patients", "resources", "everything"]
    pairs: list[tuple[str, str]]
    of: str = ""
    lenient: bool = False
    last: LastOfEach | None = None

    def __repr__(self) -> str:
        """Without what it holds: a number may be among it."""
        return "Asked()"

    async def ask(self, searcher: Searcher, look: Look, actor: Actor) -> Answer:
        """Ask it."""
        pairs: Pairs = self.pairs
        if self.way == "patients":
            return await searcher.patients(look, actor, pairs, lenient=self.lenient)
        if self.way == "everything":
            return await searcher.everything(look, actor, self.of, pairs)
        return await searcher.resources(look, actor, self.of, pairs, lenient=self.lenient, taking=self.last)


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of it. ``correlation`` is that of the look that it came with."""

    actor: Actor
    token: Named
    asked: Asked
    what: str
    interaction: Interaction
    correlation: str
    wait: float | None = None

    def __repr__(self) -> str:
        """Without what it holds."""
        return "Question()"

    @classmethod
    def of(cls, look: Look, actor: Actor, asked: Asked) -> Question:
        """What was asked with a look."""
        assert look.token is not None
        return cls(actor, look.token, asked, look.what, look.interaction, look.correlation, look.wait)

    def look(self, now: int, job: str, number: int) -> Look:
        """The look at which its answer is made, as the audit has it: whose question, and which time."""
        details = {"job": job, "asked": self.correlation} | ({"taken": str(number)} if number > 1 else {})
        look = Look(MAKES, self.what, self.interaction, now, actor=self.actor, details=details)
        look.wait = self.wait
        look.came(self.actor)
        return look

    def kept(self) -> bytes:
        """As it is sealed."""
        return msgspec.msgpack.encode(self)


def read_question(kept: bytes) -> Question:
    """What was kept. Raises msgspec.MsgspecError where another version of this program kept it."""
    return msgspec.msgpack.decode(kept, type=Question)
