"""The suppliers are the other side: what they write is not written with what reads it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import scr.demo

FOLDER = Path(scr.demo.__file__).parent
ALLOWED = {"scr.demo", "scr.errors", "scr.fhir.identifiers"}
DEPLOYS = {
    "deploy.py": {"scr.api.oauth.signing", "scr.data", "scr.store.audit.signing", "scr.store.keys"},
    "run.py": {"scr.onboarding.register"},
}
"""Writing a deployment is not playing a supplier."""
PEOPLE = {"stories.py"}
"""What people do there is no supplier's."""


@pytest.mark.parametrize(
    "file", sorted(one for one in FOLDER.rglob("*.py") if one.name not in PEOPLE), ids=lambda file: file.stem
)
def test_suppliers_use_none_of_scrs_own_readers(file: Path) -> None:
    """Of scr they import its errors and identifiers, nothing that decodes, maps or asks."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    allowed = ALLOWED | DEPLOYS.get(file.name, set())
    ours = {module for module in modules if module.split(".")[0] == "scr"}
    assert not {module for module in ours if module not in allowed and not module.startswith("scr.demo.")}
