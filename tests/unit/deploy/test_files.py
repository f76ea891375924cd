"""What stands in `deploy/` is true: every command, setting and value that it names is there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main
import yaml
from deploy.sbom import bill

from scr.cli.app import command_line
from scr.settings import PREFIX, Settings

ROOT = Path(__file__).parents[3]
FILES = sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file() and path.suffix != ".pyc")
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in FILES}
COMPOSE = yaml.safe_load(TEXTS["deploy/compose.yaml"])
VALUES = yaml.safe_load(TEXTS["deploy/helm/scr/values.yaml"])
TEMPLATES = [name for name in TEXTS if "/templates/" in name]


def called() -> Iterator[list[str]]:
    """The arguments of every call of `scr` in these files."""
    for service in COMPOSE["services"].values():
        if "command" in service:
            yield service["command"]
    for text in TEXTS.values():
        for found in re.findall(r"^CMD (\[.*\])", text, re.MULTILINE):
            yield yaml.safe_load(found)
        for found in re.findall(r"^ExecStart=\S+/scr (.*)$", text, re.MULTILINE):
            instances = [*VALUES["intake"], "work"] if "%i" in found else [""]
            yield from (shlex.split(found.replace("%i", one)) for one in instances)
    yield from ([verb] for verb in VALUES["intake"])
    for name in ("api", "work"):
        for found in re.findall(
            r'"arguments" \(list ("[^)]*)\)', TEXTS[f"deploy/helm/scr/templates/{name}.yaml"]
        ):
            yield shlex.split(found)


def test_every_command_is_one() -> None:
    """With each of its options, as the command line itself reads them."""
    every = list(called())
    assert every.count(["serve", "--no-intake", "--no-outbound"]) == 3  # compose file, chart and unit
    assert every.count(["work"]) == 3
    for arguments in every:
        group = typer.main.get_command(command_line(arguments))
        assert isinstance(group, click.Group | typer.core.TyperGroup)
        verb = group.commands[arguments[0]]
        verb.make_context(arguments[0], list(arguments[1:]))


def test_every_setting_is_one_and_has_a_value_that_it_takes() -> None:
    """Of the environment that they set, also in the units."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name, text in TEXTS.items():
        assert set(re.findall(r"\bSCR_[A-Z_]+", text)) <= known, name
    for told in (VALUES["settings"], COMPOSE["services"]["api"]["environment"]):
        values = {name.removeprefix(PREFIX).lower(): v for name, v in told.items() if name.startswith(PREFIX)}
        settings = Settings.model_validate(values)
        assert settings.metrics_port == 9400
        longest = settings.drain_notice_seconds + settings.drain_seconds
        assert longest < VALUES["terminationSeconds"]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_yaml_and_names_values_that_are_there(name: str) -> None:
    """Read with something in the place of what Helm fills in."""
    text = TEXTS[name]
    for path in re.findall(r"[.$][vV]alues((?:\.\w+)+)", text):
        value = VALUES
        for part in path.strip(".").split("."):
            assert part in value, f"{name}: {path}"
            value = value[part]
    plain = re.sub(r"^\s*{{.*}}\s*$", "", text, flags=re.MULTILINE)
    documents = list(yaml.safe_load_all(re.sub(r"{{[^}]*}}", "x", plain)))
    assert any(documents)


def test_nothing_of_them_names_a_host() -> None:
    """Images are plain names, and addresses are examples or this machine's own."""
    for name, text in TEXTS.items():
        hosts = set(re.findall(r"https?://([^/:\s'\"]+)", text))
        assert hosts <= {"record.example.nhs.uk", "127.0.0.1"}, name
        images = re.findall(r"^(?:\s*image: |FROM |ARG PYTHON=)([^\s${]+)", text, re.MULTILINE)
        assert all("/" not in image for image in images), name
        assert "index-url" not in text


def test_the_bill_of_materials_has_every_pinned_package_with_its_hashes() -> None:
    """And is the same for the same lock."""
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    made = bill(lock, "scr", "1")
    assert made == bill(lock, "scr", "1")
    components = made["components"]
    assert isinstance(components, list)
    pinned = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", lock, re.MULTILINE)
    assert [(one["name"], one["version"]) for one in components] == pinned
    assert sum(len(one["hashes"]) for one in components) == lock.count("--hash=sha256:")
    assert all(one["hashes"] for one in components)
