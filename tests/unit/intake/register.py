"""A national register that says what a test tells it to, and an intake that asks it."""

from __future__ import annotations

import asyncio
from collections import Counter

from scr.data import DataFiles
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.pds import PdsAddress, PdsName, PdsPerson
from scr.identity import index
from scr.identity.pds.checks import NumberChecks
from scr.identity.pds.facts import Found, NotKnown, NumberAnswer
from scr.intake.checking import RegisterDesk
from scr.intake.file_unit import Desk
from scr.intake.receive import Intake, Receipt
from scr.mapping.adapter import load_adapter
from scr.mapping.provider import DropFolderConnection, Feed, MllpConnection, Provider
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import Person
from scr.store.records import load_record

ADA, BERT, CARA = (NHSNumber(n) for n in ("9990001014", "9990001022", "9990001030"))
DAY = 24 * 3600 * 1000
HEADER = "NHS_Number,Family_Name,Given_Name,Date_of_Birth,Sex,Postcode,Practice_Code,Registered_On"
LIST, PAS = (load_adapter(DataFiles(), name) for name in ("gp-registrations", "pas-adt"))
FEEDS = (
    Feed(name="list", adapter=LIST.name, connection=DropFolderConnection(kind="drop-folder")),
    Feed(name="pas", adapter=PAS.name, connection=MllpConnection(kind="mllp", sending_facility="X")),
)
PRACTICE = Provider(
    ods=OdsCode("Z99001"), name="X", organisation_type="gp-practice", go_live=None, feeds=FEEDS
)


def person(number: NHSNumber, family: str = "Sample", given: str = "Ada", **more: str) -> PdsPerson:
    """A person as the register tells of them: born on 5 July 1941."""
    return PdsPerson(
        number=number,
        verification="01",
        confidentiality=more.get("confidentiality", "U"),
        names=(PdsName("usual", family, (given,)),),
        birth_date="1941-07-05",
        gender="female",
        addresses=(PdsAddress("home", postal_code="ZZ99 1AA"),),
    )


class Register:
    """Answers by number; ``default`` for those that it has no answer for."""

    def __init__(self, default: NumberAnswer | None = None) -> None:
        self.answers: dict[NHSNumber, NumberAnswer] = {ADA: Found(person(ADA)), BERT: Found(person(BERT))}
        self.everything: NumberAnswer | None = default
        self.asked: Counter[NHSNumber] = Counter()
        self.heard = asyncio.Event()

    async def number(self, number: NHSNumber) -> NumberAnswer:
        """What it was told to say."""
        self.asked[number] += 1
        self.heard.set()
        return self.everything or self.answers.get(number, NotKnown())


class Taking:
    """An intake that asks a register, with a clock that a test moves."""

    def __init__(self, database: Database, keys: KeyRing, register: Register | None) -> None:
        self.now = 1_772_020_800_000
        self.database, self.keys = database, keys
        checks = None if register is None else NumberChecks(register, database, keys, self.clock, 30 * DAY)
        self.intake = Intake(
            database,
            keys,
            Desk(keys, LIST.maps),
            {adapter.name: adapter for adapter in (LIST, PAS)},
            {PRACTICE.ods: PRACTICE},
            self.clock,
            RegisterDesk(checks),
        )

    def clock(self) -> int:
        """Milliseconds UTC."""
        return self.now

    def take(self, raw: str, feed: Feed = FEEDS[0]) -> Receipt:
        """Take a payload, a second after the last one."""
        self.now += 1000
        return asyncio.run(self.intake.receive(PRACTICE, feed, raw.encode()))

    def later(self, seconds: float = 700) -> int | None:
        """Let time pass, and try what waits."""
        self.now += int(seconds * 1000)
        return asyncio.run(self.intake.resume())

    def who(self, number: NHSNumber) -> Person | None:
        """Who is held under a number."""
        return self.database.read_now(lambda conn: index.find(conn, self.keys, number))

    def holds(self, number: NHSNumber) -> int:
        """How many resources are held of the person with a number."""
        found = self.who(number)
        if found is None:
            return 0
        return len(self.database.read_now(lambda conn: load_record(conn, self.keys, found)))


def listed(*rows: tuple[NHSNumber, str]) -> str:
    """A practice's list: numbers and postcodes of people who say that they are Ada Sample."""
    lines = [
        f"{number.value},Sample,Ada,1941-07-05,F,{postcode},Z99001,1999-03-02" for number, postcode in rows
    ]
    return "\n".join([HEADER, *lines, ""])


def admitted(number: NHSNumber, postcode: str, control: str) -> str:
    """A hospital's message about Ada Sample."""
    return (
        f"MSH|^~\\&|PAS|X|SCR|SCR|20260101120000||ADT^A28^ADT_A05|{control}|P|2.4\r"
        "EVN||20260101120000\r"
        f"PID|1||{number.value}^^^NHS||SAMPLE^ADA||19410705|2|||1 STREET^^TOWN^^{postcode}\r"
    )
