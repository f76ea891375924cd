"""Settings: which value counts, where it came from, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.settings.document import PAGE, page

from scr.errors import Invalid
from scr.settings import PREFIX, Issuer, Settings, hand_down, load


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment's folder, and an environment in which nothing is set but its place."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SCR_HOME", str(tmp_path))
    return tmp_path


_LAYERS = ("file", "environment", "command line")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(layers=st.sets(st.sampled_from(_LAYERS)))
def test_the_nearest_value_counts(home: Path, layers: set[str]) -> None:
    """The command line, then the environment, then the file, then the default; and which it was is known."""
    ports = {"file": 1111, "environment": 2222, "command line": 3333}
    file = home / "scr.toml"
    file.write_text(f"http_port = {ports['file']}\n" if "file" in layers else "", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        if "environment" in layers:
            patch.setenv("SCR_HTTP_PORT", str(ports["environment"]))
        loaded = load({"http_port": ports["command line"]} if "command line" in layers else {})
    nearest = next((layer for layer in reversed(_LAYERS) if layer in layers), "default")
    assert loaded.settings.http_port == {**ports, "default": 8400}[nearest]
    origin = {"file": str(file), "environment": "environment SCR_HTTP_PORT"}.get(nearest, nearest)
    assert loaded.origins["http_port"] == origin
    assert set(loaded.origins) == set(Settings.model_fields)
    assert loaded.origins["mllp_port"] == "default"


def test_the_home_is_told_with_its_origin(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Environment, command line and default: the folder, whole, and where it was said."""
    assert (load().settings.home, load().origins["home"]) == (home, "environment SCR_HOME")
    other = tmp_path / "other"
    loaded = load({"home": other})
    assert (loaded.settings.home, loaded.origins["home"]) == (other, "command line")
    monkeypatch.delenv("SCR_HOME")
    monkeypatch.chdir(tmp_path)
    loaded = load()
    assert (loaded.settings.home, loaded.origins["home"]) == (tmp_path / "scr-home", "default")


@pytest.mark.parametrize(
    ("toml", "key"),
    [
        ("http_port = 99999", "http_port"),
        ('http_port = "many"', "http_port"),
        ("deadline_seconds = 0", "deadline_seconds"),
        ('log_level = "chatty"', "log_level"),
        ("colour = 1", "colour"),
        ('issuers = [{url = "x"}]', "issuers.0.audience"),
        ('issuers = [{url = "x", audience = "y", algorithms = ["none"]}]', "issuers.0.algorithms.0"),
        ('issuers = [{url = "x", audience = "y", algorithms = ["HS256"]}]', "issuers.0.algorithms.0"),
        ('issuers = [{url = "x", audience = "y", algorithms = []}]', "issuers.0.algorithms"),
        ('issuers = [{url = "x", audience = "y", secret = "z"}]', "issuers.0.secret"),
    ],
)
def test_a_bad_value_in_the_file_names_the_file_and_the_key(home: Path, toml: str, key: str) -> None:
    """Out of range, of the wrong kind, unknown, or an algorithm that anybody could sign with."""
    (home / "scr.toml").write_text(toml + "\n", encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        load()
    assert str(caught.value).startswith(f"{home / 'scr.toml'}: setting '{key}': ")


def test_a_bad_value_elsewhere_names_its_origin(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of the environment, or the command line."""
    with pytest.raises(Invalid, match=r"command line: setting 'writers'"):
        load({"writers": 0})
    monkeypatch.setenv("SCR_WRITERS", "several")
    with pytest.raises(Invalid, match=r"environment SCR_WRITERS: setting 'writers'"):
        load()


@pytest.mark.parametrize("content", [b"http_port = = 1", b"\xff\xfe", b'a = "'])
def test_a_file_that_is_no_toml_is_named(home: Path, content: bytes) -> None:
    """The error names the file."""
    (home / "scr.toml").write_bytes(content)
    with pytest.raises(Invalid) as caught:
        load()
    assert str(home / "scr.toml") in str(caught.value)


def test_the_home_cannot_be_set_in_its_own_file(home: Path) -> None:
    """A file cannot say that it is somewhere else."""
    (home / "scr.toml").write_text('home = "/elsewhere"\n', encoding="utf-8")
    with pytest.raises(Invalid, match="home"):
        load()


def test_a_value_is_not_in_the_error(home: Path) -> None:
    """What somebody put there by mistake may be a secret: it is not repeated."""
    (home / "scr.toml").write_text('log_level = "hunter2"\n', encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        load()
    assert "hunter2" not in str(caught.value)


def test_a_secret_is_read_from_where_its_reference_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file below the home or a variable; what is not there is named by its reference."""
    (home / "key").write_bytes(b"from a file\n")
    monkeypatch.setenv("A_SECRET", "from the environment")
    loaded = load().settings
    assert loaded.secret("file:key") == b"from a file"
    assert loaded.secret("env:A_SECRET") == b"from the environment"
    for reference in ("file:nothing", "env:NOTHING", "just a value", ""):
        with pytest.raises(Invalid) as caught:
            loaded.secret(reference)
        assert caught.value.code == "no-secret"


def test_the_command_line_is_handed_down(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker process, which has only its environment, finds the same settings."""
    loaded = load({"http_port": 4444})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCR_HTTP_PORT", "1")  # put back afterwards, whatever is handed down
        patch.setenv("SCR_HOME", "x")
        hand_down(loaded)
        assert load().settings == loaded.settings


@pytest.mark.parametrize("model", [Settings, Issuer])
def test_every_setting_says_what_it_means(model: type[Settings | Issuer]) -> None:
    """A setting without a description, or with a careless one, cannot be added."""
    for name, field in model.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_the_page_of_settings_is_that_of_the_code() -> None:
    """``docs/settings.md`` is as the code has it: ``python -m tests.unit.settings.document`` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SCR_MLLP_CLIENT_CAA", "ca.pem", "did you mean SCR_MLLP_CLIENT_CA"),
        ("SCR_DATABSE_URL", "postgresql://x", "did you mean SCR_DATABASE_URL"),
        ("SCR_DATABASE_URL", "mysql://x", "'database_url'"),
        ("SCR_BASE_URL", "record.example/fhir", "'base_url'"),
        ("SCR_BASE_URL", "https://record.example/fhir/", "'base_url'"),
    ],
)
def test_a_slip_in_the_environment_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    """A name that is nearly a setting's would leave a protection off; a wrong address is told now."""
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid, match=message) as refused:
        load()
    assert name in str(refused.value)


def test_a_name_that_is_like_no_setting_is_somebody_else_s(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret may stand in a variable of the same beginning."""
    monkeypatch.setenv("SCR_SECRET_OF_THE_NEIGHBOUR", "x")
    assert load().settings.home == home
