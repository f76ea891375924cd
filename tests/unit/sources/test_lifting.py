"""What a live source tells is freed of the labels that somebody has said are wrong, and of no others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from tests.unit.sources import given
from tests.unit.store.samples import NOW

from scr.consent.label_policy import load_labels
from scr.consent.lifts import Lift
from scr.data import DataFiles
from scr.fhir.canonical import LIFTED_LABEL_SYSTEM
from scr.fhir.entry import Entry, pack, stamp_by_content, versioned_by_content
from scr.fhir.labels import with_security
from scr.sources.lifting import lifting
from scr.sources.protocol import Outcome, Question, SourceResult

POLICY = load_labels(DataFiles())


def told(logical: str, own: str = "", related: str = "", *refers: str) -> Entry:
    """An entry with labels, as it comes from a live source."""
    resource = {
        "resourceType": "Encounter" if logical.startswith("e") else "Condition",
        "id": logical,
        "meta": {"source": "urn:ods:ZZG01#x"},
        "extension": [{"url": "urn:x", "valueReference": {"reference": name}} for name in refers],
    }
    codings = POLICY.codings([own] * bool(own), [related] * bool(related))
    return stamp_by_content(pack(with_security(resource, codings), source="ZZG01", now=NOW))


SAID = (
    told("c", "hiv", "", "Encounter/e"),
    told("e", "", "hiv"),
    told("d", "", "hiv", "Encounter/e"),
    told("x", "hiv", "", "Encounter/ex"),
    told("ex", "", "hiv"),
    told("n"),
)


@dataclass(frozen=True, slots=True)
class There:
    """A source that always says the same."""

    ods = given.ODS
    name = given.NAME
    headings = frozenset({"problems"})

    async def ask(self, question: Question) -> SourceResult:
        """What it says."""
        return SourceResult(self.ods, self.name, Outcome.ANSWERED, SAID)


def test_what_is_lifted_is_gone_and_the_rest_is_as_it_was() -> None:
    """The condition says that it was lifted, what it brought is gone, and each is a version of its own."""

    async def asked(*lifts: Lift) -> tuple[Entry, ...]:
        (source,) = lifting({given.ODS: There()}, POLICY).values()
        assert (source.ods, source.name, source.headings) == (given.ODS, given.NAME, There.headings)
        return (await source.ask(replace(given.question(), lifts=lifts))).entries

    assert asyncio.run(asked()) is SAID
    found = {e.id: e for e in asyncio.run(asked(Lift("hiv", "Condition/c", "x", "y", NOW)))}
    assert found["c"].labels == (f"{LIFTED_LABEL_SYSTEM}|hiv",)
    assert [found[name].labels for name in ("e", "d")] == [(), ()]
    assert [found[one.id] for one in SAID[3:]] == list(SAID[3:])
    for name, entry in found.items():
        assert entry == versioned_by_content(entry), name
    assert found["e"].body == told("e").body
    assert asyncio.run(asked(Lift("gender", "Condition/c", "x", "y", NOW))) == SAID
