"""Labels over what is held: whichever came first, and at no cost where there are none."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from tests.unit.store.samples import NOW, nhs_number

from scr.consent.label_policy import LabelPolicy, load_labels
from scr.consent.labels import nodes_of
from scr.consent.spread import Marks, spread
from scr.data import DataFiles
from scr.fhir.canonical import LABEL_SYSTEM, RELATED_LABEL_SYSTEM
from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry, pack
from scr.fhir.labels import with_security
from scr.identity import links
from scr.store.engine import Database
from scr.store.filing import Filed, file_entries, file_in_view
from scr.store.keys import KeyRing
from scr.store.labelled import carry_marks, read_marks, relabelled_record, with_labels
from scr.store.people import Person, add_person, person_by_key
from scr.store.records import load_record

POLICY = load_labels(DataFiles())
_settings = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""The database is shared by the examples: each has a person and ids of its own."""


def someone(database: Database, keys: KeyRing) -> Person:
    """A person of their own."""
    return database.write_now(lambda c: add_person(c, keys, nhs_number(0), Demographics(), NOW))


def made(kind: str, logical: str, *refers: str, own: str = "") -> Entry:
    """An entry as mapping makes it, with a label of its own where one is given."""
    resource: dict[str, object] = {
        "resourceType": kind,
        "id": logical,
        "meta": {"source": "urn:ods:ZZH01#test"},
        "extension": [{"url": "urn:x", "valueReference": {"reference": name}} for name in refers],
    }
    labels = POLICY.codings([own]) if own else []
    return pack(with_security(resource, labels), source="ZZH01", now=NOW)


def deliver(
    database: Database, keys: KeyRing, person: Person, unit: Sequence[Entry], policy: LabelPolicy = POLICY
) -> Filed:
    """File a unit as the desk does; how many of its own entries and of the held ones were written."""

    def write(conn: Connection) -> Filed:
        mine, others = with_labels(conn, keys, person, unit, policy)
        filed = file_entries(conn, keys, person, mine, NOW)
        also = file_entries(conn, keys, person, others, NOW)
        return Filed(filed.created, filed.updated + also.updated, filed.unchanged)

    return database.write_now(write)


def labels(database: Database, keys: KeyRing, person: Person) -> dict[str, set[str]]:
    """The labels of each held entry, by itself and by what it belongs with."""
    return {
        entry.reference: {
            label.rpartition("|")[2]
            for label in entry.labels
            if label.startswith((LABEL_SYSTEM, RELATED_LABEL_SYSTEM))
        }
        for entry in database.read_now(lambda c: load_record(c, keys, person))
    }


def test_a_sensitive_condition_marks_the_encounter_of_yesterday(database: Database, keys: KeyRing) -> None:
    """The held encounter becomes another version, restricted; what has nothing to do with it does not."""
    ada, e, c = someone(database, keys), uuid.uuid4().hex, uuid.uuid4().hex
    deliver(database, keys, ada, [made("Encounter", e), made("Encounter", f"{e}x")])
    assert deliver(database, keys, ada, [made("Condition", c, f"Encounter/{e}", own="hiv")]) == Filed(1, 1, 0)
    found = labels(database, keys, ada)
    assert found == {f"Encounter/{e}": {"hiv"}, f"Encounter/{e}x": set(), f"Condition/{c}": {"hiv"}}
    (held,) = [x for x in database.read_now(lambda conn: load_record(conn, keys, ada)) if x.id == e]
    assert held.version == "2"
    assert b'"code":"R"' in held.body


def test_a_letter_of_today_takes_the_label_of_the_encounter_of_yesterday(
    database: Database, keys: KeyRing
) -> None:
    """The letter has no code that tells, and belongs to the encounter; nothing that is held changes."""
    ada, e, d = someone(database, keys), uuid.uuid4().hex, uuid.uuid4().hex
    deliver(database, keys, ada, [made("Encounter", e, own="termination")])
    filed = deliver(database, keys, ada, [made("DocumentReference", d, f"Encounter/{e}")])
    assert filed == Filed(1, 0, 0)
    assert labels(database, keys, ada)[f"DocumentReference/{d}"] == {"termination"}


def test_an_encounter_that_comes_after_its_condition_is_marked(database: Database, keys: KeyRing) -> None:
    """A condition may name an encounter that nobody has sent yet."""
    ada, e, c = someone(database, keys), uuid.uuid4().hex, uuid.uuid4().hex
    deliver(database, keys, ada, [made("Condition", c, f"Encounter/{e}", own="hiv")])
    assert deliver(database, keys, ada, [made("Encounter", e)]) == Filed(1, 0, 0)
    assert labels(database, keys, ada)[f"Encounter/{e}"] == {"hiv"}


def test_a_code_that_is_taken_back_does_not_take_the_label_away(database: Database, keys: KeyRing) -> None:
    """The condition is corrected at its source: what was marked by it stays marked."""
    ada, e, c = someone(database, keys), uuid.uuid4().hex, uuid.uuid4().hex
    alone = f"{c}x"
    unit = [made("Encounter", e), made("Condition", c, f"Encounter/{e}", own="hiv")]
    deliver(database, keys, ada, [*unit, made("Condition", alone, own="hiv")])
    deliver(database, keys, ada, [made("Condition", c, f"Encounter/{e}"), made("Condition", alone)])
    assert set(labels(database, keys, ada)) == {f"Encounter/{e}", f"Condition/{c}", f"Condition/{alone}"}
    assert all(found == {"hiv"} for found in labels(database, keys, ada).values())


