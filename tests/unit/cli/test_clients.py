"""``scr clients``: register, list, disable, change the signing key."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.api.oauth.systems import EC, key_set
from typer.testing import CliRunner

from scr.cli.app import command_line
from scr.errors import Conflict, Invalid, NotFound, ScrError

RUN = CliRunner()


def scr(*arguments: str) -> str:
    """What a verb prints. Raises what it fails with."""
    result = RUN.invoke(command_line(arguments), list(arguments), terminal_width=200)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def home(tmp_path: Path) -> str:
    """A new deployment."""
    scr("init", str(tmp_path / "home"))
    return str(tmp_path / "home")


def test_a_client_is_registered_listed_and_disabled(home: str, tmp_path: Path) -> None:
    """Once under an id, also after it was disabled."""
    keys = tmp_path / "keys.json"
    keys.write_bytes(key_set(EC))
    assert "No client" in scr("--home", home, "clients", "list")
    add = (
        "--home", home, "clients", "add", "lab", "--name", "The laboratory", "--organisation", "RXX",
        "--scope", "system/Observation.rs", "--scope", "system/Patient.r", "--keys", str(keys),
    )  # fmt: skip
    assert "/auth/token" in scr(*add)
    listed = scr("--home", home, "clients", "list")
    assert "lab" in listed
    assert "RXX" in listed
    with pytest.raises(Conflict):
        scr(*add)
    assert "disabled" in scr("--home", home, "clients", "disable", "lab")
    with pytest.raises(NotFound):
        scr("--home", home, "clients", "disable", "lab")
    with pytest.raises(Conflict):
        scr(*add)


def test_an_app_is_registered_with_where_it_is_answered(home: str) -> None:
    """A public one needs no keys; the operator is told where it sends people; the list says what it is."""
    add = (
        "--home", home, "clients", "add", "chart", "--kind", "app", "--public", "--name", "Growth chart",
        "--organisation", "ZZS01", "--scope", "user/*.rs",
    )  # fmt: skip
    with pytest.raises(Invalid, match="an address at least"):
        scr(*add)
    assert "/auth/authorize" in scr(*add, "--redirect-uri", "https://app.example/back")
    assert "none: public" in scr("--home", home, "clients", "list")
    with pytest.raises(Invalid, match="--kind app"):
        scr(*add[:4], "pas", *add[8:], "--redirect-uri", "https://app.example/back")


@pytest.mark.parametrize(
    "changes",
    [("--organisation", "no code!"), ("--keys", "nowhere.json"), ("--scope", "user/*.rs")],
    ids=["organisation", "keys", "scope"],
)
def test_what_cannot_work_is_refused(home: str, changes: tuple[str, str]) -> None:
    """With the sentence of whoever looked at it."""
    given = ["--name", "x", "--organisation", "RXX", "--scope", "system/*.rs"]
    keys = [] if changes[0] == "--keys" else ["--keys-url", "https://keys.example/jwks"]
    with pytest.raises(Invalid):
        scr("--home", home, "clients", "add", "lab", *given, *keys, *changes)
    assert "No client" in scr("--home", home, "clients", "list")


def test_the_signing_key_is_made_and_changed(home: str) -> None:
    """`init` makes the first; a change keeps the one before."""
    path = Path(home) / "keys" / "signing.json"
    before = path.read_bytes()
    assert str(path) in scr("--home", home, "clients", "rotate-key").replace("\n", "")
    assert len(path.read_bytes()) > len(before)


def test_keys_that_are_no_file_are_changed_elsewhere(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those in the environment are not ours to write."""
    monkeypatch.setenv("SCR_SIGNING_KEYS", "env:KEYS")
    with pytest.raises(ScrError):
        scr("--home", home, "clients", "rotate-key")
