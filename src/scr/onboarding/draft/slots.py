"""What an event's columns speak of: its topic, and the slot of it that each one fills."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from scr.onboarding.draft.kinds import CODED, Kind
from scr.onboarding.draft.recognise import Finding
from scr.onboarding.draft.words import words_of

_WORDS = (
    ("equipment", r"equipment|loans?|loaned|device|aids?|product|asset|commode|hoist"),
    ("appointment", r"appointments?|clinic|outpatients?|slot|booking"),
    ("immunisation", r"vaccin\w*|immuni[sz]\w*|batch"),
    ("medication", r"medication|drug|dose|dosage|medicine|prescri\w*|vmp|amp"),
    ("assessment", r"assess\w*|reviews?|eligib\w*"),
    ("request", r"referrals?|referred|requests?|enquiry"),
    ("plan", r"plans?|goals?|crisis|wishes|preferences?|advance|ceiling"),
    ("service", r"service|package|placement|residen\w+|stay|moved in|admission|admitted|discharge\w*|room"),
    (
        "encounter",
        r"encounter|visits?|attendance|admission|admitted|discharge\w*|spell|ward|inpatient|"
        r"incident|call|consultation|handover",
    ),
    ("allergy", r"allerg\w*|substance|reaction|severity"),
    ("procedure", r"procedures?|operation|opcs"),
    ("observation", r"observations?|results?|readings?|tests?|analyte|specimen|lab"),
    ("condition", r"conditions?|diagnos\w*|problems?|support reason|primary support"),
)  # fmt: skip
_DEFAULTS = {
    "social-care": "service", "care-home": "service", "labs": "observation", "regional": "request",
    "community": "encounter",
}  # fmt: skip
_NOT_THERE = {"acute": {"service"}, "urgent-care": {"service"}, "primary-care": {"service"}}
"""Topics that share words with another one, and are not meant in a setting."""
_KINDS_OF_EVENT = {
    "service": "service", "assessment": "assessment", "review": "assessment", "request": "request",
    "referral": "request", "contact": "request", "equipment": "equipment", "visit": "encounter",
    "appointment": "appointment",
}  # fmt: skip
_SEVERAL = 5
"""So many rows with the same date or number are no chance."""
_SLOT_OF_PART = frozenset(
    {"status", "outcome", "type", "description", "reason", "note", "quantity", "unit", "place", "duration"}
)


def says_kind(finding: Finding) -> bool:
    """Whether a column's values say what sort of event each row is."""
    values = [words_of(value) for value in finding.values]
    return (
        finding.kind is Kind.CODES and len(values) >= 2 and all(value in _KINDS_OF_EVENT for value in values)
    )


def kinds_of(split: Finding) -> dict[str, str]:
    """Topic and condition for each sort of event."""
    topics: dict[str, list[str]] = {}
    for value in split.values:
        topics.setdefault(_KINDS_OF_EVENT[words_of(value)], []).append(value.lower())
    return {topic: ", ".join(f"'{word}'" for word in found) for topic, found in topics.items()}


def topic_of(text: str, setting: str) -> str:
    """The topic that a column's words speak of, or ""."""
    excluded = _NOT_THERE.get(setting, set())
    return next(
        (name for name, pattern in _WORDS if name not in excluded and re.search(rf"\b({pattern})\b", text)),
        "",
    )


def main_topic(topics: Iterable[str], setting: str, hints: str) -> str:
    """The topic that most of the columns and the names of the files speak of."""
    counted = Counter(topic for topic in topics if topic)
    named = [name for name, pattern in _WORDS if re.search(rf"\b({pattern})\b", words_of(hints))]
    for name in named:
        if name not in _NOT_THERE.get(setting, set()):
            counted[name] += 2
    if re.search(r"\b(notes|diary|log)\b", words_of(hints)):
        counted["encounter"] += 1
    if not counted:
        return _DEFAULTS.get(setting, "encounter")
    return counted.most_common(1)[0][0]


def slot_of(finding: Finding) -> str:
    """What a column says of its event."""
    if is_same_everywhere(finding):
        return ""
    if finding.is_dated:
        return finding.part if finding.part in {"end", "due"} else "start"
    if re.search(r"\b(dose|dosage|directions|frequency|strength)\b", finding.words):
        return "dose"
    if finding.kind in _SLOT_OF_KIND:
        return _SLOT_OF_KIND[finding.kind]
    if finding.about:
        slot = "provider" if finding.about == "provider" else "staff"
        return slot if finding.kind in _WORDY else ""
    if finding.part == "id" and finding.kind in {Kind.NUMBER, Kind.TEXT}:
        return "id"
    return _slot_of_value(finding)


_WORDY = frozenset({Kind.NAME, Kind.TEXT, Kind.CODES})
_SLOT_OF_KIND = {Kind.TIME: "time", Kind.GMC: "staff-id", Kind.GMP: "staff-id", Kind.IDENTIFIER: "id"}


def _slot_of_value(finding: Finding) -> str:
    if finding.kind in CODED:
        return "reason" if finding.part == "reason" else "item"
    if finding.kind is Kind.PRESSURE:
        return "value"
    if finding.kind in {Kind.NUMBER, Kind.QUANTITY}:
        return finding.part if finding.part in {"quantity", "duration"} else "value"
    if finding.kind is Kind.YES_NO:
        return "status" if finding.part == "status" else "value"
    return _slot_of_words(finding) if finding.kind in _WORDY else ""


def is_same_everywhere(finding: Finding) -> bool:
    """Whether a date or number is about the file and not about any event in it."""
    filled = finding.column.filled
    return (
        len(filled) >= _SEVERAL
        and len(set(filled)) == 1
        and (finding.is_dated or finding.kind in {Kind.IDENTIFIER, Kind.NUMBER})
    )


def _slot_of_words(finding: Finding) -> str:
    if finding.part == "type" and len(finding.values) == 1 and len(finding.column.filled) >= _SEVERAL:
        return ""
    if finding.part in _SLOT_OF_PART:
        return finding.part
    if re.search(r"\b(value|result|reading)\b", finding.words):
        return "value"
    if finding.part == "priority":
        return "type"
    if finding.part == "" and re.search(r"\b(item|product|article)s?\b", finding.words):
        return "item"
    if finding.kind is Kind.NAME and finding.part != "name":
        return "staff"
    return (
        "item"
        if finding.part in {"", "name", "start", "end", "date"} and topic_of(finding.words, "")
        else ("note" if finding.kind is Kind.TEXT and finding.part == "" else "")
    )
