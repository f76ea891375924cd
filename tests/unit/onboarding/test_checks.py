"""The gate `configured`: what it looks at in a provider's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from scr.data import DataFiles
from scr.fhir.identifiers import OdsCode
from scr.onboarding.checks import check_configured
from scr.settings import Settings

PROVIDER = """\
organisation: {ods: ZZC01, name: Example Council, type: council}
feeds:
  - name: care
    adapter: client-level-data
    connection: {kind: mesh, url: "https://m.test", mailbox: A1, password: "file:p", shared_key: "file:k",
      workflow_ids: [W]}
"""


@pytest.mark.parametrize(("missing", "passed"), [("", True), ("p", False), ("k", False)])
def test_the_secrets_of_a_mailbox_have_to_be_there(tmp_path: Path, missing: str, passed: bool) -> None:
    """Each is named by its reference, and told by no value."""
    (tmp_path / "adapters/providers").mkdir(parents=True)
    (tmp_path / "adapters/providers/ZZC01.yaml").write_text(PROVIDER, encoding="utf-8")
    for name in {"p", "k"} - {missing}:
        (tmp_path / name).write_text("very-secret", encoding="utf-8")
    report = check_configured(DataFiles(tmp_path), Settings(home=tmp_path), OdsCode("ZZC01"))
    assert report.passed is passed
    assert f"file:{missing or 'p'}" in report.text
    assert "very-secret" not in report.text
