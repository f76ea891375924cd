"""What is sent to the JSON API, and what its answers are made of."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request

from scr.api.desk import read_body
from scr.api.look import Answer
from scr.errors import Invalid
from scr.fhir.choices import Choice, Effect

B = TypeVar("B", bound=msgspec.Struct)


class Sent(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What every body is: of known fields only."""


class Invitation(Sent):
    """An access that is to be given. ``calls``: what you call the carer; ``until``: the last moment, as an
    instant of ISO 8601 with its zone; ``headings``: those that they see, left out for all."""

    calls: str
    until: str
    headings: list[str] | None = None
    contributes: bool = False


class Code(Sent):
    """The code of an invitation, as it was typed."""

    code: str


class SentChoice(Sent):
    """A choice; what is left out does not narrow it. ``carers`` are ids of accesses of carers."""

    effect: Effect = "deny"
    to: list[str] = []
    roles: list[str] = []
    carers: list[str] = []
    of: list[str] = []
    headings: list[str] = []
    labels: list[str] = []
    entries: list[str] = []
    until: str = ""
    but: list[str] = []

    def choice(self, carers: tuple[str, ...]) -> Choice:
        """As it is checked and written; ``carers`` are subjects."""
        return Choice(
            effect=self.effect,
            to=tuple(self.to),
            roles=tuple(self.roles),
            carers=carers,
            of=tuple(self.of),
            headings=tuple(self.headings),
            labels=tuple(self.labels),
            entries=tuple(self.entries),
            until=self.until,
            but=tuple(self.but),
        )


class Withdrawal(Sent):
    """Of a choice, as it was read: its version."""

    version: str


class WhoWould(Sent):
    """Who is thought to look: a job role at an organisation, or the carer of an access.

    ``trying`` is a choice that is not made yet, ``without`` the id of one that would be withdrawn.
    """

    role: str = ""
    organisation: str = ""
    carer: str = ""
    trying: SentChoice | None = None
    without: str = ""


class Text(Sent):
    """A question, or its answer."""

    text: str


class Recorded(Sent):
    """An access that staff record: whose record, by NHS Number, on what, and the document that was seen."""

    nhs_number: str
    calls: str
    until: str
    basis: str
    evidence: str
    headings: list[str] | None = None
    contributes: bool = False


class Whose(Sent):
    """Whose, by NHS Number."""

    nhs_number: str


class Resting(Sent):
    """Why an access rests; empty: it rests no longer."""

    reason: str = ""


class Reviewed(Sent):
    """What was looked at, and perhaps another end."""

    note: str
    until: str = ""


class Assessment(Sent):
    """Whether a person can decide for themselves (``present``, ``absent``), and by what that is known."""

    nhs_number: str
    capacity: str
    evidence: str


async def decoded(request: Request, kind: type[B]) -> B:
    """The body of a request. Raises Invalid, with nothing of what it holds."""
    return decoded_bytes(await read_body(request), kind)


def decoded_bytes(body: bytes, kind: type[B]) -> B:
    """A body. Raises Invalid, with the field where one is not as it should be."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Invalid(f"the body is not what is asked for: {error}", code="bad-body") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid("the body is no JSON", code="bad-body") from None


def told(body: object, status: int = 200) -> Answer:
    """An answer of plain JSON."""
    return Answer(msgspec.json.encode(body), status)
