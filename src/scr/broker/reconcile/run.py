"""Reconciliation of one person's record, as far as one actor may see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from scr.broker.ledger import Ledger
from scr.broker.reconcile.differ import Found, disagreements
from scr.broker.reconcile.listed import Listed, all_listed, by_name
from scr.broker.reconcile.rules import Rules
from scr.broker.reconcile.same import Group, grouped
from scr.broker.reconcile.states import states
from scr.broker.reconcile.words import Words, words_of
from scr.fhir.clinical import facts_of
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS, OWN_WORDS, SUPPORTING
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.reconciled import Making, Section, contents, detected_issue, linkage, made_list


def reconcile(entries: Sequence[Entry], ledger: Ledger, rules: Rules, making: Making) -> list[Entry]:
    """What is made of the entries that an actor may see: lists, links of duplicates, disagreements, contents.

    ``entries`` stay as they are, and nothing is made of any other: whoever may not see an entry sees
    nothing that was made of it. A list is made for each heading that the ledger tells of.
    """
    others = (e for e in entries if e.source != PERSON_SOURCE and e.heading not in OWN_WORDS)
    sources = sorted(others, key=lambda entry: entry.reference)
    facts = facts_of(sources, rules.types)
    groups = grouped(facts, rules.same)
    told = states(ledger, entries)
    lists = all_listed(rules.lists, groups, making.now)
    found = disagreements(rules, facts, by_name(lists))
    words = words_of(sources, lists, found, ledger)
    made = [
        (one.rule.heading, _list(making, one, told[one.rule.heading], words))
        for one in lists
        if one.rule.heading in told
    ]
    return [
        _contents(making, entries, told, made),
        *(entry for _, entry in made),
        *(_linkage(making, group) for group in groups if len(group.members) > 1),
        *(_issue(making, one, words) for one in found),
    ]


def _issue(making: Making, found: Found, words: Words) -> Entry:
    rule, between = found.rule, [one.entry for one in found.between]
    return detected_issue(making, rule.name, rule.sentence, rule.severity, between, words.against(found))


def _list(making: Making, one: Listed, state: str, words: Words) -> Entry:
    rule = one.rule
    items = [words.item(line) for line in one.lines]
    if not items and state == "complete":
        state = "none-now"
    return made_list(making, rule.name, rule.title, rule.code, rule.heading, items, state)


def _linkage(making: Making, group: Group) -> Entry:
    why = [(evidence.rule, evidence.by) for evidence in group.evidence]
    return linkage(making, [one.entry for one in group.members], why)


def _contents(
    making: Making, entries: Sequence[Entry], told: dict[str, str], lists: Sequence[tuple[str, Entry]]
) -> Entry:
    counts = Counter(entry.heading for entry in entries if entry.type != "List")
    sections = [
        Section(
            heading,
            title,
            told[heading],
            counts[heading],
            tuple(entry for under, entry in lists if under == heading),
        )
        for heading, title in HEADINGS.items()
        if heading in told
    ]
    return contents(making, sections, SUPPORTING)
