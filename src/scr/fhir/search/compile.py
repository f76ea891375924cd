"""Search parameters of one resource type, compiled to tests.

https://hl7.org/fhir/R4/search.html#modifiers. A parameter, a modifier or a value that is not understood
is refused: one that narrows is never ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scr.errors import Invalid
from scr.fhir.search.amounts import amounts_of, wanted_amounts
from scr.fhir.search.candidate import Candidate, Needs
from scr.fhir.search.codes import Codes
from scr.fhir.search.escapes import alternatives, bad, split
from scr.fhir.search.head import head_dates, head_tokens
from scr.fhir.search.paths import Below, Take, below, datatypes, taker
from scr.fhir.search.references import by_reference, identifiers
from scr.fhir.search.table import ANY, Parameter, Part, parameters_of, searched_types
from scr.fhir.search.texts import by_string, by_uri
from scr.fhir.search.times import intervals_of, wanted_dates
from scr.fhir.search.tokens import BARE, by_meaning, by_text, of_type, tokens_of, wanted_tokens
from scr.fhir.structure import r4

Check = Callable[[Candidate], bool]
Values = Callable[[Sequence[Any]], bool]

MODIFIERS: dict[str, tuple[str, ...]] = {
    "token": ("not", "text", "in", "not-in", "below", "above", "of-type", "missing"),
    "string": ("exact", "contains", "missing"),
    "reference": ("identifier", "missing"),
    "uri": ("below", "above", "missing"),
    "date": ("missing",),
    "number": ("missing",),
    "quantity": ("missing",),
    "composite": ("missing",),
}
"""The modifiers of each type of parameter; of a reference also the type that it leads to."""
_HEAD, _BODY = 0, 1


@dataclass(frozen=True, slots=True)
class Compiled:
    """A test, and what it costs: the cheap ones go first. ``cost`` is only to be compared."""

    check: Check
    cost: int

    @property
    def by_head(self) -> bool:
        """Whether the head of an entry is all that is looked at."""
        return self.cost == _HEAD


@dataclass(frozen=True, slots=True)
class Context:
    """What parameters are compiled with: terminology, the address of this endpoint, and what is needed."""

    needs: Needs
    base_url: str = ""
    codes: Codes | None = None


def find(kind: str, name: str) -> Parameter:
    """A parameter of a type. Raises Invalid where it has none of the name."""
    parameter = parameters_of(kind).get(name)
    if parameter is None:
        if name == "status" and "clinical-status" in parameters_of(kind):
            raise Invalid(f"{kind} is searched by clinical-status", code="unknown-parameter", where=name)
        known = f"see docs/search.md for those of {kind}" if kind in searched_types() else "none is known"
        raise Invalid(
            f"not a search parameter of {kind} here; {known}", code="unknown-parameter", where=name[:40]
        )
    return parameter


def compile_plain(kind: str, name: str, modifier: str, value: str, context: Context) -> Compiled:
    """A parameter that is neither a chain nor ``_has``."""
    parameter = find(kind, name)
    if not _takes(parameter, modifier):
        raise bad(name, f"the modifier :{modifier[:40]} is not known for {name[:40]}")
    if parameter.type == "special":
        raise Invalid("this parameter is not served here", code="unknown-parameter", where=name)
    if modifier == "missing":
        return _missing(parameter, kind, value, context)
    if parameter.type == "composite":
        return Compiled(_composite(parameter, kind, value, context), _BODY)
    head = _by_head(parameter, kind, modifier, value)
    if head is not None:
        return Compiled(head, _HEAD)
    take = taker(kind, parameter.paths, context.needs)
    if parameter.type == "reference":
        if modifier == "identifier":
            among = wanted_tokens(name, value, bare=False)
            told = identifiers(take)
            return Compiled(lambda one: among(tokens_of(told(one))), _BODY)
        return Compiled(
            _over(take, by_reference(parameter, modifier, value, context.base_url), negated=False), _BODY
        )
    bare = datatypes(kind, parameter.paths) <= BARE
    values, wanted = _by_value(parameter.type, name, modifier, value, bare=bare, codes=context.codes)
    return Compiled(_over(take, values, negated=not wanted), _BODY)


def _takes(parameter: Parameter, modifier: str) -> bool:
    if not modifier or modifier in MODIFIERS.get(parameter.type, ()):
        return True
    return parameter.type == "reference" and modifier in r4().resources and parameter.leads_to(modifier)


def _over(take: Take, values: Values, *, negated: bool) -> Check:
    if negated:
        return lambda one: not values(take(one))
    return lambda one: values(take(one))


def _by_head(parameter: Parameter, kind: str, modifier: str, value: str) -> Check | None:
    if parameter.type == "token" and modifier in {"", "not"}:
        tokens = head_tokens(kind, parameter.name)
        if tokens is None:
            return None
        bare = parameter.name == "_id" or datatypes(kind, parameter.paths) <= BARE
        among = wanted_tokens(parameter.name, value, bare=bare)
        if modifier:
            return lambda one: not among(tokens(one.entry))
        return lambda one: among(tokens(one.entry))
    if parameter.type == "date":
        dates = head_dates(kind, parameter.name)
        if dates is not None:
            at = wanted_dates(parameter.name, value)
            return lambda one: at(dates(one.entry))
    return None


def _by_value(
    type_: str, name: str, modifier: str, value: str, *, bare: bool, codes: Codes | None
) -> tuple[Values, bool]:
    """What a value is held to, and whether to find those that pass (else those that do not)."""
    if type_ == "token":
        return _token(name, modifier, value, bare=bare, codes=codes)
    if type_ == "string":
        return by_string(name, modifier, value), True
    if type_ == "uri":
        return by_uri(name, modifier, value), True
    if type_ == "date":
        at = wanted_dates(name, value)
        return (lambda values: at(intervals_of(values))), True
    amounts = wanted_amounts(name, value, units=type_ == "quantity")
    return (lambda values: amounts(amounts_of(values))), True


def _token(name: str, modifier: str, value: str, *, bare: bool, codes: Codes | None) -> tuple[Values, bool]:
    if modifier == "text":
        return by_text(name, value), True
    if modifier == "of-type":
        return of_type(name, value), True
    if modifier in {"in", "not-in", "below", "above"}:
        return by_meaning(name, modifier.removeprefix("not-"), value, codes), modifier != "not-in"
    among = wanted_tokens(name, value, bare=bare)
    return (lambda values: among(tokens_of(values))), modifier != "not"


def _missing(parameter: Parameter, kind: str, value: str, context: Context) -> Compiled:
    if value not in {"true", "false"}:
        raise bad(parameter.name, ":missing is true or false")
    absent = value == "true"
    if parameter.name in {"_id", "_lastUpdated"}:  # of which every entry has one
        return Compiled(lambda _one: not absent, _HEAD)
    if parameter.type == "composite":
        nodes, takes = _nodes(kind, parameter, context), [below(part.paths) for part in parameter.parts]
        return Compiled(
            lambda one: absent is not any(all(take(node) for take in takes) for node in nodes(one)), _BODY
        )
    take = taker(kind, parameter.paths, context.needs)
    return Compiled(lambda one: absent is not any(value not in ({}, "") for value in take(one)), _BODY)


def _composite(parameter: Parameter, kind: str, value: str, context: Context) -> Check:
    """Parts apart by ``$``, all of which hold of one and the same node."""
    tests: list[list[tuple[Below, Values]]] = []
    for whole in alternatives(parameter.name, value):
        texts = split(whole, "$")
        if len(texts) != len(parameter.parts) or not all(texts):
            raise bad(parameter.name, f"must be {len(parameter.parts)} values, with $ between them")
        pairs = zip(parameter.parts, texts, strict=True)
        tests.append([(below(part.paths), _of_part(parameter, part, text, context)) for part, text in pairs])
    nodes = _nodes(kind, parameter, context)
    return lambda one: any(
        all(values(take(node)) for take, values in test) for node in nodes(one) for test in tests
    )


def _of_part(parameter: Parameter, part: Part, text: str, context: Context) -> Values:
    if part.type == "reference":
        anything = Parameter(parameter.resource, parameter.name, "reference", part.paths, frozenset({ANY}))
        return by_reference(anything, "", text, context.base_url)
    return _by_value(part.type, parameter.name, "", text, bare=False, codes=context.codes)[0]


def _nodes(kind: str, parameter: Parameter, context: Context) -> Take:
    """The nodes that the parts of a composite are below."""
    takes = [
        _whole(kind, parameter, context) if path == "." else taker(kind, (path,), context.needs)
        for path in parameter.paths
    ]
    return lambda one: [node for take in takes for node in take(one)]


def _whole(kind: str, parameter: Parameter, context: Context) -> Take:
    roots = {path.partition(".")[0] for part in parameter.parts for path in part.paths}
    for root in roots:
        context.needs.add(kind, root)
    return lambda one: [{root: one.root(root) for root in roots}]
