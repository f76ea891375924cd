"""Where each column goes: to the person, to an event by its topic, or to a rule of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from jmespath import parser

from scr.mapping.paths import Scope, paths_read
from scr.onboarding.draft.columns import Column, Path, Sample
from scr.onboarding.draft.details import allergy, detail, is_detail
from scr.onboarding.draft.elements import Slots
from scr.onboarding.draft.kinds import CODED, Kind
from scr.onboarding.draft.person import Person, contact, demographics, local_ids, patient, person_of
from scr.onboarding.draft.recognise import Finding, recognise
from scr.onboarding.draft.slots import (
    is_same_everywhere,
    kinds_of,
    main_topic,
    says_kind,
    slot_of,
    topic_of,
)
from scr.onboarding.draft.topics import TOPICS
from scr.onboarding.draft.words import about, words_of
from scr.onboarding.draft.writing import Leaf, MapDraft, Placement, Rule, Writer, joined

_PLANNED = frozenset({"appointment", "encounter", "service"})
"""Topics that a planned time may stand for the start of."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole draft, ready to be written down."""

    name: str
    setting: str
    sample: Sample
    findings: tuple[Finding, ...]
    nhs_number: Leaf
    demographics: dict[str, Leaf]
    local_ids: list[dict[str, object]]
    rules: list[Rule]
    maps: tuple[MapDraft, ...]
    placed: dict[Path, list[Placement]]

    def placement(self, finding: Finding) -> Placement:
        """Where a column went; where to several places, the first, with every question."""
        found = self.placed.get(finding.column.path, [])
        if not found:
            return Placement(finding, "", "low", _why_not(finding))
        asked = dict.fromkeys(each.question for each in found if each.question)
        questions = [one for one in asked if not any(one != other and one in other for other in asked)]
        targets = list(dict.fromkeys(each.target for each in found))
        sure = min((each.confidence for each in found), key=("low", "medium", "high").index)
        return Placement(finding, "\n".join(targets[:3]), sure, " ".join(questions))


def _why_not(finding: Finding) -> str:
    """What to ask of a column that was not placed."""
    if finding.part == "money":
        return "Money is seldom part of a care record: ignore it for good?"
    if is_same_everywhere(finding):
        return "The same in every row of the sample: is it about the file?"
    if finding.kind is Kind.NHS_NUMBER:
        return "A second NHS Number: whose is it? Nothing of another person may come onto the record."
    if finding.part in {"birth", "death"} and finding.times is not None and finding.times.two_digits:
        return "Two digits do not say the century of a birth: the supplier has to send four."
    return finding.question or f"Taken for {finding.kind.value}: does it belong on the record?"


def plan(sample: Sample, name: str, setting: str) -> Plan:
    """Recognise every column, and place it."""
    findings = tuple(_recognised(column, sample) for column in sample.columns)
    write = Writer(name, plain=sample.format in {"json", "xml"}, sheets=sample.format == "workbook")
    people = next(iter(sample.decode["sheets"])) if write.sheets else ""
    own = write.within((people,)) if people else write
    keys = _keys(sample)
    person, rest = person_of(finding for finding in findings if finding.column.path not in keys)
    rules = [patient(person, own)] if person.nhs is not None or person.ids else []
    checked = demographics(person, write)
    if person.contacts:
        rules += _some(contact(person.contacts, person, own))
    rules = [_for_sheet(rule, own) for rule in rules]
    for group in dict.fromkeys(finding.column.group for finding in rest):
        found = [finding for finding in rest if finding.column.group == group]
        inside = write.within(group, max((finding.column.around for finding in found), key=len))
        inside = own if people and not group else inside
        hints = " ".join((*group, *_hints(sample, name, group)))
        rules += [_for_sheet(rule, inside) for rule in _of_group(found, person, inside, setting, hints)]
    leaves = [_number(person, write), *checked.values()]
    ids = local_ids(person, write)
    used = _read(leaves + list(_leaves(ids)), ()).union(
        *(_read([*_leaves(rule.resource), Leaf(rule.when)], rule.scope) for rule in rules)
    )
    placed = {path: found for path, found in write.placed.items() if path in used}
    placed |= {f.column.path: [Placement(f, f"the row of {people}", "high", "")] for f in findings
               if f.column.path in keys}  # fmt: skip
    maps = tuple(write.maps.values())
    return Plan(name, setting, sample, findings, leaves[0], checked, ids, rules, maps, placed)


def _recognised(column: Column, sample: Sample) -> Finding:
    """What a column is; of a workbook, what it would be if its sheet were the file."""
    if sample.format != "workbook":
        return recognise(column)
    return replace(recognise(replace(column, path=column.path[1:], group=())), column=column)


def _keys(sample: Sample) -> frozenset[Path]:
    """The columns that tell which row of the people's sheet a row belongs to: of no event."""
    sheets = sample.decode.get("sheets", {}).items()
    return frozenset((name, told["key"]) for name, told in sheets if "joins" in told)


def _for_sheet(rule: Rule, write: Writer) -> Rule:
    return replace(rule, sheet=write.scope[0], scope=write.scope) if write.sheets else rule


