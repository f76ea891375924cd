"""What the tests of the sources start from: a person, an adapter of each version, payloads about them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from tests.unit.sources.people import BIRTH, MARGARET

from scr.consent.actor import Actor, ActorKind
from scr.data import DataFiles
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, OdsCode
from scr.mapping.adapter import Adapter, load_adapter
from scr.sources.asking import Limits
from scr.sources.pipeline import Reader
from scr.sources.protocol import Question

ODS = OdsCode("A81001")
NAME = "Example Surgery"
SUBJECT = "margaretmargaretmargaret00"
KNOWN = Demographics(family="Okafor", given=("Margaret",), birth_date=BIRTH, sex="female")
NOW = 1_770_000_000_000
ACTOR = Actor(
    kind=ActorKind.PROFESSIONAL,
    subject="https://issuer.example|u1",
    name="Ann Lee",
    role="R8000",
    organisation=OdsCode("RX1"),
    organisation_name="Example Trust",
    user_id="555000000001",
)

Tree = dict[str, Any]

_ADAPTER = """
supplier: {{name: Example, product: Example, setting: {setting}}}
decode: {{format: fhir-json, version: {version}}}
headings: [demographics, allergies, medications, problems, contacts, findings, results, documents]
resources: all
"""


def adapter(home: Path, version: str) -> Adapter:
    """An adapter that takes FHIR of a version as it is, from a deployment's folder."""
    folder = home / "adapters" / version.lower()
    folder.mkdir(parents=True, exist_ok=True)
    setting = "primary-care" if version == "STU3" else "regional"
    (folder / "adapter.yaml").write_text(_ADAPTER.format(version=version, setting=setting), encoding="utf-8")
    return load_adapter(DataFiles(home), version.lower())


def reader(home: Path, version: str = "STU3", ods: OdsCode = ODS) -> Reader:
    """How a provider's payloads are read here."""
    return Reader(ods, NAME, adapter(home, version), id_key=b"k" * 32, clock=lambda: NOW)


def limits(seconds: float = 60.0, attempts: int = 1, slots: int = 8, max_bytes: int = 2 * 2**20) -> Limits:
    """Generous limits, for a test that is not about them."""
    return Limits(seconds, attempts, asyncio.Semaphore(slots), max_bytes)


def question(seconds: float = 60.0, known: Demographics | None = KNOWN) -> Question:
    """About Margaret, from a clinician, with a deadline so many seconds from now."""
    loop = asyncio.get_running_loop()
    return Question(
        nhs_number=MARGARET,
        person="p1",
        subject=SUBJECT,
        actor=ACTOR,
        deadline=loop.time() + seconds,
        known=(known,) if known else (),
        trace_id="2f7c4c5e-0000-4000-8000-000000000001",
    )


def patient(number: NHSNumber = MARGARET, logical: str = "pat-1", **more: object) -> Tree:
    """A Patient, the same in STU3 and R4."""
    return {
        "resourceType": "Patient",
        "id": logical,
        "identifier": [{"system": NHS_NUMBER_SYSTEM, "value": number.value}],
        "name": [{"use": "official", "family": "Okafor", "given": ["Margaret"]}],
        "gender": "female",
        "birthDate": BIRTH,
        **more,
    }


def problem(version: str = "STU3", logical: str = "c1", about: str = "Patient/pat-1") -> Tree:
    """A Condition in the shape of a version."""
    active: object = "active"
    if version == "R4":
        system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
        active = {"coding": [{"system": system, "code": "active"}]}
    return {
        "resourceType": "Condition",
        "id": logical,
        "clinicalStatus": active,
        "code": {
            "coding": [{"system": "http://snomed.info/sct", "code": "38341003"}],
            "text": "Hypertension",
        },
        "subject": {"reference": about},
    }


def gp_list(code: str, *warnings: str) -> Tree:
    """A List of a GP Connect answer, with its warnings."""
    base = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-ListWarningCode-1"
    return {
        "resourceType": "List",
        "status": "current",
        "mode": "snapshot",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": code}]},
        "subject": {"reference": "Patient/pat-1"},
        "extension": [{"url": base, "valueCode": warning} for warning in warnings],
    }


def outcome(*issues: Tree) -> Tree:
    """An OperationOutcome."""
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def spine_error(code: str, severity: str = "error", diagnostics: str = "") -> Tree:
    """An issue with a code of the Spine."""
    system = "https://fhir.nhs.uk/STU3/CodeSystem/Spine-ErrorOrWarningCode-1"
    issue: Tree = {"severity": severity, "code": "processing"}
    issue["details"] = {"coding": [{"system": system, "code": code}]}
    return {**issue, "diagnostics": diagnostics} if diagnostics else issue


def bundle(*resources: Tree, kind: str = "collection", **more: object) -> bytes:
    """A Bundle in JSON."""
    entries = [{"resource": resource} for resource in resources]
    return orjson.dumps({"resourceType": "Bundle", "type": kind, "entry": entries, **more})


def changed(change: Callable[[Tree], object], tree: Tree) -> Tree:
    """A tree after a change to it."""
    change(tree)
    return tree
