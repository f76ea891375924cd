"""HL7 v2: a draft is the shipped adapter for such messages, with the list of what it does not read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from scr.data import DataFiles
from scr.decode.hl7v2 import Message, Segment, decode
from scr.decode.hl7v2.tables import SEGMENTS
from scr.decode.hl7v2.text import Delimiters
from scr.decode.tree import Unit
from scr.errors import Invalid
from scr.mapping.adapter import load_adapter
from scr.mapping.trial import outcomes
from scr.onboarding.draft.pseudonyms import Pseudonyms

_MOST = 20
"""Messages that go into a sample."""
_PEOPLE = frozenset({"XPN", "XCN", "PPN", "CNN", "NDL"})
_DATES_OF_PEOPLE = frozenset({("PID", 7), ("PID", 29), ("NK1", 16), ("GT1", 8)})
_IDENTIFYING = frozenset({("PID", 19), ("PID", 20), ("PID", 23)})
_CODE = re.compile(r"[A-Z0-9]{0,4}\Z")


@dataclass(frozen=True, slots=True)
class Messages:
    """What the messages of a sample are, and which shipped adapter the draft begins with.

    ``unread`` are the fields that it does not read, with the number of messages that have them.
    """

    base: str
    types: dict[str, int]
    unread: dict[str, int]
    refused: dict[str, int]
    total: int


def look_at(files: DataFiles, payloads: list[bytes]) -> Messages:
    """Choose the shipped adapter that refuses the fewest of the messages, and say what it does not read.

    Raises Invalid where there is no message, or no shipped adapter takes any of them.
    """
    types: Counter[str] = Counter()
    for raw in payloads:
        types.update(message.type for message in _messages(raw))
    if not types:
        raise Invalid("no message could be read: a message begins with MSH", code="no-messages")
    tried = [_tried(files, name, payloads, dict(types)) for name in _candidates(files)]
    return min(tried, key=lambda each: (sum(each.refused.values()), len(each.unread)))


def _messages(raw: bytes) -> Iterator[Message]:
    for unit in decode(raw):
        if isinstance(unit, Unit) and isinstance(unit.tree, Message):
            yield unit.tree


def _candidates(files: DataFiles) -> list[str]:
    names = [found.split("/")[0] for found, path in files.walk("adapters", "*/adapter.yaml")
             if re.search(r"format: *hl7v2", path.read_text(encoding="utf-8"))]  # fmt: skip
    if not names:
        raise Invalid("there is no adapter for HL7 v2 to begin with", code="no-adapter")
    return names


def _tried(files: DataFiles, name: str, payloads: list[bytes], types: dict[str, int]) -> Messages:
    adapter = load_adapter(files, name)
    unread: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    total = 0
    for raw in payloads:
        for outcome in outcomes(adapter, raw):
            total += 1
            if outcome.mapped is None:
                refused["cannot be read or mapped"] += 1
                continue
            if outcome.claim is not None and outcome.claim.declined:
                refused[outcome.claim.declined] += 1
            unread.update(outcome.mapped.lost)
    return Messages(name, types, dict(sorted(unread.items())), dict(refused), total)


def adapter_text(base: Path, name: str, found: Messages, setting: str) -> str:
    """The shipped adapter's file under a new name, with what it does not read listed below ``ignore``."""
    text = base.read_text(encoding="utf-8")
    supplier = f"supplier: {{name: {name}, product: HL7 v2 messages, setting: {setting}}}"
    text = re.sub(r"^supplier:.*$", supplier, text, count=1, flags=re.MULTILINE)
    fields = [place for place in found.unread if re.fullmatch(r"[A-Z][A-Z0-9]{2}-\d+", place)]
    lines = [
        f"  - fields: [{place}]  # low: {_label(place)} in {found.unread[place]} of {found.total} messages: "
        'does it belong on the record?\n    reason: "not placed yet: decide"'
        for place in fields
    ]
    head = (
        f"# A draft for {name}: the shipped adapter {found.base}, whose rules read messages of this kind.\n"
        "# What your messages have and it does not read is at the end of `ignore`, each with a question.\n"
    )
    if not lines:
        return head + text
    block = "\n".join(lines)
    if re.search(r"^ignore:$", text, flags=re.MULTILINE):
        before, _, after = text.partition("\nignore:\n")
        end = re.search(r"^\S", after, flags=re.MULTILINE)
        at = end.start() if end else len(after)
        return f"{head}{before}\nignore:\n{after[:at].rstrip()}\n{block}\n\n{after[at:]}"
    return f"{head}{text.rstrip()}\n\nignore:\n{block}\n"


