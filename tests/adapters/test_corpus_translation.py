"""Every code of the GP and acute corpus through translation: national, translated, or counted as a gap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from tests.adapters.test_corpus_hl7v2 import ADAPTERS, adapter_for, message, with_number

from scr.data import DataFiles
from scr.decode.hl7v2 import decode
from scr.decode.tree import BadUnit, DecodeError, Unit
from scr.fhir.entry import Resource
from scr.fhir.identifiers import OdsCode
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.meaning import Step, Untranslated
from scr.mapping.run import MappingContext, map_unit
from scr.mapping.template import MappingError
from scr.terminology.coding import Coder, is_added
from scr.terminology.conceptmap import ConceptMaps
from scr.terminology.gapmap import GapMap, GapRow
from scr.terminology.systems import SNOMED_CT, Standing, standing_of
from scr.terminology.translation import Gap, Verdict

pytestmark = pytest.mark.corpus
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


class Mapped(NamedTuple):
    """What a unit gave: its resources, and the codes that were told."""

    bodies: list[Resource]
    told: tuple[Untranslated, ...]


class Asked(NamedTuple):
    """Who knows the gap map in force."""

    gap_map: GapMap

    def current(self) -> GapMap:
        """The one of the test."""
        return self.gap_map


@cache
def adapter(name: str) -> Adapter:
    """An adapter that is shipped."""
    return load_adapter(DataFiles(), name)


def mapped(corpus: Path, *steps: Step) -> Iterator[Mapped]:
    """Every answer of a practice and every acute message, by the steps; one that is refused gives nothing."""
    for path in sorted((corpus / "gp").rglob("*.json")):
        with suppress(DecodeError):  # an appointment, an example that is cut short
            for found in adapter("gp-connect").units(path.read_bytes()):
                yield from _mapped(adapter("gp-connect"), found, steps)
    for folder in ("itk", "simhospital", "microsoft"):
        for path in sorted((corpus / "acute" / folder).glob("*.hl7")):
            for found in decode(with_number(path.read_bytes())):
                if message(found).type[:3] in ADAPTERS:
                    yield from _mapped(adapter_for(message(found)), found, steps)


def _mapped(by: Adapter, unit: Unit | BadUnit, steps: tuple[Step, ...]) -> Iterator[Mapped]:
    if isinstance(unit, BadUnit):
        return
    context = MappingContext(OdsCode("X99999"), "the-person", b"key", 0, by.maps, steps=steps)
    with suppress(MappingError):
        made = map_unit(by, unit, context)
        yield Mapped([orjson.loads(entry.body) for entry in made.entries], made.untranslated)


def concepts(node: Any) -> Iterator[list[Resource]]:
    """The codings of every concept, wherever it stands: told by its shape, and not by R4's structure."""
    if isinstance(node, dict):
        if isinstance(node.get("coding"), list):
            yield node["coding"]
        for value in node.values():
            yield from concepts(value)
    elif isinstance(node, list):
        for value in node:
            yield from concepts(value)


def kind_of(codings: list[Resource], told: set[tuple[str, str]]) -> str:
    """What has become of a concept; empty where nobody can tell."""
    if any(map(is_added, codings)):
        return "translated"
    standings = {standing_of(str(each.get("system", ""))) for each in codings}
    for standing in (Standing.NATIONAL, Standing.STANDARD):
        if standing in standings:
            return standing.value
    codes = {(str(each.get("system", "")), str(each["code"])) for each in codings if "code" in each}
    if not codes:
        return "no code"
    return "gap" if codes <= told else ""


def report(told: Counter[Untranslated]) -> str:
    """The gap report."""
    by_system: Counter[str] = Counter()
    for each, count in told.items():
        by_system[each.system] += count
    lines = [f"{count:6}  {system or '(no system)'}" for system, count in by_system.most_common()]
    lines += [
        f"{count:6}  {e.reason}  {e.code}  {e.display}  {e.system}" for e, count in told.most_common(40)
    ]
    return "\n".join(lines)


def totals(corpus: Path, *steps: Step) -> tuple[Counter[str], Counter[Untranslated]]:
    """How many concepts of each kind, and the codes told; fails on a concept that vanished."""
    kinds: Counter[str] = Counter()
    told: Counter[Untranslated] = Counter()
    for each in mapped(corpus, *steps):
        told.update(each.told)
        here = {(one.system, one.code) for one in each.told}
        for codings in concepts(each.bodies):
            kind = kind_of(codings, here)
            assert kind, f"nothing is told of {[c.get('system') for c in codings]}"
            kinds[kind] += 1
    return kinds, told


def test_nothing_of_the_corpus_vanishes(corpus: Path) -> None:
    """Every concept has a national code, needs none, or each of its codes is told. ``-s`` prints the gaps."""
    kinds, told = totals(corpus, Coder(ConceptMaps.load(DataFiles())))
    print(report(told))  # noqa: T201 - for whoever runs it with -s
    assert kinds.total() > 12_000
    assert kinds.keys() == {"national", "standard", "gap"}
    assert kinds["gap"] == told.total()
    assert {each.reason for each in told} == {Gap.NO_MAP}
    practices = {each: count for each, count in told.items() if standing_of(each.system) is Standing.LEGACY}
    assert (len(practices), sum(practices.values())) == (4, 8)


def test_every_code_of_the_practices_is_known_for_what_it_is(corpus: Path) -> None:
    """As it was sent, also in what no adapter takes (appointments): national, standard, or of a dictionary
    that only a release has maps for."""
    coder = Coder(ConceptMaps.load(DataFiles()))
    verdicts: dict[tuple[str, str], Verdict] = {}
    for path in sorted((corpus / "gp").rglob("*.json")):
        with suppress(orjson.JSONDecodeError):  # a pointer to a file that is not there
            for codings in concepts(orjson.loads(path.read_bytes())):
                told = [(str(each.get("system", "")), each["code"]) for each in codings if "code" in each]
                verdicts |= {each: coder.verdict(*each) for each in told}
    gaps = [(verdict, system, code) for (system, code), verdict in verdicts.items() if verdict in set(Gap)]
    print(*sorted(gaps), sep="\n")  # noqa: T201 - for whoever runs it with -s
    assert len(verdicts) > 700
    assert {system for _, system, _ in gaps if standing_of(system) is not Standing.LEGACY} == {RXNORM}
    assert {reason for reason, *_ in gaps} == {Gap.NO_MAP}


def test_a_gap_file_closes_every_gap_of_the_corpus(corpus: Path) -> None:
    """With a row for each code that was told, nothing is told, and every one has a code beside it."""
    before, told = totals(corpus, Coder())
    row = GapRow(SNOMED_CT, "404684003", "Clinical finding", "2026-03-01")
    filled = GapMap({(each.system, each.code): row for each in told}, "1")
    after, left = totals(corpus, Coder(gap_maps=Asked(filled)))
    assert not left
    assert after == {
        "national": before["national"],
        "standard": before["standard"],
        "translated": before["gap"],
    }
