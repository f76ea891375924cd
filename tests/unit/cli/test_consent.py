"""``scr consent labels``: which labels a code brings, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.small_release import Small, SmallMap, SmallRelease
from typer.testing import CliRunner

from scr.cli.app import command_line
from scr.cli.config import init
from scr.terminology.release.current import folder_of, switch
from scr.terminology.systems import READ_V2, SNOMED_CT

SET, MEMBER = "999004381000000103", "56265001"
NO_RELEASE = "No terminology release is loaded"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A deployment that has loaded nothing."""
    init(tmp_path / "home")
    return tmp_path / "home"


def said(home: Path, *words: str) -> str:
    """What the verb prints; the message of what it refuses."""
    arguments = ["--home", str(home), "consent", "labels", *words]
    result = CliRunner().invoke(command_line(arguments), arguments)
    return result.output if result.exception is None else str(result.exception)


def test_every_label_is_listed(home: Path) -> None:
    """With its level, its kind, its law."""
    told = said(home)
    assert all(name in told for name in ("hiv", "termination", "gender-recognition-act", "pregnancy"))
    assert NO_RELEASE in told


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("86406008", ("hiv (R, HIV)", SNOMED_CT, "labels.yaml")),
        ("A788.", ("hiv (R, HIV)", READ_V2, "A788*")),
        ("1364751000000106", ("online-review-lifted (no confidentiality)",)),
    ],
)
def test_a_code_of_the_lists_is_explained(home: Path, code: str, words: tuple[str, ...]) -> None:
    """Its label, its system, and the row of the list."""
    told = said(home, code)
    assert all(word in told for word in words)


def test_a_code_that_nobody_knows_is_refused_with_what_that_means(home: Path) -> None:
    """An entry that says no more than this code is unclassified."""
    assert "unclassified" in said(home, "73211009")
    assert "unclassified" in said(home, "86406008", "--system", READ_V2)


def test_a_code_of_the_release_is_explained_by_the_reference_set(home: Path) -> None:
    """And one of another system by the code that it stands for."""
    release = SmallRelease(
        concepts={
            SNOMED_CT: {
                "138875005": Small("Root"),
                SET: Small("A set", ["138875005"]),
                MEMBER: Small("Member", ["138875005"]),
                "73211009": Small("Diabetes", ["138875005"]),
            }
        },
        refsets={SET: [MEMBER]},
        maps=[SmallMap("read", READ_V2, SNOMED_CT, {"K15..": [MEMBER]})],
    )
    folder = folder_of(home)
    folder.mkdir(exist_ok=True)
    switch(folder, release.write(folder / "release-a.sqlite"))
    assert f"reference set {SET}" in said(home, MEMBER)
    told = said(home, "K15..")
    assert f"by {MEMBER}" in told
    assert NO_RELEASE not in told
    assert "73211009 brings no label" in said(home, "73211009")
