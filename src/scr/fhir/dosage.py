"""How much of a medicine, and how often, as far as coded elements and common words say it.

Two sources hardly ever write a dose alike: ``one tablet twice a day`` and ``1 tab BD`` are the same, and
5 mg tablets once a day are not 10 mg once a day. What is compared is what can be read with certainty: an
amount with a unit, times a day. Words that are not understood are no disagreement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_NUMBER_WORDS = {
    "half": 0.5, "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0, "eight": 8.0,
    "ten": 10.0,
}  # fmt: skip
_UNITS = {
    "mg": "mg", "milligram": "mg", "milligrams": "mg",
    "microgram": "microgram", "micrograms": "microgram", "mcg": "microgram", "ug": "microgram",
    "g": "g", "gram": "g", "grams": "g",
    "ml": "ml", "millilitre": "ml", "millilitres": "ml",
    "unit": "unit", "units": "unit",
    "tablet": "each", "tablets": "each", "tab": "each", "tabs": "each", "capsule": "each", "capsules": "each",
    "cap": "each", "caps": "each", "sachet": "each", "sachets": "each", "patch": "each", "patches": "each",
    "puff": "puff", "puffs": "puff", "dose": "puff", "doses": "puff", "drop": "drop", "drops": "drop",
    "spray": "spray", "sprays": "spray",
}  # fmt: skip
_SCALE = {"g": ("mg", 1000.0), "microgram": ("mg", 0.001)}
_NUMBER = rf"(\d+(?:\.\d+)?|{'|'.join(_NUMBER_WORDS)})"
_AMOUNT = re.compile(
    rf"(?<![\w.]){_NUMBER}\s*(?:(?:of\s+)?an?\s+)?"
    rf"({'|'.join(sorted(_UNITS, key=len, reverse=True))})\b(?!\s*/)"
)
_BARE = re.compile(
    rf"^(?:take\s+)?{_NUMBER}(?=\s+(?:once|twice|daily|a\s+day|each|every|at|in|to|od|bd|tds|qds)\b)"
)
_RANGE = re.compile(rf"{_NUMBER}\s*(?:-|to|or)\s*{_NUMBER}")
_TIMES = re.compile(rf"{_NUMBER}\s*(?:times|x)\s*(?:a|per|each)?\s*(day|daily|week|weekly)\b")
_HOURS = re.compile(rf"every\s+{_NUMBER}\s+hours?\b|\b{_NUMBER}[\s-]*hourly\b")
_PARTS = re.compile(r"\b(morning|noon|midday|lunch|teatime|evening|night|bedtime|mane|nocte)s?\b")
_OFTEN: tuple[tuple[re.Pattern[str], float], ...] = (
    (re.compile(r"\btwice\s+(?:a\s+|per\s+|each\s+)?(?:day|daily)\b|\bbd\b|\bbid\b"), 2.0),
    (re.compile(r"\btds\b|\btid\b"), 3.0),
    (re.compile(r"\bqds\b|\bqid\b"), 4.0),
    (
        re.compile(
            r"\bonce\s+(?:a\s+|per\s+|each\s+)?week(?:ly)?\b|\bweekly\b|\b(?:a|per|each|every)\s+week\b"
        ),
        1 / 7,
    ),
    (re.compile(r"\balternate\s+(?:day|morning|evening|night)s?\b|\bevery\s+other\s+(?:day|night)\b"), 0.5),
    (
        re.compile(
            r"\bonce\s+(?:a\s+|per\s+|each\s+)?(?:day|daily)\b|\bdaily\b|\bod\b|\b(?:each|every)\s+(?:day|morning|night)\b"
            r"|\b(?:a|per)\s+day\b|\bat\s+(?:night|bedtime)\b|\bin\s+the\s+(?:morning|evening)\b|\bnocte\b|\bmane\b"
        ),
        1.0,
    ),
)
"""The more special first; "daily" is looked for last."""
_AS_NEEDED = re.compile(
    r"\bwhen\s+(?:required|needed)\b|\bas\s+(?:required|needed)\b|\bprn\b|\bif\s+(?:needed|required)\b"
)
_NO_TIMES = re.compile(r"\bas\s+directed\b|\bup\s+to\b|\bmax(?:imum)?\b")
_AND = re.compile(rf"\band\s+{_NUMBER}\b")
_SCHEME = re.compile(
    r"\bthen\b|\bfirst\s+day\b|\breduc\w+|\bincreas\w+|\btaper\w*|\btitrat\w+|\baccording\s+to\b|\band\s+a\s+half\b|\d\s*½"
)
_STRENGTH = re.compile(r"(?<![\w./])(\d+(?:\.\d+)?)\s*(mg|micrograms?|mcg|g)\b(?!\s*/)")
_STEM = re.compile(r"^[^\d(]*")
_FORMS = re.compile(
    r"\b(?:tablets?|capsules?|oral|solution|suspension|inhaler|cream|ointment|injection|modified|release|m/r|"
    r"gastro-resistant|dispersible|effervescent|eye|drops?)\b"
)


@dataclass(frozen=True, slots=True)
class Dose:
    """What one dose is, by unit (``mg``, ``ml``, ``each`` of a form), and how often a day; None: unknown.

    ``as_needed``: the words say that it is taken when it is needed.
    """

    amounts: Mapping[str, float] = field(default_factory=dict)
    per_day: float | None = None
    as_needed: bool = False

    @property
    def is_told(self) -> bool:
        """Whether anything could be read."""
        return bool(self.amounts) or self.per_day is not None or self.as_needed

    def differs(self, other: Dose) -> bool:
        """Whether both say something of the same, and not the same."""
        if any(_apart(self.amounts[unit], other.amounts[unit]) for unit in self._shared(other)):
            return not self._same_in_a_day(other)
        if self.per_day is None or other.per_day is None:  # now and then is not every day
            regular = self.per_day if other.as_needed else other.per_day if self.as_needed else None
            return regular is not None and self.as_needed is not other.as_needed
        return _apart(self.per_day, other.per_day) and not self._same_in_a_day(other)

    def agrees(self, other: Dose) -> bool:
        """Whether nothing that both say differs."""
        return not self.differs(other)

    def _shared(self, other: Dose) -> set[str]:
        """The units that both have; a count of a form says nothing beside a weight."""
        shared = self.amounts.keys() & other.amounts.keys()
        return shared - {"each"} or shared

    def _same_in_a_day(self, other: Dose) -> bool:
        """Twice one and once two come to the same."""
        if self.per_day is None or other.per_day is None:
            return False
        shared = self._shared(other)
        return bool(shared) and not any(
            _apart(self.amounts[unit] * self.per_day, other.amounts[unit] * other.per_day) for unit in shared
        )


def stem_of(medicine: str) -> str:
    """The name of a medicine without strength and form: ``amlodipine`` of ``amlodipine 5 mg tablets``."""
    stem = _STEM.match(medicine)
    return " ".join(_FORMS.sub(" ", stem.group() if stem else "").split())


def dose_of(
    text: str, medicine: str, amounts: Iterable[tuple[float, str]] = (), per_day: float | None = None
) -> Dose:
    """The dose that words (lower case) and coded elements tell; the coded ones are believed first.

    ``medicine`` is its name, whose strength turns tablets into milligrams. A range is no amount, and a scheme
    (more at first, less later; another amount at night) is no dose.
    """
    if _SCHEME.search(text):
        return Dose()
    text = text.replace("½", "half ")
    found = dict(_scaled(number, unit) for number, unit in amounts)
    if not found and not _RANGE.search(text):
        told = [_scaled(_number(one[1]), one[2]) for one in _AMOUNT.finditer(text)]
        found = dict(told)
        if len(found) < len(set(told)):
            return Dose()
        bare = _BARE.match(text)
        if not found and bare is not None:
            found = {"each": _number(bare[1])}
            if any(_number(also) != found["each"] for also in _AND.findall(text)):
                return Dose()
    strengths = _STRENGTH.findall(medicine)
    if found.keys() == {"each"} and len(strengths) == 1:
        unit, strength = _scaled(float(strengths[0][0]), strengths[0][1])
        found[unit] = strength * found["each"]
    as_needed = _AS_NEEDED.search(text) is not None
    return Dose(found, per_day if per_day is not None else _often(text), as_needed)


def _often(text: str) -> float | None:
    if _AS_NEEDED.search(text) or _NO_TIMES.search(text):
        return None
    times, hours = _TIMES.search(text), _HOURS.search(text)
    if times is not None:
        return _number(times[1]) / (7 if times[2].startswith("week") else 1)
    if hours is not None and (number := _number(hours[1] or hours[2])):
        return 24 / number
    often = next((often for words, often in _OFTEN if words.search(text)), None)
    if often != 1.0:
        return often
    parts = len(set(_PARTS.findall(text)))
    if parts < 2:
        return often
    return None if re.search(r"\bor\b", text) else float(parts)


def _scaled(number: float, unit: str) -> tuple[str, float]:
    known = _UNITS.get(unit.strip("{}").casefold(), unit.casefold())
    name, scale = _SCALE.get(known, (known, 1.0))
    return name, number * scale


def _number(text: str) -> float:
    return _NUMBER_WORDS.get(text) or float(text)


def _apart(one: float, other: float) -> bool:
    return abs(one - other) > 1e-6 * max(abs(one), abs(other))
