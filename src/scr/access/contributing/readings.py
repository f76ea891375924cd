"""A reading as somebody typed it: refused, asked again ("are you sure?"), or taken, with advice.

Pure: the rules and the time are arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from scr.access.contributing.found import N_, Advice, Finding
from scr.access.contributing.rules import Part, ReadingRules, Readings
from scr.access.contributing.times import when_it_was

_NUMBER = re.compile(r"[0-9]{1,5}(?:[.,][0-9]{1,4})?\Z")
_OLD = timedelta(days=31)
_BETWEEN = N_("%(name)s must be between %(lowest)s and %(highest)s %(unit)s.")
_BETWEEN_HINT = N_("%(name)s must be between %(lowest)s and %(highest)s %(unit)s. %(hint)s")
_ORDER = N_("%(name)s must be more than: %(other)s. Are they swapped?")
_UNUSUAL = N_("%(name)s: %(value)s %(unit)s is unusual. Are you sure?")


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading that can be kept. ``at`` is when it was taken; ``values`` by part, ``choices`` by name."""

    kind: str
    at: datetime
    values: Mapping[str, Decimal]
    choices: Mapping[str, str]
    note: str = ""


@dataclass(frozen=True, slots=True)
class CheckedReading:
    """What came of it. ``reading`` is None where something of it is ``wrong``.

    ``doubts`` are asked: it is kept once they were answered. ``advice`` is said in any case.
    """

    reading: Reading | None
    wrong: tuple[Finding, ...] = ()
    doubts: tuple[Finding, ...] = ()
    advice: Advice | None = None


def check_reading(rules: Readings, kind: str, typed: Mapping[str, str], now: datetime) -> CheckedReading:
    """Check what was typed: parts and choices by name, ``at`` (local time of London, or with a zone; empty:
    now) and ``note``."""
    of_kind = rules.readings.get(kind)
    if of_kind is None:
        known = ", ".join(rules.readings)
        return CheckedReading(
            None,
            (Finding("kind", "unknown-kind", N_("Choose what you measured: %(known)s."), {"known": known}),),
        )
    wrong: list[Finding] = []
    values = _values(of_kind, typed, wrong)
    choices = _choices(of_kind, typed, wrong)
    at = when_it_was(typed.get("at", ""), now, wrong)
    note = typed.get("note", "").strip()
    if len(note) > 500:
        wrong.append(Finding("note", "too-long", N_("The note must be 500 characters or fewer.")))
    wrong += _order(of_kind, values)
    advice = next((Advice(one.level, one.text) for one in of_kind.advice if one.holds(values)), None)
    if wrong or at is None:
        return CheckedReading(None, tuple(wrong), advice=advice)
    doubts = (*_unusual(of_kind, values), *_long_ago(at, now))
    return CheckedReading(Reading(kind, at, values, choices, note), (), doubts, advice)


def _values(rules: ReadingRules, typed: Mapping[str, str], wrong: list[Finding]) -> dict[str, Decimal]:
    values: dict[str, Decimal] = {}
    for name, part in rules.parts.items():
        text = typed.get(name, "").strip()
        if not text:
            if not part.optional:
                wrong.append(Finding(name, "missing", N_("Enter a number: %(name)s."), {"name": part.name}))
            continue
        if not _NUMBER.match(text):
            wrong.append(
                Finding(
                    name,
                    "no-number",
                    N_("%(name)s must be a number, like %(like)s."),
                    {"name": part.name, "like": _like(part)},
                )
            )
            continue
        exact = Decimal(text.replace(",", "."))
        lowest, highest = part.taken
        if not lowest <= exact <= highest:
            said = {"name": part.name, "lowest": lowest, "highest": highest, "unit": part.unit}
            text = _BETWEEN_HINT if part.hint else _BETWEEN
            wrong.append(Finding(name, "not-possible", text, {**said, "hint": part.hint}))
            continue
        values[name] = exact.quantize(Decimal(1).scaleb(-part.decimals), ROUND_HALF_UP)
    return values


def _like(part: Part) -> str:
    """A number of its kind."""
    middle = (part.usual[0] + part.usual[1]) / 2
    return str(middle.quantize(Decimal(1).scaleb(-part.decimals)))


def _choices(rules: ReadingRules, typed: Mapping[str, str], wrong: list[Finding]) -> dict[str, str]:
    chosen = {}
    for name, choice in rules.choices.items():
        answer = typed.get(name, "").strip()
        if answer in choice.answers:
            chosen[name] = answer
        else:
            wrong.append(Finding(name, "not-chosen", N_("Choose an answer: %(name)s"), {"name": choice.name}))
    return chosen


def _order(rules: ReadingRules, values: Mapping[str, Decimal]) -> Iterator[Finding]:
    if rules.greater is None:
        return
    first, second = rules.greater
    if first in values and second in values and values[first] <= values[second]:
        one, other = rules.parts[first].name, rules.parts[second].name
        yield Finding(first, "wrong-order", _ORDER, {"name": one, "other": other})


def _unusual(rules: ReadingRules, values: Mapping[str, Decimal]) -> Iterator[Finding]:
    for name, value in values.items():
        part = rules.parts[name]
        if not part.usual[0] <= value <= part.usual[1]:
            said = {"name": part.name, "value": value, "unit": part.unit}
            yield Finding(name, "unusual", _UNUSUAL, said)


def _long_ago(at: datetime, now: datetime) -> Iterator[Finding]:
    if now - at > _OLD:
        yield Finding("at", "long-ago", N_("This was more than a month ago. Are you sure of the date?"))
