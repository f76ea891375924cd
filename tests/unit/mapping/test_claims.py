"""Profiles are claimed only where they hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from scr.data import DataFiles, packaged_root
from scr.fhir.entry import Resource
from scr.fhir.profiles.check import Checker
from scr.fhir.profiles.tree import profile_of
from scr.mapping.claims import ProfileClaims
from scr.mapping.uk_core import PROFILES, load_requirements
from scr.terminology.profiles import FOLDER, load_profiles

STEP = ProfileClaims(load_requirements(DataFiles()), {})
REPORT = "http://terminology.hl7.org/CodeSystem/v2-0074|LAB"
LAB = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"


def resource(kind: str, *claims: str, **more: object) -> Resource:
    """A resource that claims profiles, those of UK Core by name."""
    urls = [one if ":" in one else PROFILES + one for one in claims]
    return {"resourceType": kind, "id": "x", "meta": {"profile": urls, "source": "s"}, **more}


def category(token: str) -> list[Resource]:
    """A category."""
    system, _, code = token.rpartition("|")
    return [{"coding": [{"system": system, "code": code}]}]


CLAIMS = [
    (resource("Patient", "UKCore-Patient"), True),
    (resource("Patient", "UKCore-Patient|2.6.1"), True),
    (resource("Patient", "UKCore-Condition"), False),
    (resource("AllergyIntolerance", "UKCore-AllergyIntolerance", code={"text": "a"}), True),
    (resource("AllergyIntolerance", "UKCore-AllergyIntolerance"), False),
    (resource("MedicationRequest", "UKCore-MedicationRequest"), False),
    (resource("MedicationRequest", "UKCore-MedicationRequest", substitution={"allowedBoolean": True}), True),
    (resource("Observation", "UKCore-Observation-Lab", category=category(LAB), status="final"), True),
    (resource("Observation", "UKCore-Observation-Lab", category=category("x|laboratory")), False),
    (resource("DiagnosticReport", "UKCore-DiagnosticReport-Lab", category=category(REPORT)), True),
    (resource("Observation", "UKCore-Observation-ACVPU", status="final"), False),
    (resource("Observation", "UKCore-Observation-BloodGlucose", status="final"), False),
    (resource("Observation", "UKCore-Observation"), True),
    (resource("Patient", "UKCore-Nobody"), False),
    (resource("Patient", "https://other.test/StructureDefinition/some"), True),
]  # fmt: skip


@pytest.mark.parametrize(("told", "holds"), CLAIMS, ids=range(len(CLAIMS)))
def test_a_claim_stays_where_it_holds(told: Resource, holds: bool) -> None:
    """Else it goes, and nothing but it; what others than UK Core ask for is for them to say."""
    kept = [told]
    assert STEP(kept) == []
    without = {**told, "meta": {"source": "s"}}
    assert kept == [told if holds else without]
    again = list(kept)
    STEP(again)
    assert again == kept


def test_a_loaded_profile_decides() -> None:
    """Its own rules, where a deployment has it, whoever published it."""
    url = "https://other.test/StructureDefinition/some"
    row = {"id": "Patient.birthDate", "path": "Patient.birthDate", "min": 1}
    made = profile_of(
        {
            "resourceType": "StructureDefinition",
            "url": url,
            "type": "Patient",
            "differential": {"element": [row]},
        }
    )
    step = ProfileClaims((), {url: made})
    without, with_it = resource("Patient", url), resource("Patient", url, birthDate="1941")
    resources = [without, with_it]
    step(resources)
    assert resources == [{**without, "meta": {"source": "s"}}, with_it]


def _claiming(node: Any) -> Iterator[Resource]:
    if isinstance(node, dict):
        if isinstance(node.get("meta"), dict) and node["meta"].get("profile"):
            yield node
        node = list(node.values())
    for one in node if isinstance(node, list) else ():
        yield from _claiming(one)


@pytest.mark.corpus
def test_what_adapters_claim_holds_by_the_published_profiles(corpus: Path, tmp_path: Path) -> None:
    """Every claim of every shipped sample, which all stay."""
    folder = tmp_path.joinpath(*FOLDER)
    folder.parent.mkdir()
    folder.symlink_to(corpus / "ukcore" / "structuredefinitions")
    checker = Checker(load_profiles(tmp_path), lambda _: None)
    claims = 0
    for path in sorted((packaged_root() / "adapters").glob("*/samples/*.expected.json")):
        for one in _claiming(orjson.loads(path.read_bytes())):
            kept = [one]
            STEP(kept)
            assert kept == [one], path
            for url in one["meta"]["profile"]:
                assert not [f for f in checker.check(one, url) if f.severity == "error"], (path, url)
                claims += 1
    assert claims > 100
