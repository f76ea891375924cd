"""``_include`` and ``_revinclude``: what the matches refer to, and what refers to them.

https://hl7.org/fhir/R4/search.html#include. Both stay among the entries that they are given: those of one
person that may be seen. ``:iterate`` goes on from what was included.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from scr.fhir.entry import Entry
from scr.fhir.search.candidate import Around, Candidate, Needs
from scr.fhir.search.compile import find
from scr.fhir.search.escapes import bad
from scr.fhir.search.paths import Take, taker
from scr.fhir.search.references import local, locals_of
from scr.fhir.search.table import ANY, Parameter, parameters_of, searched_types

INCLUDES = ("_include", "_revinclude")
_MOST = 50
"""Rules in one search: each is gone through for every entry."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """From resources of the type ``source``, along ``link`` (None: any reference), to ``target`` (or any)."""

    reverse: bool
    iterate: bool
    source: str
    link: tuple[Parameter, Take] | None
    target: str

    def named(self, one: Candidate, base_url: str) -> Iterator[str]:
        """What a candidate refers to under this rule."""
        if self.source not in (ANY, one.entry.type):
            return
        if self.link is None:
            references: Iterable[str] = (local(text, base_url) for text in one.entry.references)
        else:
            parameter, take = self.link
            references = locals_of(parameter, take(one), base_url)
        for reference in references:
            if self.target in (ANY, reference.partition("/")[0]):
                yield reference


class Includes:
    """What is included with the matches of a search."""

    def __init__(self, pairs: Sequence[tuple[str, str]], base_url: str) -> None:
        """Raises Invalid where a rule cannot be read."""
        if len(pairs) > _MOST:
            raise bad(pairs[0][0], f"at most {_MOST} of them in one search")
        self._base_url = base_url
        self._needs = Needs()
        self._rules = [_rule(name, value, self._needs) for name, value in pairs]

    def __bool__(self) -> bool:
        return bool(self._rules)

    def of(self, matches: Iterable[Entry], entries: Sequence[Entry]) -> list[Entry]:
        """Of the entries, those that are included with the matches and are none of them, by type and id."""
        if not self._rules:
            return []
        around = Around(entries, self._needs)
        seen = {entry.reference for entry in matches}
        new = [one for reference in seen if (one := around.named(reference)) is not None]
        included: list[Candidate] = []
        rules = self._rules
        while new and rules:
            new = [
                one
                for reference in sorted(self._step(rules, new, around) - seen)
                if (one := around.named(reference)) is not None
            ]
            seen.update(one.entry.reference for one in new)
            included += new
            rules = [rule for rule in self._rules if rule.iterate]
        return sorted((one.entry for one in included), key=lambda entry: entry.reference)

    def _step(self, rules: Sequence[_Rule], new: Sequence[Candidate], around: Around) -> set[str]:
        """What one step leads to."""
        found: set[str] = set()
        for rule in rules:
            if not rule.reverse:
                found.update(name for one in new for name in rule.named(one, self._base_url))
                continue
            to = {one.entry.reference for one in new}
            for one in around.candidates if rule.source == ANY else around.of_type(rule.source):
                if not to.isdisjoint(rule.named(one, self._base_url)):
                    found.add(one.entry.reference)
        return found


def _rule(name: str, value: str, needs: Needs) -> _Rule:
    base, _, modifier = name.partition(":")
    if modifier not in {"", "iterate"}:
        raise bad(base, f"the modifier :{modifier[:40]} is not known here")
    reverse, iterate = base == "_revinclude", bool(modifier)
    if value == ANY:
        return _Rule(reverse, iterate, ANY, None, ANY)
    source, _, rest = value.partition(":")
    link, _, target = rest.partition(":")
    if source not in searched_types() or (target and target not in searched_types()) or not link:
        raise bad(base, "must be *, or [type]:[reference] or [type]:[reference]:[type] of types served here")
    if link == ANY:
        return _Rule(reverse, iterate, source, None, target or ANY)
    parameter = find(source, link)
    if parameter.type != "reference" or (target and not parameter.leads_to(target)):
        raise bad(base, f"{source}:{link[:40]} does not lead to that")
    return _Rule(reverse, iterate, source, (parameter, taker(source, parameter.paths, needs)), target or ANY)


def links_of(kind: str) -> list[str]:
    """What may stand in ``_include`` for a type."""
    return [f"{kind}:{one.name}" for one in parameters_of(kind).values() if one.type == "reference"]
