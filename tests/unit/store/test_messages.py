"""Messages are kept once, done once, and told apart when they cannot be filed."""

from __future__ import annotations

import pytest
from sqlalchemy import select, union_all
from tests.unit.store.samples import NOW, person

from scr.errors import Fault, NotFound
from scr.fhir.identifiers import OdsCode
from scr.store.engine import Database
from scr.store.feeds import LAG_MS, FeedCounts, FeedState, feed_states
from scr.store.keys import KeyRing
from scr.store.messages import (
    Kept,
    MessageState,
    describe,
    finish,
    keep,
    open_raw,
    pending,
)
from scr.store.people import erase_person
from scr.store.quarantine import (
    QuarantineState,
    open_quarantined,
    quarantine,
    quarantined,
    settle,
    tried_again,
)
from scr.store.tables import LONG_PAYLOAD, MESSAGE

SURGERY, HOSPITAL = OdsCode("A81001"), OdsCode("RXX01")


def _keep(database: Database, keys: KeyRing, raw: bytes, provider: OdsCode = SURGERY, at: int = NOW) -> Kept:
    return database.write_now(lambda c: keep(c, keys, provider, "adt", raw, at))


def test_the_same_bytes_are_kept_once_for_each_provider(database: Database, keys: KeyRing) -> None:
    """A second delivery is told as such, with the state of the first; another provider's is its own."""
    first = _keep(database, keys, b"MSH|1")
    assert not first.duplicate
    assert _keep(database, keys, b"MSH|1") == Kept(first.id, MessageState.RECEIVED, duplicate=True)
    database.write_now(lambda c: finish(c, keys, first.id, MessageState.FILED, {"created": 2}))
    assert _keep(database, keys, b"MSH|1") == Kept(first.id, MessageState.FILED, duplicate=True)
    assert not _keep(database, keys, b"MSH|1", HOSPITAL).duplicate
    assert not _keep(database, keys, b"MSH|2").duplicate


@pytest.mark.parametrize("times", [50, 5_000], ids=["short", "long"])
def test_the_bytes_come_back_whoever_holds_the_key(database: Database, keys: KeyRing, times: int) -> None:
    """Before and after the message is one person's, and when it is finished again, its bytes are the same."""
    raw = bytes(range(256)) * times
    kept = _keep(database, keys, raw)
    someone = person(database, keys)
    assert database.read_now(lambda c: open_raw(c, keys, kept.id)) == raw
    for _ in range(2):
        database.write_now(lambda c: finish(c, keys, kept.id, MessageState.FILED, {"created": 1}, someone))
        assert database.read_now(lambda c: open_raw(c, keys, kept.id)) == raw
    assert _keep(database, keys, raw).duplicate
    told = database.read_now(lambda c: describe(c, kept.id))
    assert (told.person, told.state, told.outcome) == (someone.key, MessageState.FILED, {"created": 1})


@pytest.mark.parametrize("times", [50, 5_000], ids=["short", "long"])
def test_a_payload_goes_with_its_person(database: Database, keys: KeyRing, times: int) -> None:
    """When the person is erased whom alone it was about, nothing of it is left, sealed as it was."""
    kept = _keep(database, keys, bytes(range(256)) * times)
    other = _keep(database, keys, bytes(range(255)) * times)
    someone = person(database, keys)
    database.write_now(lambda c: finish(c, keys, kept.id, MessageState.FILED, {}, someone))
    database.write_now(lambda c: erase_person(c, keys, someone))
    with pytest.raises(Fault):
        database.read_now(lambda c: open_raw(c, keys, kept.id))
    assert len(database.read_now(lambda c: open_raw(c, keys, other.id))) == 255 * times
    left = select(MESSAGE.c.sealed).where(MESSAGE.c.id == kept.id)
    beside = select(LONG_PAYLOAD.c.sealed).where(LONG_PAYLOAD.c.message == kept.id)
    assert not any(database.read_now(lambda c: c.execute(union_all(left, beside)).scalars().all()))


def test_what_was_not_finished_is_pending(database: Database, keys: KeyRing) -> None:
    """After a crash the unfinished ones are found, the oldest first."""
    ids = [_keep(database, keys, b"%d" % n, at=NOW - n).id for n in range(4)]
    database.write_now(lambda c: finish(c, keys, ids[1], MessageState.REFUSED, {}))
    assert [m.id for m in database.read_now(pending)] == [ids[3], ids[2], ids[0]]
    assert [m.id for m in database.read_now(lambda c: pending(c, limit=1))] == [ids[3]]


