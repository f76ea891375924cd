"""What is taken from a pulled payload, and what makes all of it be left."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from tests.unit.sources import given
from tests.unit.sources.people import BEN, MARGARET

from scr.consent.actor import Actor
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.fhir.validate import validate
from scr.sources.http import SourceFailure
from scr.sources.pipeline import Reader, Reading, read_payload
from scr.sources.protocol import Question
from scr.store import losses
from scr.store.engine import Database

OWN = f"Patient/{given.SUBJECT}"


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    """A reader for each version of FHIR."""
    home = tmp_path_factory.mktemp("home")
    return {version: given.reader(Path(home), version) for version in ("STU3", "R4")}


def ask(known: Demographics | None = given.KNOWN) -> Question:
    """A question about Margaret, outside any event loop."""
    return Question(MARGARET, "p1", given.SUBJECT, given.ACTOR, deadline=0.0, known=(known,) if known else ())


def read(reader: Reader, *resources: given.Tree, known: Demographics | None = given.KNOWN) -> Reading:
    """Read a Bundle of resources."""
    return read_payload(given.bundle(*resources), ask(known), reader)


def code_of(reader: Reader, *resources: given.Tree) -> str:
    """The code that a Bundle of resources fails with."""
    with pytest.raises(SourceFailure) as caught:
        read(reader, *resources)
    for secret in (MARGARET.value, BEN.value, "Okafor", "Margaret", "1948"):
        assert secret not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize("former", [frozenset({BEN}), frozenset()])
def test_a_source_may_know_the_person_by_a_number_that_gave_way(
    readers: dict[str, Reader], former: frozenset[NHSNumber]
) -> None:
    """Where it is known that it gave way to theirs, it is theirs; where not, it is somebody else's."""
    asked = replace(ask(), former=former)
    payload = given.bundle(given.patient(BEN), given.problem("R4"))
    if not former:
        with pytest.raises(SourceFailure, match="another person"):
            read_payload(payload, asked, readers["R4"])
    else:
        assert len(read_payload(payload, asked, readers["R4"]).entries) == 2


@pytest.mark.parametrize("version", ["STU3", "R4"])
def test_a_payload_about_the_person_becomes_entries(readers: dict[str, Reader], version: str) -> None:
    """Every resource becomes an entry of the source, tied to the person asked for."""
    reading = read(readers[version], given.patient(), given.problem(version))
    by_type = {entry.type: entry for entry in reading.entries}
    assert set(by_type) == {"Patient", "Condition"}
    assert by_type["Condition"].references == (OWN,)
    assert {entry.source for entry in reading.entries} == {given.ODS.value}
    assert reading.demographics is not None
    assert reading.demographics.family == "Okafor"


def test_another_persons_payload_is_left(readers: dict[str, Reader]) -> None:
    """The number must be the one that was asked for, and there must be one."""
    anonymous = given.changed(lambda p: p.pop("identifier"), given.patient())
    broken = given.changed(lambda p: p["identifier"][0].update(value="9990000001"), given.patient())
    assert code_of(readers["STU3"], given.patient(BEN), given.problem()) == "wrong-person"
    assert code_of(readers["STU3"], anonymous, given.problem()) == "wrong-person"
    assert code_of(readers["STU3"], broken, given.problem()) == "wrong-person"
    assert code_of(readers["STU3"], given.problem()) == "wrong-person"


def test_two_persons_in_one_payload_are_left(readers: dict[str, Reader]) -> None:
    """Whether they have two numbers or the same one, it is not known whose the rest is."""
    for other in (BEN, MARGARET):
        two = (given.patient(), given.patient(other, "pat-2"), given.problem())
        assert code_of(readers["STU3"], *two) == "several-persons"