def _label(place: str) -> str:
    """What the standard calls a field; a Z-segment is the sender's own."""
    segment, _, number = place.partition("-")
    shape = SEGMENTS.get(segment)
    fields = shape.fields if shape else ()
    name = fields[int(number) - 1].name if 0 < int(number) <= len(fields) else ""
    if not name and segment.startswith("Z"):
        return "a segment of the sender's own,"
    return f"{name.replace('_', ' ')}," if name else "a field that the standard does not name,"


def pseudonymised(raw: bytes, pseudonyms: Pseudonyms) -> bytes:
    """The first messages of a payload without the people: names, numbers, addresses, texts, local ids."""
    made = [
        "\r".join(_segment(segment, pseudonyms) for segment in message.segments)
        for message in islice(_messages(raw), _MOST)
    ]
    return ("\r".join(made) + "\r").encode("utf-8")


def _segment(segment: Segment, pseudonyms: Pseudonyms) -> str:
    name, cells, delimiters = segment.name, segment.cells, segment.delimiters
    if name == "MSH":
        kept = list(cells)
        if len(kept) > 18:
            kept[18] = "UNICODE UTF-8"
        return delimiters.field.join([kept[0], *kept[2:]])
    shape = SEGMENTS.get(name)
    fields = shape.fields if shape else ()
    told = cells[2] if name == "OBX" and len(cells) > 2 else ""
    made = [cells[0]]
    for number, cell in enumerate(cells[1:], start=1):
        datatype = fields[number - 1].datatype if number <= len(fields) else ""
        datatype = told if datatype == "?" else datatype or "ST"
        made.append(_field(name, number, datatype, cell, delimiters, pseudonyms))
    return delimiters.field.join(made)


def _field(
    segment: str, number: int, datatype: str, cell: str, delimiters: Delimiters, pseudonyms: Pseudonyms
) -> str:
    repetition = delimiters.repetition or "~"
    component = delimiters.component or "^"
    if not cell or cell == '""':
        return cell
    parts = [
        component.join(_component(segment, number, datatype, place, text, pseudonyms)
                       for place, text in enumerate(part.split(component), start=1))
        for part in cell.split(repetition)
    ]  # fmt: skip
    return repetition.join(parts)


def _component(
    segment: str, number: int, datatype: str, place: int, text: str, pseudonyms: Pseudonyms
) -> str:
    """What stands for one component. What no rule knows keeps codes and loses everything like a person."""
    if not text or text == '""':
        return text
    if (segment, number) in _DATES_OF_PEOPLE:
        return pseudonyms.moved(text, ())
    if datatype == "XPN" and place <= 3:
        return pseudonyms.name(text, given=place > 1, single=True)
    if datatype in _PEOPLE and datatype != "XPN":
        if place == 1:
            return pseudonyms.shaped(text)
        return pseudonyms.name(text, given=place > 2, single=True) if place <= 4 else text
    if datatype == "CX" or (segment, number) in _IDENTIFYING:
        return (
            (pseudonyms.number(text) if place == 1 else text) if datatype == "CX" else pseudonyms.shaped(text)
        )
    if datatype in {"XAD", "SAD"}:
        return _address(place, text, pseudonyms)
    if datatype == "XTN":
        made = pseudonyms.scrub(text)
        return made if made != text or not re.search(r"\d{4}", text) else pseudonyms.shaped(text)
    long_text = datatype == "ST" and len(text) > 40
    if (
        long_text
        or segment == "NTE"
        or datatype in {"FT", "TX"}
        or segment.startswith("Z")
        or segment not in SEGMENTS
    ):
        return (
            text
            if _CODE.match(text) or re.fullmatch(r"\d{8}(\d{4,6})?", text)
            else pseudonyms.struck(pseudonyms.scrub(text)).replace("\\", " ")
        )
    return pseudonyms.scrub(text)


def _address(place: int, text: str, pseudonyms: Pseudonyms) -> str:
    if place == 5:
        return pseudonyms.scrub(text)
    if place == 1:
        return "1 Sample Street"
    return "Sampleton" if place <= 4 else text
