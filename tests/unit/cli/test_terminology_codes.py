"""``scr terminology lookup`` and ``expand``: readable, and ended with a code that a script can use."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.terminology.operations.small import ASTHMA, CHILDHOOD, FINDING, GONE, REFSET, SMALL
from typer.testing import CliRunner, Result

from scr.cli.app import command_line
from scr.errors import Invalid, NotFound
from scr.terminology.systems import SNOMED_CT


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment's folder with the small release in force."""
    home = tmp_path_factory.mktemp("home")
    SMALL.put_in_force(home)
    return home


def run(home: Path, *arguments: str) -> Result:
    """One verb of ``scr terminology``."""
    return CliRunner().invoke(
        command_line(["terminology"]),
        ["--home", str(home), "terminology", *arguments],
        env={"COLUMNS": "120"},
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((CHILDHOOD,), ["Childhood asthma", f"{ASTHMA}  Asthma", "finding site", "Lung structure"]),
        ((ASTHMA, "--system", "snomed"), ["Bronchial asthma", "maps to", "J459", f"child {CHILDHOOD}"]),
        ((ASTHMA, "--system", SNOMED_CT), ["Bronchial asthma"]),
        ((GONE,), ["no longer used", "replaced-by", "Asthma"]),
        (("male",), ["Male", "administrative-gender"]),
    ],
)
def test_a_code_is_explained(home: Path, arguments: tuple[str, ...], says: list[str]) -> None:
    """By its system or in every one: terms, what is around it, what maps make of it."""
    result = run(home, "lookup", *arguments)
    assert result.exit_code == 0, result.output
    plain = " ".join(result.stdout.split())
    assert all(" ".join(each.split()) in plain for each in says), result.stdout


@pytest.mark.parametrize(
    ("arguments", "codes", "says"),
    [
        ((f"< {FINDING}",), [ASTHMA, CHILDHOOD], "1 to 2 of 2."),
        ((f"< {FINDING}", "--filter", "child"), [CHILDHOOD], "1 to 1 of 1."),
        ((f"< {FINDING}", "--count", "1", "--offset", "1"), [CHILDHOOD], "2 to 2 of 2."),
        ((f"{SNOMED_CT}?fhir_vs", "--filter", "asth", "--count", "1"), [ASTHMA], "there are more."),
        ((f"^ {REFSET}", "--active"), [ASTHMA], "1 to 1 of 1."),
        (
            ("http://hl7.org/fhir/ValueSet/administrative-gender", "--filter", "fem"),
            ["female"],
            "1 to 1 of 1.",
        ),
    ],
)
def test_codes_are_listed(home: Path, arguments: tuple[str, ...], codes: list[str], says: str) -> None:
    """By an expression or an address, filtered and page by page."""
    result = run(home, "expand", *arguments)
    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in result.stdout.splitlines()[1:-1]] == codes
    assert result.stdout.splitlines()[-1].endswith(says)


def test_nothing_found_ends_with_one(home: Path) -> None:
    """An expansion without codes is told, and a script sees it."""
    result = run(home, "expand", f"< {CHILDHOOD}")
    assert (result.exit_code, result.stdout.strip()) == (1, "None of 0.")


def test_what_cannot_be_answered_is_an_error(home: Path) -> None:
    """A code that nobody has, an expression that cannot be read."""
    with pytest.raises(NotFound, match="scr terminology status"):
        raise run(home, "lookup", "nothing").exception or AssertionError
    with pytest.raises(Invalid, match="character 2"):
        raise run(home, "expand", "<").exception or AssertionError


def test_an_expression_is_read_before_anything_is_loaded(tmp_path: Path) -> None:
    """Without a release a wrong expression is told to be wrong; a right one, what is missing."""
    with pytest.raises(Invalid, match="character 2"):
        raise run(tmp_path, "expand", "<").exception or AssertionError
    with pytest.raises(NotFound, match="load a release"):
        raise run(tmp_path, "expand", f"< {ASTHMA}").exception or AssertionError
