"""What a new release takes over from the one in force: everything that nothing given replaces."""

from __future__ import annotations

from collections.abc import Sequence

from scr.terminology.load.source import Progress, Source
from scr.terminology.release.build import Builder
from scr.terminology.release.reader import Release

_OF_CONCEPTS = {
    "designation": "concept", "property": "concept", "parent": "child", "closure": "ancestor",
    "attribute": "source", "member": "concept", "replacement": "concept",
}  # fmt: skip
"""The tables that hang on a concept, and by which column."""


def keep(builder: Builder, old: Release, sources: Sequence[Source], progress: Progress) -> tuple[str, ...]:
    """Copy what stays. The names of the editions that something was kept of."""
    progress.step("what stays of the release in force")
    names = {source.name for source in sources}
    systems = set().union(*(source.systems for source in sources))
    maps = set().union(*(source.maps for source in sources))
    resources = set().union(*(source.resources for source in sources))
    tell = builder.connection.execute
    builder.attach(old.path)
    editions = {
        int(number): str(name)
        for number, name in tell("SELECT id, name FROM old.edition").fetchall()
        if name not in names
    }
    tell("CREATE TEMP TABLE kept_edition (id INTEGER PRIMARY KEY)")
    tell("CREATE TEMP TABLE kept_system (id INTEGER PRIMARY KEY)")
    tell("CREATE TEMP TABLE kept_map (id INTEGER PRIMARY KEY)")
    mark = builder.connection.executemany
    mark("INSERT INTO kept_edition VALUES (?)", ((number,) for number in editions))
    _mark(builder, "system", "uri", systems)
    _mark(builder, "map", "name", maps)
    tell("INSERT INTO system SELECT s.* FROM old.system s JOIN kept_system USING (id)")
    tell("INSERT INTO map SELECT m.* FROM old.map m JOIN kept_map USING (id)")
    tell("INSERT INTO mapping SELECT m.* FROM old.mapping m JOIN kept_map k ON k.id = m.map")
    tell(
        "INSERT INTO concept SELECT c.* FROM old.concept c JOIN kept_system k ON k.id = c.system"
        " ORDER BY c.id"
    )
    for table, column in _OF_CONCEPTS.items():
        tell(
            f"INSERT INTO {table} SELECT t.* FROM old.{table} t JOIN old.concept c ON c.id = t.{column}"  # noqa: S608 # names of our own
            " WHERE c.system IN (SELECT id FROM kept_system)"
        )
    rows = tell("SELECT r.* FROM old.resource r JOIN kept_edition k ON k.id = r.edition").fetchall()
    builder.insert("resource", (row for row in rows if (row[0], row[1]) not in resources))
    tell(
        "INSERT INTO edition SELECT e.* FROM old.edition e WHERE id IN (SELECT edition FROM main.system"
        " UNION SELECT edition FROM main.map UNION SELECT edition FROM main.resource)"
    )
    kept = tuple(str(row[0]) for row in tell("SELECT name FROM edition ORDER BY name"))
    builder.detach()
    return kept


def _mark(builder: Builder, table: str, column: str, replaced: set[str]) -> None:
    found = builder.connection.execute(
        f"SELECT t.id, t.{column} FROM old.{table} t JOIN kept_edition k ON k.id = t.edition"  # noqa: S608 # names of our own
    ).fetchall()
    builder.connection.executemany(
        f"INSERT INTO kept_{table} VALUES (?)",  # noqa: S608 # names of our own
        ((number,) for number, name in found if name not in replaced),
    )