@pytest.mark.parametrize(
    "strange",
    [
        pytest.param(given.problem(about="Patient/pat-2"), id="subject"),
        pytest.param(given.problem(about="https://there.example/fhir/Patient/pat-2"), id="absolute subject"),
        pytest.param(given.problem(about="urn:uuid:0b5c"), id="subject that cannot be resolved"),
        pytest.param(given.problem(about="Group/g1"), id="subject that is no person"),
        pytest.param(
            given.changed(
                lambda r: r.update(subject={"identifier": given.patient(BEN)["identifier"][0]}),
                given.problem(),
            ),
            id="subject by number",
        ),
        pytest.param(
            given.changed(
                lambda r: r.update(subject={"reference": "#p"}, contained=[given.patient(BEN, "p")]),
                given.problem(),
            ),
            id="contained",
        ),
        pytest.param(
            given.changed(
                lambda r: r.update(evidence=[{"detail": [{"reference": "Patient/pat-2"}]}]), given.problem()
            ),
            id="deep inside",
        ),
        pytest.param(
            {
                "resourceType": "Basic",
                "id": "b1",
                "code": {"text": "a note"},
                "subject": {"reference": "Patient/pat-1"},
                "identifier": given.patient(BEN)["identifier"],
            },
            id="another's number",
        ),
    ],
)
def test_one_resource_about_somebody_else_spoils_the_whole(
    readers: dict[str, Reader], strange: given.Tree
) -> None:
    """Nothing of a payload is used in which another person occurs in any place."""
    assert code_of(readers["R4"], given.patient(), given.problem("R4"), strange) == "wrong-person"


def test_demographics_that_contradict_are_left_and_unknown_ones_are_not(readers: dict[str, Reader]) -> None:
    """A right number on another person's facts is not believed; without facts the number decides."""
    other = given.patient(
        name=[{"family": "Quirke", "given": ["Colm"]}], birthDate="1990-10-10", gender="male"
    )
    assert code_of(readers["STU3"], other, given.problem()) == "demographics-contradict"
    assert read(readers["STU3"], other, given.problem(), known=None).entries
    bare = given.changed(lambda p: [p.pop(name) for name in ("name", "birthDate", "gender")], given.patient())
    assert read(readers["STU3"], bare, given.problem()).entries


def test_a_patients_link_to_a_replaced_record_spoils_nothing(readers: dict[str, Reader]) -> None:
    """A Patient may say which record of its own server it replaced."""
    linked = given.patient(link=[{"other": {"reference": "Patient/old"}, "type": "replaces"}])
    assert read(readers["R4"], linked, given.problem("R4")).entries


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"<html></html>", b"\xff\xfe{}", b'{"resourceType":"Bundle"', b"[" * 100_000],
)
def test_what_cannot_be_read_is_unreadable(readers: dict[str, Reader], body: bytes) -> None:
    """Bytes that are no FHIR JSON give one code and no content."""
    with pytest.raises(SourceFailure) as caught:
        read_payload(body, ask(), readers["STU3"])
    assert caught.value.code == "unreadable"


@pytest.mark.parametrize("junk", [None, 1, "x", True, [None], [[1]], {"coding": 5}, {"reference": []}])
@pytest.mark.parametrize("version", ["STU3", "R4"])
def test_what_is_not_in_the_shape_of_fhir_raises_nothing_but_a_failure(
    readers: dict[str, Reader], version: str, junk: object
) -> None:
    """Any element of any resource in another shape: the payload is read, or it fails with a code."""
    whole = [given.patient(), given.problem(version), given.gp_list("717711000000103", "data-in-transit")]
    for resource in whole:
        for name in resource:
            spoilt = [{**r, name: junk} if r is resource else r for r in whole]
            with suppress(SourceFailure):
                assert all(
                    OWN in entry.references or entry.type == "Patient"
                    for entry in read(readers[version], *spoilt).entries
                )


