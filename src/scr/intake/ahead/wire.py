"""What goes between the process that files and the one that maps: frames of MessagePack over a pipe.

A frame is four bytes of length, the greatest first, and so many bytes. Nothing of it is ever on a disk.
"""

from __future__ import annotations

from typing import Any

import msgspec

from scr.decode.tree import Unit
from scr.fhir.entry import Entry
from scr.intake.making import Made
from scr.mapping.coverage import Coverage
from scr.mapping.functions import UnmappedCode
from scr.mapping.meaning import Untranslated
from scr.mapping.profile import Profile
from scr.mapping.run import Mapped

HEAD = 4
"""Bytes of a frame before what it holds."""


class SetUp(msgspec.Struct, frozen=True):
    """Whom the other process maps for: a deployment's folder, an adapter, the provider's ODS code and the
    key of opaque ids. ``configuration`` says which files the answer is to be made by."""

    home: str | None
    adapter: str
    source: str
    id_key: bytes
    configuration: bytes


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Rows that claim the same, by their numbers; ``subject`` is the id of the person's Patient."""

    subject: str
    rows: list[int]


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """Some rows, each with its place, to be looked at; and those runs of them that are to be mapped.

    ``now`` in ms UTC.
    """

    now: int
    rows: list[tuple[str, dict[str, str]]]
    runs: list[Run]

    def units(self) -> list[Unit]:
        """The rows as the decoder gave them, without their bytes: nobody quarantines them there."""
        return [Unit(tree, place, b"") for place, tree in self.rows]


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """One ``Mapped``, its entries by their number."""

    entries: list[int]
    unmapped_codes: tuple[UnmappedCode, ...]
    lost: tuple[str, ...]
    unread: tuple[str, ...]
    untranslated: tuple[Untranslated, ...]


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What was made of a run: each entry once, however many rows say it."""

    entries: list[Entry]
    rows: list[_Row]
    news: list[int]

    @classmethod
    def of(cls, made: Made) -> Told:
        """As it is sent."""
        entries: list[Entry] = []
        numbers: dict[int, int] = {}

        def number(entry: Entry) -> int:
            known = numbers.get(id(entry))
            if known is None:
                known = numbers[id(entry)] = len(entries)
                entries.append(entry)
            return known

        rows = [
            _Row(
                [number(entry) for entry in one.entries],
                one.unmapped_codes,
                one.lost,
                one.unread,
                one.untranslated,
            )
            for one in made.mapped
        ]
        return cls(entries, rows, [number(entry) for entry in made.news])

    def made(self) -> Made:
        """As it was made."""
        entries = self.entries
        mapped = [
            Mapped(
                tuple([entries[number] for number in row.entries]),
                row.unmapped_codes,
                row.lost,
                row.unread,
                row.untranslated,
            )
            for row in self.rows
        ]
        return Made(mapped, [entries[number] for number in self.news])


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """For each run what was made of it, None where that is for the process that files to find out; and what
    was seen in the rows (``scr.mapping.profile``)."""

    told: list[Told | None]
    seen: Profile
    covered: Coverage


_encoder = msgspec.msgpack.Encoder()
asked_from = msgspec.msgpack.Decoder(Asked).decode
set_up_from = msgspec.msgpack.Decoder(SetUp).decode
answer_from = msgspec.msgpack.Decoder(Answer).decode


def framed(what: Any) -> bytes:
    """A frame that holds this."""
    held = _encoder.encode(what)
    return len(held).to_bytes(HEAD, "big") + held
