"""The audit is judged whenever, by whomever, and however often it is stopped: what is found is the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import delete, func, select, update
from tests.support.misuse_history import DAY_MS, START, History, make_history
from tests.support.misuse_trial import fill, findings_of, write_looks

from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.errors import Conflict
from scr.identity.misuse.watch import Done, MisuseWatch
from scr.sources.alerts import told as body_of
from scr.store import alerts
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.tables import (
    MISUSE_CURSOR,
    MISUSE_DAY,
    MISUSE_FINDING,
    MISUSE_STAFF,
    MISUSE_VISIT,
    PERSON,
)

POLICY = load_policy(DataFiles())
FIRST = round(START.timestamp() * 1000)
END = FIRST + 12 * DAY_MS
Found = dict[tuple[str, str, int], tuple[object, ...]]


def history() -> History:
    """Some days of eight people, with a misuse or two of each kind."""
    return make_history(5, staff=8, days=5, misuses=2)


def found_of(database: Database, keys: KeyRing) -> Found:
    """What was raised: about whom and which day, by which rules, and why."""
    return {
        (one.user_day.actor, one.person, one.user_day.day): (one.seen.rules, one.seen.signals, one.status)
        for one in findings_of(database, keys)
    }


def stop_after(parts: int) -> Callable[[], bool]:
    """What says to stop after so many questions."""
    left = iter(range(parts))
    return lambda: next(left, None) is None


async def test_in_parts_and_stopped_or_at_once(database: Database, keys: KeyRing) -> None:
    """Run every other day, stopped at any part and begun again, or once in the end: the same findings."""
    made, draw = history(), random.Random(7)
    await fill(database, keys, made, END)
    now = FIRST
    watch = MisuseWatch(database, keys, POLICY, lambda: now)
    for day in (2, 4, 8):
        until = FIRST + day * DAY_MS
        await write_looks(database, [one for one in made.seen if now <= one.at < until])
        now = until
        watch.run(stop_after(draw.randrange(4)))
        watch.run(stop_after(draw.randrange(4)))
        watch.run()
    now = END
    watch.run()
    in_parts = found_of(database, keys)
    assert not watch.is_due()
    assert watch.run() == Done(0, 0, 0)
    rules = {one.rule for seen, *_ in in_parts.values() for one in seen}  # type: ignore[attr-defined]
    assert {"own-record", "family", "colleague", "no-relationship"} <= rules

    def forget() -> None:
        for table in (MISUSE_CURSOR, MISUSE_VISIT, MISUSE_DAY, MISUSE_FINDING):
            database.write_now(lambda connection, table=table: connection.execute(delete(table)).close())  # type: ignore[misc]

    forget()
    watch.run()
    assert found_of(database, keys) == in_parts


async def test_two_at_once_count_each_look_once(database: Database, keys: KeyRing) -> None:
    """One of them may be told that another was first; no row of the audit is counted twice, or left out."""
    made = history()
    await fill(database, keys, made, END)
    rows = await write_looks(database, made.seen)

    def run() -> Done | None:
        try:
            return MisuseWatch(database, keys, POLICY, lambda: END).run()
        except Conflict:
            return None

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(run), pool.submit(run)
        first.result()
        second.result()
    run()
    query = select(func.sum(MISUSE_VISIT.c.looks + MISUSE_VISIT.c.refused))
    counted = database.read_now(lambda connection: connection.execute(query).scalar_one())
    assert int(counted) == rows


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_visits_are_let_go_and_nothing_stands_in_the_clear(database: Database, keys: KeyRing) -> None:
    """After the days that are kept only findings are left; no number, surname or reason can be read in any
    of the tables, and with a person what was found of them goes."""
    made = history()
    await fill(database, keys, made, END)
    await write_looks(database, made.seen)
    MisuseWatch(database, keys, POLICY, lambda: END).run()
    raised = len(findings_of(database, keys))
    MisuseWatch(database, keys, POLICY, lambda: END + 90 * DAY_MS).run()
    assert len(findings_of(database, keys)) == raised > 5
    for table in (MISUSE_VISIT, MISUSE_DAY):
        assert not database.read_now(lambda c, t=table: c.execute(select(t)).all())  # type: ignore[misc]

    def stored(table: object) -> str:
        return str(database.read_now(lambda c: c.execute(select(table)).all()))  # type: ignore[call-overload]

    told = stored(MISUSE_STAFF) + stored(MISUSE_FINDING)
    for member in made.area.staff:
        assert member.resident.number.value not in told
        assert member.resident.surname not in told
        assert member.resident.postcode not in told
    assert "own-record" not in told
    someone = next(one.person for one in findings_of(database, keys) if one.person)
    database.write_now(lambda c: c.execute(delete(PERSON).where(PERSON.c.key == someone)).close())
    assert all(one.person != someone for one in findings_of(database, keys))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_serious_rules_raise_is_told_of_outside_once(database: Database, keys: KeyRing) -> None:
    """One alert for each finding of such a rule, however often it is judged, with its id and nothing of
    anybody; none of what is decided, of looks of long ago, or where no alert goes out."""
    made, serious = history(), {"own-record", "family"}
    await fill(database, keys, made, END)
    await write_looks(database, made.seen)
    assert POLICY.misuse is not None
    rules = {code: replace(one, alert=code in serious) for code, one in POLICY.misuse.rules.items()}
    policy = replace(POLICY, misuse=replace(POLICY.misuse, rules=rules))

    def run(day: int, *, tells: bool = True) -> dict[str, alerts.Alert]:
        again = update(MISUSE_VISIT).values(state=0)
        database.write_now(lambda connection: connection.execute(again).close())
        MisuseWatch(database, keys, policy, lambda: FIRST + day * DAY_MS, alerts=tells).run()
        return {one.id: one for one in database.read_now(alerts.waiting)}

    assert run(5, tells=False) == run(30) == {}
    database.write_now(lambda connection: connection.execute(delete(MISUSE_FINDING)).close())
    told = run(6)
    assert run(6) == run(7) == told
    found = {
        one.id for one in findings_of(database, keys) if serious & {each.rule for each in one.seen.rules}
    }
    assert set(told) == {f"misuse-{one}" for one in found} != set()
    for identity, one in told.items():
        said = msgspec.json.decode(body_of(one, "https://record.test/fhir"))
        assert said == {
            "id": identity,
            "kind": "misuse",
            "at": said["at"],
            "link": f"https://record.test/privacy/misuse/{identity.removeprefix('misuse-')}",
        }
