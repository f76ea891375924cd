"""The standard suite (``scr adapters check``) over every adapter that is shipped, with an outside opinion.

A sample is any file of ``samples``; beside it stands ``<name>.expected.json`` with what it must give.
A sample whose name begins with ``broken`` holds something that must be refused, with its place.
"""

from __future__ import annotations

from functools import cache

import pytest
from fhir.resources.R4B import get_fhir_model_class

from scr.data import DataFiles, packaged_root
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.check import check_adapter
from scr.mapping.samples import Sample, load_samples
from scr.terminology.conceptmap import ConceptMaps

ROOT = packaged_root() / "adapters"
NAMES = sorted(path.parent.name for path in ROOT.glob("*/adapter.yaml"))


@cache
def maps() -> ConceptMaps:
    """Every concept map."""
    return ConceptMaps.load(DataFiles())


@cache
def adapter(name: str) -> Adapter:
    """One adapter."""
    return load_adapter(DataFiles(), name, maps())


@cache
def samples(name: str) -> tuple[Sample, ...]:
    """An adapter's samples."""
    return load_samples(DataFiles(), adapter(name))


@pytest.fixture(scope="session", autouse=True)
def _written(write_goldens: bool) -> None:
    """Write the goldens first, where that is asked for."""
    for name in NAMES if write_goldens else ():
        for sample in samples(name):
            sample.write_golden()


@pytest.mark.parametrize("name", NAMES)
def test_an_adapter_passes_the_suite(name: str) -> None:
    """The adapter is held to every check that a deployment's own adapters are held to."""
    assert check_adapter(DataFiles(), name, maps=maps()).findings == ()


@pytest.mark.parametrize("name", NAMES)
def test_what_a_sample_gives_is_valid_by_fhir_resources(name: str) -> None:
    """Each resource is valid by models that the project did not write."""
    for sample in samples(name):
        for outcome in sample.outcomes:
            for body in outcome.bodies:
                get_fhir_model_class(body["resourceType"]).model_validate(body)


@pytest.mark.parametrize("name", NAMES)
def test_it_contributes_to_a_heading(name: str) -> None:
    """The ledger can say what is missing when the source does not answer; its samples give some of it."""
    given = {
        entry.heading for s in samples(name) for o in s.outcomes if o.mapped for entry in o.mapped.entries
    }
    assert given & adapter(name).headings
