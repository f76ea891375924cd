"""Whether a resource is valid R4: elements, cardinality, types, choices and required codes.

The rules are those of the base specification (https://hl7.org/fhir/R4/validation.html), compiled once
from ``scr.fhir.structure``; not those of profiles, nor the invariants written in FHIRPath, nor whether
a reference leads somewhere. It says what is wrong by place and never by value, so that a problem may be
logged, sent back and kept with a quarantined message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from scr.fhir.entry import Resource
from scr.fhir.primitives import PRIMITIVES
from scr.fhir.structure import Element, r4

MAX_PROBLEMS = 50
"""After so many problems no more are looked for: whoever reads them has enough to do."""

MAX_DEPTH = 64
"""How deep nodes may be nested."""

_ELEMENT_NAME = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}\Z")


class Problem(NamedTuple):
    """One thing that is wrong with a resource.

    ``path`` is where (``Patient.name[1].given[0]``; a name that is none of FHIR's shape is written
    ``?``), ``code`` a FHIR issue code (``structure``, ``required``, ``value``, ``code-invalid``,
    ``invariant``, ``not-supported``, ``too-costly``), ``sentence`` what, for people.
    """

    path: str
    code: str
    sentence: str


class _At(NamedTuple):
    """A place, as a chain: written out only where there is a problem. ``number`` -1 is of no list."""

    above: _At | None
    name: str
    number: int
    depth: int

    def path(self) -> str:
        name = self.name if _ELEMENT_NAME.match(self.name) else "?"
        own = name if self.number < 0 else f"{name}[{self.number}]"
        return own if self.above is None else f"{self.above.path()}.{own}"


_Check = Callable[[Any, _At, list[Problem]], None]
_Look = Callable[[Any, int], bool]


class _Field(NamedTuple):
    """How one element is checked: by ``test`` and ``codes`` if it is a primitive, else by ``check``.

    ``group`` is the choice that it belongs to, and ``base`` its name without the ``_`` of an extension.
    ``right`` is the quick look at its value: whether nothing can be wrong with it.
    """

    kind: str
    many: bool
    test: Callable[[object], bool] | None
    codes: frozenset[str] | None
    check: _Check
    group: str | None
    base: str
    right: _Look


class _Plan(NamedTuple):
    """How a type is checked: its fields (``_name`` among them), what must stand, which choice must."""

    fields: dict[str, _Field]
    required: tuple[str, ...]
    choices: tuple[str, ...]


def validate(resource: Resource) -> tuple[Problem, ...]:
    """What is wrong with a resource, in the order in which it stands there; nothing if it is valid."""
    if _is_right_resource(resource, 0):
        return ()
    problems: list[Problem] = []
    kind = resource.get("resourceType")
    name = kind if isinstance(kind, str) and kind in r4().resources else "Resource"
    _check_resource(resource, _At(None, name, -1, 0), problems)
    return tuple(problems[:MAX_PROBLEMS])


def _is_right_resource(value: Any, depth: int) -> bool:
    """Whether nothing can be wrong: nearly all are right, and then no place has to be known. What is not
    surely right is looked at again, with its places."""
    kind = value.get("resourceType") if value.__class__ is dict else None
    if kind.__class__ is not str or kind not in r4().resources:
        return False
    return _is_right(value, _plan(kind), depth)


def _is_right(node: dict[str, Any], plan: _Plan, depth: int) -> bool:
    """The same of a node."""
    if depth > MAX_DEPTH or not node:
        return False
    fields = plan.fields
    chosen: tuple[str, ...] = ()
    for name, value in node.items():
        field = fields.get(name)
        if field is None or not field.right(value, depth):
            return False
        group = field.group
        if group is not None:
            if group in chosen:
                return False
            chosen = (*chosen, group)
    for name in plan.required:
        if name not in node:
            return False
    return not plan.choices or all(group in chosen for group in plan.choices)


def _check_resource(value: Any, at: _At, problems: list[Problem]) -> None:
    kind = value.get("resourceType") if isinstance(value, dict) else None
    if not isinstance(kind, str):
        problems.append(Problem(at.path(), "structure", "an object with a resourceType has to stand here"))
    elif kind not in r4().resources:
        problems.append(Problem(at.path(), "not-supported", "resources of this type are not taken"))
    else:
        _check_node(value, _plan(kind), at, problems)


def _check_node(node: dict[str, Any], plan: _Plan, at: _At, problems: list[Problem]) -> None:
    if at.depth > MAX_DEPTH or len(problems) >= MAX_PROBLEMS or not node:
        problems.append(_node_problem(node, at))
        return
    chosen: dict[str, str] = {}
    for name, value in node.items():
        field = plan.fields.get(name)
        if field is None:
            problems.append(Problem(_below(at, name), "structure", "R4 has no such element here"))
            continue
        if field.many:
            _check_list(node, name, field, at, problems)
        elif field.test is None:
            field.check(value, _At(at, name, -1, at.depth + 1), problems)
        elif not field.test(value) or (field.codes is not None and value not in field.codes):
            problems.append(_primitive_problem(field, value, _below(at, name)))
        if field.group is not None and chosen.setdefault(field.group, field.base) != field.base:
            problems.append(Problem(_below(at, name), "invariant", f"only one of {field.group}[x] may stand"))
    if plan.required or plan.choices:
        _check_presence(node, plan, at, chosen, problems)


def _below(at: _At, name: str, number: int = -1) -> str:
    """The path of an element of the node at a place."""
    return _At(at, name, number, at.depth + 1).path()


def _node_problem(node: dict[str, Any], at: _At) -> Problem:
    if not node:
        return Problem(at.path(), "structure", "an object must not be empty")
    return Problem(
        at.path(), "too-costly", f"not looked at: after {MAX_PROBLEMS} problems or {MAX_DEPTH} levels"
    )


def _primitive_problem(field: _Field, value: object, path: str) -> Problem:
    if field.test is not None and not field.test(value):
        return Problem(path, "value", f"not a FHIR {field.kind}")
    return Problem(path, "code-invalid", "not one of the codes that R4 allows here")


def _check_list(node: dict[str, Any], name: str, field: _Field, at: _At, problems: list[Problem]) -> None:
    """A list has values. A null stands in a list of primitives, and there only beside its extensions."""
    value = node[name]
    if not isinstance(value, list) or not value:
        what = "a list with at least one value has to stand here"
        problems.append(Problem(_below(at, name), "structure", what))
        return
    twin = name[1:] if name.startswith("_") else f"_{name}"
    for number, part in enumerate(value):
        if part is None and twin in node:
            continue
        if field.test is None:
            field.check(part, _At(at, name, number, at.depth + 1), problems)
        elif not field.test(part) or (field.codes is not None and part not in field.codes):
            problems.append(_primitive_problem(field, part, _below(at, name, number)))


def _check_presence(
    node: dict[str, Any], plan: _Plan, at: _At, chosen: dict[str, str], problems: list[Problem]
) -> None:
    """What is required is there: as a value, or as the extension that says why there is none."""
    problems.extend(
        Problem(_below(at, name), "required", "this element is required")
        for name in plan.required
        if name not in node and f"_{name}" not in node
    )
    problems.extend(
        Problem(_below(at, group), "required", f"one of {group}[x] is required")
        for group in plan.choices
        if group not in chosen
    )


@cache
def _plan(kind: str) -> _Plan:
    """The plan of a type. Those of the types in it are made when they are first met."""
    elements = r4().types[kind]
    choices = r4().choices.get(kind, ())
    groups = {name: choice.name for choice in choices for name in choice.elements}
    extended = Element("Element", primitive=False, many=False, required=False)
    beside = _check_complex(extended)
    fields: dict[str, _Field] = {}
    for name, element in elements.items():
        group = groups.get(name)
        check = _check_resource if element.type == "Resource" else _check_complex(element)
        right = _looks_right(element)
        test = PRIMITIVES[element.type] if element.primitive else None
        codes = element.codes if element.primitive else None
        fields[name] = _Field(element.type, element.many, test, codes, check, group, name, right)
        if element.primitive:
            right = _looks_right(extended._replace(many=element.many))
            fields[f"_{name}"] = _Field("Element", element.many, None, None, beside, group, name, right)
    if kind in r4().resources:
        codes = frozenset({kind})
        fields["resourceType"] = _Field(
            "code", False, PRIMITIVES["code"], codes, beside, None, "", lambda value, _: value == kind
        )
    return _Plan(
        fields,
        tuple(name for name, element in elements.items() if element.required),
        tuple(choice.name for choice in choices if choice.required),
    )


def _check_complex(element: Element) -> _Check:
    kind, codes, system = element.type, element.codes, element.system

    def check(value: Any, at: _At, problems: list[Problem]) -> None:
        if not isinstance(value, dict):
            problems.append(Problem(at.path(), "structure", f"an object ({kind}) has to stand here"))
            return
        _check_node(value, _plan(kind), at, problems)
        if codes is not None and not _is_bound(value, system, codes):
            problems.append(Problem(at.path(), "code-invalid", f"a code of {system} is required"))

    return check


def _looks_right(element: Element) -> _Look:
    """The quick look at an element: a list where it repeats, each value as its type has it."""
    one = _one_looks_right(element)
    if not element.many:
        return one

    def right(value: Any, depth: int) -> bool:
        if value.__class__ is not list or not value:
            return False
        for part in value:  # noqa: SIM110 - run over all that comes in: a generator costs half as much again
            if not one(part, depth):
                return False
        return True

    return right


def _one_looks_right(element: Element) -> _Look:
    kind, codes, system = element.type, element.codes, element.system
    if kind == "Resource":
        return lambda value, depth: _is_right_resource(value, depth + 1)
    if element.primitive:
        test = PRIMITIVES[kind]
        if codes is None:
            return lambda value, _: test(value)
        return lambda value, _: test(value) and value in codes

    def right(value: Any, depth: int) -> bool:
        if value.__class__ is not dict or not _is_right(value, _plan(kind), depth + 1):
            return False
        return codes is None or _is_bound(value, system, codes)

    return right


def _is_bound(concept: dict[str, Any], system: str | None, codes: frozenset[str]) -> bool:
    codings = concept.get("coding")
    return isinstance(codings, list) and any(
        isinstance(coding, dict)
        and coding.get("system") == system
        and isinstance(coding.get("code"), str)
        and coding["code"] in codes
        for coding in codings
    )
