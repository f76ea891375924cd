"""Of a person who was asked about over HTTP, nothing can be read in what the deployment has on its disk."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from tests.functional.deployment import ADA, Deployment
from tests.unit.identity.test_erasing import files_of

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM

SECRETS = (ADA.value, ADA.spaced, "O'Sample", "O'SAMPLE", "O&#x27;Sample")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_of_whoever_was_asked_about_nothing_can_be_read(
    fresh: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by number, searched in pages, read whole and as a document: neither number nor name stands in the
    database, its log, the heads of the audit, or a temporary file."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    subject = await fresh.subject()
    found = await fresh.get("Patient", identifier=f"{NHS_NUMBER_SYSTEM}|{ADA.value}")
    assert "O'Sample" in str(found.body)
    pages = await fresh.get("Observation", patient=subject, _count="1")
    following = pages.link("next")
    assert following is not None
    for address in (following, f"Patient/{subject}/$everything", f"Patient/{subject}/$summary"):
        assert (await fresh.get(address)).status == 200
    looked = 0
    for path, content in files_of(tmp_path):
        looked += len(content)
        assert not [secret for secret in SECRETS if secret.encode() in content], path
    assert looked > 100_000
