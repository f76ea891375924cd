"""A load: what stays of the release in force, what is replaced, and who sees which."""

from __future__ import annotations

import multiprocessing
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from tests.support.rf2 import MODEL, Shape, concept_id, write_release
from tests.unit.terminology.load.test_dmd import write as write_dmd
from tests.unit.terminology.load.test_rf2 import contents

from scr.errors import Invalid
from scr.terminology.load.run import load
from scr.terminology.release.current import POINTER, current_path
from scr.terminology.release.reader import Release
from scr.terminology.systems import DMD, READ_V2, SNOMED_CT

NOW = 1_760_000_000_000
MAP = "source_system,source_code,target_system,target_code,target_display\n"


def own_map(tmp_path: Path, target: str) -> Path:
    """A map of the deployment's own of one row."""
    path = tmp_path / "own.csv"
    path.write_text(f"{MAP}{READ_V2},H33..,{SNOMED_CT},{target},\n")
    return path


def without_ids(path: Path) -> dict[str, list[object]]:
    """What a release holds, concepts by their codes: their numbers depend on the order of loads."""
    release = Release(path)
    found: dict[str, list[object]] = {"answers": []}
    for system in release.systems():
        codes = release.connection().execute(
            "SELECT code FROM concept WHERE system = (SELECT id FROM system WHERE uri = ?)", (system.uri,)
        )
        for (code,) in codes.fetchall():
            found["answers"].append([
                repr(release.concept(system.uri, code)), sorted(release.designations(system.uri, code)),
                sorted(release.properties(system.uri, code)), sorted(release.ancestors(system.uri, code)),
                sorted(release.descendants(system.uri, code)), release.attributes(system.uri, code),
                release.replacements(system.uri, code), release.translate(system.uri, code),
                [hit.code for hit in release.search(system.uri, "exampl", 100)],
            ])  # fmt: skip
    found["answers"].sort(key=repr)
    found["known"] = [sorted(map(list, release.refsets())), list(map(list, release.systems()))]
    return found


def test_one_load_of_all_is_the_same_as_one_after_another(tmp_path: Path) -> None:
    """Whatever the order, everything that was given answers the same in the end."""
    given = [
        write_release(tmp_path / "rf2", Shape()),
        write_dmd(tmp_path / "dmd"),
        own_map(tmp_path, concept_id(1)),
    ]
    whole = load(tmp_path / "whole", given, NOW)
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
        home = tmp_path / "".join(map(str, order))
        for at in order:
            last = load(home, [given[at]], NOW)
        assert without_ids(last.path) == without_ids(whole.path)
        assert len({*last.kept, *(one.name for one in last.brought)}) == 3


def test_a_newer_edition_takes_the_place_of_the_older_alone(tmp_path: Path) -> None:
    """A new dictionary replaces the old one; SNOMED CT, a map and their versions stay."""
    load(tmp_path / "home", [write_release(tmp_path / "rf2", Shape()), write_dmd(tmp_path / "dmd")], NOW)
    load(tmp_path / "home", [own_map(tmp_path, concept_id(1))], NOW + 1)
    changed = (tmp_path / "dmd" / "f_vtm2_3050126.xml").read_text().replace("Examplol", "Otherol")
    newer = write_dmd(tmp_path / "newer", vtm=changed.split("\n", 1)[1])
    done = load(tmp_path / "home", [newer, own_map(tmp_path, concept_id(2))], NOW + 2)
    assert done.kept == ("snomed-ct",)
    release = Release(done.path)
    moiety = release.concept(DMD, "101")
    assert moiety is not None
    assert moiety.display == "Otherol"
    assert [t.code for t in release.translate(READ_V2, "H33..")] == [concept_id(2)]
    assert release.count(SNOMED_CT) == Shape().concepts + len(MODEL)
    assert {e.loaded_at - NOW for e in release.editions()} == {0, 2}


