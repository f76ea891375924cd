"""Bytes → messages: the envelope of EDIFACT (UNA, UNB, UNG, UNH … UNT, UNE, UNZ) and its counts.

ISO 9735 section 6. A payload may hold several interchanges, an interchange several messages; some
senders leave the interchange's own segments out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from scr.decode.edifact.medrpt import message_tree
from scr.decode.edifact.syntax import Piece, Segment, ServiceString, codecs_of, parse_segment, pieces
from scr.decode.tree import BadUnit, DecodeError, Unit

MAX_SEGMENTS = 20_000
"""More segments than any message has: what has more is an attack or a mistake."""

MAX_REFUSED = 1_000
"""After so many refusals the rest is one: it is no interchange, and nobody would look at each."""

MAX_HEADER = 2_000
"""A longer UNB than any: each message carries it, so that it can be tried again by itself."""

_ENVELOPE = frozenset({"UNB", "UNG", "UNH", "UNT", "UNE", "UNZ"})


def decode(raw: bytes) -> Iterator[Unit | BadUnit]:
    """Every message of a payload, in order.

    It never raises: what cannot be read is a BadUnit with its own bytes and a DecodeError that names
    the segment. An interchange that has other messages than it says, or no end, gives a BadUnit of its
    own beside the good messages. A message that has fewer segments than its UNT says is refused,
    because a result may be missing; one that has more is taken, and its count is told as lost.
    """
    reader, refused = _Reader(raw), 0
    try:
        for piece in pieces(raw):
            if piece.tag not in _ENVELOPE:
                reader.content(piece)
                continue
            for unit in reader.envelope(piece):
                yield unit
                refused += isinstance(unit, BadUnit)
            if refused > MAX_REFUSED:
                yield BadUnit("the rest", raw[piece.start :], _error(*_TOO_MUCH))
                return
    except DecodeError as error:  # of UNA: where a segment ends cannot be known from there on
        yield BadUnit("interchange", raw, error)
        return
    yield from reader.end()


@dataclass(slots=True)
class _Open:
    """A message whose UNT has not come yet."""

    place: str
    header: Piece
    pieces: list[Piece] = field(default_factory=list)
    count: int = 0

    def add(self, piece: Piece) -> None:
        self.count += 1
        if self.count <= MAX_SEGMENTS:
            self.pieces.append(piece)


@dataclass(slots=True)
class _Interchange:
    """What the current UNB says, and how many messages and groups have come since."""

    codecs: tuple[str, ...] = field(default_factory=lambda: codecs_of(""))
    header: dict[str, str] = field(default_factory=dict)
    begun: Piece | None = None
    messages: int = 0
    groups: int = 0


class _Reader:
    """The state between one segment and the next."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.found = 0
        self.message: _Open | None = None
        self.interchange = _Interchange()
        self.stray: tuple[int, int] | None = None

    def content(self, piece: Piece) -> None:
        """A segment that is none of the envelope's."""
        if self.message is not None:
            self.message.add(piece)
        else:
            self.stray = (self.stray[0] if self.stray else piece.start, piece.end)

    def envelope(self, piece: Piece) -> Iterator[Unit | BadUnit]:
        """A segment of the envelope: a message or an interchange begins or ends."""
        yield from self._strays()
        if piece.tag == "UNT" and self.message is not None:
            self.message.add(piece)
            yield self._finished(self.message, piece)
            self.message = None
            return
        yield from self._cut(piece.start)
        match piece.tag:
            case "UNB":
                yield from self._unended(piece.start)
                yield from self._begin(piece)
            case "UNH":
                self.found += 1
                self.interchange.messages += 1
                self.message = _Open(f"message {self.found}", piece)
                self.message.add(piece)
            case "UNG":
                self.interchange.groups += 1
            case "UNT":
                yield self._bad("between the messages", piece.start, piece.end, _error(*_STRAY_END))
            case "UNZ":
                yield from self._trailer(piece)

    def end(self) -> Iterator[Unit | BadUnit]:
        """What is still open when the payload ends."""
        yield from self._strays()
        yield from self._cut(len(self.raw))
        yield from self._unended(len(self.raw))
        if self.found == 0 and self.interchange.begun is None and not self.raw.strip():
            yield self._bad("payload", 0, len(self.raw), _error(*_NOTHING))

    def _begin(self, piece: Piece) -> Iterator[BadUnit]:
        self.interchange = _Interchange(begun=piece)
        try:
            if len(piece.body) > MAX_HEADER:
                raise _error(*_LONG_HEADER)
            syntax = piece.marks.split(piece.body.decode("latin-1"), piece.marks.element)[1:2]
            self.interchange.codecs = codecs_of(syntax[0].split(piece.marks.component)[0] if syntax else "")
            segment = parse_segment(piece, 1, self.interchange.codecs)
            self.interchange.header = {
                key: value for key, place in _HEADER.items() if (value := segment.get(*place))
            }
        except DecodeError as error:
            yield self._bad("interchange header", piece.start, piece.end, error)
            self.interchange.begun = None  # what cannot be read is not given to each message

    def _finished(self, message: _Open, trailer: Piece) -> Unit | BadUnit:
        raw = self._alone(message, trailer.end)
        try:
            return Unit(self._tree(message), message.place, raw)
        except DecodeError as error:
            return BadUnit(message.place, raw, error)

    def _alone(self, message: _Open, end: int) -> bytes:
        """The message as an interchange of its own, so that it reads the same when it is tried again."""
        marks, begun = message.header.marks, self.interchange.begun
        advice = marks.advice.encode("latin-1") if marks != ServiceString() else b""
        body = self.raw[message.header.start : end]
        if begun is None:
            return advice + body
        elements = marks.split(begun.body.decode("latin-1"), marks.element)
        reference = elements[5] if len(elements) > 5 else ""
        trailer = marks.element.join(("UNZ", "1", reference)) + marks.terminator
        return advice + self.raw[begun.start : begun.end] + body + trailer.encode("latin-1")

    def _tree(self, message: _Open) -> dict[str, object]:
        if message.count > MAX_SEGMENTS:
            raise DecodeError(f"more than {MAX_SEGMENTS} segments", code="too-many-segments", where="message")
        codecs = self.interchange.codecs
        segments = [parse_segment(piece, n, codecs) for n, piece in enumerate(message.pieces, 1)]
        says = _checked(segments)
        decimal = message.header.marks.decimal
        tree = message_tree(segments[:-1], dict(self.interchange.header), decimal)
        if says is not None and says < len(segments):
            tree["fields"][f"UNT.1.1 (says {says} segments, {len(segments)} are there)"] = ""
        return tree

    def _trailer(self, piece: Piece) -> Iterator[BadUnit]:
        interchange, self.interchange = self.interchange, _Interchange()
        try:
            _check_trailer(parse_segment(piece, 1, interchange.codecs), interchange)
        except DecodeError as error:
            yield self._bad("interchange trailer", piece.start, piece.end, error)

    def _strays(self) -> Iterator[BadUnit]:
        if self.stray is not None:
            place = "between the messages" if self.found else "before the first message"
            yield self._bad(place, *self.stray, _error(*(_STRAY if self.found else _NO_HEADER)))
            self.stray = None

    def _cut(self, end: int) -> Iterator[BadUnit]:
        if self.message is not None:
            error = DecodeError(
                f"the message has no UNT after its {self.message.count} segments: it was cut off;"
                " ask the sender for the whole of it",
                code="message-incomplete",
                where=f"segment {self.message.count}",
            )
            yield BadUnit(self.message.place, self._alone(self.message, end), error)
            self.message = None

    def _unended(self, end: int) -> Iterator[BadUnit]:
        begun = self.interchange.begun
        if begun is not None:
            error = DecodeError(
                f"the interchange has no UNZ after its {self.interchange.messages} messages: it was cut off;"
                " ask the sender for the whole of it",
                code="interchange-incomplete",
                where="UNB",
            )
            yield self._bad("interchange", begun.start, begun.end, error)
            self.interchange = _Interchange()

    def _bad(self, place: str, start: int, end: int, error: DecodeError) -> BadUnit:
        return BadUnit(place, self.raw[start:end], error)


