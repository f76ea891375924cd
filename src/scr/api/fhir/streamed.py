"""``$everything`` as its sources answer (docs/streaming.md, docs/adr/0016-streaming.md).

What is held goes first, then each live source when it has answered; the composed Patient and what is made
of all of it come when all have, and the ledger last. Every entry is decided and redacted as in an answer of
one piece, and the same bytes go out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl

from starlette.requests import Request

from scr.api.fhir.last_look import note_look
from scr.api.fhir.opened import Admitted, Opened, Opener
from scr.api.fhir.reconciled import Reconciler
from scr.api.fhir.served import remember
from scr.api.fhir.wish import Wish, wish_of
from scr.api.formats import query_of
from scr.api.look import Answer, Look
from scr.api.streams import Stream
from scr.broker.assemble import Record, assemble
from scr.broker.ledger import Ledger
from scr.consent.actor import Actor
from scr.errors import Invalid
from scr.fhir.bundle import Links, searchset
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.fhir.outcome import to_bytes
from scr.fhir.search import Pairs
from scr.sources.protocol import SourceResult
from scr.store.engine import Database
from scr.store.keys import KeyRing

NDJSON = "application/fhir+ndjson"
EVENTS = "text/event-stream"
_FORMATS = {NDJSON: NDJSON, EVENTS: EVENTS, "ndjson": NDJSON, "application/ndjson": NDJSON}
_PIECE = 65_536
"""Bytes of entries in one piece, about: so much is joined for one reader at a time."""
_FIRST = 24
"""Entries of what came together that go out before the others are looked at: somebody waits for the first."""
_HEADERS = {"X-Accel-Buffering": "no"}
"""A proxy in front may not wait until it has all of it."""


def asked_stream(request: Request) -> str | None:
    """The media type of the stream that is wanted; None where none is.

    It has to be asked for by its name: ``_format``, or ``Accept`` with nothing else in it that is served.
    """
    told = dict(parse_qsl(query_of(request), errors="replace"))
    if "_format" in told:
        return _FORMATS.get(told["_format"].partition(";")[0].strip().replace(" ", "+"))
    accepted = ",".join(request.headers.getlist("accept")).split(",")
    kinds = [one.partition(";")[0].strip().lower() for one in accepted]
    return next((_FORMATS[kind] for kind in kinds if kind in _FORMATS and "/" in kind), None)


class _Form(Protocol):
    """How what goes out is written."""

    def entries(self, piece: Sequence[Entry]) -> bytes:
        """Some entries."""

    def ledger(self, outcome: bytes) -> bytes:
        """The ledger, as the last of all."""

    def error(self, outcome: bytes) -> bytes:
        """Why nothing more comes."""


@dataclass(frozen=True, slots=True)
class _Lines:
    """One resource a line. http://ndjson.org"""

    def entries(self, piece: Sequence[Entry]) -> bytes:
        return b"".join(line for entry in piece for line in (entry.body, b"\n"))

    def ledger(self, outcome: bytes) -> bytes:
        return outcome + b"\n"

    error = ledger


@dataclass(frozen=True, slots=True)
class _Events:
    """Server-sent events. https://html.spec.whatwg.org/multipage/server-sent-events.html"""

    look: Look
    base_url: str
    own: str

    def entries(self, piece: Sequence[Entry]) -> bytes:
        bundle = searchset(
            piece,
            bundle_id=self.look.correlation,
            base_url=self.base_url,
            links=Links(f"{self.base_url}/{self.own}"),
            now=self.look.now,
            total=None,
        )
        return _event("entries", bundle)

    def ledger(self, outcome: bytes) -> bytes:
        return _event("ledger", outcome)

    def error(self, outcome: bytes) -> bytes:
        return _event("error", outcome)


