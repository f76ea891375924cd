"""``scr consent diff``: what a proposed policy opens and closes, and which looks it would have refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scr.api.services import open_database, open_keys
from scr.cli.app import command_line
from scr.cli.config import init
from scr.data import packaged_root
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.identity import index
from scr.settings import load
from scr.store.trail import AuditRow, append

NUMBER = "9995100002"
NOON = 1_780_315_200_000


def policy(folder: Path, *changes: tuple[str, str, str]) -> Path:
    """A folder with the packaged policy, but for some text of some files."""
    shutil.copytree(packaged_root() / "consent", folder / "consent")
    for name, right, wrong in changes:
        path = folder / "consent" / name
        text = path.read_text(encoding="utf-8")
        assert right in text
        path.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    return folder


KNOWN = ("agreements.yaml", "organisations: {}", "organisations: {ZZG01: gp-practice}")
CLINICAL = "{name: Clinical Practitioner Access Role, activities: [B0360"
NARROWER = ("roles.yaml", CLINICAL, CLINICAL.replace("B0360", "B0370"))
NO_EMERGENCY = ("breakglass.yaml", "B0168: {lifts: [relationship, label]}", "B0168: {lifts: [label]}")
NO_CARE_MANAGEMENT = ("roles.yaml", "purposes: [TREAT, ETREAT, CAREMGT]", "purposes: [TREAT, ETREAT]")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A deployment with nobody in it."""
    init(tmp_path / "home")
    return tmp_path / "home"


def said(home: Path, *words: str) -> str:
    """What the verb prints, its lines joined; the message of what it refuses."""
    arguments = ["--home", str(home), "consent", "diff", *words]
    result = CliRunner().invoke(command_line(arguments), arguments, env={"COLUMNS": "400"})
    return result.output if result.exception is None else str(result.exception)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (NARROWER, ("R8000 at", "documents", "activities")),
        (NO_EMERGENCY, ("breakglass.yaml", "what a broken glass lifts label relationship becomes label")),
        (NO_CARE_MANAGEMENT, ("gp-practice for CAREMGT",)),
        (
            ("agreements.yaml", "    to: [council]", "    to: [laboratory]"),
            ("council for TREAT", "laboratory"),
        ),
        (("roles.yaml", "  R8001:", "  R8901:"), ("R8901", "is new", "R8001", "is not known any more")),
    ],
)
def test_what_the_files_say_otherwise_is_told(
    home: Path, tmp_path: Path, change: tuple[str, str, str], words: tuple[str, ...]
) -> None:
    """By job role and type of organisation; the same policy says the same."""
    old, new = policy(tmp_path / "old"), policy(tmp_path / "new", change)
    told = said(home, str(old), str(new))
    assert [word for word in words if word not in told] == []
    assert "The two say the same." in said(home, str(old), str(old / "consent"))


def test_the_looks_of_the_audit_are_decided_again(home: Path, tmp_path: Path) -> None:
    """An urgent look that would have been refused is counted; nobody is named; erased people are left out."""
    settings = load({"home": home}).settings
    database, number = open_database(settings), NHSNumber.parse(NUMBER)
    keys = open_keys(settings)
    person = database.write_now(lambda conn: index.register(conn, keys, number, Demographics(), 0))
    looks = [("BTG", person.key), ("TREAT", person.key), ("TREAT", "somebody who was erased")]
    for purpose, key in looks:
        row = AuditRow(
            NOON, "i|1", "R", "Patient", "success", key, role="R8000", organisation="ZZG01", purpose=purpose
        )
        database.write_now(lambda conn, row=row: append(conn, row))  # type: ignore[misc]
    database.close()
    old, new = policy(tmp_path / "old", KNOWN), policy(tmp_path / "new", KNOWN, NO_EMERGENCY)
    told = said(home, str(old), str(new), "--audit")
    assert "2 looks were decided again; 1 could not be." in told
    assert "break-glass becomes no-relationship" in told
    assert "1 urgent looks that were permitted would be refused." in told
    assert "What this cannot know" in told
    assert person.key not in told


def test_a_folder_without_a_policy_is_refused(home: Path, tmp_path: Path) -> None:
    """It says what it looked for."""
    assert "no folder `consent`" in said(home, str(tmp_path), str(tmp_path))
