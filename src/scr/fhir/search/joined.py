"""Chains and ``_has``: tests on what an entry refers to, and on what refers to it.

https://hl7.org/fhir/R4/search.html#chaining, #has. Both stay among the entries that the search goes over:
those of one person that may be seen. Which of them pass is found out once in a search.
"""

from __future__ import annotations

from scr.errors import Invalid
from scr.fhir.search.candidate import Around, Candidate
from scr.fhir.search.compile import Check, Compiled, Context, compile_plain, find
from scr.fhir.search.escapes import bad
from scr.fhir.search.paths import Take, taker
from scr.fhir.search.references import locals_of
from scr.fhir.search.table import Parameter, searched_types

_MOST_LINKS = 3
_JOINED = 2


def compile_parameter(kind: str, name: str, value: str, context: Context, links: int = 0) -> Compiled:
    """Any parameter of a type, with its modifier or chain in its name. Raises Invalid."""
    if links > _MOST_LINKS:
        raise bad(name, f"at most {_MOST_LINKS} links are followed")
    if name.startswith("_has:"):
        return _reverse(kind, name, value, context, links)
    first, dot, rest = name.partition(".")
    base, _, modifier = first.partition(":")
    if dot:
        return _chain(kind, base, modifier, rest, value, context, links)
    return compile_plain(kind, base, modifier, value, context)


def _chain(
    kind: str, name: str, modifier: str, rest: str, value: str, context: Context, links: int
) -> Compiled:
    parameter = _reference(kind, name)
    if modifier and not (modifier in searched_types() and parameter.leads_to(modifier)):
        raise bad(name, f"does not lead to a {modifier[:40]}")
    tests = _tests_of_targets(parameter, modifier, rest, value, context, links)
    take = taker(kind, parameter.paths, context.needs)
    passing = _Once(tests)

    def check(one: Candidate) -> bool:
        return not passing.of(one.around).isdisjoint(locals_of(parameter, take(one), context.base_url))

    return Compiled(check, _JOINED)


def _tests_of_targets(
    parameter: Parameter, modifier: str, rest: str, value: str, context: Context, links: int
) -> dict[str, Check]:
    """The test on each type that the chain may lead to, where that type has the parameter at all."""
    kinds = [modifier] if modifier else [one for one in searched_types() if parameter.leads_to(one)]
    tests, refused = {}, None
    for kind in kinds:
        try:
            tests[kind] = compile_parameter(kind, rest, value, context, links + 1).check
        except Invalid as error:
            if error.code != "unknown-parameter":
                raise
            refused = error
    if not tests:
        raise refused or bad(parameter.name, "leads to nothing that is served here")
    return tests


def _reverse(kind: str, name: str, value: str, context: Context, links: int) -> Compiled:
    parts = name.split(":", 3)
    if len(parts) != 4 or not all(parts) or parts[1] not in searched_types():
        raise bad(name, "must be _has:[type]:[reference]:[parameter]")
    _, source, link, rest = parts
    parameter = _reference(source, link)
    if not parameter.leads_to(kind):
        raise bad(name, f"{source}:{link[:40]} does not lead to a {kind}")
    check = compile_parameter(source, rest, value, context, links + 1).check
    take = taker(source, parameter.paths, context.needs)
    named = _Named(source, check, parameter, take, context.base_url)
    return Compiled(lambda one: one.entry.reference in named.of(one.around), _JOINED)


def _reference(kind: str, name: str) -> Parameter:
    parameter = find(kind, name)
    if parameter.type != "reference":
        raise bad(name, "is no reference, so that nothing can follow it")
    return parameter


class _Once:
    """What of a record passes a test, by ``Type/id``; found out once for each record."""

    def __init__(self, tests: dict[str, Check]) -> None:
        self._tests = tests

    def of(self, around: Around) -> frozenset[str]:
        """The references of those that pass."""
        found = around.kept.get(self)
        if found is None:
            found = around.kept[self] = self._look(around)
        return found

    def _look(self, around: Around) -> frozenset[str]:
        return frozenset(
            one.entry.reference
            for kind, test in self._tests.items()
            for one in around.of_type(kind)
            if test(one)
        )


class _Named(_Once):
    """What those refer to that pass."""

    def __init__(self, kind: str, check: Check, parameter: Parameter, take: Take, base_url: str) -> None:
        super().__init__({kind: check})
        self._parameter = parameter
        self._take = take
        self._base_url = base_url

    def _look(self, around: Around) -> frozenset[str]:
        return frozenset(
            reference
            for kind, test in self._tests.items()
            for one in around.of_type(kind)
            if test(one)
            for reference in locals_of(self._parameter, self._take(one), self._base_url)
        )