class Streamer:
    """Streams records. ``seconds``: how long an answer may take, with the reading of it."""

    def __init__(
        self,
        opener: Opener,
        reconciler: Reconciler,
        database: Database,
        keys: KeyRing,
        base_url: str,
        seconds: float,
    ) -> None:
        self._opener = opener
        self._reconciler = reconciler
        self._database = database
        self._keys = keys
        self._base_url = base_url
        self._seconds = seconds

    async def everything(
        self, look: Look, actor: Actor, patient_id: str, pairs: Pairs, media_type: str
    ) -> Answer:
        """``Patient/[id]/$everything`` in parts. Raises NotFound before any of them, known or not."""
        wish = wish_of([pair for pair in pairs if pair[0] not in {"_format", "_pretty"}])
        if wish.count is not None:
            raise Invalid("a stream has no pages", code="bad-parameter", where="_count")
        admitted = await self._opener.admitted(look, actor, patient_id)
        look.details["stream"] = "begun"
        own = f"Patient/{patient_id}/$everything"
        form: _Form = _Events(look, self._base_url, own) if media_type == EVENTS else _Lines()
        parts = _written(form, self._told(look, actor, admitted, wish))
        stream = Stream(parts, media_type, self._seconds, form.error)
        return Answer(b"", headers=_HEADERS, stream=stream)

    async def _told(
        self, look: Look, actor: Actor, admitted: Admitted, wish: Wish
    ) -> AsyncGenerator[list[Entry] | Ledger]:
        """What goes out, in its order: entries, each once, and the ledger."""
        arriving = Arriving(self._opener, admitted)
        asking = asyncio.create_task(self._opener.opened(look, actor, admitted, arriving.hear, arriving.held))
        asking.add_done_callback(arriving.end)
        shown: set[str] = set()
        try:
            async for early in arriving.parts():
                shown.update(entry.id for entry in early.permitted)
                await remember(self._database, early, early.permitted)
                yield [entry for entry in early.permitted if wish.wants(entry)]
            opened = await asking
            before = len(opened.permitted)
            if wish.whole:
                note_look(self._keys, look, actor, opened)
            if wish.made:
                opened = await self._reconciler.add(opened, look.now)
            rest = [entry for entry in opened.permitted[:before] if entry.id not in shown]
            await remember(self._database, opened, rest)
            yield [entry for entry in (*rest, *opened.permitted[before:]) if wish.wants(entry)]
            yield opened.ledger
        finally:
            asking.cancel()


class Arriving:
    """What the sources of one record say, as it comes, and what of it may go out."""

    def __init__(self, opener: Opener, admitted: Admitted) -> None:
        self._admitted = admitted
        self._settling = admitted.settling()
        self._askable = opener.askable
        # Of a person with several numbers what is live is one record only when all of it is there.
        self._one = len(admitted.known.asked_about) == 1
        self._held: dict[OdsCode, SourceResult] = {}
        self._results: asyncio.Queue[Record | None] = asyncio.Queue()

    def held(self, results: Sequence[SourceResult]) -> None:
        """What is held of all sources. That of one that can be asked waits for what it answers: an entry that
        comes twice is decided by what both say of it."""
        self._held = {result.source: result for result in results}
        self._put((), [result for result in results if result.source not in self._askable])

    def hear(self, result: SourceResult) -> None:
        """A source that was asked has answered."""
        if self._one:
            before = self._held.get(result.source)
            self._put([result], [] if before is None else [before])

    def _put(self, results: Sequence[SourceResult], stored: Sequence[SourceResult]) -> None:
        subject = self._admitted.known.person.patient_id
        self._results.put_nowait(assemble(subject, [*results], stored))

    def end(self, asking: asyncio.Task[Opened]) -> None:
        """Every source has answered, or the question broke: for whoever still waits to find out."""
        if not asking.cancelled():
            asking.exception()
        self._results.put_nowait(None)

    async def parts(self) -> AsyncIterator[Opened]:
        """What may go out, whenever there is something: of each answer a few entries first."""
        known = self._admitted.known
        while (record := await self._results.get()) is not None:
            for some in (record.entries[:_FIRST], record.entries[_FIRST:]):
                early = self._admitted.early(self._settling, some)
                if early:
                    yield Opened(known, record, tuple(early), Ledger(()), self._admitted.permitted)


async def _written(form: _Form, told: AsyncGenerator[list[Entry] | Ledger]) -> AsyncGenerator[bytes]:
    async with aclosing(told):
        async for part in told:
            if isinstance(part, Ledger):
                yield form.ledger(to_bytes(part.resource()))
                continue
            for piece in _pieces(part):
                yield form.entries(piece)


def _pieces(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    piece: list[Entry] = []
    size = 0
    for entry in entries:
        piece.append(entry)
        size += len(entry.body)
        if size >= _PIECE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _event(name: str, data: bytes) -> bytes:
    """One event; JSON as it is written here has no line breaks."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)
