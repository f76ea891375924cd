"""A small release, the project's tables, and both together as a library."""

from __future__ import annotations

import pytest
from tests.unit.terminology.operations.small import SMALL

from scr.data import DataFiles
from scr.terminology.conceptmap import ConceptMaps
from scr.terminology.operations.library import Library
from scr.terminology.release.reader import Release
from scr.terminology.shipped import ShippedSystems


@pytest.fixture(scope="session")
def shelf() -> Library:
    """The project's own tables, and no release."""
    files = DataFiles()
    return Library(None, ShippedSystems.load(files), ConceptMaps.load(files))


@pytest.fixture(scope="session")
def library(shelf: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The same with a small release."""
    release = Release(SMALL.write(tmp_path_factory.mktemp("release") / "release-a.sqlite"))
    return Library(release, shelf.shipped, shelf.maps)
