"""Two people, and messages that name one and speak of the other: no record ever holds something of both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from scr.data import DataFiles
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index
from scr.intake.file_unit import Desk
from scr.intake.receive import Intake
from scr.mapping.adapter import load_adapter
from scr.mapping.provider import DropFolderConnection, Feed, Provider
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.records import load_record

NOW = 1_772_461_000_000
NUMBERS = (NHSNumber("9990001014"), NHSNumber("9990001022"))
MARKS = ("told-of-the-first", "told-of-the-second")
NAMES = ("pas-adt", "lab-oru", "gp-registrations", "fhir-r4-record")
ADAPTERS = {name: load_adapter(DataFiles(), name) for name in NAMES}
HEADER = "NHS_Number,Family_Name,Given_Name,Date_of_Birth,Sex,Postcode,Practice_Code,Registered_On"


@dataclass(frozen=True)
class Someone:
    """What messages tell of a person."""

    family: str
    given: str
    born: str
    sex: str = "F"
    postcode: str = "ZZ99 1AA"


FIRST = Someone("Finch", "Jane", "1980-05-17")
OTHERS = {
    "a stranger": Someone("Heron", "Rose", "1951-02-03", postcode="ZZ99 2BB"),
    "a twin": Someone("Finch", "Rose", "1980-05-17"),
    "a brother of the same day": Someone("Finch", "Paul", "1980-05-17", "M"),
    "a parent of the same name": Someone("Finch", "Jane", "1950-05-17"),
    "a sister born a year later": Someone("Finch", "Emma", "1981-05-17"),
    "a child of the house": Someone("Finch", "Rose", "2011-11-29"),
}


@dataclass(frozen=True)
class Sent:
    """A message: in which form, of whom it speaks, and whose numbers stand in it (None: none)."""

    form: str
    about: int
    number: int | None
    local: int | None


MESSAGES = st.lists(
    st.builds(
        Sent,
        st.sampled_from(NAMES),
        st.integers(0, 1),
        st.sampled_from([0, 1, None]),
        st.sampled_from([0, 1, None]),
    ),
    min_size=2,
    max_size=8,
)


def written(sent: Sent, someone: Someone, serial: int) -> bytes:
    """The message as its sender writes it. Whatever of it is filed holds the mark of whom it speaks of."""
    number = "" if sent.number is None else NUMBERS[sent.number].value
    mark = MARKS[sent.about]
    if sent.form == "gp-registrations":
        row = (
            number,
            f"{someone.family}",
            someone.given,
            someone.born,
            someone.sex,
            someone.postcode,
            "A81001",
            "1999-03-02",
        )
        return "\n".join([f"{HEADER},Serial", ",".join([*row, str(serial)]), ""]).encode()
    if sent.form == "fhir-r4-record":
        return _as_fhir(sent, someone, number, serial)
    kind = "ADT^A08" if sent.form == "pas-adt" else "ORU^R01"
    ids = "~".join(
        [f"{number}^^^NHS^NH"] * bool(number) + ([] if sent.local is None else [f"H{sent.local}^^^ZZH01^MR"])
    )
    born = someone.born.replace("-", "")
    segments = [
        f"MSH|^~\\&|APP|ZZH01|SCR|ZZS01|20260701101500||{kind}|{serial}|P|2.4",
        f"PID|1||{ids}||{someone.family}^{someone.given}||{born}|{someone.sex}|||^^^^{someone.postcode}",
        f"PV1|1|I|W1|||||||||||||||||{mark}-{serial % 2}",
    ]
    if sent.form == "lab-oru":
        segments += [f"OBR|1||F{mark}{serial}|X^Test^L|||20260701080000", f"OBX|1|ST|X^Test^L||{mark}||||||F"]
    else:
        segments += [f"AL1|1|DA|^{mark}"]
    return "\r".join([*segments, ""]).encode()


def _as_fhir(sent: Sent, someone: Someone, number: str, serial: int) -> bytes:
    whose = f"p{sent.about if sent.local is None else sent.local}"
    identifiers = [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": number}] if number else []
    patient = {
        "resourceType": "Patient",
        "id": whose,
        "identifier": identifiers,
        "name": [{"family": someone.family, "given": [someone.given]}],
        "birthDate": someone.born,
        "gender": "female" if someone.sex == "F" else "male",
    }
    note = {
        "resourceType": "Observation",
        "id": f"o{serial % 3}",
        "status": "final",
        "code": {"text": "note"},
        "subject": {"reference": f"Patient/{whose}"},
        "valueString": f"{MARKS[sent.about]} {serial}",
    }
    entries = [{"resource": each} for each in (patient, note)]
    return orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


@contextmanager
def intake(template: Path, keys: KeyRing) -> Iterator[tuple[Intake, Provider, Database]]:
    """The intake of one provider with a feed of each form, over an empty database."""
    feeds = tuple(
        Feed(name=name, adapter=name, connection=DropFolderConnection(kind="drop-folder")) for name in NAMES
    )
    provider = Provider(
        ods=OdsCode("ZZH01"), name="X", organisation_type="acute-trust", go_live=None, feeds=feeds
    )
    with TemporaryDirectory() as folder:
        copy(template, path := Path(folder) / "scr.db")
        database = Database.open(f"sqlite:///{path}", writers=1, readers=1)
        clock = count(NOW, 1000)
        desk = Desk(keys, ADAPTERS["pas-adt"].maps)
        try:
            yield (
                Intake(database, keys, desk, ADAPTERS, {provider.ods: provider}, lambda: next(clock)),
                provider,
                database,
            )
        finally:
            database.close()


def _bodies(conn: Connection, keys: KeyRing, number: NHSNumber) -> bytes:
    """All that is on the record of whoever has the number."""
    whose = index.find(conn, keys, number)
    record = [] if whose is None else load_record(conn, keys, whose)
    return b"\n".join(entry.body for entry in record)


@settings(max_examples=60)
@given(other=st.sampled_from(sorted(OTHERS)), sent=MESSAGES, known=st.booleans())
def test_no_record_holds_something_of_two_people(
    sqlite_template: Path, keys: KeyRing, other: str, sent: list[Sent], known: bool
) -> None:
    """Numbers exchanged, of either kind, in any form and order: each record is one person's alone. Where
    both were known rightly before, it is that of the person whose number it is."""
    people = (FIRST, OTHERS[other])
    told = [Sent("pas-adt", n, n, n) for n in (0, 1)] if known else []
    with intake(sqlite_template, keys) as (desk, provider, database):
        for serial, each in enumerate([*told, *sent]):
            feed = next(feed for feed in provider.feeds if feed.name == each.form)
            raw = written(each, people[each.about], serial)
            asyncio.run(desk.receive(provider, feed, raw))
        for which, number in enumerate(NUMBERS):
            bodies = database.read_now(partial(_bodies, keys=keys, number=number))
            found = {n for n, mark in enumerate(MARKS) if mark.encode() in bodies}
            born = {person.born for person in people if person.born.encode() in bodies}
            assert len(found) <= 1
            assert len(born) <= 1
            if known:
                assert found == {which}
