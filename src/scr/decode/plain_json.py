"""Plain JSON (RFC 8259), or JSON Lines → one unit for each record.

``records`` says by JMESPath where the people or events are; without it the whole payload is one. A record
is an object. One that is not, that is nested too deeply, that says the same name twice or that holds what
cannot be written down again is a ``BadUnit``; the others go on. A payload that is no JSON at all, or that
stops half way, is refused whole; in JSON Lines that is true of a line.

A unit's ``raw`` is ``{"$record": …}``, which decodes again by itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jmespath
import orjson
from jmespath.exceptions import JMESPathError

from scr.decode.tree import BadUnit, DecodeError, Unit

MAX_SIZE = 256 * 1024 * 1024
"""Bytes of a payload."""
MAX_DEPTH = 64
"""How deep objects and lists of a record may be nested."""

_BOM = b"\xef\xbb\xbf"
_KEPT = "$record"


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """Where the records are. ``lines``: every line of the payload is a JSON value of its own."""

    records: str = "@"
    lines: bool = False


class _Twice(dict[str, Any]):
    """An object in which a name stands twice; ``pairs`` are all that stand in it."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def decode_json(raw: bytes, spec: JsonFormat) -> Iterator[Unit | BadUnit]:
    """The records of a payload. Raises DecodeError where none of it can be read: not UTF-8, not JSON, too
    large, nothing where the records should be."""
    if len(raw) > MAX_SIZE:
        raise DecodeError(
            f"it is larger than {MAX_SIZE} bytes: send it in parts", code="too-large", where="the payload"
        )
    body = raw.removeprefix(_BOM)
    kept = kept_record(body)
    if kept is not None:
        return iter([kept])
    text = _text(body)
    if spec.lines:
        return _lines(text, spec.records)
    return _records(_parse(text, ""), spec.records, "")


def kept_record(body: bytes) -> Unit | BadUnit | None:
    """The one record of a unit's own ``raw``; None where the bytes are none."""
    if not body.startswith(b'{"' + _KEPT.encode()):
        return None
    payload = _parse(_text(body), "")
    return unit_of(payload[_KEPT], "record") if isinstance(payload, dict) and len(payload) == 1 else None


def unit_of(record: object, place: str) -> Unit | BadUnit:
    """A record as a unit, or what is wrong with it."""
    problem = _problem(record)
    if not problem and isinstance(record, dict):
        try:
            return Unit(record, place, orjson.dumps({_KEPT: record}))
        except TypeError:
            problem = "it holds a number beyond 64 bits or half a character: mend it in the source"
    raw = "".join(_written({_KEPT: record})).encode()
    return BadUnit(place, raw, DecodeError(problem, where=place, code="bad-record"))


def _written(node: object) -> Iterator[str]:
    """JSON, with everything that stands in an object, twice or not; as deep as the parser goes."""
    if isinstance(node, dict):
        yield "{"
        for i, (name, value) in enumerate(node.pairs if isinstance(node, _Twice) else node.items()):
            yield f"{',' if i else ''}{json.dumps(name)}:"
            yield from _written(value)
        yield "}"
    elif isinstance(node, list):
        yield "["
        for i, value in enumerate(node):
            yield "," if i else ""
            yield from _written(value)
        yield "]"
    else:
        yield json.dumps(node)


def records_at(payload: object, records: str, place: str) -> list[Any]:
    """What ``records`` finds: a list, or a single thing as a list of one."""
    try:
        found = jmespath.search(records, payload)
    except JMESPathError:
        found = None
    if found is None:
        raise DecodeError(
            f"there is nothing at {records!r}, where the records should be",
            where=place or "the payload",
            code="no-records",
        )
    return found if isinstance(found, list) else [found]


def _records(payload: object, records: str, place: str) -> Iterator[Unit | BadUnit]:
    found = records_at(payload, records, place)
    _refuse_doubled(payload, found, place)
    before = f"{place}, " if place else ""
    for number, record in enumerate(found, start=1):
        yield unit_of(record, place if place and len(found) == 1 else f"{before}record {number}")


def _refuse_doubled(payload: object, records: list[Any], place: str) -> None:
    """A name that stands twice around the records: half of them would be dropped in silence."""
    own = {id(record) for record in records}
    level = [] if id(payload) in own else [payload]
    while level:
        if any(isinstance(node, _Twice) for node in level):
            raise DecodeError(
                "a name stands twice in an object around the records: which of the two holds cannot be known",
                code="name-twice",
                where=place or "the payload",
            )
        level = [part for part in _parts(level) if id(part) not in own]


def _parts(nodes: list[Any]) -> Iterator[Any]:
    """The objects and lists directly below some."""
    for node in nodes:
        for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            if isinstance(part, dict | list):
                yield part


def _lines(text: str, records: str) -> Iterator[Unit | BadUnit]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            yield from _records(_parse(line, place), records, place)
        except DecodeError as error:
            yield BadUnit(place, line.encode("utf-8", "surrogatepass"), error)


def _text(body: bytes) -> str:
    if not body.strip():
        raise DecodeError("the payload is empty: JSON is expected", code="empty", where="byte 0")
    if body[:1] == b"<":
        raise DecodeError("the payload is HTML or XML: JSON is expected", code="not-json", where="byte 0")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DecodeError(
            "the payload is not UTF-8, which JSON has to be: save it in that encoding",
            code="not-utf8",
            where=f"byte {error.start}",
        ) from None


def _parse(text: str, place: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_float=_float, parse_constant=_float)
    except json.JSONDecodeError as error:
        where = f"{place}, column {error.colno}" if place else f"line {error.lineno}, column {error.colno}"
        raise DecodeError(
            "the payload is not well-formed JSON, or was cut short", code="not-json", where=where
        ) from None
    except RecursionError:
        raise DecodeError(
            f"it is nested deeper than {MAX_DEPTH} levels", code="too-deep", where=place or "the payload"
        ) from None
    except ValueError:
        raise DecodeError(
            "NaN, Infinity or a number that no computer holds is not JSON",
            code="not-json",
            where=place or "the payload",
        ) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else _Twice(pairs)


def _float(text: str) -> float:
    """A finite number; NaN, Infinity and what is too large to be told from it are none."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _problem(record: object) -> str:
    """What is wrong with a record, or an empty text. Names no value, and no name of a field: a payload may
    use a person's number for one."""
    if not isinstance(record, dict):
        return "it is no object: say by `records` where the objects are"
    level: list[Any] = [record]
    for _ in range(MAX_DEPTH):
        if any(isinstance(node, _Twice) for node in level):
            return "a name stands twice in one object: which of the two holds cannot be known"
        level = list(_parts(level))
        if not level:
            return ""
    return f"it is nested deeper than {MAX_DEPTH} levels"