def test_a_part_that_is_not_understood_is_told_under_its_heading(readers: dict[str, Reader]) -> None:
    """A resource of a type that cannot be converted leaves the others, and a mark where it belongs."""
    reading = read(
        readers["STU3"],
        given.patient(),
        given.problem(),
        {"resourceType": "Nonsense", "id": "n1", "subject": {"reference": "Patient/pat-1"}},
    )
    assert {entry.type for entry in reading.entries} == {"Patient", "Condition"}
    assert reading.unread == {"documents"}


def test_what_the_payload_says_of_its_gaps_is_read(readers: dict[str, Reader]) -> None:
    """OperationOutcomes and the warnings of Lists survive the conversion from STU3."""
    reading = read(
        readers["STU3"],
        given.patient(),
        given.gp_list("717711000000103", "confidential-items", "data-in-transit"),
        given.outcome(given.spine_error("NOT_IMPLEMENTED", "warning", "includeReferrals")),
    )
    assert [issue.about for issue in reading.issues] == ["includeReferrals"]
    assert [note.warnings for note in reading.lists] == [("confidential-items", "data-in-transit")]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8) | st.sampled_from(["Patient", OWN]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resourceType", "entry", "resource", "id", "subject", "identifier", "code", "meta"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@for_all(st.binary(max_size=200) | _JSON.map(orjson.dumps))
def test_whatever_comes_gives_no_entry_without_the_persons_number(
    readers: dict[str, Reader], body: bytes
) -> None:
    """No bytes that do not hold the number yield an entry; most fail with a code."""
    with suppress(SourceFailure):
        entries = read_payload(body, ask(), readers["R4"]).entries
        assert entries == () or MARGARET.value.encode() in body


def test_the_cost_of_a_large_payload_is_linear(readers: dict[str, Reader]) -> None:
    """Two thousand resources are read whole, each once."""
    many = [given.problem("R4", f"c{number}") for number in range(2000)]
    assert len(read(readers["R4"], given.patient(), *many).entries) == 2001


def test_an_actor_is_no_part_of_an_entry(readers: dict[str, Reader]) -> None:
    """Who asked leaves no trace in what was answered."""
    reading = read(readers["R4"], given.patient(), given.problem("R4"))
    actor: Actor = given.ACTOR
    assert all(actor.user_id.encode() not in entry.body for entry in reading.entries)


async def test_what_is_not_carried_is_counted(tmp_path: Path, database: Database) -> None:
    """Each payload that was read adds to the day's counts, and each that was not adds its reason."""
    reader = given.reader(tmp_path)
    read(reader, given.patient(), {**given.problem(), "colour": "red"})
    with suppress(SourceFailure):
        read(reader, given.patient(BEN))
    await reader.losses.flush(database)
    found = database.read_now(lambda conn: losses.read(conn, "2026-01-01"))
    counted = {(each.kind, each.name): each.count for each in found}
    assert (
        counted["unit", "filed"] == counted["unit", "wrong-person"] == counted["resource", "Condition"] == 1
    )
    assert ("field", "Condition.colour") in counted


def test_what_is_not_valid_r4_is_mended_or_missed(readers: dict[str, Reader]) -> None:
    """What goes out is valid; a heading from which something had to go lacks it, and labels stay."""
    marked = {"security": [{"system": "urn:x", "code": "R"}]}
    problem = given.problem("R4")
    own = {"subject": problem["subject"], "code": {"text": "A"}, "meta": marked, "status": "final"}
    reading = read(
        readers["R4"],
        given.patient(),
        {**problem, "foo": "bar"},
        {"resourceType": "Observation", "id": "o1", **own, "effectiveDateTime": "2024-13-45"},
        {"resourceType": "DiagnosticReport", "id": "r1", **own, "status": "nonsense"},
    )
    assert {entry.type for entry in reading.entries} == {"Patient", "Condition", "Observation"}
    assert not any(validate(orjson.loads(entry.body)) for entry in reading.entries)
    assert {entry.labels for entry in reading.entries if entry.type == "Observation"} == {("urn:x|R",)}
    assert reading.unread == {"findings", "results"}
