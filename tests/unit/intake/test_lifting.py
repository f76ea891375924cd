"""A wrong label is lifted of an entry or a code, and put back: in what is held and what comes later."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection
from tests.unit.store.samples import NOW, nhs_number
from tests.unit.store.test_labelled import deliver, labels, made

from scr.consent.label_policy import UNCLASSIFIED, UNCLASSIFIED_LABEL
from scr.consent.lifts import Lift
from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.errors import Conflict, Invalid, NotFound
from scr.fhir.canonical import LIFTED_LABEL_SYSTEM
from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry, Resource, pack
from scr.fhir.identifiers import NHSNumber
from scr.fhir.labels import label_token, with_security
from scr.identity import index
from scr.intake.lifting import Lifting
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import Person, person_by_key
from scr.store.records import load_record
from scr.store.trail import recent
from scr.terminology.systems import SNOMED_CT, V3_CONFIDENTIALITY

POLICY = load_policy(DataFiles())
HIV = f"{SNOMED_CT}|86406008"
BY = {"by": "Tamsin Arkwright", "reason": "Ada Sample's result was another's"}


class Bench:
    """A person of their own, on whose record labels are lifted."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self.database, self.keys = database, keys
        self.number: NHSNumber = nhs_number(1)
        self.person: Person = database.write_now(
            lambda c: index.register(c, keys, self.number, Demographics(), NOW)
        )
        self.lifting = Lifting(database, keys, POLICY, lambda: NOW)
        self.mark = uuid.uuid4().hex

    def coded(self, logical: str, *refers: str, own: str = "hiv", code: str = "86406008") -> Entry:
        """A condition with a code, as the labeller gives it."""
        resource: Resource = {
            "resourceType": "Condition",
            "id": logical,
            "meta": {"source": "urn:ods:ZZH01#test"},
            "code": {"coding": [{"system": SNOMED_CT, "code": code}]},
            "extension": [{"url": "urn:x", "valueReference": {"reference": name}} for name in refers],
        }
        given = POLICY.labels.codings([own]) if own != UNCLASSIFIED else [UNCLASSIFIED_LABEL]
        return pack(with_security(resource, given), source="ZZH01", now=NOW)

    def deliver(self, *unit: Entry) -> None:
        """File a unit, as the desk does."""
        person = self.database.read_now(lambda c: person_by_key(c, self.keys, self.person.key))
        assert person is not None
        deliver(self.database, self.keys, person, unit, POLICY.labels)

    def labels(self) -> dict[str, set[str]]:
        """The labels of each entry, by the first letter of its id."""
        found = labels(self.database, self.keys, self.person)
        return {name.partition("/")[2][0]: keys for name, keys in found.items()}

    def held(self) -> Sequence[Entry]:
        """All that is held."""

        def read(conn: Connection) -> Sequence[Entry]:
            return load_record(conn, self.keys, self.person)

        return self.database.read_now(read)


@pytest.fixture
def bench(database: Database, keys: KeyRing) -> Bench:
    """One for a test."""
    return Bench(database, keys)


def test_a_label_is_lifted_with_all_that_it_brought_and_put_back_as_it_was(bench: Bench) -> None:
    """The encounter and the letter are free with the condition; then all but the version is as before."""
    e, c, d, x = (f"{letter}{bench.mark}" for letter in "ecdx")
    first = bench.coded(c, f"Encounter/{e}")
    bench.deliver(made("Encounter", e), first, made("DocumentReference", d, f"Encounter/{e}"))
    bench.deliver(bench.coded(x, own="hiv", code="165816005"))
    before = {entry.id: (entry.labels, entry.body.partition(b'"source"')[2]) for entry in bench.held()}
    assert bench.labels() == {"e": {"hiv"}, "c": {"hiv"}, "d": {"hiv"}, "x": {"hiv"}}
    assert bench.lifting.lift(bench.number, "hiv", f"Condition/{c}", **BY) == 3
    freed = {"e": set(), "c": set(), "d": set(), "x": {"hiv"}}
    assert bench.labels() == freed
    (mine,) = [entry for entry in bench.held() if entry.id == c]
    assert mine.labels == (f"{LIFTED_LABEL_SYSTEM}|hiv",)
    bench.deliver(first, made("Observation", f"o{bench.mark}", f"Encounter/{e}"))  # it comes again
    assert bench.labels() == freed | {"o": set()}
    assert [entry.version for entry in bench.held() if entry.id == c] == ["2"]
    assert bench.lifting.put_back(bench.number, "hiv", f"Condition/{c}", **BY) == 4
    after = {entry.id: (entry.labels, entry.body.partition(b'"source"')[2]) for entry in bench.held()}
    assert bench.labels() == {"e": {"hiv"}, "c": {"hiv"}, "d": {"hiv"}, "x": {"hiv"}, "o": {"hiv"}}
    assert {name: after[name] for name in before} == before


