"""Search parameters as a test on one entry: what a scope or a rule may narrow by."""

from __future__ import annotations

from collections.abc import Callable

from scr.errors import Invalid
from scr.fhir.entry import Entry
from scr.fhir.search.candidate import Around, Needs
from scr.fhir.search.codes import Codes
from scr.fhir.search.compile import Context, compile_plain
from scr.fhir.search.parse import passes
from scr.fhir.search.values import Pairs

Test = Callable[[Entry], bool]


def predicate(kind: str, pairs: Pairs, *, codes: Codes | None = None, head: bool = False) -> Test:
    """Whether an entry of a type passes all of some parameters; one of another type does not.

    Raises Invalid for what is no parameter of the type, or looks at more than the entry: a chain, ``_has``,
    a list, and whatever says how an answer is to be given; with ``head`` also for what the head of an entry
    does not answer.
    """
    context = Context(Needs(), codes=codes)
    made = []
    for name, value in pairs:
        base, _, modifier = name.partition(":")
        if "." in name:
            raise Invalid("a chain looks at more than the entry", code="bad-parameter", where=name[:40])
        one = compile_plain(kind, base, modifier, value, context)
        if head and not one.by_head:
            raise Invalid("this is not in the head of an entry", code="bad-parameter", where=base)
        made.append(one)
    checks = tuple(one.check for one in sorted(made, key=lambda one: one.cost))

    def test(entry: Entry) -> bool:
        return entry.type == kind and passes(checks, Around((entry,), context.needs).candidates[0])

    return test