def test_a_refused_load_leaves_everything_as_it_was(tmp_path: Path) -> None:
    """Half of what is given is good: nothing of it is taken, byte for byte."""
    before = load(tmp_path / "home", [write_dmd(tmp_path / "dmd")], NOW)
    raw = before.path.read_bytes()
    bad = tmp_path / "bad.csv"
    bad.write_text(MAP + "s,a,,x,\n")
    with pytest.raises(Invalid):
        load(tmp_path / "home", [write_release(tmp_path / "rf2", Shape()), bad], NOW + 1)
    assert current_path(tmp_path / "home") == before.path
    assert before.path.read_bytes() == raw
    assert sorted(p.name for p in (tmp_path / "home").iterdir()) == [POINTER, before.path.name]


@pytest.mark.parametrize("damage", ["not a database, and of another time", ""])
def test_a_release_that_cannot_be_read_does_not_stand_against_a_new_one(tmp_path: Path, damage: str) -> None:
    """A file of another format, or one that is gone: what is given is loaded, and that is said."""
    before = load(tmp_path / "home", [write_dmd(tmp_path / "dmd")], NOW).path
    before.unlink()
    if damage:
        before.write_text(damage * 1000)
    done = load(tmp_path / "home", [own_map(tmp_path, concept_id(1))], NOW + 1)
    assert done.kept == ()
    assert before.name in done.unread
    assert current_path(tmp_path / "home") == done.path


def test_what_a_killed_load_left_is_cleared_away_later(tmp_path: Path) -> None:
    """A part of a file that is hours old is removed; one that may still be written is not."""
    home = tmp_path / "home"
    home.mkdir()
    left = home / "release-20200101T000000Z-abcdef.sqlite.part"
    left.write_bytes(b"half")
    fresh = left.stat().st_mtime_ns // 1_000_000
    load(home, [own_map(tmp_path, concept_id(1))], fresh + 1000)
    assert left.exists()
    load(home, [own_map(tmp_path, concept_id(1))], fresh + 24 * 3600 * 1000)
    assert not left.exists()


def ask(path: Path, pipe: Connection) -> None:
    """Another process, which asks the release until it is told to stop."""
    release = Release(path)
    while pipe.recv():
        found = release.concept(DMD, "101")
        pipe.send("" if found is None else found.display)


def test_processes_and_threads_share_a_release_and_keep_it_through_a_switch(tmp_path: Path) -> None:
    """Another process and another thread go on with the old file when a new one is in force."""
    first = load(tmp_path / "home", [write_dmd(tmp_path / "dmd")], NOW).path
    here, there = multiprocessing.Pipe()
    other = multiprocessing.get_context("spawn").Process(target=ask, args=(first, there))
    other.start()
    try:
        release = Release(first)
        here.send(True)
        assert here.recv() == "Examplol"
        load(tmp_path / "home", [own_map(tmp_path, concept_id(1))], NOW + 1)
        assert release.concept(DMD, "101") is not None
        heard: list[bool] = []
        thread = threading.Thread(target=lambda: heard.append(release.subsumes(DMD, "101", "501")))
        thread.start()
        thread.join()
        assert heard == [True]
        first.unlink()
        here.send(True)
        assert here.recv() == "Examplol"
        assert release.concept(DMD, "101") is not None
    finally:
        here.send(False)
        other.join()


def test_the_same_files_always_have_the_same_digest(tmp_path: Path) -> None:
    """The digest says whether two deployments have loaded the same."""
    one = load(tmp_path / "a", [write_dmd(tmp_path / "x")], NOW)
    two = load(tmp_path / "b", [write_dmd(tmp_path / "y")], NOW + 5)
    three = load(tmp_path / "c", [write_dmd(tmp_path / "z", gtin=None)], NOW)
    assert one.brought[0].digest == two.brought[0].digest != three.brought[0].digest
    assert contents(one.path) == contents(two.path)
