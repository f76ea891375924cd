"""FHIR-shaped templates: YAML trees whose string leaves may hold JMESPath in ``{{ }}``.

- A leaf that is one ``{{ expression }}`` gives the expression's value, with its type.
- Text around or between several ``{{ }}`` gives text; where any part is missing, the leaf is. What
  may be missing is said so with ``concat`` or ``join``.
- A mapping may say ``when: "{{ condition }}"`` and ``for_each: "{{ list }}"``. The current item of
  ``for_each`` is the scope of what is in the mapping (``root``, ``item``, ``outer`` and ``index``:
  see ``scr.mapping.expression``). Inside a list, a ``for_each`` adds one item for each.
- An expression in a list that gives a list adds its items.
- Null, and the empty text, list and object are pruned. A mapping with expressions none of which gave
  anything goes as a whole: an identifier of which there is only the system tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jmespath.exceptions import JMESPathError

from scr.data import Document
from scr.errors import Invalid
from scr.mapping.closures import Frame, Run
from scr.mapping.expression import Expression, ExpressionError, compile_expression
from scr.mapping.paths import Scope, end_path
from scr.mapping.times import Unreadable
from scr.mapping.values import as_text, is_true
from scr.terminology.conceptmap import ConceptMaps

Keys = tuple[str | int, ...]

_PART = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_CONTROL = frozenset({"for_each", "when"})


class MappingError(Invalid):
    """A unit that cannot be mapped. Names the rule, the resource type, the place and the field; no value."""

    default_code = "unmappable"


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles the expressions of one file; an error names its file, line and key.

    ``expressions`` gathers all of them by their key path, so that a test can tell which were used.
    """

    document: Document
    maps: ConceptMaps
    expressions: dict[str, Expression] = field(default_factory=dict)
    scope: Scope = field(default_factory=Scope)

    def within(self, text: str, keys: Keys) -> Compiler:
        """A compiler for what stands inside a ``for_each`` over the expression."""
        alone = single_expression(text) or "@"
        at = end_path(self.compiled(alone, keys).node, self.scope)
        return replace(self, scope=Scope(at, self.scope.at))

    def compiled(self, text: str, keys: Keys) -> Expression:
        """An expression at a key path."""
        try:
            return compile_expression(text, self.maps, self.scope)
        except ExpressionError as error:
            raise self.error(str(error), keys) from None

    def run(self, text: str, keys: Keys) -> Run:
        """The closure of an expression; a function given the wrong sort of value is a MappingError."""
        expression = self.compiled(text, keys)
        place = ".".join(map(str, keys))
        self.expressions[place] = expression
        return _guarded(expression, place)

    def single(self, text: object, keys: Keys) -> Run:
        """The closure of a text that must be one ``{{ expression }}``."""
        alone = single_expression(text) if isinstance(text, str) else None
        if alone is None:
            raise self.error(f'write one expression in quotes: {keys[-1]}: "{{{{ … }}}}"', keys)
        return self.run(alone, keys)

    def error(self, message: str, keys: Keys) -> Invalid:
        """An error at a key path."""
        return self.document.error(message, *keys, code="bad-adapter")


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled tree. ``dynamic`` says whether any expression stands in it."""

    run: Run
    dynamic: bool


def compile_template(node: object, keys: Keys, compiler: Compiler) -> Template:
    """Compile a tree of plain YAML values; ``keys`` is where it stands in the file."""
    if isinstance(node, dict):
        return _mapping(node, keys, compiler)
    if isinstance(node, list):
        return _list(node, keys, compiler)
    if isinstance(node, str) and "{{" in node:
        return _text(node, keys, compiler)
    constant = clean(node)
    return Template(lambda _scope, _frame: constant, False)


def single_expression(text: str) -> str | None:
    """The expression of a text that is one ``{{ }}`` and nothing else; otherwise None."""
    match = _PART.fullmatch(text.strip())
    return match[1] if match and "{{" not in match[1] else None


def iterate(items: Any) -> list[Any]:
    """What ``for_each`` goes over: a list; null is none, and a single thing is one."""
    if items is None or items == "":
        return []
    return items if isinstance(items, list) else [items]


@dataclass(frozen=True, slots=True)
class Controls:
    """The closures of a mapping's control words, and the compiler for what they stand over."""

    for_each: Run | None
    when: Run | None
    inner: Compiler


