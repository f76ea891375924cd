"""Rows that repeat each other are mapped as if none had come before."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from scr.consent.label_policy import load_labels
from scr.consent.labels import Labeller
from scr.data import DataFiles
from scr.decode.tree import Unit
from scr.demo.people import DEMO_SEED, known_to
from scr.demo.person import COUNCIL
from scr.demo.suppliers.council import nightly_file
from scr.fhir.identifiers import OdsCode
from scr.mapping.adapter import Adapter, load_adapters
from scr.mapping.meaning import Step
from scr.mapping.repeats import Repeats
from scr.mapping.run import Claim, Mapped, MappingContext, claim, map_unit
from scr.mapping.template import MappingError
from scr.terminology.coding import Coder
from scr.terminology.conceptmap import ConceptMaps

NOW = 1_790_000_000_000


@cache
def council() -> tuple[Adapter, tuple[Unit, ...], ConceptMaps, tuple[Step, ...]]:
    """A council's adapter, rows of few people, and what is done to the resources made of them."""
    files = DataFiles()
    adapter = load_adapters(files)["client-level-data"]
    rows = list(adapter.units(nightly_file(known_to(COUNCIL, DEMO_SEED, 60))))
    maps = ConceptMaps.load(files)
    units = tuple(unit for unit in rows if isinstance(unit, Unit))[:40]
    return adapter, units, maps, (Coder(maps), Labeller(load_labels(files)))


@st.composite
def tables(draw: st.DrawFn) -> list[Unit]:
    """Rows that follow each other, some with a cell or two of another row's, or of nobody's."""
    _, rows, _, _ = council()
    made: list[Unit] = []
    for place, row in enumerate(draw(st.lists(st.sampled_from(rows), min_size=1, max_size=6))):
        other = draw(st.sampled_from(rows)).tree
        names = draw(st.lists(st.sampled_from(sorted(other)), max_size=2))
        odd = {name: draw(st.sampled_from([other[name], "", "odd", "2026-13-40"])) for name in names}
        tree = {**row.tree, **odd}
        made += [Unit(tree, f"row {place}", row.raw)] * draw(st.integers(1, 2))
    return made


@settings(max_examples=60, deadline=None)
@given(table=tables())
def test_what_a_row_gives_does_not_depend_on_those_before(table: list[Unit]) -> None:
    """Claims, entries, labels, codes and notes: the same from one memory for all rows as from none."""
    assert _mapped(table, Repeats()) == _mapped(table, None)


def _mapped(table: list[Unit], repeats: Repeats | None) -> list[tuple[Claim, Mapped | str]]:
    adapter, _, maps, steps = council()
    found: list[tuple[Claim, Mapped | str]] = []
    for unit in table:
        claimed = claim(adapter, unit, repeats)
        subject = f"of-{claimed.nhs_number.value if claimed.nhs_number else 'nobody'}"
        context = MappingContext(OdsCode("ZZL01"), subject, b"k" * 32, NOW, maps, (), steps, repeats)
        try:
            found.append((claimed, map_unit(adapter, unit, context)))
        except MappingError as error:
            found.append((claimed, str(error)))
    return found
