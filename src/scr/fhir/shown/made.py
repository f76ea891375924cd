"""What reconciliation made of a record, to be shown: lists of what holds now, and where sources disagree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from scr.fhir.dates import interval
from scr.fhir.entry import Entry
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.reconciled import MADE_TYPES, STATE_SYSTEM, items_of
from scr.fhir.shown.reading import dict_of, text_of, tokens_of, walk


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of what holds now under a heading: for each line the entry that stands for it, and those that
    say the same, by reference. ``state``: complete, incomplete, none, none-now; empty where none is told."""

    heading: str
    title: str
    state: str
    items: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Differing:
    """Sources that do not agree: the rule that found it, what is against what, and the entries."""

    heading: str
    rule: str
    severity: str
    sentence: str
    detail: str
    between: tuple[str, ...]


def is_made(entry: Entry) -> bool:
    """Whether an entry was made here of others, and is none that a source gave."""
    return entry.source == PERSON_SOURCE and entry.type in MADE_TYPES


def lists_of(entries: Iterable[Entry]) -> list[Listed]:
    """The lists, in their order."""
    found = []
    for entry in entries:
        if is_made(entry) and entry.type == "List":
            resource = dict_of(orjson.loads(entry.body))
            codings = [dict_of(one) for one in walk(resource, "extension.valueCoding")]
            states = [text_of(one.get("code")) for one in codings if one.get("system") == STATE_SYSTEM]
            title, items = text_of(resource.get("title")), tuple(items_of(entry))
            found.append(Listed(entry.heading, title, next(iter(states), ""), items))
    return found


def differing_of(entries: Iterable[Entry]) -> list[Differing]:
    """The disagreements, the gravest first."""
    found = []
    for entry in entries:
        if is_made(entry) and entry.type == "DetectedIssue":
            resource = dict_of(orjson.loads(entry.body))
            code = dict_of(resource.get("code"))
            found.append(
                Differing(
                    entry.heading,
                    next(iter(tokens_of(code)), "").rpartition("|")[2],
                    text_of(resource.get("severity")),
                    text_of(code.get("text")),
                    text_of(resource.get("detail")),
                    tuple(text_of(one) for one in walk(resource, "implicated.reference")),
                )
            )
    grave = {"high": 0, "moderate": 1, "low": 2}
    return sorted(found, key=lambda one: (grave.get(one.severity, 3), one.sentence, one.detail))


@dataclass(frozen=True, slots=True)
class Came:
    """Where an entry came from: who gave it; when it came here or was asked for, and when its sender says
    that it was so (ms UTC, None: not told); the message, its feed, and what read it."""

    name: str
    recorded: int | None
    told: int | None
    message: str
    feed: str
    adapter: str


def came_of(entries: Iterable[Entry], reference: str) -> Came | None:
    """Where an entry came from, by the Provenance of it that was made here; None where there is none."""
    for entry in entries:
        if entry.type != "Provenance" or entry.source != PERSON_SOURCE or reference not in entry.references:
            continue
        resource = dict_of(orjson.loads(entry.body))
        agents = [dict_of(one) for one in walk(resource, "agent.who")]
        names = [text_of(one.get("display")) for one in agents]
        adapter = text_of(dict_of(agents[1].get("identifier")).get("value")) if len(agents) > 1 else ""
        return Came(
            names[0] if names else "",
            _instant(resource.get("recorded")),
            _instant(resource.get("occurredDateTime")),
            next(
                (text_of(one.get("value")) for one in map(dict_of, walk(resource, "entity.what.identifier"))),
                "",
            ),
            next((text_of(one) for one in walk(resource, "entity.extension.valueString")), ""),
            adapter.partition("@")[0],
        )
    return None


def _instant(value: object) -> int | None:
    found = interval(value)
    return None if found is None else found[0]
