"""What PostgreSQL was really told, by its own log; and by what its plans come to the rows of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

_ENTRY = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \w+ \[\d+\] (\w+): +", re.MULTILINE)
_TOLD = re.compile(r"(?:statement|execute [^:]*): ", re.DOTALL)
_APART = re.compile(r"('(?:[^']|'')*')|;")
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_MARKS = re.compile(r"([^,(\s]+)(?:, \1)+")
_ONE_WAY = ("seqscan", "hashjoin", "mergejoin", "bitmapscan", "material")
"""Ways of PostgreSQL to rows that would hide by what they are found, in a table of some few."""


@dataclass
class Listening:
    """What was told while it was listened. ``statements``: one of each shape, in their order."""

    statements: list[str] = field(default_factory=list)


@contextmanager
def listening(database_url: str) -> Iterator[Listening]:
    """Let the server write down every statement of this database, of connections that open from now on."""
    heard = Listening()
    name = sql.Identifier(str(make_url(database_url).database))
    settings = {"log_statement": "all", "log_parameter_max_length": "0"}
    with psycopg.connect(database_url, autocommit=True) as connection:
        [folder] = connection.execute("SHOW data_directory").fetchone() or [""]
        for setting, value in settings.items():
            connection.execute(sql.SQL("ALTER DATABASE {} SET {} = {}").format(name, sql.SQL(setting), value))
        log = Path(folder) / "log"
        start = log.stat().st_size
        try:
            yield heard
        finally:
            for setting in settings:
                connection.execute(sql.SQL("ALTER DATABASE {} RESET {}").format(name, sql.SQL(setting)))
    with log.open("rb") as file:
        file.seek(start)
        shapes: dict[str, str] = {}
        for statement in _statements(file.read().decode()):
            shapes.setdefault(shape_of(statement), statement)
    heard.statements = list(shapes.values())


def shape_of(statement: str) -> str:
    """A statement without its values: those of one shape are planned alike."""
    marks = re.sub(r"\$\d+(?:::\w+)?", "?", _LITERAL.sub("?", statement))
    return _MARKS.sub(r"\1", " ".join(marks.split()))


def _statements(log: str) -> Iterator[str]:
    parts = _ENTRY.split(log)
    for level, text in zip(parts[1::2], parts[2::2], strict=True):
        told = _TOLD.match(text)
        if level == "LOG" and told is not None:
            ended = _APART.sub(lambda found: found[1] or "\0", text[told.end() :])
            yield from (one.strip() for one in ended.split("\0") if one.strip())


@dataclass(frozen=True)
class Way:
    """How a plan comes to rows of a table: all its conditions, as PostgreSQL prints them."""

    table: str
    conditions: str


def ways(connection: psycopg.Connection[Any], statement: str) -> list[Way]:
    """The ways of a statement to every table that it reads; none where it is no query and no change."""
    if not re.match(r"(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b", statement):
        return []
    with connection.transaction(force_rollback=True):
        for way in _ONE_WAY:
            connection.execute(sql.SQL("SET LOCAL {} = off").format(sql.SQL(f"enable_{way}")))
        explain = f"EXPLAIN (GENERIC_PLAN, COSTS OFF, FORMAT JSON) {statement}"
        [told] = connection.execute(explain.encode()).fetchone() or [[]]
    return list(_ways(told[0]["Plan"]))


def _ways(node: Any) -> Iterator[Way]:
    if "Relation Name" in node and node["Node Type"] != "ModifyTable":
        named = ("Index Cond", "Filter", "Recheck Cond", "Join Filter")
        yield Way(node["Relation Name"], " AND ".join(node[one] for one in named if one in node))
    for below in node.get("Plans", ()):
        yield from _ways(below)