def test_the_state_of_each_feed(database: Database, keys: KeyRing) -> None:
    """Each feed tells when it last sent, and how many messages came to what."""
    one = _keep(database, keys, b"1", at=NOW + 5)
    _keep(database, keys, b"2")
    _keep(database, keys, b"3", HOSPITAL)
    database.write_now(lambda c: finish(c, keys, one.id, MessageState.FILED, {}))
    assert database.read_now(feed_states) == [
        FeedState(SURGERY, "adt", NOW + 5, {MessageState.FILED: 1, MessageState.RECEIVED: 1}),
        FeedState(HOSPITAL, "adt", NOW, {MessageState.RECEIVED: 1}),
    ]


def test_what_came_since_is_counted_and_not_all_of_it_again(database: Database, keys: KeyRing) -> None:
    """Counted again and again while messages come, are finished and wait, it is what counting all gives."""
    counts, now = FeedCounts(), NOW
    for step in range(12):
        now += LAG_MS // 3
        kept = [_keep(database, keys, b"%d %d" % (step, n), at=now - n) for n in range(3)]
        if step % 2:
            database.write_now(lambda c, one=kept[0]: finish(c, keys, one.id, MessageState.FILED, {}))  # type: ignore[misc]
        if step % 3:
            database.write_now(lambda c, one=kept[1]: finish(c, keys, one.id, MessageState.REFUSED, {}))  # type: ignore[misc]
        found = database.read_now(lambda c, at=now: counts.states(c, at))  # type: ignore[misc]
        assert found == database.read_now(feed_states)
    late = [one.id for one in database.read_now(pending)]
    for one in late:
        database.write_now(lambda c, one=one: finish(c, keys, one, MessageState.FILED, {}))  # type: ignore[misc]
    assert len(late) > 12
    found = database.read_now(lambda c: counts.states(c, now + 10 * LAG_MS))
    assert found == database.read_now(feed_states)


def test_a_part_in_quarantine(database: Database, keys: KeyRing) -> None:
    """It is listed with its reason, opened with its own bytes, tried again, and settled once."""
    kept = _keep(database, keys, b"row 1\nrow 2")

    def put(place: str, raw: bytes) -> str:
        return database.write_now(
            lambda c: quarantine(c, keys, kept.id, "care-csv", place, "bad-nhs-number", "It fails.", raw, NOW)
        )

    first, second = put("row 1", b"row 1"), put("row 2", b"row 2")
    assert {item.id for item in database.read_now(quarantined)} == {first, second}
    item, raw = database.read_now(lambda c: open_quarantined(c, keys, first))
    assert (item.provider, item.place, item.code, item.attempts, raw) == (
        SURGERY,
        "row 1",
        "bad-nhs-number",
        1,
        b"row 1",
    )
    someone = person(database, keys)
    database.write_now(
        lambda c: finish(c, keys, kept.id, MessageState.QUARANTINED, {"quarantined": 2}, someone)
    )
    assert database.read_now(lambda c: open_quarantined(c, keys, second))[1] == b"row 2"
    database.write_now(lambda c: tried_again(c, first, "no-nhs-number", "There is none."))
    database.write_now(lambda c: settle(c, second, QuarantineState.DISMISSED))
    (still,) = database.read_now(quarantined)
    assert (still.id, still.attempts, still.code) == (first, 2, "no-nhs-number")
    assert len(database.read_now(lambda c: quarantined(c, state=None, message=kept.id))) == 2
    with pytest.raises(NotFound):
        database.write_now(lambda c: settle(c, second, QuarantineState.RELEASED))


def test_what_was_never_kept_is_not_found(database: Database, keys: KeyRing) -> None:
    """An id that nobody gave is NotFound everywhere."""
    for look in (
        lambda c: open_raw(c, keys, "x"),
        lambda c: describe(c, "x"),
        lambda c: open_quarantined(c, keys, "x"),
    ):
        with pytest.raises(NotFound):
            database.read_now(look)
    for change in (
        lambda c: finish(c, keys, "x", MessageState.FILED, {}),
        lambda c: settle(c, "x", QuarantineState.DISMISSED),
        lambda c: tried_again(c, "x", "c", "s"),
        lambda c: quarantine(c, keys, "x", "a", "p", "c", "s", b"", NOW),
    ):
        with pytest.raises(NotFound):
            database.write_now(change)
