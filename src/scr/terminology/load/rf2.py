"""SNOMED CT, Release Format 2: concepts, terms, relationships and reference sets into a release.

All packages of an edition are read together (International, UK Clinical, UK Drug), because each leans on the
others. Inferred relationships are read; stated ones and OWL are for those who write SNOMED CT. Whatever
points at a concept that is in no file says that a part is missing, and the whole is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from scr.errors import Invalid
from scr.terminology.load import rf2_refsets
from scr.terminology.load.package import Member
from scr.terminology.load.rf2_files import File, choose
from scr.terminology.load.rf2_known import LANGUAGES, Known, rows
from scr.terminology.load.sctid import CONCEPT, DESCRIPTION, RELATIONSHIP, is_sctid, namespace
from scr.terminology.load.source import Source, Writing
from scr.terminology.release.build import Row
from scr.terminology.release.schema import SNOMED_ID, UNSEARCHED
from scr.terminology.systems import SNOMED_CT

EDITION = "snomed-ct"
ROOT = 138875005
_IS_A, _STATED = "116680003", "900000000000010007"
_FSN, _SYNONYM = "900000000000003001", "900000000000013009"
_USES = {_FSN: "fsn", _SYNONYM: "synonym"}
_PREFERRED = "900000000000548007"
_DEFINED = "900000000000073002"
_NO_RANK = 99
_ORPHANS = 0.05


def source(members: Iterable[Member], languages: tuple[str, ...] = LANGUAGES) -> Source:
    """All files of all packages as one source. Raises Invalid for what makes no release."""
    given = tuple(members)
    release = choose(given)
    return Source(
        name=EDITION,
        format="rf2",
        version=release.version,
        members=tuple(file.table.member for file in release.files),
        write=lambda writing: _write(Known(release, languages), writing),
        systems=frozenset({SNOMED_CT}),
        maps=rf2_refsets.maps_of(release),
    )


def _write(known: Known, writing: Writing) -> None:
    builder = writing.builder
    release = known.release
    builder.system(SNOMED_CT, release.version, "SNOMED CT", writing.edition)
    for file in release.of("concept"):
        _read_concepts(known, file, writing)
    for file in release.of("language"):
        _read_language(known, file, writing)
    _choose_terms(known, writing)
    builder.insert("designation", _designations(known, writing))
    _unmet(known)
    builder.insert("concept", _concepts(known))
    known.displays.clear()
    _relationships(known, writing)
    rf2_refsets.write(known, writing)
    writing.close_hierarchy(SNOMED_ID)


def _read_concepts(known: Known, file: File, writing: Writing) -> None:
    concepts, intern = known.concepts, sys.intern
    for line, (code, effective, active, module, status) in rows(file, writing):
        if not is_sctid(code, CONCEPT):
            raise file.table.error(f"{code[:30]!r} is not a concept's identifier", line)
        number = int(code)
        if number in concepts:
            raise file.table.error(f"concept {code} is there twice: two releases are mixed", line)
        concepts[number] = (int(active), intern(module), intern(effective), int(status == _DEFINED))
        if code[-3] == "1":
            known.namespaces.add(code[-10:-3])
    known.namespaces.add("")


def _read_language(known: Known, file: File, writing: Writing) -> None:
    ranks = known.ranks
    order = {refset: 2 * place for place, refset in enumerate(known.languages)}
    for line, fields in rows(file, writing):
        rank = order.get(fields[4], _NO_RANK - 1) + (fields[6] != _PREFERRED)
        try:
            number = int(fields[5])
        except ValueError:
            raise file.table.error("refers to no description", line) from None
        if fields[2] == "0":
            ranks.setdefault(number, _NO_RANK)
        elif rank < ranks.get(number, _NO_RANK + 1):
            ranks[number] = rank


def _choose_terms(known: Known, writing: Writing) -> None:
    """Find each concept's preferred term and full name; the terms themselves are read once more after it."""
    best, ranks = known.best, known.ranks
    for file in known.release.of("description"):
        for line, fields in rows(file, writing):
            concept = known.concept(fields[4], file, line)
            if fields[2] == "0":
                continue
            key = -concept if fields[6] == _FSN else concept if fields[6] == _SYNONYM else 0
            number = _description(fields[0], file, line)
            candidate = (ranks.get(number, _NO_RANK), number)
            if key and candidate < best.get(key, (_NO_RANK + 1, 0)):
                best[key] = candidate


