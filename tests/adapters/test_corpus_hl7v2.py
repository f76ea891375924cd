"""Every HL7 v2 message of the corpus: read or refused with a place, claimed, and mapped or given a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class

from scr.data import DataFiles
from scr.decode.hl7v2 import Message, acknowledge, decode, parse
from scr.decode.tree import BadUnit, Unit
from scr.fhir.identifiers import OdsCode
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.run import Mapped, MappingContext, claim, map_unit

pytestmark = pytest.mark.corpus

FILES = ("itk", "simhospital")


@cache
def adapter(name: str) -> Adapter:
    """An adapter that is shipped."""
    return load_adapter(DataFiles(), name)


def units(corpus: Path, *folders: str) -> Iterator[tuple[str, Unit | BadUnit]]:
    """Every message of some folders, with where it stands."""
    for folder in folders:
        for path in sorted((corpus / "acute" / folder).glob("*.hl7")):
            for unit in decode(path.read_bytes()):
                yield f"{folder}/{path.name}, {unit.place}", unit


def message(unit: Unit | BadUnit) -> Message:
    """The tree of a good unit."""
    assert isinstance(unit, Unit)
    assert isinstance(unit.tree, Message)
    return unit.tree


def mapped(unit: Unit, by: Adapter) -> Mapped:
    """What an adapter makes of a message."""
    return map_unit(by, unit, MappingContext(OdsCode("X99999"), "the-person", b"key", 0, by.maps))


def adapter_for(tree: Message) -> Adapter:
    """The adapter that a provider of both would have for a message."""
    return adapter("lab-oru" if tree.type.startswith("ORU") else "pas-adt")


def test_every_message_is_read_or_refused_with_its_place(corpus: Path) -> None:
    """Whole files, byte order marks, batches: nothing raises, nothing is left out, any is acknowledged."""
    read: Counter[str] = Counter()
    for where, unit in units(corpus, "itk", "simhospital", "microsoft"):
        if isinstance(unit, BadUnit):
            assert unit.error.where, where
            continue
        read[where.split("/")[0]] += 1
        assert parse(acknowledge(unit.raw, "AA"))["MSA"]["acknowledgement_code"] == "AA", where
    files = len(list((corpus / "acute" / "microsoft").glob("*.hl7")))
    assert read == {"itk": 5, "simhospital": 700, "microsoft": files}


def test_every_field_that_is_filled_can_be_walked(corpus: Path) -> None:
    """Each cell with something in it comes out of its segment, by name or number."""
    for where, unit in units(corpus, "itk", "simhospital", "microsoft"):
        for segment in message(unit).segments:
            filled = {n for n, cell in enumerate(segment.cells) if n and cell.strip('^~&" ')}
            found = {n for n in filled if segment.get(str(n)) not in (None, [])}
            assert filled - found <= ({2} if segment.name in {"MSH", "BHS", "FHS"} else set()), where


def test_every_admission_and_result_is_mapped_or_has_a_reason(corpus: Path) -> None:
    """Claimed and mapped, or without an NHS Number, or declined by a named rule: a fourth does not exist."""
    outcomes: Counter[str] = Counter()
    for where, unit in units(corpus, *FILES):
        tree = message(unit)
        assert isinstance(unit, Unit)
        told = claim(adapter_for(tree), unit)
        if told.declined or told.problem:
            outcomes[told.declined or told.problem] += 1
            continue
        assert told.demographics.family, where
        assert mapped(unit, adapter_for(tree)).entries, where
        outcomes["mapped"] += 1
    assert outcomes.total() == 705
    assert set(outcomes) <= {
        "mapped",
        "unsupported-message",
        "merge-needs-review",
        "no-nhs-number",
        "bad-nhs-number",
    }
    assert outcomes["mapped"] > 690


def test_no_part_of_a_message_is_dropped(corpus: Path) -> None:
    """As many results, reports, allergies, contacts and diagnoses as there are segments that tell of them."""
    for where, unit in units(corpus, *FILES):
        tree = message(unit)
        assert isinstance(unit, Unit)
        told = claim(adapter_for(tree), unit)
        if told.declined or told.problem:
            continue
        made = Counter(entry.type for entry in mapped(unit, adapter_for(tree)).entries)
        if tree.type.startswith("ORU"):
            expected = {"Observation": "OBX", "DiagnosticReport": "OBR", "Specimen": "SPM"}
        else:
            expected = {"AllergyIntolerance": "AL1", "RelatedPerson": "NK1", "Condition": "DG1"}
        for kind, segment in expected.items():
            assert made[kind] == len(tree[segment]), f"{where}: {kind}"


def test_what_is_made_is_valid_r4(corpus: Path) -> None:
    """By the models of fhir.resources, which raise: all of ITK, one in five of the others."""
    validated = 0
    for number, (_, unit) in enumerate(units(corpus, *FILES)):
        tree = message(unit)
        assert isinstance(unit, Unit)
        told = claim(adapter_for(tree), unit)
        if told.declined or told.problem or (number >= 5 and number % 5):
            continue
        validated += 1
        for entry in mapped(unit, adapter_for(tree)).entries:
            get_fhir_model_class(entry.type).model_validate(orjson.loads(entry.body))
    assert validated > 100


def test_a_month_13_is_noted_and_not_served(corpus: Path) -> None:
    """One ITK sample has an impossible date of birth: the Patient has none, and the field is named."""
    found = False
    for where, unit in units(corpus, "itk"):
        tree = message(unit)
        birth = (tree.get("PID") or {}).get("date_of_birth") or ""
        if birth[4:6] != "13":
            continue
        found = True
        assert isinstance(unit, Unit)
        result = mapped(unit, adapter_for(tree))
        patient = next(orjson.loads(entry.body) for entry in result.entries if entry.type == "Patient")
        assert "birthDate" not in patient, where
        assert any("date_of_birth" in field for field in result.unread)
    assert found
