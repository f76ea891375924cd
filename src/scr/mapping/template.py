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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from scr.data import Document
from scr.errors import Invalid
from scr.mapping.closures import Frame, Run
from scr.mapping.expression import Expression, ExpressionError, compile_expression
from scr.mapping.paths import Scope, end_path
from scr.mapping.template_source import REFUSED, TemplateWriter, single_expression
from scr.mapping.values import is_true, iterate
from scr.terminology.conceptmap import ConceptMaps

Keys = tuple[str | int, ...]

_TOO_DEEP = "too many for_each, projections and filters stand in each other: take them apart"


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

    def registered(self, text: str, keys: Keys) -> tuple[Expression, str]:
        """An expression at a key path, and the path as text, by which ``expressions`` has it now."""
        place = ".".join(map(str, keys))
        expression = self.expressions[place] = self.compiled(text, keys)
        return expression, place

    def alone(self, text: object, keys: Keys) -> str:
        """The expression of a text that must be one ``{{ expression }}``."""
        alone = single_expression(text) if isinstance(text, str) else None
        if alone is None:
            raise self.error(f'write one expression in quotes: {keys[-1]}: "{{{{ … }}}}"', keys)
        return alone

    def single(self, text: object, keys: Keys) -> Run:
        """The function of such a text; one given the wrong sort of value raises MappingError."""
        try:
            return _guarded(*self.registered(self.alone(text, keys), keys))
        except SyntaxError:
            raise self.error(_TOO_DEEP, keys) from None

    def error(self, message: str, keys: Keys) -> Invalid:
        """An error at a key path."""
        return self.document.error(message, *keys, code="bad-adapter")


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled tree. ``dynamic`` says whether any expression stands in it."""

    run: Run
    dynamic: bool


def compile_template(node: object, keys: Keys, compiler: Compiler) -> Template:
    """Compile a tree of plain YAML values; ``keys`` is where it stands in the file.

    It is compiled twice: as it is run, and, when that is asked for, so that it tells which expressions gave
    something, or which one could not be run.
    """
    writer = TemplateWriter()
    made = writer.tree(node, keys, compiler, "v")
    try:
        quick = writer.function(made.name)
    except SyntaxError:
        raise compiler.error(_TOO_DEEP, keys) from None
    telling = partial(_telling, node, keys, compiler, [])

    def run(scope: Any, frame: Frame) -> Any:
        if frame.seen is not None:
            return telling()(scope, frame)
        try:
            return quick(scope, frame)
        except REFUSED:
            return telling()(scope, frame)  # raises it again, with its place

    return Template(run, made.dynamic)


def _telling(node: object, keys: Keys, compiler: Compiler, known: list[Run]) -> Run:
    """The function of the tree that tells; compiled when it is first wanted, and ``known`` from then on."""
    if not known:
        writer = TemplateWriter(_refusal)
        try:
            known.append(writer.function(writer.tree(node, keys, compiler, "v").name))
        except SyntaxError:
            raise compiler.error(_TOO_DEEP, keys) from None
    return known[0]


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


def scopes(words: Controls, scope: Any, frame: Frame) -> Iterable[Any]:
    """Every scope that a mapping with control words is rendered in; the frame follows along."""
    for_each, when = words.for_each, words.when
    if for_each is None:
        return (scope,) if when is None or is_true(when(scope, frame)) else ()
    items = iterate(for_each(scope, frame))
    return _each(items, when, frame) if items else ()


def _each(items: list[Any], when: Run | None, frame: Frame) -> Iterator[Any]:
    before = (frame.item, frame.outer, frame.index)
    try:
        for index, item in enumerate(items):
            frame.item, frame.outer, frame.index = item, before[0], index
            if when is None or is_true(when(item, frame)):
                yield item
    finally:
        frame.item, frame.outer, frame.index = before


def _guarded(expression: Expression, place: str) -> Run:
    run, at = expression.run, (place, expression.text)

    def guarded(scope: Any, frame: Frame) -> Any:
        try:
            value = run(scope, frame)
        except REFUSED as error:
            raise _refusal(at, error) from None
        if frame.seen is not None and value is not None:
            frame.seen.add(place)
        return value

    return guarded


def _refusal(at: tuple[str, str], error: Exception) -> MappingError:
    place, text = at
    return MappingError(f"{place}: {{{{ {text} }}}} cannot take what is there: {_why(error)}")


def _why(error: Exception) -> str:
    """A sentence without the value: JMESPath's own messages hold it."""
    wanted = getattr(error, "expected_types", None)
    if wanted:
        return f"{error.function_name}() takes {' or '.join(wanted)}"  # type: ignore[attr-defined]
    return "it is a list or an object where text is needed"
