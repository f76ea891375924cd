"""What a deployment that was killed has to show for what it has said: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Connection, func, select
from tests.functional.deployment import ADA
from tests.support.crashing import House
from tests.support.sending import Sender

from scr.api.fhir.making import MOST_TAKES
from scr.api.look import MAKES
from scr.api.sealing import open_sealer
from scr.api.services import now_ms, open_keys
from scr.fhir.entry import Entry
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index
from scr.settings import Settings
from scr.store import alerts, messages, quarantine, trail
from scr.store.audit.check import check
from scr.store.audit.heads import heads
from scr.store.audit.signing import SealingKey
from scr.store.engine import Database
from scr.store.jobs import DONE, FAILED
from scr.store.keys import KeyRing
from scr.store.records import load_record
from scr.store.tables import ALERT, CLAIM, HISTORY, JOB, MESSAGE, SNAPSHOT
from scr.store.trail import ids_of_request

_SET_ASIDE = {"AE", "422"}
_VISIT = re.compile(rb'"value":"(V\d+)"')
_MATTERS = re.compile(rb"matters \d+")
_ROW = re.compile(rb"^(\d{10}),", re.MULTILINE)
_NUMBER = re.compile(rb"\|(V\d+)\^\^\^VISITID")
NOBODYS = b"9995100003"
"""A number that cannot be: what names it is set aside."""


def wrongs(house: House, sender: Sender) -> list[str]:
    """What is not as it was said to be. Nothing runs on the database, and all was settled."""
    settings = house.settings()
    keys, database = open_keys(settings), Database.open(settings.resolved_database_url, 1, 1)
    try:
        sealer = open_sealer(settings, database, now_ms)
        assert sealer is not None
        asyncio.run(sealer.seal())  # the last life was killed as well: the next one writes what it left
        return database.read_now(lambda connection: list(_wrongs(connection, keys, house, sender)))
    finally:
        database.close()


def _wrongs(connection: Connection, keys: KeyRing, house: House, sender: Sender) -> Iterator[str]:
    person = index.find(connection, keys, ADA)
    assert person is not None
    record = load_record(connection, keys, person)
    visits = _counted(record, "Encounter", _VISIT)
    for way, raw, told in sender.acknowledged:
        ods = "A81001" if b"Family_Name" in raw else "RXX"
        yield from _payload(connection, keys, f"{way}, told {told}", ods, raw, told)
        if ods == "RXX" and NOBODYS not in raw:
            [visit] = _NUMBER.findall(raw)
            if visits[visit] != 1:
                yield f"{way}, told {told}: {visits[visit]} encounters of {visit.decode()}"
    yield from (f"{count} encounters of {one.decode()}" for one, count in visits.items() if count > 1)
    changed = select(HISTORY.c.id).where(HISTORY.c.type == "Encounter")
    yield from (f"an encounter was written again: {one}" for one in connection.execute(changed).scalars())
    yield from (f"not finished: {one.feed} {one.state}" for one in messages.pending(connection))
    said = _counted(record, "Observation", _MATTERS)
    for text in sender.added:
        if said[text.encode()] != 1:
            yield f"the citizen said {text!r}, and it stands there {said[text.encode()]} times"
    yield from (f"{one.decode()} stands there {count} times" for one, count in said.items() if count > 1)
    yield from _audit(connection, house.settings(), sender)
    yield from _sent(connection, house, sender)
    yield from _made(connection, sender)


def _payload(
    connection: Connection, keys: KeyRing, name: str, ods: str, raw: bytes, told: str
) -> Iterator[str]:
    """A payload that was acknowledged: kept once, and every part of it filed or set aside, once."""
    query = select(MESSAGE.c.id, MESSAGE.c.state).where(
        MESSAGE.c.provider == ods, MESSAGE.c.digest == keys.fingerprint(f"message {ods}", raw)
    )
    found = connection.execute(query).all()
    aside = NOBODYS in raw
    state = "quarantined" if aside else "filed"
    if [one.state for one in found] != [state]:
        yield f"{name}: {[one.state for one in found]} and not {state}"
        return
    if told in _SET_ASIDE and not aside:
        yield f"{name}: refused, and nothing was wrong with it"
    items = quarantine.quarantined(connection, None, found[0].id)
    if len(items) != aside:
        yield f"{name}: {len(items)} parts are set aside"
    if ods == "A81001":
        for number in _ROW.findall(raw):
            if number != NOBODYS:
                yield from _listed(connection, keys, name, NHSNumber(number.decode()))


def _listed(connection: Connection, keys: KeyRing, name: str, number: NHSNumber) -> Iterator[str]:
    person = index.find(connection, keys, number)
    if person is None:
        yield f"{name}: a person of the list is not held"
        return
    held = load_record(connection, keys, person, [OdsCode("A81001")])
    count = sum(entry.type == "Patient" for entry in held)
    if count != 1:
        yield f"{name}: a person of the list is held {count} times"


def _sent(connection: Connection, house: House, sender: Sender) -> Iterator[str]:
    """What went out: each alert once by each way, as far as its receiver does nothing twice for one key."""
    every = {row.id: row.kind for row in connection.execute(select(ALERT.c.id, ALERT.c.kind, ALERT.c.done))}
    yield from (f"an alert did not go out: {one.kind}" for one in alerts.waiting(connection))
    for name, found in (
        ("webhook", {one.name for one in house.told.iterdir()}),
        ("folder", {one.stem for one in (house.home / "alerts").glob("*.json")}),
    ):
        yield from (f"the {name} was not told: {every[one]}" for one in every.keys() - found)
        yield from (f"the {name} was told what is not: {one}" for one in found - every.keys())
    for one in house.told.iterdir():
        if len(set(one.read_bytes().splitlines())) != 1:
            yield "one key came with two bodies"
    broken, glasses = sum(kind == "glass" for kind in every.values()), _glasses(connection)
    if broken != glasses or glasses < sender.broken:
        yield f"{sender.broken} glasses were broken, {glasses} stand there, {broken} are told"


def _made(connection: Connection, sender: Sender) -> Iterator[str]:
    """Answers for later: each that was asked for is there once, with one making in the audit, or its status
    says that it could not be made, after so many processes have died with it."""
    rows = connection.execute(select(JOB.c.id, JOB.c.state, JOB.c.takes, JOB.c.snapshot, JOB.c.sealed)).all()
    jobs = {row.id: row for row in rows}
    pinned = set(connection.execute(select(SNAPSHOT.c.id)).scalars())
    every = trail.recent(connection, 1_000_000)
    makings = Counter((row.details["job"], row.outcome) for row in every if row.action == MAKES)
    told = {*sender.fetched, *sender.failed, *(path.rpartition("/")[2] for path in sender.later)}
    yield from (f"a job is lost: {one}" for one in told - jobs.keys())
    for job, row in jobs.items():
        given_up = row.state == FAILED and row.takes > MOST_TAKES
        if row.state != DONE and not given_up:
            yield f"an answer for later was not made: {row.state}, taken {row.takes} times"
        if makings[job, "success"] != (row.state == DONE) or (given_up and not makings[job, "failed"]):
            yield f"an answer for later is {row.state}, and the audit has {makings[job, 'success']} makings"
        if (row.snapshot in pinned) != (row.state == DONE) or row.sealed:
            yield f"an answer for later is {row.state}, and not kept, or its question is"


def _glasses(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(CLAIM)).scalar_one())


def _audit(connection: Connection, settings: Settings, sender: Sender) -> Iterator[str]:
    key = SealingKey.from_text(settings.secret(settings.audit_key))
    report = check(connection, key.public, heads(settings.path(settings.audit_heads)))
    yield from (f"audit: {problem.code}" for problem in report.problems)
    for correlation in sender.answered:
        if not ids_of_request(connection, correlation):
            yield "an answer has no row in the audit"


def _counted(record: list[Entry], kind: str, what: re.Pattern[bytes]) -> Counter[bytes]:
    found: Counter[bytes] = Counter()
    for entry in record:
        if entry.type == kind:
            found.update({match[1] if what.groups else match[0] for match in what.finditer(entry.body)})
    return found
