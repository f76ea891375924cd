"""What a unit does to a person's relationships: who gains the record, and who loses it."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from scr.data import DataFiles
from scr.decode.tree import Unit
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index
from scr.intake.file_unit import DISSENT, Desk, FiledUnit, Problem, UnitOutcome
from scr.mapping.adapter import load_adapter
from scr.store.engine import Database
from scr.store.keys import KeyRing

ADA = "9990001014"
ONE, OTHER, HOSPITAL = OdsCode("Z99001"), OdsCode("Z99002"), OdsCode("ZZH01")
NOW = 1_772_020_800_000
HEADER = "NHS_Number,Family_Name,Given_Name,Date_of_Birth,Sex,Postcode,Practice_Code,Registered_On"
ROW = ADA + ",Sample,{given},{born},F,ZZ99 1AA,{practice},1999-03-02"
ADT = (
    "MSH|^~\\&|PAS|ZZH01|SCR|SCR|20260101120000||ADT^A28^ADT_A05|{control}|P|2.4\r"
    "EVN||20260101120000\r"
    "PID|1||9990001014^^^NHS~{mrn}^^^ZZH01^PI||SAMPLE^ADA||19410705|2|||1 STREET^^TOWN^^ZZ99 1AA\r"
    "ZU8|U|{consent}|Yes\r"
)
LIST = load_adapter(DataFiles(), "gp-registrations")
PAS = load_adapter(DataFiles(), "pas-adt")


def row(practice: OdsCode, given: str = "Ada", born: str = "1941-07-05") -> Unit:
    """One row of a practice's list."""
    text = f"{HEADER}\n{ROW.format(practice=practice, given=given, born=born)}\n"
    unit = next(iter(LIST.units(text.encode())))
    assert isinstance(unit, Unit)
    return unit


def message(consent: str, mrn: str = "M1", control: str = "1") -> Unit:
    """One message of the hospital."""
    unit = next(iter(PAS.units(ADT.format(consent=consent, mrn=mrn, control=control).encode())))
    assert isinstance(unit, Unit)
    return unit


def filed(database: Database, keys: KeyRing, provider: OdsCode, unit: Unit, now: int = NOW) -> UnitOutcome:
    """What the desk makes of a unit."""
    adapter = LIST if "NHS_Number" in unit.tree else PAS
    return database.write_now(lambda conn: Desk(keys, adapter.maps).file(conn, provider, adapter, unit, now))


def related(database: Database, keys: KeyRing) -> set[tuple[str, str]]:
    """Who has to do with Ada now, and how."""

    def read(conn: Connection) -> set[tuple[str, str]]:
        person = index.find(conn, keys, NHSNumber(ADA))
        assert person is not None
        return {(r.organisation.value, r.kind) for r in index.relationships(conn, person) if r.until is None}

    return database.read_now(read)


def test_a_person_is_registered_with_the_practice_that_listed_them_last(
    database: Database, keys: KeyRing
) -> None:
    """The practice that they left keeps nothing: no registration, and no care relationship either."""
    assert isinstance(filed(database, keys, ONE, row(ONE)), FiledUnit)
    assert related(database, keys) == {("Z99001", "registration")}
    assert isinstance(filed(database, keys, OTHER, row(OTHER)), FiledUnit)
    assert related(database, keys) == {("Z99002", "registration")}


def test_who_sends_about_a_person_cares_for_them(database: Database, keys: KeyRing) -> None:
    """A hospital's message makes a care relationship, beside the registration."""
    filed(database, keys, ONE, row(ONE))
    filed(database, keys, HOSPITAL, message("1"))
    assert related(database, keys) == {("Z99001", "registration"), ("ZZH01", "care")}


def test_an_objection_is_noted_and_nothing_of_the_message_filed(database: Database, keys: KeyRing) -> None:
    """The message goes to quarantine, the person's word stays, and it makes no care relationship."""
    outcome = filed(database, keys, HOSPITAL, message("2"))
    assert isinstance(outcome, Problem)
    assert outcome.code == DISSENT
    assert related(database, keys) == {("ZZH01", "objection")}


@pytest.mark.parametrize(
    ("said", "withheld"),
    [
        ([("2", "0900"), ("1", "1000")], False),
        ([("1", "1000"), ("2", "0900")], False),
        ([("2", "1000"), ("1", "0900")], True),
        ([("1", "0900"), ("2", "1000")], True),
        ([("2", "0900"), ("3", "1000")], True),
        ([("2", "0900"), ("", "1000")], True),
        ([("2", "0900"), ("1", "1000"), ("2", "1100")], True),
    ],
)
def test_a_later_consent_lifts_a_dissent_and_an_older_one_does_not(
    database: Database, keys: KeyRing, said: list[tuple[str, str]], withheld: bool
) -> None:
    """By when the messages were made, in whatever order they come; unknown and nothing are no consent."""
    for control, (word, at) in enumerate(said):
        text = ADT.format(consent=word, mrn="M1", control=control)
        header, _, rest = text.partition("\r")
        fields = header.split("|")
        fields[6] = f"20260105{at}"
        unit = next(iter(PAS.units(f"{'|'.join(fields)}\r{rest}".encode())))
        assert isinstance(unit, Unit)
        filed(database, keys, HOSPITAL, unit)
    assert (("ZZH01", "objection") in related(database, keys)) is withheld


def test_whoever_s_it_may_be_leaves_no_trace(database: Database, keys: KeyRing) -> None:
    """Another birth date and name under the number: a reason, and no relationship."""
    filed(database, keys, ONE, row(ONE))
    outcome = filed(database, keys, OTHER, row(OTHER, given="Zebedee", born="2001-01-01"))
    assert isinstance(outcome, Problem)
    assert outcome.code in {"demographics-contradict", "demographics-doubt"}
    assert "2001" not in outcome.sentence
    assert related(database, keys) == {("Z99001", "registration")}


def test_a_hospital_number_is_one_person_s(database: Database, keys: KeyRing) -> None:
    """The same local number under another NHS Number is refused, and that person is not even made."""
    filed(database, keys, HOSPITAL, message("1"))
    other = (
        ADT.format(consent="1", mrn="M1", control="2").replace(ADA, "9990001022").replace("SAMPLE", "OTHER")
    )
    unit = next(iter(PAS.units(other.encode())))
    assert isinstance(unit, Unit)
    outcome = filed(database, keys, HOSPITAL, unit)
    assert isinstance(outcome, Problem)
    assert outcome.code == "other-person"
    assert database.read_now(lambda conn: index.find(conn, keys, NHSNumber("9990001022"))) is None
