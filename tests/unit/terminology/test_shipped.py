"""The small systems: those that are shipped hold together, and mistakes are named with file and line."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from scr.data import DataFiles
from scr.errors import Invalid
from scr.fhir.canonical import HEADING_SYSTEM, OUTCOME_SYSTEM
from scr.fhir.headings import HEADINGS
from scr.sources.protocol import Outcome
from scr.terminology.conceptmap import ConceptMaps
from scr.terminology.shipped import ShippedSystems

HEADER = "system,code,display,parent\n"


@pytest.fixture(scope="module")
def shipped() -> ShippedSystems:
    """What the project ships."""
    return ShippedSystems.load(DataFiles())


def test_every_target_of_a_map_is_a_code_of_its_system(shipped: ShippedSystems) -> None:
    """No table of `terminology/maps` translates to a code that the shipped system does not have."""
    missing = [
        (name, target.system, target.code)
        for name, table in ConceptMaps.load(DataFiles()).maps.items()
        for target in table.exact.values()
        if target.code and target.system in shipped.systems
        and target.code not in shipped.systems[target.system].concepts
    ]  # fmt: skip
    assert missing == []


def test_the_projects_own_systems_are_those_of_the_code(shipped: ShippedSystems) -> None:
    """Headings and outcomes of the ledger are what the program writes."""
    headings = {code: one.display for code, one in shipped.systems[HEADING_SYSTEM].concepts.items()}
    assert headings == HEADINGS
    assert set(shipped.systems[OUTCOME_SYSTEM].concepts) == {one.value for one in Outcome}


@pytest.mark.parametrize(
    ("system", "element"),
    [
        ("observation-status", "Observation.status"),
        ("encounter-status", "Encounter.status"),
        ("CodeSystem/medicationrequest-status", "MedicationRequest.status"),
        ("administrative-gender", "Patient.gender"),
        ("issue-type", "OperationOutcomeIssue.code"),
        ("task-status", "Task.status"),
        ("event-status", "Procedure.status"),
        ("goal-status", "Goal.lifecycleStatus"),
    ],
)
def test_required_codes_are_those_of_the_structure(
    shipped: ShippedSystems, system: str, element: str
) -> None:
    """The small systems and `conformance/r4-structure.json` have the same codes."""
    structure = json.loads(DataFiles().find("conformance", "r4-structure.json").read_bytes())
    found = shipped.systems[f"http://hl7.org/fhir/{system}"]
    assert sorted(found.concepts) == structure["codes"][element]
    assert found.complete


@pytest.mark.corpus
def test_uk_core_systems_are_those_that_are_published(shipped: ShippedSystems, corpus: Path) -> None:
    """Code for code, where the project ships a whole UK Core system."""
    compared = 0
    for path in sorted((corpus / "ukcore" / "codesystems").glob("*.xml")):
        root = ET.fromstring(path.read_bytes())
        space = root.tag.removesuffix("CodeSystem")
        url = next(iter(root.iter(f"{space}url"))).get("value", "")
        if url in shipped.systems:
            codes = {
                code.get("value", "")
                for one in root.iter(f"{space}concept")
                for code in one.findall(f"{space}code")
            }
            assert set(shipped.systems[url].concepts) == codes, url
            compared += 1
    assert compared >= 9


def test_value_sets_have_addresses_of_their_own(shipped: ShippedSystems) -> None:
    """No two systems have the same value set, and each is found by it."""
    for system in shipped.systems.values():
        assert shipped.by_value_set(system.value_set) is system


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("system,code,display\n", "line 1: the header is not"),
        (HEADER + "urn:x,a,A\n", "line 2: 3 cells, not 4"),
        (HEADER + "urn:x,,A,\n", "line 2: system and code must not be empty"),
        (HEADER + "urn:x,a,,\n", "line 2: display is empty"),
        (HEADER + "urn:x,a,A,\nurn:x,a,B,\n", "line 3: the code 'a' stands twice"),
        (HEADER + "urn:x,a,A,b\n", "has a parent 'b' that is no row"),
        (HEADER + "urn:x,a,A,b\nurn:x,b,B,a\n", "is above itself"),
        (HEADER + 'urn:x,"a,A,\n', "not a CSV file"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, says: str) -> None:
    """Whatever is wrong with a file stops its reading, and is told with its place."""
    folder = tmp_path / "terminology" / "systems"
    folder.mkdir(parents=True)
    (folder / "ours.csv").write_text(text)
    with pytest.raises(Invalid, match=r"line|urn") as caught:
        ShippedSystems.load(DataFiles(tmp_path))
    assert says in str(caught.value)
    assert caught.value.code == "bad-system"


def test_a_deployment_adds_its_own(tmp_path: Path, shipped: ShippedSystems) -> None:
    """A new file is added to the shipped ones; `*` says that there are more codes than these."""
    folder = tmp_path / "terminology" / "systems"
    folder.mkdir(parents=True)
    (folder / "ours.csv").write_text(HEADER + "urn:x,a,A,\nurn:x,b,B,a\nurn:x,*,,\n")
    found = ShippedSystems.load(DataFiles(tmp_path))
    assert found.systems.keys() == {*shipped.systems, "urn:x"}
    assert not found.systems["urn:x"].complete
    assert found.systems["urn:x"].subsumes("a", "b")
