"""What is stored, coded anew: as if it came in today, once, and without touching what the source sent."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from tests.unit.store.samples import NOW, filed, person

from scr.fhir.entry import Entry, Resource, pack, unstamped
from scr.fhir.identifiers import OdsCode
from scr.intake.remap import Remap
from scr.mapping.meaning import Step
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import Person, person_by_key
from scr.store.records import load_history, load_record
from scr.store.remaps import Run
from scr.terminology.coding import Coder
from scr.terminology.conceptmap import ConceptMap, ConceptMaps, Target
from scr.terminology.systems import SNOMED_CT

LOCAL = "urn:example:local"
LATER = NOW + 86_400_000
CODES = "ABC"


def maps(**targets: str) -> Coder:
    """A coder of these local codes and their targets."""
    rows = {(LOCAL, code): Target(SNOMED_CT, target, "") for code, target in targets.items()}
    return Coder(ConceptMaps({"m": ConceptMap("m", "1", exact=rows)}))


def observation(number: int, code: str) -> Resource:
    """What a source sent."""
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "meta": {"source": "urn:ods:Z9901"},
        "status": "final",
        "code": {"coding": [{"system": LOCAL, "code": code, "userSelected": True}], "text": f"as {code}"},
    }


def mapped(codes: Sequence[str], coder: Coder, source: str = "Z9901", prefix: str = "") -> list[Entry]:
    """The entries of what a source sent, with the codings that a coder adds."""
    resources = [observation(n, code) | {"id": f"{prefix}o{n}"} for n, code in enumerate(codes)]
    coder(resources)
    return [pack(each, source=source, now=NOW) for each in resources]


def run_all(remap: Remap, words: str = "") -> Run:
    """A run to its end."""
    run, _ = remap.begin(words)
    while not run.finished:
        run = remap.go_on(run)
    return run


def remap(database: Database, keys: KeyRing, coder: Coder, **options: Any) -> Remap:
    """A run with a coder."""
    steps: tuple[Step, ...] = (coder.again,)
    return Remap(database, keys, steps, lambda: LATER, **options)


def held(database: Database, keys: KeyRing, someone: Person) -> dict[str, Entry]:
    """The record as it is now, by id."""
    return {e.id: e for e in database.read_now(lambda conn: load_record(conn, keys, someone))}


_examples = itertools.count()
_targets = st.dictionaries(st.sampled_from(CODES), st.sampled_from(["195967001", "73211009"]))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    codes=st.lists(st.sampled_from(CODES), min_size=1, max_size=4),
    before=_targets,
    after=_targets,
)
def test_a_remap_gives_what_mapping_anew_gives(
    database: Database, keys: KeyRing, codes: list[str], before: dict[str, str], after: dict[str, str]
) -> None:
    """Resource by resource and byte for byte; a new version only where something changed; twice is once."""
    someone = _someone(database, keys)
    old, new = maps(**before), maps(**after)
    prefix = f"{next(_examples)}-"  # the database is the test's, not the example's
    stored, fresh = mapped(codes, old, prefix=prefix), mapped(codes, new, prefix=prefix)
    filed(database, keys, someone, stored)
    run_all(remap(database, keys, new))
    once = held(database, keys, someone)
    for was, wanted in zip(stored, fresh, strict=True):
        found = once[was.id]
        assert unstamped(found).body == wanted.body
        assert found.codes == wanted.codes
        assert (found.version, found.last_updated) == (
            ("1", NOW) if was.body == wanted.body else ("2", LATER)
        )
        sent = orjson.loads(found.body)["code"]["coding"][0]
        assert sent == {"system": LOCAL, "code": sent["code"], "userSelected": True}
    assert run_all(remap(database, keys, new)).changed == 0
    assert held(database, keys, someone) == once
    assert filed(database, keys, someone, fresh, LATER).unchanged == len(codes)


_people: dict[int, Person] = {}


def _someone(database: Database, keys: KeyRing) -> Person:
    """One person for all examples of a test."""
    if id(database) not in _people:
        _people[id(database)] = person(database, keys)
    return _people[id(database)]


def test_the_older_version_stays_in_the_history(database: Database, keys: KeyRing) -> None:
    """What was served yesterday can be read as it was."""
    someone = person(database, keys)
    filed(database, keys, someone, mapped("A", maps()))
    assert run_all(remap(database, keys, maps(A="195967001"))).changed == 1
    newest, oldest = database.read_now(lambda conn: load_history(conn, keys, "o0"))
    assert [newest[1].version, oldest[1].version] == ["2", "1"]
    assert f"{SNOMED_CT}|195967001" in newest[1].codes
    assert f"{SNOMED_CT}|195967001" not in oldest[1].codes


def test_one_provider_alone(database: Database, keys: KeyRing) -> None:
    """What another sent is left, and the run counts what it looked at."""
    someone = person(database, keys)
    for source, prefix in (("Z9901", "a"), ("Z9902", "b")):
        filed(database, keys, someone, mapped("AB", maps(), source, prefix))
    done = run_all(remap(database, keys, maps(A="195967001"), provider=OdsCode("Z9902")))
    assert (done.scope, done.people, done.resources, done.changed) == ("Z9902", 1, 2, 1)
    versions = {logical: entry.version for logical, entry in held(database, keys, someone).items()}
    assert versions == {"ao0": "1", "ao1": "1", "bo0": "2", "bo1": "1"}


def test_a_stopped_run_goes_on_where_it_was(database: Database, keys: KeyRing) -> None:
    """With the same maps; with others it begins anew, and so does the next after one that was finished."""
    for serial in range(3):
        filed(database, keys, person(database, keys, serial), mapped("A", maps(), prefix=f"p{serial}"))
    remapping = remap(database, keys, maps(A="195967001"))
    run, left = remapping.begin("maps 1")
    assert left == 3
    run = remapping.go_on(run)
    assert (run.people, run.changed, bool(run.finished)) == (3, 3, False)
    gone_on, left = remapping.begin("maps 1")
    assert (gone_on, left) == (run, 0)
    assert remapping.begin("maps 2") == (Run("", "maps 2", LATER), 3)
    finished = remapping.go_on(gone_on)
    assert finished == replace(run, finished=LATER)
    assert remapping.begin("maps 1") == (Run("", "maps 1", LATER), 3)


def test_a_record_that_changes_meanwhile_is_done_again(database: Database, keys: KeyRing) -> None:
    """Somebody files between the reading and the writing: nothing of theirs is lost, and all is coded."""
    someone = person(database, keys)
    filed(database, keys, someone, mapped("AB", maps()))
    coder, meanwhile = maps(A="195967001"), [0]

    def step(resources: list[Resource]) -> list[Any]:
        if not meanwhile[0]:
            meanwhile[0] = 1
            latest = mapped("AA", maps(), prefix="")
            filed(database, keys, someone, latest, NOW + 1)
        return list(coder.again(resources))

    assert run_all(Remap(database, keys, (step,), lambda: LATER)).changed == 2
    found = held(database, keys, someone)
    assert {logical: entry.version for logical, entry in found.items()} == {"o0": "2", "o1": "3"}
    assert all(f"{SNOMED_CT}|195967001" in entry.codes for entry in found.values())


def test_a_person_who_cannot_be_opened_is_left_and_told(database: Database, keys: KeyRing) -> None:
    """The others are done."""
    first, second = (person(database, keys, serial) for serial in range(2))
    for prefix, someone in (("a", first), ("b", second)):
        filed(database, keys, someone, mapped("A", maps(), prefix=prefix))

    def spoil(conn: Connection) -> None:
        conn.exec_driver_sql(f"UPDATE resource SET sealed = digest WHERE person = '{first.key}'").close()

    database.write_now(spoil)
    done = run_all(remap(database, keys, maps(A="195967001")))
    assert (done.people, done.changed, done.left) == (2, 1, 1)
    assert held(database, keys, second)["bo0"].version == "2"


def test_a_revision_tells_that_the_record_is_another(database: Database, keys: KeyRing) -> None:
    """Whoever has the record in memory reads it again."""
    someone = person(database, keys)
    filed(database, keys, someone, mapped("A", maps()))
    before = database.read_now(lambda conn: person_by_key(conn, keys, someone.key))
    run_all(remap(database, keys, maps(A="195967001")))
    after = database.read_now(lambda conn: person_by_key(conn, keys, someone.key))
    assert before is not None
    assert after is not None
    assert after.revision > before.revision
