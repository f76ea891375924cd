"""What the person whose record it is, is told of an act of the audit: what of it no column says by itself.

It is made as the row is written and kept beside it, so that a proof can open it and leave the columns closed
that it is made of. What is told of a look is what was asked, never what came of it: of a single entry that
was read no type is told, which would say that there is such an entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import msgspec

from scr.consent.breakglass import BTG
from scr.fhir.headings import HEADINGS, headings_of_type

Who = Literal["you", "carer", "professional", "system"]


class Telling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``asked`` says what was asked for, in words. ``glass``: the glass was broken for it; ``through`` is the
    neighbouring record that asked for somebody."""

    allowed: bool
    asked: str
    glass: bool
    through: str
    who: Who

    @classmethod
    def of(
        cls, action: str, what: str, outcome: str, purpose: str, role: str, details: Mapping[str, object]
    ) -> Telling:
        """Of an act, as the columns of the audit's row say it; ``details`` as plain JSON."""
        return cls(
            outcome == "success",
            asked_for(action, what),
            "glass" in details or purpose == BTG,
            str(details.get("neighbour_name", "")),
            _who(purpose, role),
        )

    @classmethod
    def read(cls, text: str) -> Telling | None:
        """As it was written; None where it is not that, to the letter."""
        try:
            read = _decoder.decode(text)
        except (msgspec.MsgspecError, UnicodeEncodeError):
            return None
        return read if read.write() == text else None

    def write(self) -> str:
        """As JSON, names in their order."""
        return _encoder.encode(self).decode()

    @property
    def fields(self) -> dict[str, object]:
        """By name."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Telling)


@lru_cache(maxsize=1024)
def asked_for(action: str, what: str) -> str:
    """What was asked for, in words."""
    if what in WORDS:
        return WORDS[what]
    if action == "read":
        return "One entry of the record"
    names = sorted(HEADINGS[one] for one in headings_of_type(what.partition(" ")[0]))
    return ", ".join(names) or "The record"


def _who(purpose: str, role: str) -> Who:
    if purpose == "PATRQT":
        return "you"
    if purpose == "FAMRQT":
        return "carer"
    return "professional" if role else "system"


WORDS = {
    "Patient": "Who you are",
    "access": "Who may see the record",
    "access/home": "The first page",
    "access/whose": "Whose record to see",
    "access/record": "The record",
    "access/summary": "The summary to take along",
    "access/looks": "Who looked at the record",
    "access/proof": "The proof of who looked",
    "access/choices": "What you chose about sharing",
    "access/carers": "Who acts for you",
    "access/preview": "Who could look",
    "access/questions": "Your questions about looks",
    "explain access": "Why somebody may see the record",
    "record proxy": "Who acts for you",
    "list proxies": "Who acts for you",
    "end proxy": "Who acts for you",
    "suspend proxy": "Who acts for you",
    "review proxy": "Who acts for you",
    "assess capacity": "Whether you can decide for yourself",
    "answer question": "Your questions about looks",
    "challenge": "What you said is wrong",
    "$everything": "All of the record",
    "summary": "The summary",
}
