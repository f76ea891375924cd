"""A sample that may be kept: the same shape, and nobody in it.

NHS Numbers become numbers of the 999 range (set aside for tests) with a right check digit, names invented
ones, dates of birth and death are moved, postcodes, phone numbers and e-mail addresses become such as
nobody has, free text is struck out letter by letter. The same value becomes the same one everywhere.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scr.fhir.identifiers import is_nhs_number
from scr.onboarding.draft import shapes
from scr.onboarding.draft.details import NONE_KNOWN
from scr.onboarding.draft.kinds import Kind
from scr.onboarding.draft.recognise import Finding
from scr.onboarding.draft.times import parsed

_FAMILY = (
    "Ashgrove", "Birchall", "Coppard", "Dellwood", "Eastmere", "Fernley", "Gorsefield", "Ivimey",
    "Juniper", "Kestrel", "Larkfield", "Merrow", "Netherby", "Oakhanger", "Pendle", "Quarmby", "Rushworth",
    "Sedgeley", "Thornbury", "Umberleigh", "Vennor", "Westlake", "Yarrow",
)  # fmt: skip
_GIVEN = (
    "Alder", "Blythe", "Cerys", "Darcy", "Elowen", "Flynn", "Greer", "Harper", "Jules", "Kit", "Lowen",
    "Marley", "Noor", "Ocean", "Perry", "Quinn", "Rowan", "Sage", "Teal", "Uma", "Vesper", "Wren", "Yael",
)  # fmt: skip
_POSTCODE = re.compile(r"\b[A-Za-z]{1,2}[0-9][A-Za-z0-9]?\s?[0-9][A-Za-z]{2}\b")
_PHONE = re.compile(r"(?<!\d)(?:\+44|0)(?:[\s-]?\d){9,10}(?!\d)")
_EMAIL = re.compile(r"[^\s@,;<>|^~&]+@[^\s@,;<>|^~&]+\.[A-Za-z]{2,}")
_TEN = re.compile(r"(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)")


@dataclass(slots=True)
class Pseudonyms:
    """Replaces values under a key of this run; nobody without it can undo that. ``days`` moves dates."""

    key: bytes
    _numbers: dict[str, str] = field(default_factory=dict)

    @property
    def days(self) -> int:
        """By how many days dates of birth and death are moved: between 31 and 730, either way."""
        number = self._hash("days", "")
        return (31 + number % 700) * (1 if number % 2 else -1)

    def of(self, finding: Finding, value: str) -> str:
        """What stands for a value of a column."""
        if not value.strip():
            return value
        return self._by_kind(finding, value)

    def _by_kind(self, finding: Finding, value: str) -> str:
        kind = finding.kind
        if kind is Kind.NHS_NUMBER or shapes.is_nhs(value):
            return self.number(value)
        if kind is Kind.NAME:
            return self.name(
                value,
                given=finding.part in {"given", "preferred"},
                single=finding.part in {"given", "family", "preferred"},
            )
        if finding.is_dated or finding.part in {"birth", "death"}:
            personal = finding.part in {"birth", "death"} and finding.about in {"", "contact"}
            return self.moved(value, finding.times.formats if finding.times else ()) if personal else value
        if kind in {Kind.POSTCODE, Kind.PHONE, Kind.EMAIL}:
            made = self.scrub(value)
            return made if made != value else self.struck(value)
        if kind is Kind.ADDRESS:
            return "1 Sample Street" if re.search(r"\d", value) else "Sampleton"
        if (
            kind is Kind.IDENTIFIER
            or (kind is Kind.NUMBER and finding.part == "id")
            or kind in {Kind.GMC, Kind.GMP}
        ):
            return self.shaped(value)
        if kind in {Kind.CODES, Kind.TEXT} and value.lower() in _SAYING_NOTHING:
            return value
        if kind is Kind.CODES and finding.part not in _TELLING:
            return f"value-{self._hash(finding.column.name, value) % 100}"
        if kind in {Kind.TEXT, Kind.EMPTY}:
            return self.struck(value)
        return value

    def number(self, value: str) -> str:
        """An NHS Number of the test range, spaced as the one that it stands for."""
        digits = re.sub(r"\D", "", value)
        if len(digits) != 10 or not is_nhs_number(digits):
            return self.shaped(value)
        made = self._numbers.get(digits)
        if made is None:
            made = self._fresh(digits)
            self._numbers[digits] = made
        new = iter(made)
        return "".join(next(new) if c.isdigit() else c for c in value)

    def _fresh(self, digits: str) -> str:
        """A number of the test range that stands for no other."""
        taken = set(self._numbers.values())
        start = self._hash("nhs", digits)
        for step in range(1_000_000):
            body = f"999{(start + step) % 1_000_000:06d}"
            whole = next((body + d for d in "0123456789" if is_nhs_number(body + d)), "")
            if whole and whole not in taken and whole != digits:
                return whole
        raise ValueError("a sample has more people than there are numbers of the test range")

    def name(self, value: str, *, given: bool, single: bool) -> str:
        """An invented name, in capitals or not, before a comma or not, as the one that it stands for."""
        parts = re.split(r"([\s,]+)", value)
        last = max((i for i, part in enumerate(parts) if part.strip(" ,")), default=0)
        comma = "," in value
        made = []
        for i, part in enumerate(parts):
            if not part.strip(" ,") or part.rstrip(".").lower() in _TITLES:
                made.append(part)
                continue
            family = (not given) if single else (i == 0 if comma else i == last)
            pool = _FAMILY if family else _GIVEN
            new = pool[self._hash("name", part.lower()) % len(pool)]
            made.append(new.upper() if part.isupper() and len(part.strip(".")) > 1 else new)
        return "".join(made)

    def moved(self, value: str, formats: tuple[str, ...]) -> str:
        """A date moved by ``days``, written as it was; struck out where it cannot be read."""
        found = parsed(value, formats or ("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d"))
        if found is None:
            return re.sub(r"\d", "0", value)
        at: datetime = found[0] + timedelta(days=self.days)
        return at.strftime(found[1])

    def shaped(self, value: str) -> str:
        """Letters for letters and digits for digits."""
        made = []
        for i, character in enumerate(value):
            number = self._hash(f"shape{i}", value)
            if character.isdigit():
                made.append(str(number % 10))
            elif character.isalpha():
                letter = chr(ord("a") + number % 26)
                made.append(letter.upper() if character.isupper() else letter)
            else:
                made.append(character)
        return "".join(made)

    def struck(self, value: str) -> str:
        """Text of which only the shape is left."""
        return re.sub(r"\d", "0", re.sub(r"[^\W\d_]", "x", value))

    def scrub(self, value: str) -> str:
        """A text with every NHS Number, postcode, phone number and e-mail address in it replaced."""
        value = _EMAIL.sub(lambda m: f"person{self._hash('mail', m[0]) % 1000}@example.org", value)
        value = _TEN.sub(lambda m: self.number(m[0]) if shapes.is_nhs(m[0]) else m[0], value)
        value = _POSTCODE.sub(self._postcode, value)
        return _PHONE.sub(lambda m: f"01632 960{self._hash('phone', m[0]) % 1000:03d}", value)

    def _postcode(self, match: re.Match[str]) -> str:
        number = self._hash("postcode", match[0].upper().replace(" ", ""))
        letters = "ABDEFGHJLNPQRSTUWXYZ"
        made = f"ZZ99 {number % 10}{letters[number // 10 % 20]}{letters[number // 200 % 20]}"
        return made if " " in match[0] else made.replace(" ", "")

    def _hash(self, what: str, value: str) -> int:
        digest = hmac.new(
            self.key, f"{what}\x1f{value}".encode("utf-8", "surrogatepass"), hashlib.sha256
        ).digest()
        return int.from_bytes(digest[:8], "big")


_SAYING_NOTHING = frozenset({*NONE_KNOWN, *shapes.UNSAID})
_TELLING = frozenset(
    {"status", "outcome", "type", "relationship", "priority", "reason", "description", "place", "ethnicity",
     "language", "unit", "duration", "quantity", "money", "start", "end"}
)  # fmt: skip
"""Parts whose words are a supplier's own and nobody's name; of other lists nobody can be sure."""
_TITLES = frozenset({"mr", "mrs", "miss", "ms", "mx", "dr", "rev", "prof"})
