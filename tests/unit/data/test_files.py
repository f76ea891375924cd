"""Configuration files: the packaged ones, and a deployment's own over them."""

from __future__ import annotations

from pathlib import Path

import pytest

from scr.data import FOLDERS, DataFiles, packaged_root
from scr.errors import NotFound


def test_the_four_folders_are_there() -> None:
    """What is packaged is found, wherever the package is installed."""
    for folder in FOLDERS:
        assert (packaged_root() / folder).is_dir()
    assert DataFiles().find("consent", "roles.yaml").is_file()


def test_a_deployment_s_file_stands_instead_of_the_packaged_one(tmp_path: Path) -> None:
    """File by file: one that is overridden is the deployment's, every other is still the packaged one."""
    packaged = dict(DataFiles().walk("terminology", "maps/*.csv"))
    overridden, kept = sorted(packaged)[:2]
    mine = tmp_path / "terminology" / overridden
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")
    files = DataFiles(tmp_path)
    assert files.find("terminology", overridden) == mine
    assert files.find("terminology", kept) == packaged[kept]
    assert dict(files.walk("terminology", "maps/*.csv")) == packaged | {overridden: mine}


def test_a_deployment_adds_files(tmp_path: Path) -> None:
    """A new file is walked in its place among the packaged ones, in the order of the names."""
    mine = tmp_path / "terminology" / "maps" / "aaa.csv"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")
    found = list(DataFiles(tmp_path).walk("terminology", "maps/*.csv"))
    assert found[0] == ("maps/aaa.csv", mine)
    assert [name for name, _ in found] == sorted(name for name, _ in found)


def test_a_folder_of_that_name_is_no_file(tmp_path: Path) -> None:
    """A folder does not hide the packaged file of the same name."""
    (tmp_path / "consent" / "roles.yaml").mkdir(parents=True)
    assert DataFiles(tmp_path).find("consent", "roles.yaml") == packaged_root() / "consent" / "roles.yaml"


def test_a_file_that_is_nowhere_is_told_with_every_place(tmp_path: Path) -> None:
    """The error names the file and each folder that was looked in."""
    with pytest.raises(NotFound) as caught:
        DataFiles(tmp_path).find("consent", "nothing.yaml")
    for place in ("nothing.yaml", str(tmp_path / "consent"), str(packaged_root() / "consent")):
        assert place in str(caught.value)
