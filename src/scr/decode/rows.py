"""Delimited text (CSV) → one unit a row.

RFC 4180, as spreadsheets and council systems really write it: UTF-8 with or without a byte order
mark, Windows-1252, or UTF-16 with a mark; comma, semicolon, tab or bar; quoted cells with line
breaks in them. Rows are numbered as a spreadsheet shows them: the header is row 1. A bad row is a
``BadUnit``; the others go on. The payload is read as a stream: beside its bytes, one row is in
memory at a time.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from scr.decode.tree import BadUnit, DecodeError, NoColumn, Unit

DELIMITERS = ",;\t|"
MAX_LINES = 200
"""Lines in one row: more of them are a quotation mark that was not closed. (A cell has at most the
131,072 characters of ``csv.field_size_limit``.)"""

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True, slots=True)
class RowFormat:
    """How the rows are written. ``delimiter`` empty: found from the header. ``columns`` must be there."""

    columns: tuple[str, ...]
    encoding: str = "utf-8"
    delimiter: str = ""
    quote: str = '"'


def decode_csv(raw: bytes, spec: RowFormat) -> Iterator[Unit | BadUnit]:
    """Each row as ``{column: text}``, cells stripped, empty cells as empty text.

    Columns beyond those of ``spec`` are kept in the tree. A unit's ``raw`` is the header and the row
    in UTF-8 with a byte order mark, which decodes again by itself. Raises DecodeError where nothing
    can be read: a wrong encoding, a header without a declared column.
    """
    lines = _Lines(_open(raw, spec.encoding))
    header_text = lines.header()
    delimiter = spec.delimiter or _delimiter(header_text, spec)
    header = _header(header_text, delimiter, spec)
    opening = b"\xef\xbb\xbf" + header_text.encode("utf-8", "surrogateescape")
    yield from _rows(lines, header, delimiter, spec, opening)


def _rows(
    lines: _Lines, header: list[str], delimiter: str, spec: RowFormat, opening: bytes
) -> Iterator[Unit | BadUnit]:
    reader = csv.reader(lines, delimiter=delimiter, quotechar=spec.quote, strict=True)
    row = 1
    while True:
        lines.start()
        row += 1
        place = f"row {row}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            lines.rewind()
            yield BadUnit(place, opening + lines.taken_bytes(), _quoting(place, error))
            continue
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        problem = _problem(cells, header, lines, spec)
        raw = opening + lines.taken_bytes()
        if problem:
            yield BadUnit(place, raw, DecodeError(problem, where=place, code="bad-row"))
        else:
            yield Unit({name: cell.strip() for name, cell in zip(header, cells, strict=True)}, place, raw)


def _problem(cells: list[str], header: list[str], lines: _Lines, spec: RowFormat) -> str:
    """What is wrong with a row, or an empty text."""
    if len(cells) != len(header):
        return (
            f"{len(cells)} cells where the header has {len(header)}: "
            "quote a cell that holds the delimiter, and give every column a cell"
        )
    if lines.has_undecodable():
        encoding = lines.encoding.removesuffix("-sig")
        return f"a character is not {encoding}: save the file in that encoding, or declare the right one"
    if any("\x00" in cell for cell in cells):
        return "a NUL byte stands in it: remove it, or declare the encoding of the file"
    return ""


def _quoting(place: str, error: csv.Error) -> DecodeError:
    return DecodeError(
        f"quotation marks do not pair up ({error}): double a quotation mark inside of a cell",
        where=place,
        code="bad-row",
    )


class _Lines:
    """The lines of a text, remembering those of the row at hand so that they can be given again."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self.encoding = text.encoding or ""
        self._again: deque[str] = deque()
        self._taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self._taken) >= MAX_LINES:
            raise csv.Error(f"a row of more than {MAX_LINES} lines")
        line = self._again.popleft() if self._again else self._text.readline()
        if not line:
            raise StopIteration
        self._taken.append(line)
        return line

    def header(self) -> str:
        """The first line that is not blank."""
        for line in self:
            if line.strip():
                return line
            self.start()
        raise DecodeError("there is no header row: the file is empty", where="row 1", code="no-header")

    def start(self) -> None:
        """A new row begins."""
        self._taken.clear()

    def rewind(self) -> None:
        """Give all lines of this row but the first again: only that one is given up as bad."""
        self._again.extendleft(reversed(self._taken[1:]))
        del self._taken[1:]

    def taken_bytes(self) -> bytes:
        """The row's own text."""
        return "".join(self._taken).encode("utf-8", "surrogateescape")

    def has_undecodable(self) -> bool:
        """Whether a byte of the row is not of the encoding (it came through as a lone surrogate)."""
        return any(
            "\udc80" <= character <= "\udcff"
            for line in self._taken
            if not line.isascii()
            for character in line
        )


def _open(raw: bytes, encoding: str) -> io.TextIOWrapper:
    """The payload as text. A byte order mark is right whatever encoding was declared."""
    actual = next((name for mark, name in _BOMS if raw.startswith(mark)), encoding)
    if actual == "utf-16":
        try:
            raw, actual = raw.decode("utf-16").encode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            raise DecodeError(
                "the byte order mark says UTF-16, and the rest is not: save the file again",
                code="bad-encoding",
            ) from None
    elif b"\x00" in raw[:400].partition(b"\n")[0]:
        raise DecodeError(
            "NUL bytes at the beginning: save the file as UTF-8, or as UTF-16 with a byte order mark",
            code="bad-encoding",
        )
    return io.TextIOWrapper(io.BytesIO(raw), encoding=actual, errors="surrogateescape", newline="")


def _delimiter(header: str, spec: RowFormat) -> str:
    """The delimiter under which the header holds most of the declared columns."""

    def found(delimiter: str) -> tuple[int, int]:
        names = _split(header, delimiter, spec.quote)
        return (len(set(names) & set(spec.columns)), len(names))

    return max(DELIMITERS, key=found)


def _header(text: str, delimiter: str, spec: RowFormat) -> list[str]:
    names = _split(text, delimiter, spec.quote)
    for column in spec.columns:
        times = names.count(column)
        if times == 0:
            raise NoColumn(column, names, where="row 1", table="file")
        if times > 1:
            raise DecodeError(f"the column {column!r} stands twice", where="row 1", code="column-twice")
    return told_apart([name or f"(column {place})" for place, name in enumerate(names, 1)])


def told_apart(names: list[str]) -> list[str]:
    """The names of columns, each another: of those that nothing reads, the same may stand twice, and then it
    is ``Notes`` and ``Notes (2)``. What has no name stays without."""
    met: set[str] = set()
    for place, name in enumerate(names):
        if name and name in met:
            number = next(n for n in count(2) if f"{name} ({n})" not in {*met, *names})
            names[place] = f"{name} ({number})"
        met.add(names[place])
    return names


def _split(header: str, delimiter: str, quote: str) -> list[str]:
    try:
        cells = next(csv.reader([header], delimiter=delimiter, quotechar=quote), [])
    except csv.Error as error:
        raise DecodeError(f"the header cannot be read: {error}", where="row 1", code="no-header") from None
    return [cell.strip() for cell in cells]
