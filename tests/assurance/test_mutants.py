"""The mutants of a small module: each mistake that is made of it, and what is left alone."""

from __future__ import annotations

import ast
import gc
from types import FunctionType

import pytest
from tests.assurance.mutants import mutants_of
from tests.assurance.trials import loaded

MADE: list[tuple[str, list[str]]] = [
    ("return a < b", ["return None", "return a <= b"]),
    ("return a in b", ["return None", "return a not in b"]),
    ("return a + 1", ["return None", "return a - 1", "return a + 2"]),
    ("return a and b", ["return None", "return b", "return a", "return a or b"]),
    ("return not a", ["return None", "return a"]),
    ("return any(a)", ["return None", "return all(a)"]),
    ("return None", []),
    ("if a:\n    raise b", ["if not a:\n    raise b", "if a:\n    pass"]),
    ("a('words for people', 'name')", ["pass", "a('words for people', 'namex')"]),
    ("a(True, strict=True)", ["pass", "a(False, strict=True)"]),
    ("'''Words.'''", []),
    ("x: int | None = a", []),
    ("return [a for a in b if a]", ["return None", "return [a for a in b if not a]"]),
]


@pytest.mark.parametrize(("body", "made"), MADE, ids=[body.split("\n")[0] for body, _ in MADE])
def test_each_mistake_is_made_once(body: str, made: list[str]) -> None:
    """In a function, in a method, and nowhere else: the rest of the module stays as it is."""
    for frame in ("X = 1 < 2\n\ndef f(a, b=3):\n{}", "class C:\n    y = 1\n\n    def f(self):\n{}"):
        indent = "    " if frame.startswith("X") else "        "
        text = frame.format("\n".join(indent + line for line in body.split("\n")))
        found = []
        for number in range(len(mutants_of(ast.parse(text)))):
            tree = ast.parse(text)
            mutants_of(tree)[number].make()
            found.append(ast.unparse(ast.fix_missing_locations(tree)))
        wanted = [frame.format("\n".join(indent + line for line in one.split("\n"))) for one in made]
        assert sorted(found) == sorted(ast.unparse(ast.parse(one)) for one in wanted)


def test_a_function_is_found_that_the_collector_passes_over() -> None:
    """Or no mistake would be made in it, and every mutant would seem to be unnoticed."""
    gc.freeze()
    try:
        assert mutants_of in loaded(FunctionType)
    finally:
        gc.freeze()