def test_a_code_is_lifted_for_a_person_wherever_it_stands_and_whenever_it_comes(bench: Bench) -> None:
    """Another label of the same entries stays, and so does the level that it brings."""
    a, b, e = (f"{letter}{bench.mark}" for letter in "abe")
    both = bench.coded(a, f"Encounter/{e}")
    bench.deliver(
        both, made("Encounter", e), made("Observation", f"o{bench.mark}", f"Encounter/{e}", own="gender")
    )
    assert bench.lifting.lift(bench.number, "hiv", HIV, **BY) == 3
    bench.deliver(bench.coded(b))
    assert bench.labels() == {"a": {"gender"}, "b": set(), "e": {"gender"}, "o": {"gender"}}
    (held,) = [entry for entry in bench.held() if entry.id == a]
    assert label_token((V3_CONFIDENTIALITY, "R")) in held.labels
    bench.lifting.put_back(bench.number, "hiv", HIV, **BY)
    assert bench.labels() == {key: {"gender", "hiv"} for key in "aeo"} | {"b": {"hiv"}} | {
        "o": {"gender", "hiv"}
    }


def test_what_nobody_could_classify_is_classified_by_somebody_who_looked(bench: Bench) -> None:
    """Of one entry; it spreads to nothing, so nothing else changes."""
    a, b = f"a{bench.mark}", f"b{bench.mark}"
    bench.deliver(bench.coded(a, own=UNCLASSIFIED, code="1"), bench.coded(b, own=UNCLASSIFIED, code="1"))
    assert bench.lifting.lift(bench.number, UNCLASSIFIED, f"Condition/{a}", **BY) == 1
    assert bench.labels() == {"a": set(), "b": {UNCLASSIFIED}}


def test_who_lifted_what_and_why_is_kept(bench: Bench) -> None:
    """In the audit without the reason, which is sealed with the record; with it, for whoever asks by name."""
    of = f"Condition/c{bench.mark}"
    bench.lifting.lift(bench.number, "hiv", of, **BY)
    bench.lifting.put_back(bench.number, "hiv", of, by="Bo Reed", reason="It was hers")
    told = bench.lifting.lifts(bench.number, by="Cy Moss")
    assert told == (Lift("hiv", of, BY["by"], BY["reason"], NOW, NOW, "Bo Reed", "It was hers"),)
    rows = [row for row in bench.database.read_now(recent) if row.person == bench.person.key]
    assert {row.what: (row.action, row.actor_name) for row in rows} == {
        "label lift": ("U", BY["by"]), "label put back": ("U", "Bo Reed"), "label lifts": ("R", "Cy Moss"),
    }  # fmt: skip
    assert {"label": "hiv", "of": of, "entries": "0"} in [row.details for row in rows]
    assert not any("Ada" in str(row.details) for row in rows)


@pytest.mark.parametrize(
    ("label", "of", "more", "code"),
    [
        ("hiw", HIV, {}, "no-such-label"),
        ("source-restricted", HIV, {}, "source-marked"),
        ("hfe-act", HIV, {}, "legal-bar"),
        ("hiv", "Condition", {}, "bad-lift"),
        ("hiv", "condition/1", {}, "bad-lift"),
        ("hiv", "a|b c", {}, "bad-lift"),
        ("hiv", HIV, {"reason": " "}, "no-reason"),
        ("hiv", HIV, {"by": ""}, "no-reason"),
    ],
)
def test_what_may_not_be_lifted_says_why(
    bench: Bench, label: str, of: str, more: dict[str, str], code: str
) -> None:
    """What a law or the source says is not the operator's; nothing is done without a name and a reason."""
    with pytest.raises(Invalid) as refused:
        bench.lifting.lift(bench.number, label, of, **{**BY, **more})
    assert refused.value.code == code
    assert bench.lifting.lifts(bench.number, by="x") == ()


def test_nothing_is_lifted_twice_or_put_back_that_stands(bench: Bench) -> None:
    """Nor for anybody who is not held."""
    bench.lifting.lift(bench.number, "hiv", HIV, **BY)
    with pytest.raises(Conflict):
        bench.lifting.lift(bench.number, "hiv", HIV, **BY)
    bench.lifting.put_back(bench.number, "hiv", HIV, **BY)
    nobody = nhs_number(2)
    for asked in (bench.number, nobody):
        with pytest.raises(NotFound) as refused:
            bench.lifting.put_back(asked, "hiv", HIV, **BY)
        assert refused.value.code == ("no-such-person" if asked is nobody else "not-lifted")
