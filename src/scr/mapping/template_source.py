"""A template, written as the source of one Python function: what its expressions have in common is read once.

See ``scr.mapping.source``. The mapping of a message is some hundred expressions, most of which give
nothing: one function of plain statements costs a third of as many functions that call each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from jmespath.exceptions import JMESPathError

from scr.mapping.closures import expression_of
from scr.mapping.source import ExpressionWriter, is_not_so, is_so
from scr.mapping.times import Unreadable
from scr.mapping.values import as_text, clean, iterate

if TYPE_CHECKING:
    from scr.mapping.template import Compiler, Keys

_PART = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_CONTROL = frozenset({"for_each", "when"})

REFUSED = (JMESPathError, TypeError, Unreadable)
"""What an expression raises that cannot take what is there."""

Refusal = Callable[[tuple[str, str], Exception], Exception]
"""Makes the error of an expression that could not be run: its place and text, and what was raised."""


class Part(NamedTuple):
    """A variable or constant, whether any expression stands in what it is made of, and if none, its value."""

    name: str
    dynamic: bool
    value: Any = None
    alone: bool = False
    """Whether it is never a list."""


def single_expression(text: str) -> str | None:
    """The expression of a text that is one ``{{ }}`` and nothing else; otherwise None."""
    match = _PART.fullmatch(text.strip())
    return match[1] if match and "{{" not in match[1] else None


class TemplateWriter(ExpressionWriter):
    """Writes the function of one template.

    With a ``refusal`` it is the one that tells: its errors name the expression that was being run (``at``),
    and the expressions that gave something are put into the frame's ``seen``.
    """

    def __init__(self, refusal: Refusal | None = None) -> None:
        super().__init__(expression_of)
        self.tells = refusal is not None
        self.constants |= {"clean": clean, "as_text": as_text, "iterate": iterate}
        if self.tells:
            self.constants |= {"refusal": refusal, "refused": REFUSED}
            self.line("seen, at = f.seen, None")
            self.line("try:")
            self._depth += 1

    def source(self, result: str) -> str:
        """The whole function."""
        if not self.tells:
            return super().source(result)
        self.line(f"return {result}")
        self._depth -= 1
        self.line("except refused as error:")
        self.line("    raise refusal(at, error) from None")
        return super().source("None  # not come by")

    def tree(self, node: object, keys: Keys, compiler: Compiler, value: str) -> Part:
        """A tree of plain YAML values over the variable ``value``."""
        if isinstance(node, dict):
            return self._mapping(node, keys, compiler, value)
        if isinstance(node, list):
            return self._list(node, keys, compiler, value)
        if isinstance(node, str) and "{{" in node:
            return Part(self._text(node, keys, compiler, value), True)
        return self._fixed(clean(node))

    def _fixed(self, value: Any) -> Part:
        return Part(self.constant(value), False, value)

    def _mapping(self, node: dict[str, Any], keys: Keys, compiler: Compiler, value: str) -> Part:
        if "for_each" in node:
            return Part(self._each(node, keys, compiler, value), True)
        if "when" in node:
            made = self.new()
            self.line(f"{made} = None")
            with self.block(is_so(self, self._alone(node["when"], (*keys, "when"), compiler, value))):
                self.line(f"{made} = {self._object(node, keys, compiler, value).name}")
            return Part(made, True, alone=True)
        return self._object(node, keys, compiler, value)

    def _object(self, node: dict[str, Any], keys: Keys, compiler: Compiler, value: str) -> Part:
        """A mapping without its control words; nothing, where none of its expressions gives anything."""
        parts = [
            (key, self.tree(child, (*keys, key), compiler, value))
            for key, child in node.items()
            if key not in _CONTROL
        ]
        parts = [(key, part) for key, part in parts if part.dynamic or part.value is not None]
        dynamic = [part for _, part in parts if part.dynamic]
        if not dynamic:
            return self._fixed({key: part.value for key, part in parts} or None)
        made, told = self.new(), [part.name for part in dynamic]
        first = next(i for i, (_, part) in enumerate(parts) if part.dynamic)
        always = [*parts[:first], *(parts[first:] if len(told) == 1 else ())]
        written = ", ".join(f"{self.constant(key)}: {part.name}" for key, part in always)
        if len(told) == 1:
            self.line(f"{made} = None if {told[0]} is None else {{{written}}}")
            return Part(made, True, alone=True)
        self.line(f"{made} = None")
        with self.block(f"if {' or '.join(f'{name} is not None' for name in told)}:"):
            self.line(f"{made} = {{{written}}}")
            for key, part in parts[first:]:
                put = f"{made}[{self.constant(key)}] = {part.name}"
                self.line(f"if {part.name} is not None: {put}" if part.dynamic else put)
        return Part(made, True, alone=True)

    def _each(self, node: dict[str, Any], keys: Keys, compiler: Compiler, value: str) -> str:
        """A list of what the mapping gives for each item; inside, the four names reach other things."""
        items = self._alone(node["for_each"], (*keys, "for_each"), compiler, value)
        inner = compiler.within(node["for_each"], (*keys, "for_each"))
        made, index, item = self.new(), self.new(), self.new()
        outside = self.names
        self.line(f"{made} = []")
        with self._loop(index, item, f"{items} if {items}.__class__ is list else iterate({items})"):
            self.names = outside | {"item": item, "outer": outside["item"], "index": index}
            if "when" in node:
                holds = self._alone(node["when"], (*keys, "when"), inner, item)
                self.line(f"{is_not_so(self, holds)} continue")
            one = self._object(node, keys, inner, item).name
            self.line(f"if {one} is not None: {made}.append({one})")
        self.names = outside
        self.line(f"{made} = {made} or None")
        return made

    @contextmanager
    def _loop(self, index: str, item: str, items: str) -> Iterator[None]:
        """A loop that counts, where anything in it asks for the count."""
        place, indent = len(self._lines), "    " * self._depth
        with self.block(""):
            yield
        counts = re.compile(rf"\b{index}\b")
        if any(map(counts.search, self._lines[place:])):
            item, items = f"{index}, {item}", f"enumerate({items})"
        self._lines[place] = f"{indent}for {item} in {items}:"

    def _list(self, node: list[Any], keys: Keys, compiler: Compiler, value: str) -> Part:
        parts = [self.tree(child, (*keys, i), compiler, value) for i, child in enumerate(node)]
        if not any(part.dynamic for part in parts):
            values = (part.value if isinstance(part.value, list) else [part.value] for part in parts)
            return self._fixed([v for several in values for v in several if v is not None] or None)
        made = self.new()
        if len(parts) == 1:
            whole = f"{parts[0].name} is None"
            if not self._is_alone(parts[0]):
                whole += f" or {parts[0].name}.__class__ is list"
            self.line(f"{made} = {parts[0].name} if {whole} else [{parts[0].name}]")
            return Part(made, True)
        self.line(f"{made} = []")
        for part in parts:
            self.line(f"if {part.name} is not None:")
            if self._is_alone(part):
                self.line(f"    {made}.append({part.name})")
            else:
                self.line(f"    if {part.name}.__class__ is list: {made}.extend({part.name})")
                self.line(f"    else: {made}.append({part.name})")
        self.line(f"{made} = {made} or None")
        return Part(made, True)

    def _is_alone(self, part: Part) -> bool:
        return part.alone or part.name in self.plain

    def _text(self, node: str, keys: Keys, compiler: Compiler, value: str) -> str:
        alone = single_expression(node)
        made = self.new()
        if alone is not None:
            found = self._expression(alone, keys, compiler, value)
            if found in self.plain:
                return found
            plain = f"{found} is None or ({found}.__class__ is str and {found} and not {found}.isspace())"
            self.line(f"{made} = {found} if {plain} else clean({found})")
            return made
        pieces = _PART.split(node)  # text, expression, text, …
        if any("{{" in text or "}}" in text for text in pieces[0::2]):
            raise compiler.error("{{ and }} do not pair up: close each expression", keys)
        self.line(f"{made} = None")
        depth, before = self._depth, self._met.copy()
        parts = [self.constant(pieces[0])]
        for text, piece in zip(pieces[2::2], pieces[1::2], strict=True):
            found = self._expression(piece, keys, compiler, value)
            written = self.new()
            self.line(f"{written} = as_text({found})")
            self.line(f"if {written} is not None:")
            self._depth += 1
            parts += [written, self.constant(text)]
        self.line(f"{made} = ''.join(({', '.join(parts)}))")
        self._depth, self._met = depth, before
        return made

    def _alone(self, text: object, keys: Keys, compiler: Compiler, value: str) -> str:
        """The value of a text that must be one expression."""
        return self._expression(compiler.alone(text, keys), keys, compiler, value)

    def _expression(self, text: str, keys: Keys, compiler: Compiler, value: str) -> str:
        expression, place = compiler.registered(text, keys)
        if self.tells:
            self.line(f"at = {self.constant((place, expression.text))}")
        found = self.write(expression.node, value, True)
        if found.startswith("f."):
            found = self.reached(found)
        if self.tells:
            self.line(f"if seen is not None and {found} is not None: seen.add({self.constant(place)})")
        return found