def test_delivering_again_changes_nothing(database: Database, keys: KeyRing) -> None:
    """Neither the labelled unit nor the one before it makes another version when it comes again."""
    ada, e, c = someone(database, keys), uuid.uuid4().hex, uuid.uuid4().hex
    first = [made("Encounter", e)]
    second = [made("Encounter", e), made("Condition", c, f"Encounter/{e}", own="hiv")]
    deliver(database, keys, ada, first)
    deliver(database, keys, ada, second)
    assert deliver(database, keys, ada, first) == Filed(0, 0, 1)
    assert deliver(database, keys, ada, second) == Filed(0, 0, 2)


def test_a_record_without_labels_remembers_nothing(database: Database, keys: KeyRing) -> None:
    """Nothing is written beside a person of whom nothing sensitive is known."""
    ada, e = someone(database, keys), uuid.uuid4().hex
    deliver(database, keys, ada, [made("Encounter", e), made("Condition", f"{e}c", f"Encounter/{e}")])
    assert database.write_now(lambda c: read_marks(c, ada)) == Marks()


def test_what_is_moved_to_another_record_goes_on_passing_its_label_on(
    database: Database, keys: KeyRing
) -> None:
    """A merge moves a labelled encounter: what comes later, onto the other record, is marked."""
    ada, ben, e = someone(database, keys), someone(database, keys), uuid.uuid4().hex
    deliver(database, keys, ada, [made("Encounter", e, own="hiv")])
    database.write_now(lambda c: carry_marks(c, ada, ben))
    deliver(database, keys, ben, [made("Condition", f"{e}c", f"Encounter/{e}")])
    assert labels(database, keys, ben)[f"Condition/{e}c"] == {"hiv"}


def test_labels_that_are_put_on_what_is_held_spread_when_they_are_asked_to(
    database: Database, keys: KeyRing
) -> None:
    """After a remap has labelled one held entry, the others follow."""
    ada, e = someone(database, keys), uuid.uuid4().hex
    condition = made("Condition", f"{e}c", f"Encounter/{e}")
    deliver(database, keys, ada, [made("Encounter", e), condition])
    again = made("Condition", f"{e}c", f"Encounter/{e}", own="hiv")
    database.write_now(lambda c: file_entries(c, keys, ada, [again], NOW))
    others = database.write_now(lambda c: relabelled_record(c, keys, ada, POLICY))
    assert [entry.reference for entry in others] == [f"Encounter/{e}"]


def test_a_label_goes_over_to_a_linked_row_of_the_same_human_being(database: Database, keys: KeyRing) -> None:
    """The encounter is held under the one number, the condition comes under the other."""
    one, other, e = someone(database, keys), someone(database, keys), uuid.uuid4().hex
    deliver(database, keys, one, [made("Encounter", e)])

    def link(conn: Connection) -> None:
        first, second = person_by_key(conn, keys, one.key), person_by_key(conn, keys, other.key)
        assert first is not None
        assert second is not None
        links.link(
            conn, keys, first, second, kind="reviewed", reasons=["seen"], evidence={}, by="tests", now=NOW
        )

    def deliver_linked(conn: Connection) -> None:
        linked = person_by_key(conn, keys, other.key)
        assert linked is not None
        unit = [made("Condition", f"{e}c", f"Encounter/{e}", own="hiv")]
        mine, others = with_labels(conn, keys, linked, unit, POLICY)
        file_in_view(conn, keys, linked, [*mine, *others], NOW)

    database.write_now(link)
    database.write_now(deliver_linked)
    assert labels(database, keys, one) == {f"Encounter/{e}": {"hiv"}}
    assert labels(database, keys, other) == {f"Condition/{e}c": {"hiv"}}


_KINDS = ("Encounter", "Condition", "Observation", "DocumentReference", "Composition", "List", "Medication")
_ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(_KINDS),
        st.integers(0, 1),
        st.lists(st.tuples(st.sampled_from(_KINDS), st.integers(0, 1)), max_size=3),
        st.sampled_from(["", "", "hiv", "gender"]),
        st.integers(0, 3),
    ),
    max_size=8,
    unique_by=lambda one: one[:2],
)


@_settings
@given(drawn=_ENTRIES)
def test_units_one_by_one_are_marked_as_the_whole_record_at_once(
    database: Database, keys: KeyRing, drawn: list[tuple[str, int, list[tuple[str, int]], str, int]]
) -> None:
    """However a record is cut into units, and in whatever order they come, every entry has its labels."""
    prefix = uuid.uuid4().hex
    units: dict[int, list[Entry]] = {}
    for kind, number, refers, own, unit in drawn:
        names = [f"{other}/{prefix}{other}{at}" for other, at in refers]
        units.setdefault(unit, []).append(made(kind, f"{prefix}{kind}{number}", *names, own=own))
    person = someone(database, keys)
    for _, unit_entries in sorted(units.items()):
        deliver(database, keys, person, unit_entries)
    every = nodes_of([entry for entries in units.values() for entry in entries])
    related = spread(every, Marks()).related
    assert labels(database, keys, person) == {
        node.reference: node.own | related[node.reference] for node in every
    }
