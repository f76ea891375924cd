"""Where anything at all may be caught: at the source, the message and the HTTP boundary, and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import scr

ROOT = Path(scr.__file__).parent
BOUNDARIES = {"the HTTP boundary": "api", "the source boundary": "sources", "the message boundary": "intake"}


def catches_all(handler: ast.ExceptHandler) -> bool:
    """Whether it catches every error, and lets it end there: what is raised again was only noticed."""
    kinds = [handler.type] if not isinstance(handler.type, ast.Tuple) else handler.type.elts
    broad = handler.type is None or any(isinstance(one, ast.Name) and one.id == "Exception" for one in kinds)
    last = handler.body[-1]
    return broad and not (isinstance(last, ast.Raise) and last.exc is None)


def found(source: str) -> Iterator[tuple[int, str]]:
    """Each handler that catches all: its line, and what stands in it."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and catches_all(node):
            yield node.lineno, lines[node.lineno - 1]


def test_all_is_caught_at_a_boundary_alone_and_the_line_names_it() -> None:
    """Each such handler says in a comment at which boundary it stands, and stands in that one's package."""
    seen, wrong = set(), []
    for path in sorted(ROOT.rglob("*.py")):
        for number, line in found(path.read_text(encoding="utf-8")):
            package = path.relative_to(ROOT).parts[0]
            named = [
                boundary for boundary, home in BOUNDARIES.items() if boundary in line and home == package
            ]
            seen.update(named)
            wrong += [] if named else [f"{path.relative_to(ROOT)}:{number}: {line.strip()}"]
    assert wrong == []
    assert seen == set(BOUNDARIES)


def test_what_is_looked_for_is_found() -> None:
    """Bare, by name and among others; not what is raised again."""
    made = "try:\n    pass\nexcept {}:\n    {}\n"
    for kinds in ("", "Exception", "(OSError, Exception)", "Exception as error"):
        assert list(found(made.format(kinds, "pass")))
        assert not list(found(made.format(kinds, "raise")))
    assert not list(found(made.format("OSError", "pass")))
