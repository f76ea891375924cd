"""Every HL7 v2 message of the corpus: read or refused with a place, claimed, and mapped or given a reason."""

from __future__ import annotations

import base64
import re
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


ADAPTERS = {
    "ADT": "pas-adt",
    "MDM": "documents-mdm",
    "OML": "orders-oml",
    "ORM": "orders-oml",
    "ORU": "lab-oru",
    "REF": "referrals-ref",
    "SIU": "scheduling-siu",
    "VXU": "vaccinations-vxu",
}


def adapter_for(tree: Message) -> Adapter:
    """The adapter that a provider of all of them would have for a message."""
    return adapter(ADAPTERS[tree.type[:3]])


def with_number(raw: bytes) -> bytes:
    """A message of another country, as if its patient had an NHS Number too."""
    return re.sub(rb"([\r\n]PID\|[^|]*\|[^|]*\|)", rb"\g<1>9990000018^^^NHS^NH~", raw)


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
    assert set(outcomes) <= {"mapped", "merge-needs-review", "no-nhs-number", "bad-nhs-number"}
    assert outcomes["mapped"] > 695


PARTS = {
    "ADT": {"AllergyIntolerance": "AL1", "RelatedPerson": "NK1", "Condition": "DG1"},
    "MDM": {"DocumentReference": "TXA"},
    "OML": {"ServiceRequest": "OBR", "Specimen": "SPM"},
    "ORM": {"ServiceRequest": "OBR"},
    "ORU": {"Observation": "OBX", "DiagnosticReport": "OBR", "Specimen": "SPM"},
    "REF": {"ServiceRequest": "RF1", "AllergyIntolerance": "AL1", "Condition": "DG1", "Procedure": "PR1"},
    "SIU": {"Appointment": "SCH"},
    "VXU": {"Immunization": "RXA"},
}
"""The resources of which there is one for each segment."""


def test_no_part_of_a_message_is_dropped(corpus: Path) -> None:
    """As many results, reports, allergies, contacts and diagnoses as there are segments that tell of them."""
    for where, unit in units(corpus, *FILES):
        tree = message(unit)
        assert isinstance(unit, Unit)
        told = claim(adapter_for(tree), unit)
        if told.declined or told.problem:
            continue
        made = Counter(entry.type for entry in mapped(unit, adapter_for(tree)).entries)
        sent = Counter(segment.name for segment in tree.segments)
        for kind, segment in PARTS[tree.type[:3]].items():
            assert made[kind] == sent[segment], f"{where}: {kind}"


def test_messages_of_another_country_map_too_or_are_declined_for_a_reason(corpus: Path) -> None:
    """Documents, appointments, referrals, orders and vaccinations, given an NHS Number: one resource for each
    segment that tells of one, all of them valid."""
    outcomes: Counter[str] = Counter()
    for path in sorted((corpus / "acute" / "microsoft").glob("*.hl7")):
        for unit in decode(with_number(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))):
            tree = message(unit)
            if tree.type[:3] not in ADAPTERS.keys() - {"ADT", "ORU"}:
                continue
            assert isinstance(unit, Unit)
            told = claim(adapter_for(tree), unit)
            assert told.nhs_number is not None, path.name
            outcomes[told.declined or tree.type[:3]] += 1
            if told.declined:
                continue
            entries = mapped(unit, adapter_for(tree)).entries
            made = Counter(entry.type for entry in entries)
            for kind, segment in PARTS[tree.type[:3]].items():
                assert made[kind] == sum(each.name == segment for each in tree.segments), (
                    f"{path.name}: {kind}"
                )
            for entry in entries:
                get_fhir_model_class(entry.type).model_validate(orjson.loads(entry.body))
    assert outcomes == {"document-without-content": 6, "SIU": 7, "REF": 2, "OML": 1, "ORM": 1, "VXU": 1}


def test_a_documents_text_is_all_of_its_lines(corpus: Path) -> None:
    """Each line of OBX-5 stands in the attachment, in its order."""
    read = 0
    for where, unit in units(corpus, "simhospital"):
        tree = message(unit)
        if not tree.type.startswith("MDM"):
            continue
        assert isinstance(unit, Unit)
        bodies = [orjson.loads(entry.body) for entry in mapped(unit, adapter_for(tree)).entries]
        document = next(body for body in bodies if body["resourceType"] == "DocumentReference")
        text = base64.b64decode(document["content"][0]["attachment"]["data"]).decode()
        assert text.split("\n") == [result.cells[5] for result in tree["OBX"]], where
        read += 1
    assert read == 2


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
