"""FHIR's terminology operations in this process, over a generated release."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from bench.report import Line, below
from scr.data import DataFiles
from scr.terminology.conceptmap import ConceptMaps
from scr.terminology.operations.chosen import find_definition
from scr.terminology.operations.codes import lookup, subsumed, validate_code
from scr.terminology.operations.expand import Page, expand, validate_in
from scr.terminology.operations.library import Coded, Library
from scr.terminology.operations.translate import translate
from scr.terminology.release.reader import Release
from scr.terminology.shipped import ShippedSystems
from scr.terminology.systems import ICD_10, SNOMED_CT

_ASKED = 500
_ALL = f"{SNOMED_CT}?fhir_vs"


def asked(release: Release, rounds: int) -> list[Line]:
    """A line for each operation that has a promise, and for the expansions that people wait for."""
    files = DataFiles()
    library = Library(release, ShippedSystems.load(files), ConceptMaps.load(files))
    codes = [
        row[0] for row in release.connection().execute("SELECT code FROM concept WHERE active ORDER BY code")
    ]
    rolled = random.Random(2)
    some = [rolled.choice(codes) for _ in range(_ASKED)]
    pairs = [(rolled.choice(codes), code) for code in some]
    broad = max(some[:50], key=lambda code: len(release.descendants(SNOMED_CT, code)))
    below_it = find_definition(library, f"{_ALL}=isa/{broad}")

    def each(what: str, most_us: float, ask: Callable[[str], object]) -> Line:
        best = _best(lambda: [ask(code) for code in some], rounds)
        return below(what, best / len(some) * 1e6, most_us, "µs", inclusive=True)

    def typed(what: str, url: str, text: str) -> Line:
        definition, page = find_definition(library, url), Page(text, count=20)
        best = _best(lambda: expand(library, definition, page), rounds)
        return below(what, best * 1000, 10, "ms", inclusive=True)

    subsumption = _best(lambda: [subsumed(library, SNOMED_CT, *pair) for pair in pairs], rounds)
    return [
        each("$lookup", 20, lambda code: lookup(library, SNOMED_CT, code)),
        each("$validate-code of a system", 20, lambda code: validate_code(library, SNOMED_CT, code)),
        each("$translate", 20, lambda code: translate(library, SNOMED_CT, code, target_system=ICD_10)),
        below("$subsumes", subsumption / len(pairs) * 1e6, 5, "µs", inclusive=True),
        typed("$expand, typed: asth", _ALL, "asth"),
        typed("$expand, typed below a concept: asth", f"{_ALL}=isa/{broad}", "asth"),
        each(
            "$validate-code below a concept", 100,
            lambda code: validate_in(library, below_it, Coded(SNOMED_CT, code)),
        ),
    ]  # fmt: skip


def _best(work: Callable[[], object], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds + 1):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best