def _leaves(node: object) -> Iterator[Leaf]:
    """Every expression of a template."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _leaves(value)
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(value)


def _read(leaves: Iterable[Leaf], scope: Path) -> frozenset[Path]:
    """The fields that the expressions really read: a column that was placed and is not among them is not."""
    found: set[Path] = set()
    for leaf in leaves:
        if leaf.text.startswith("{{"):
            found |= paths_read(parser.Parser().parse(leaf.text[2:-2]).parsed, Scope(scope))
    return frozenset(found)


def _some(rule: Rule | None) -> list[Rule]:
    return [] if rule is None else [rule]


def _hints(sample: Sample, name: str, group: Path) -> list[str]:
    """What the files and the draft are called, where the rule is about the record itself."""
    return [] if group else [name, *(file.stem for file in sample.files)]


def _number(person: Person, write: Writer) -> Leaf:
    if person.nhs is None:
        return Leaf(
            "{{ `null` }}",
            "low: No column holds NHS Numbers, so every record goes to quarantine. Which column will?",
        )
    return write.leaf(person.nhs, "Patient.identifier", write.path(person.nhs))


def _of_group(found: list[Finding], person: Person, write: Writer, setting: str, hints: str) -> list[Rule]:
    """The rules of what stands at one level: contacts, details of the person, and events."""
    rules: list[Rule] = []
    if write.scope and not write.sheets:
        people = [f for f in found if f.kind is Kind.NAME or f.part == "relationship"]
        if people and about(words_of(" ".join(write.scope))) == "contact":
            return _some(contact(found, person, write))
        alone = [f for f in found if f.column.path == write.scope and re.search(r"\ballerg", f.words)]
        if alone:
            return allergy(alone[0], person, write)
    else:
        details = [f for f in found if is_detail(f, setting) or _is_loose(f, setting)]
        for finding in details:
            rules += (
                allergy(finding, person, write)
                if finding.words.find("allerg") >= 0
                else detail(finding, person, write)
            )
        found = [f for f in found if f not in details]
    return rules + _events(found, person, write, setting, hints)


def _is_loose(finding: Finding, setting: str) -> bool:
    """A word about the person that belongs to no event: how they walk, where they live."""
    return (
        finding.kind is Kind.CODES
        and not finding.part
        and not finding.about
        and not topic_of(finding.words, setting)
    )


def _events(found: list[Finding], person: Person, write: Writer, setting: str, hints: str) -> list[Rule]:
    """One rule for each topic that the columns speak of; columns that speak of none go to the main one."""
    if not found:
        return []
    topics = {f.column.path: topic_of(f.words, setting) for f in found}
    main = main_topic(topics.values(), setting, hints)
    told = Counter(topics.values())
    groups: dict[str, list[Finding]] = {}
    for finding in found:
        own = topics[finding.column.path]
        apart = (
            own
            if own
            and (told[own] >= 2 or own in {"condition", "medication"})
            and _stands_alone(own, found, topics)
            else main
        )
        if finding.part == "reason" and own != "condition":
            apart = main
        groups.setdefault(apart, []).append(finding)
    split = next((f for f in groups.get(main, []) if says_kind(f)), None)
    kinds = kinds_of(split) if split is not None else {}
    rules: list[Rule] = []
    for topic, word in kinds.items():
        mine = [f for f in found if topics[f.column.path] not in set(kinds) - {topic}]
        rules += _rule(topic, mine, person, write, setting, (split, word) if split else None)
    for topic, members in groups.items():
        if topic not in kinds and not (kinds and topic == main):
            rules += _rule(topic, members, person, write, setting, None)
    return rules


def _stands_alone(own: str, found: list[Finding], topics: dict[Path, str]) -> bool:
    """Whether a topic beside the main one has something to say by itself: a date, a code, or what it is."""
    members = [f for f in found if topics[f.column.path] == own]
    return any(
        f.is_dated or f.kind in CODED or slot_of(f) in {"item", "type", "description"} for f in members
    )


def _rule(
    topic: str, members: list[Finding], person: Person, write: Writer, setting: str,
    only: tuple[Finding, str] | None,
) -> list[Rule]:  # fmt: skip
    """The rule of one topic, where its columns say enough for one."""
    slots = Slots()
    named = [slot_of(finding) for finding in members]
    for finding, slot in zip(members, named, strict=True):
        if slot == "due" and "start" not in named and topic in _PLANNED:
            slot = "start"  # the only time that it has
        if slot and finding is not (only[0] if only else None):
            slots.add(slot, finding)
    if not any(
        slot in slots.found
        for slot in ("item", "type", "description", "start", "id", "reason", "note", "value")
    ):
        return []
    kind, build = TOPICS[topic]
    before = set(write.placed)
    body = build(slots, write, setting)
    if not set(write.placed) - before and only is None:
        return []
    used = [f for f in slots.everything if f.column.path in write.placed]
    key = _key(slots, used, write)
    resource: dict[str, object] = {
        "resourceType": kind,
        "id": Leaf(f"{{{{ stable_id('{kind}', {person.key(write)}, {key}) }}}}", _key_remark(slots)),
    } | _without_empty(body)
    given = " || ".join(dict.fromkeys(write.path(f) for f in used))
    when = f"{{{{ {given} }}}}"
    if only is not None:
        write.text(
            only[0],
            f"{kind} (which rule)",
            "Each sort of event has a rule of its own: is each one right?",
            "medium",
        )
        when = f"{{{{ contains([{only[1]}], lower({write.path(only[0])})) }}}}"
    return [Rule((build.__doc__ or "").splitlines()[0], resource, when, write.for_each(), write.scope)]


def _key(slots: Slots, used: list[Finding], write: Writer) -> str:
    """What tells one event of a person from another: its own number, or else when and what."""
    own = slots.all("id")
    telling = [f for f in used if slot_of(f) in {"start", "time", "item", "type", "description"}] or used
    # A list may hold texts in one record and objects in another, which are no text of themselves.
    paths = ("text(@)" if path == "@" else path for path in map(write.path, telling))
    others = f"{joined(paths)} || 'one'"
    return f"{write.path(own[0])} || {others}" if own else others


def _key_remark(slots: Slots) -> str:
    if slots.all("id"):
        return ""
    return "medium: Nothing numbers these events, so date and kind tell them apart: is that enough?"


def _without_empty(body: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in body.items() if value not in ({}, [])}
