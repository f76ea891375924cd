"""The lists as files: the staff, and those who are looked up by the curious. CSV (RFC 4180), UTF-8.

The first line names the columns. ``user,nhs_number,surname,postcode,organisation``: a user id is needed, as
the tokens or the audit name the user, and one thing more. ``nhs_number,why``: the number is needed. A mistake
takes in nothing, and names the line; no error repeats what stands there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from scr.errors import Invalid
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity.misuse.hashes import Hashes
from scr.identity.oversight import Watcher
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.misuse.lists import Staff, StaffEntry, VipEntry, replace_staff, replace_vips
from scr.store.misuse.visits import clock_of, touch
from scr.store.trail import append

STAFF_COLUMNS = ("user", "nhs_number", "surname", "postcode", "organisation")
VIP_COLUMNS = ("nhs_number", "why")
AGAIN_DAYS = 7
"""The looks of so many days before are judged again by a new list."""


@dataclass(frozen=True, slots=True)
class Importing:
    """Puts a list in the place of the one before. ``clock`` gives ms UTC."""

    database: Database
    keys: KeyRing
    clock: Callable[[], int]

    async def staff(self, content: bytes, watcher: Watcher) -> int:
        """Take in the staff list; how many it has. Raises Invalid."""
        hashes = Hashes(self.keys)
        entries = [(_staff(hashes, one), one) for one in read_staff(content)]
        return await self._put(
            watcher, "staff", len(entries), lambda connection: replace_staff(connection, self.keys, entries)
        )

    async def vips(self, content: bytes, watcher: Watcher) -> int:
        """Take in the list of those who are looked up by the curious; how many it has. Raises Invalid."""
        hashes = Hashes(self.keys)
        entries = [(hashes.number(NHSNumber(one.nhs_number)), one) for one in read_vips(content)]
        return await self._put(
            watcher, "vip", len(entries), lambda connection: replace_vips(connection, self.keys, entries)
        )

    async def _put(self, watcher: Watcher, name: str, count: int, work: Callable[[Connection], None]) -> int:
        if not watcher.name.strip():
            raise Invalid("say who puts it in: a full name", code="no-name")
        row = watcher.row(self.clock(), "update", f"misuse {name} list", None, entries=count)

        since = clock_of(self.clock()).day - AGAIN_DAYS

        def both(connection: Connection) -> None:
            work(connection)
            touch(connection, since)
            append(connection, row)

        await self.database.write(both)
        return count


def read_staff(content: bytes) -> list[StaffEntry]:
    """The entries of a staff list. Raises Invalid with the line."""
    found: dict[str, StaffEntry] = {}
    numbers: set[str] = set()
    for line, row in _rows(content, STAFF_COLUMNS, "user"):
        if not any(row[name] for name in STAFF_COLUMNS[1:4]):
            raise _wrong(line, "nothing is told of the user: a number, a surname or a postcode is needed")
        number = _number(line, row["nhs_number"])
        if row["user"] in found:
            raise _wrong(line, "the user stands in the list already")
        if number and number in numbers:
            raise _wrong(line, "the NHS Number is another user's in this list")
        numbers.add(number)
        found[row["user"]] = StaffEntry(
            row["user"], number, row["surname"], row["postcode"], _organisation(line, row["organisation"])
        )
    return list(found.values())


def read_vips(content: bytes) -> list[VipEntry]:
    """The entries of the other list. Raises Invalid with the line."""
    found: dict[str, VipEntry] = {}
    for line, row in _rows(content, VIP_COLUMNS, "nhs_number"):
        number = _number(line, row["nhs_number"])
        if number in found:
            raise _wrong(line, "the NHS Number stands in the list already")
        found[number] = VipEntry(number, row["why"])
    return list(found.values())


def _rows(content: bytes, columns: tuple[str, ...], needed: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("not UTF-8: save the file as UTF-8", code="bad-list") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [name.strip().lower() for name in next(reader, [])]
        if needed not in head or len(set(head)) < len(head) or set(head) - set(columns):
            raise _wrong(1, f"the first line names the columns: {', '.join(columns)}")
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(head):
                raise _wrong(reader.line_num, "it has not as many cells as the first line")
            row = dict.fromkeys(columns, "") | {
                name: cell.strip() for name, cell in zip(head, cells, strict=True)
            }
            if not row[needed]:
                raise _wrong(reader.line_num, f"{needed} is empty")
            yield reader.line_num, row
    except csv.Error:
        raise _wrong(reader.line_num, "not CSV: a quotation mark is not closed, or stands inside") from None


def _staff(hashes: Hashes, one: StaffEntry) -> Staff:
    number = hashes.number(NHSNumber(one.nhs_number)) if one.nhs_number else ""
    return Staff(
        hashes.user(one.user),
        number,
        hashes.family(one.surname),
        hashes.postcode(one.postcode),
        hashes.organisation(one.organisation),
    )


def _number(line: int, text: str) -> str:
    if not text:
        return ""
    try:
        return NHSNumber.parse(text).value
    except ValueError:
        raise _wrong(line, "nhs_number: ten digits, the last of which checks the others") from None


def _organisation(line: int, text: str) -> str:
    if not text:
        return ""
    try:
        return OdsCode.parse(text).value
    except ValueError:
        raise _wrong(line, "organisation: an ODS code is needed") from None


def _wrong(line: int, message: str) -> Invalid:
    return Invalid(message, code="bad-list", where=f"line {line}")
