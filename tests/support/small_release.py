"""A release of a few concepts, for tests of what asks one. The loaders are not in it: rows go straight in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from scr.terminology.release.answers import Edition
from scr.terminology.release.build import Builder
from scr.terminology.release.current import PREFIX, SUFFIX, folder_of, switch
from scr.terminology.release.schema import UNSEARCHED
from scr.terminology.systems import SNOMED_CT

EDITION = Edition("small", "test", "20260101", 0, "0" * 64, 1)


@dataclass(frozen=True)
class Small:
    """A concept: its preferred term, what is directly above it, its other terms."""

    display: str
    parents: Sequence[str] = ()
    synonyms: Sequence[str] = ()
    active: bool = True
    attributes: Sequence[tuple[int, str, str]] = ()
    """Group, type, and target or a concrete value (``#5``, ``"text"``)."""
    replaced_by: str = ""


@dataclass(frozen=True)
class SmallMap:
    """A map: source code → target codes (none: known, and stands for nothing)."""

    name: str
    source: str
    target: str
    rows: Mapping[str, Sequence[str]]
    own: bool = False


@dataclass
class SmallRelease:
    """What goes in: concepts by system and code, members by reference set, maps."""

    concepts: Mapping[str, Mapping[str, Small]]
    refsets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    maps: Sequence[SmallMap] = ()
    resources: Sequence[Mapping[str, object]] = ()
    """FHIR resources, with ``resourceType`` and ``url``."""

    def write(self, path: Path) -> Path:
        """Make the file."""
        with Builder(path) as builder:
            edition = builder.edition(EDITION)
            for uri, concepts in self.concepts.items():
                self._system(builder, uri, concepts, edition)
            for refset, members in self.refsets.items():
                builder.insert("member", ((int(refset), int(code)) for code in members))
            for one in self.maps:
                number = builder.map(
                    one.name, "20260101", one.source, one.target, edition, precedence=int(not one.own)
                )
                for code, targets in one.rows.items():
                    builder.insert(
                        "mapping",
                        (
                            (number, code, "", 1, place, 0, target, "", "", "", "equivalent", 1)
                            for place, target in enumerate(targets or [""], 1)
                        ),
                    )
            builder.insert(
                "resource",
                (
                    (one["resourceType"], one["url"], one.get("version", ""), "", edition, orjson.dumps(one))
                    for one in self.resources
                ),
            )
            builder.finish()
        return path

    def put_in_force(self, home: Path, name: str = "a") -> Path:
        """Make the file in a deployment's folder, and switch to it."""
        folder = folder_of(home)
        folder.mkdir(parents=True, exist_ok=True)
        path = self.write(folder / f"{PREFIX}{name}{SUFFIX}")
        switch(folder, path)
        return path

    @staticmethod
    def _system(builder: Builder, uri: str, concepts: Mapping[str, Small], edition: int) -> None:
        system = builder.system(uri, "20260101", uri, edition)
        ids = {code: int(code) if uri == SNOMED_CT else builder.concept_id() for code in concepts}
        for code, one in concepts.items():
            number = ids[code]
            row = (number, system, code, int(one.active), one.display, "", "20260101", 0, "")
            builder.insert("concept", [row])
            terms = [
                ("synonym", one.display, 2, 0),
                *(("synonym", term, 1, 1) for term in one.synonyms),
                ("fsn", f"{one.display} (test)", 2, 2),
                ("definition", f"What is meant by {one.display}", 0, UNSEARCHED),
            ]
            builder.insert(
                "designation",
                (
                    (builder.designation_id(system, term, tier, active=one.active), number, use, "en-GB",
                     term, 1, acceptability, None)
                    for use, term, acceptability, tier in terms
                ),
            )  # fmt: skip
            builder.insert("parent", ((number, ids[parent]) for parent in one.parents))
            builder.insert(
                "attribute",
                (
                    (number, group, int(kind), None, to)
                    if to[0] in '#"'
                    else (number, group, int(kind), int(to), "")
                    for group, kind, to in one.attributes
                ),
            )
            if one.replaced_by:
                builder.insert("replacement", [(number, "replaced-by", ids[one.replaced_by])])
        builder.close_hierarchy(system)
