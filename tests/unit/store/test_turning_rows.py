"""New data keys for what is no person's: stopped at any step, all opens; no former key opens any of it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, select
from tests.unit.store.samples import NOW, nhs_number

from scr.errors import Fault
from scr.fhir.identifiers import OdsCode
from scr.identity import bars
from scr.store import grants, messages, quarantine, sessions
from scr.store.engine import Database
from scr.store.keys import DataKey, KeyRing, unseal
from scr.store.messages import MessageState, place_of
from scr.store.misuse import findings, lists
from scr.store.misuse.visits import UserDay
from scr.store.tables import LONG_PAYLOAD, MESSAGE, QUARANTINE
from scr.store.turning import Turning
from scr.store.turning_rows import RowTurning
from scr.store.wrapped import ROWS, WRAPPED

WHY = "it was asked for in writing"
LATER = NOW + 10**9
SHORT, LONG = b"rows", b"." * 1_000_001
Sealed = tuple[bytes, bytes]


class Killed(BaseException):
    """The process ends."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What was written, by its ids."""

    grant: str
    finding: str
    payloads: dict[str, bytes]
    item: str
    undone: str


def fill(connection: Connection, keys: KeyRing) -> Rows:
    """A row in each table whose rows have keys of their own, payloads that are nobody's, and one that is not
    done with."""
    bars.declare(connection, keys, [nhs_number(7), nhs_number(8)], reason=WHY, by="Ann", now=NOW)
    sessions.begin(connection, keys, "cookie", WHY.encode(), NOW, LATER)
    login = grants.Login("https://login.test", "subject", NOW // 1000)
    grant = grants.begin(
        connection, keys, "app", login, WHY.encode(), code="code", code_until=LATER, now=NOW, ends=LATER
    )
    staff = lists.Staff("token", "number", "family", "postcode", "RXX")
    lists.replace_staff(connection, keys, [(staff, lists.StaffEntry("u", surname=WHY))])
    lists.replace_vips(connection, keys, [("number", lists.VipEntry("9", WHY))])
    seen = findings.Seen((), {"night": {"people": 7}}, "policy")
    draft = findings.Draft("about", "", UserDay(1, "u", "R1", "RXX"), "Ann", NOW, "look", seen)
    assert findings.put(connection, keys, draft, NOW)
    [found] = findings.listed(connection, keys, list(findings.Status), 9)
    payloads = {}
    for raw in (SHORT, LONG):
        kept = messages.keep(connection, keys, OdsCode("RX1"), "f", raw, NOW).id
        payloads[kept] = raw
        item = quarantine.quarantine(connection, keys, kept, "a", "row 1", "c", "s", raw[:9], NOW)
        messages.finish(connection, keys, kept, MessageState.QUARANTINED, {"quarantined": 1})
    undone = messages.keep(connection, keys, OdsCode("RX1"), "f", b"not yet", NOW).id
    return Rows(grant, found.id, payloads, item, undone)


def read_all(connection: Connection, keys: KeyRing, rows: Rows) -> None:
    """Open all of it, by the modules that read it; raises where something cannot be."""
    assert [one.reason for one in bars.bars(connection, keys)] == [WHY]
    kept = sessions.find(connection, keys, "cookie", NOW, NOW)
    grant = grants.find(connection, keys, rows.grant)
    assert kept is not None
    assert grant is not None
    assert kept.content == grant.content == WHY.encode()
    entry = lists.staff_entry(connection, keys, "token")
    assert entry is not None
    assert entry.surname == lists.vips(connection, keys)[0].why == WHY
    assert findings.read(connection, keys, rows.finding).seen.policy == "policy"
    for message, raw in rows.payloads.items():
        assert messages.open_raw(connection, keys, message) == raw
    assert messages.open_raw(connection, keys, rows.undone) == b"not yet"
    assert quarantine.open_quarantined(connection, keys, rows.item)[1] == LONG[:9]


def sealed(connection: Connection, keys: KeyRing, rows: Rows) -> dict[str, tuple[DataKey, list[Sealed]]]:
    """Each data key, opened, and the values that it seals (place, value), by what names it."""
    found = {}
    for one in ROWS:
        columns, own = one.table.c, one.table.c[one.column]
        for name, wrapped, value in connection.execute(select(own, columns.wrapped_key, columns.sealed)):
            key = keys.unwrap(wrapped, one.place(name))
            found[f"{one.table.name} {name}"] = key, [(one.place_of_value(name), bytes(value))]
    for message in (*rows.payloads, rows.undone):
        query = select(MESSAGE.c.sealed).where(MESSAGE.c.id == message)
        values = [(place_of("message", message, "raw"), bytes(connection.execute(query).scalar_one()))]
        long = select(LONG_PAYLOAD.c.sealed).where(LONG_PAYLOAD.c.message == message)
        values += [(values[0][0], bytes(one)) for one in connection.execute(long).scalars()]
        parts = select(QUARANTINE.c.id, QUARANTINE.c.sealed).where(QUARANTINE.c.message == message)
        values += [(place_of("quarantine", name, "raw"), one) for name, one in connection.execute(parts)]
        found[f"message {message}"] = (
            messages.message_key(connection, keys, message),
            [(place, value) for place, value in values if value],
        )
    return found


def opens(key: DataKey, values: list[Sealed]) -> int:
    """How many of the values a key opens."""
    count = 0
    for place, value in values:
        try:
            unseal(key, value, place)
        except Fault:
            continue
        count += 1
    return count


def test_all_is_readable_after_every_step_and_no_former_key_opens_any(
    database: Database, keys: KeyRing
) -> None:
    """Killed after each transaction in turn, and gone on with. What is not done with keeps its key; what was
    done once is not done again; what came later is left."""
    rows = database.write_now(lambda connection: fill(connection, keys))
    before = database.read_now(lambda connection: sealed(connection, keys, rows))
    assert {name.split()[0] for name in before} == {one.table.name for one in WRAPPED} - {"person"}
    assert all(opens(key, values) == len(values) > 0 for key, values in before.values())

    def killed(_: str) -> None:
        raise Killed

    earlier = RowTurning(database, keys, NOW, lambda: NOW)
    assert database.read_now(earlier.left) == 2  # of the lists nothing says since when they are there
    turning, steps = RowTurning(database, keys, NOW + 1, lambda: NOW, killed), 0
    while left := database.read_now(turning.left):
        with pytest.raises(Killed):
            turning.go_on()
        steps += 1
        assert database.read_now(turning.left) < left
        database.read_now(lambda connection: read_all(connection, keys, rows))
    assert steps == len(before) - 1
    after = database.read_now(lambda connection: sealed(connection, keys, rows))
    undone = f"message {rows.undone}"
    for name, (key, _) in before.items():
        now, values = after[name]
        assert opens(now, values) == len(values)
        assert opens(key, values) == (len(values) if name == undone else 0), name
    turning.go_on()
    assert database.read_now(lambda connection: sealed(connection, keys, rows)) == after


def test_it_is_part_of_the_change_of_data_keys(database: Database, keys: KeyRing) -> None:
    """One run does both; it is done when neither is left."""
    rows = database.write_now(lambda connection: fill(connection, keys))
    turning = Turning(database, keys, NOW + 1, lambda: NOW)
    before = turning.standing()
    assert (before.rows, before.left, before.done) == (len(ROWS) + 2, 0, False)
    assert turning.go_on().done
    database.read_now(lambda connection: read_all(connection, keys, rows))