def controls(node: dict[str, Any], keys: Keys, compiler: Compiler) -> Controls:
    """Compile a mapping's ``for_each`` and ``when``, where it has them."""
    for_each, inner = None, compiler
    if "for_each" in node:
        for_each = compiler.single(node["for_each"], (*keys, "for_each"))
        inner = compiler.within(node["for_each"], (*keys, "for_each"))
    when = inner.single(node["when"], (*keys, "when")) if "when" in node else None
    return Controls(for_each, when, inner)


def scopes(words: Controls, scope: Any, frame: Frame) -> Iterator[Any]:
    """Every scope that a mapping with control words is rendered in; the frame follows along."""
    for_each, when = words.for_each, words.when
    if for_each is None:
        if when is None or is_true(when(scope, frame)):
            yield scope
        return
    before = (frame.item, frame.outer, frame.index)
    try:
        for index, item in enumerate(iterate(for_each(scope, frame))):
            frame.item, frame.outer, frame.index = item, before[0], index
            if when is None or is_true(when(item, frame)):
                yield item
    finally:
        frame.item, frame.outer, frame.index = before


def clean(value: Any) -> Any:
    """A value without null and empty things at any depth, in plain types; None where nothing is left."""
    kind = type(value)
    if kind is str:
        return value if value and not value.isspace() else None
    if value is None or kind in (bool, int, float):
        return value
    if isinstance(value, Mapping):
        return {k: v for k, v in ((k, clean(v)) for k, v in value.items()) if v is not None} or None
    if isinstance(value, list):
        return [v for v in (clean(v) for v in value) if v is not None] or None
    return as_text(value)


def _mapping(node: dict[str, Any], keys: Keys, compiler: Compiler) -> Template:
    words = controls(node, keys, compiler)
    parts = [
        (key, compile_template(child, (*keys, key), words.inner))
        for key, child in node.items()
        if key not in _CONTROL
    ]
    dynamic = any(part.dynamic for _, part in parts)
    steps = [(key, part.run, part.dynamic) for key, part in parts]

    def once(scope: Any, frame: Frame) -> Any:
        made: dict[str, Any] = {}
        told = not dynamic
        for key, run, is_dynamic in steps:
            value = run(scope, frame)
            if value is not None:
                made[key] = value
                told = told or is_dynamic
        return made if made and told else None

    if words.for_each is None and words.when is None:
        return Template(once, dynamic)

    def each(scope: Any, frame: Frame) -> Any:
        made = [once(at, frame) for at in scopes(words, scope, frame)]
        if words.for_each is None:
            return made[0] if made else None
        return [value for value in made if value is not None] or None

    return Template(each, True)


def _list(node: list[Any], keys: Keys, compiler: Compiler) -> Template:
    parts = [compile_template(child, (*keys, i), compiler) for i, child in enumerate(node)]

    def run(scope: Any, frame: Frame) -> Any:
        made: list[Any] = []
        for part in parts:
            value = part.run(scope, frame)
            if isinstance(value, list):
                made.extend(value)
            elif value is not None:
                made.append(value)
        return made or None

    return Template(run, any(part.dynamic for part in parts))


def _text(node: str, keys: Keys, compiler: Compiler) -> Template:
    alone = single_expression(node)
    if alone is not None:
        run = compiler.run(alone, keys)
        return Template(lambda scope, frame: clean(run(scope, frame)), True)
    pieces = _PART.split(node)  # text, expression, text, …
    if any("{{" in text or "}}" in text for text in pieces[0::2]):
        raise compiler.error("{{ and }} do not pair up: close each expression", keys)
    texts = pieces[0::2]
    runs = [compiler.run(piece, keys) for piece in pieces[1::2]]

    def interpolate(scope: Any, frame: Frame) -> Any:
        made = [texts[0]]
        for run, text in zip(runs, texts[1:], strict=True):
            value = as_text(run(scope, frame))
            if value is None:
                return None
            made.extend((value, text))
        return "".join(made)

    return Template(interpolate, True)


def _guarded(expression: Expression, place: str) -> Run:
    run, text = expression.run, expression.text

    def guarded(scope: Any, frame: Frame) -> Any:
        try:
            value = run(scope, frame)
        except (JMESPathError, TypeError, Unreadable) as error:
            raise MappingError(
                f"{place}: {{{{ {text} }}}} cannot take what is there: {_why(error)}"
            ) from None
        if frame.seen is not None and value is not None:
            frame.seen.add(place)
        return value

    return guarded


def _why(error: Exception) -> str:
    """A sentence without the value: JMESPath's own messages hold it."""
    wanted = getattr(error, "expected_types", None)
    if wanted:
        return f"{error.function_name}() takes {' or '.join(wanted)}"  # type: ignore[attr-defined]
    return "it is a list or an object where text is needed"