def _designations(known: Known, writing: Writing) -> Iterator[Row]:
    builder, best, intern = writing.builder, known.best, sys.intern
    for file in known.release.of("description"):
        for line, (code, _, active, _, about, language, kind, term, case) in rows(file, writing):
            number, concept = _description(code, file, line), int(about)
            known.concept(case, file, line)
            rank = known.ranks.pop(number, _NO_RANK)
            is_fsn = kind == _FSN
            chosen = best.get(-concept if is_fsn else concept, (0, 0))[1] == number
            if chosen and (not is_fsn or concept not in best):
                known.displays[concept] = term
            used = active == "1"
            tier = UNSEARCHED if not used or kind not in _USES else 2 if is_fsn else 0 if chosen else 1
            acceptability = 0 if not used or rank >= _NO_RANK - 1 else 2 if chosen else 1
            place = builder.designation_id(SNOMED_ID, term, tier, active=bool(known.concepts[concept][0]))
            use = _USES.get(kind, "definition")
            yield place, concept, use, intern(language), term, int(used), acceptability, number


def _description(text: str, file: File, line: int) -> int:
    if len(text) < 6 or text[-2] != DESCRIPTION or not text.isdigit():
        raise file.table.error(f"{text[:30]!r} is not a description's identifier", line)
    return int(text)


def _unmet(known: Known) -> None:
    """Refuse language rows about descriptions in no file, of the packages that were given."""
    unmet = {
        number
        for number, rank in known.ranks.items()
        if rank < _NO_RANK and namespace(str(number)) in known.namespaces
    }
    known.ranks.clear()
    if unmet:
        for file in known.release.of("language"):
            for line, fields in file.table.rows():
                if int(fields[5]) in unmet:
                    raise file.table.error(
                        f"refers to description {fields[5]}, which is in no file: a part is missing", line
                    )


def _concepts(known: Known) -> Iterator[Row]:
    for number in sorted(known.concepts):
        active, module, effective, defined = known.concepts[number]
        display = known.displays.get(number, "")
        yield number, SNOMED_ID, str(number), active, display, module, effective, defined, ""


def _relationships(known: Known, writing: Writing) -> None:
    with_parent: set[int] = set()
    for file in known.release.of("relationship"):
        parents: set[tuple[int, int]] = set()
        writing.builder.insert("attribute", _attributes(known, file, writing, parents))
        writing.builder.insert("parent", sorted(parents))
        with_parent.update(child for child, _ in parents)
    for file in known.release.of("concrete"):
        writing.builder.insert("attribute", _values(known, file, writing))
    active = [number for number, about in known.concepts.items() if about[0] and number != ROOT]
    orphans = [number for number in active if number not in with_parent]
    if len(orphans) > _ORPHANS * len(active):
        where = next(known.release.of("relationship")).table.member.where
        raise Invalid(
            f"{len(orphans)} of {len(active)} active concepts are below none, {orphans[0]} for one:"
            " a part of the relationships is missing; download it again",
            code="bad-terminology",
            where=where,
        )


def _attributes(known: Known, file: File, writing: Writing, parents: set[tuple[int, int]]) -> Iterator[Row]:
    """The relationships that are in force; is-a goes into ``parents``."""
    for line, (code, _, active, _, child, to, group, kind, how, _) in rows(file, writing):
        if code[-2:-1] != RELATIONSHIP:
            raise file.table.error(f"{code[:30]!r} is not a relationship's identifier", line)
        source, target = known.concept(child, file, line), known.concept(to, file, line)
        if active == "0" or how == _STATED:
            continue
        if kind == _IS_A:
            parents.add((source, target))
        else:
            yield source, _group(group, file, line), known.concept(kind, file, line), target, ""


def _values(known: Known, file: File, writing: Writing) -> Iterator[Row]:
    for line, (_, _, active, _, child, value, group, kind, how, _) in rows(file, writing):
        source = known.concept(child, file, line)
        if active == "1" and how != _STATED:
            yield source, _group(group, file, line), known.concept(kind, file, line), None, value


def _group(text: str, file: File, line: int) -> int:
    if not text.isdigit():
        raise file.table.error("has no number for its role group", line)
    return int(text)