_HEADER = {
    "syntax": (1, 1),
    "sender": (2, 1),
    "recipient": (3, 1),
    "date": (4, 1),
    "time": (4, 2),
    "reference": (5, 1),
    "application": (7, 1),
    "test": (11, 1),
}
"""UNB's elements by name."""

_NO_HEADER = (
    "there is no UNB or UNH segment here; an interchange begins with UNA or UNB",
    "no-header",
    "segment 1",
)
_NOTHING = ("the payload is empty; an interchange begins with UNA or UNB", "no-header", "payload")
_TOO_MUCH = (
    f"more than {MAX_REFUSED} parts were refused; the rest is not read",
    "too-many-refused",
    "payload",
)
_LONG_HEADER = (f"longer than {MAX_HEADER} bytes; UNB has some hundred", "bad-header", "UNB")
_STRAY = (
    "segments stand outside of any message: each message begins with UNH and ends with UNT",
    "stray-segments",
    "after UNT",
)
_STRAY_END = ("a UNT ends no message: its UNH is missing", "stray-segments", "UNT")


def _error(sentence: str, code: str, where: str) -> DecodeError:
    return DecodeError(sentence, code=code, where=where)


def _check_trailer(trailer: Segment, interchange: _Interchange) -> None:
    """Raises DecodeError where UNZ counts other messages than there are, or ends another interchange."""
    says, reference = _number(trailer.get(1)), trailer.get(2)
    if says is not None and says not in {interchange.messages, interchange.groups or None}:
        raise DecodeError(
            f"the interchange says that it has {says} messages, and {interchange.messages} are there;"
            " ask the sender for the whole of it",
            code="interchange-incomplete",
            where="UNZ-1",
        )
    if reference and reference != interchange.header.get("reference", reference):
        raise DecodeError(
            "the reference is not the one of UNB-5: the end of another interchange stands here",
            code="interchange-incomplete",
            where="UNZ-2",
        )


def _checked(segments: list[Segment]) -> int | None:
    """The count that UNT says. Raises DecodeError where segments are missing or the references differ."""
    header, trailer = segments[0], segments[-1]
    says, found = _number(trailer.get(1)), len(segments)
    if header.get(1) != trailer.get(2):
        raise DecodeError(
            "the reference is not the one of UNH: the end of another message stands here",
            code="message-incomplete",
            where=f"segment {found} (UNT)",
        )
    if says is not None and says > found:
        raise DecodeError(
            f"the message says that it has {says} segments, and {found} are there: a result may be missing;"
            " ask the sender for the whole of it",
            code="message-incomplete",
            where=f"segment {found} (UNT)",
        )
    return says


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
