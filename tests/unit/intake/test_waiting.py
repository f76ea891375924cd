"""Nothing is filed before the national register has said whose it is, and nothing is lost for it."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.patience import LONG
from tests.unit.intake.register import (
    ADA,
    BERT,
    CARA,
    DAY,
    FEEDS,
    PRACTICE,
    Register,
    Taking,
    admitted,
    listed,
    person,
)

from scr.errors import Unavailable
from scr.fhir.identifiers import NHSNumber
from scr.identity import index, links
from scr.identity.pds.facts import (
    Found,
    Invalidated,
    NotKnown,
    NumberAnswer,
    Refused,
    Superseded,
    Unreachable,
)
from scr.intake.hl7 import Hl7Intake
from scr.intake.waiting import WaitingRoom
from scr.store import messages
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.messages import MessageState
from scr.store.quarantine import holding_back, quarantined

DOWN = Unreachable("refused")


def waits(taking: Taking) -> list[str]:
    """The messages that wait, the oldest first."""
    return [message.id for message, _ in taking.database.read_now(messages.waiting)]


def why(taking: Taking) -> list[str]:
    """The reasons in quarantine."""
    return [item.code for item in taking.database.read_now(quarantined)]


def held_back(taking: Taking, number: NHSNumber) -> bool:
    """Whether a person's record tells that something is held back."""
    token = index.token_of(taking.keys, number)
    return PRACTICE.ods in taking.database.read_now(lambda conn: holding_back(conn, token))


@pytest.mark.parametrize(
    "silence",
    [
        DOWN,
        Unreachable("timed-out"),
        Unreachable("http-429", 30.0),
        Unreachable("denied"),
        Refused("malformed"),
    ],
)
def test_a_message_waits_while_nothing_is_heard_and_is_filed_once(
    database: Database, keys: KeyRing, silence: NumberAnswer
) -> None:
    """Down, slow, too busy, or wrong: kept, filed nowhere, told of in the record; then filed, once."""
    register = Register(silence)
    taking = Taking(database, keys, register)
    receipt = taking.take(listed((ADA, "ZZ99 1AA")))
    assert (receipt.state, receipt.filed, receipt.problems) == (MessageState.WAITING, 0, ())
    assert taking.who(ADA) is None
    assert held_back(taking, ADA)
    assert not held_back(taking, BERT)
    taking.later()
    assert waits(taking) == [receipt.message]
    register.everything = None
    assert taking.later() is None
    assert (waits(taking), taking.holds(ADA) > 0, held_back(taking, ADA)) == ([], True, False)
    before = taking.holds(ADA)
    again = taking.take(listed((ADA, "ZZ99 1AA")))
    assert (again.duplicate, again.state, taking.holds(ADA)) == (True, MessageState.FILED, before)


def test_the_same_bytes_again_wait_with_the_first(database: Database, keys: KeyRing) -> None:
    """A sender that sends again hears the same, and one message waits."""
    taking = Taking(database, keys, Register(DOWN))
    first, second = (taking.take(listed((ADA, "ZZ99 1AA"))) for _ in range(2))
    assert (second.duplicate, second.state) == (True, MessageState.WAITING)
    assert waits(taking) == [first.message]


def test_the_messages_of_a_feed_keep_their_order(database: Database, keys: KeyRing) -> None:
    """What comes while an older one waits is filed after it, also where the register answers by then."""
    register = Register(DOWN)
    taking = Taking(database, keys, register)
    old = taking.take(admitted(ADA, "ZZ99 1AA", "1"), FEEDS[1])
    register.everything = None
    new = taking.take(admitted(ADA, "ZZ99 9ZZ", "2"), FEEDS[1])
    other = taking.take(listed((BERT, "ZZ99 1AA")))
    assert (new.waiting, other.state) == (True, MessageState.FILED)
    assert waits(taking) == [old.message, new.message]
    taking.later()
    found = taking.who(ADA)
    assert found is not None
    assert (waits(taking), found.demographics.postcode) == ([], "ZZ99 9ZZ")


def test_what_waits_is_tried_after_a_restart_and_where_pds_is_switched_off(
    database: Database, keys: KeyRing
) -> None:
    """It is in the store: another process goes on with it; and one without PDS files it at its start."""
    Taking(database, keys, Register(DOWN)).take(listed((ADA, "ZZ99 1AA")))
    Taking(database, keys, Register(DOWN)).take(admitted(BERT, "ZZ99 1AA", "1"), FEEDS[1])
    restarted = Taking(database, keys, register := Register())
    assert asyncio.run(restarted.intake.recover()) == 0
    del register.answers[BERT]
    register.answers[BERT] = DOWN
    restarted.later()
    assert restarted.holds(ADA) > 0
    assert len(waits(restarted)) == 1
    without = Taking(database, keys, None)
    assert asyncio.run(without.intake.recover()) == 1
    assert (waits(without), without.holds(BERT) > 0) == ([], True)


def test_an_answer_that_cannot_be_trusted_does_not_stop_a_feed_for_ever(
    database: Database, keys: KeyRing
) -> None:
    """After some tries the one unit goes to a human, the others of its message are filed."""
    register = Register()
    register.answers[BERT] = Refused("other-person")
    taking = Taking(database, keys, register)
    taking.take(listed((ADA, "ZZ99 1AA"), (BERT, "ZZ99 1AA")))
    tries = 0
    while waits(taking):
        assert taking.who(BERT) is None
        taking.later()
        tries += 1
    assert tries == 4
    assert why(taking) == ["register-untrusted"]
    assert (taking.holds(ADA) > 0, taking.who(BERT)) == (True, None)


def test_pauses_grow_and_are_as_long_as_the_register_asks(database: Database, keys: KeyRing) -> None:
    """5, 10, 20 seconds and so on to a minute; 120 where it asked for that; and not tried before."""
    register = Register(DOWN)
    taking = Taking(database, keys, register)
    taking.take(listed((ADA, "ZZ99 1AA")))
    pauses = []
    for _ in range(6):
        ((_, wait),) = database.read_now(messages.waiting)
        pauses.append((wait.again - taking.now) / 1000)
        asked = sum(register.asked.values())
        taking.later(pauses[-1] / 2)
        assert sum(register.asked.values()) == asked
        taking.later(pauses[-1] / 2 + 0.001)
    expected = [5, 10, 20, 40, 60, 60]
    assert all(0.8 * full <= pause <= full for pause, full in zip(pauses, expected, strict=True))
    register.everything = Unreachable("http-429", 120.0)
    taking.later()
    ((_, wait),) = database.read_now(messages.waiting)
    assert 96 <= (wait.again - taking.now) / 1000 <= 120


def test_a_superseded_number_is_filed_to_who_has_the_retained_one(database: Database, keys: KeyRing) -> None:
    """Both numbers find the person then, and the former one is remembered."""
    register = Register()
    register.answers[BERT] = Superseded(BERT, person(ADA))
    taking = Taking(database, keys, register)
    assert taking.take(listed((BERT, "ZZ99 1AA"))).state is MessageState.FILED
    by_former, by_retained = taking.who(BERT), taking.who(ADA)
    assert by_former is not None
    assert by_retained is not None
    assert by_former.key == by_retained.key
    assert (by_retained.nhs_number, by_retained.standing.former) == (ADA, (BERT.value,))


def test_two_rows_of_one_person_are_read_as_one(database: Database, keys: KeyRing) -> None:
    """Both numbers were held before PDS said that one gave way to the other: they are linked, once."""
    register = Register()
    taking = Taking(database, keys, register)
    taking.take(listed((ADA, "ZZ99 1AA"), (BERT, "ZZ99 1AA")))
    former, retained = taking.who(BERT), taking.who(ADA)
    assert former is not None
    assert retained is not None
    taking.now += 31 * DAY
    register.answers[BERT] = Superseded(BERT, person(ADA))
    assert taking.take(admitted(BERT, "ZZ99 1AA", "1"), FEEDS[1]).state is MessageState.FILED
    taking.take(admitted(BERT, "ZZ99 1AA", "2"), FEEDS[1])
    now = taking.who(BERT)
    assert now is not None
    people = database.read_now(lambda conn: links.view_of(conn, keys, now))
    made = database.read_now(lambda conn: links.links_in_force(conn, people))
    assert {one.key for one in people} == {former.key, retained.key}
    assert [(one.former, one.retained, one.kind) for one in made] == [
        (former.key, retained.key, "superseded")
    ]


@pytest.mark.parametrize("held", [False, True])
def test_a_bar_is_stronger_than_the_register(database: Database, keys: KeyRing, held: bool) -> None:
    """Two numbers that are never to be joined are not, whatever PDS says: a human looks at the unit."""
    register = Register()
    taking = Taking(database, keys, register)
    if held:
        taking.take(listed((ADA, "ZZ99 1AA"), (BERT, "ZZ99 1AA")))
        taking.now += 31 * DAY
    database.write_now(
        lambda conn: links.bar(conn, keys, (ADA, BERT), reason="law", by="a judge", now=taking.now)
    )
    register.answers[BERT] = Superseded(BERT, person(ADA))
    taking.take(admitted(BERT, "ZZ99 1AA", "1"), FEEDS[1])
    assert why(taking) == ["nhs-number-disputed"]
    former = taking.who(BERT)
    assert (former is not None) is held
    if former is not None:
        assert len(database.read_now(lambda conn: links.view_of(conn, keys, former))) == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Invalidated(ADA), "nhs-number-invalidated"),
        (NotKnown(), "nhs-number-not-known"),
        (Found(person(ADA, "Entirely", "Different")), "demographics-"),
    ],
)
def test_a_number_that_is_not_theirs_goes_to_a_human(
    database: Database, keys: KeyRing, answer: NumberAnswer, code: str
) -> None:
    """Out of use, nobody's, or somebody else's: in quarantine with the reason, on nobody's record."""
    register = Register()
    register.answers[ADA] = answer
    taking = Taking(database, keys, register)
    taking.take(listed((ADA, "ZZ99 1AA")))
    assert [reason.startswith(code) for reason in why(taking)] == [True]
    assert taking.who(ADA) is None


def test_a_person_is_asked_about_again_after_some_time_only(database: Database, keys: KeyRing) -> None:
    """Once when new; not for what comes within thirty days; and once more after that."""
    register = Register()
    taking = Taking(database, keys, register)
    taking.take(listed((ADA, "ZZ99 1AA")))
    taking.take(admitted(ADA, "ZZ99 1AA", "1"), FEEDS[1])
    assert register.asked[ADA] == 1
    taking.now += 31 * DAY
    taking.take(admitted(ADA, "ZZ99 1AA", "2"), FEEDS[1])
    assert register.asked[ADA] == 2


def test_a_retry_by_hand_asks_as_well(database: Database, keys: KeyRing) -> None:
    """Nothing gets out of quarantine by a number that the register is silent about."""
    register = Register()
    taking = Taking(database, keys, register)
    taking.take(listed((CARA, "ZZ99 1AA")))
    (item,) = database.read_now(quarantined)
    register.answers[CARA] = DOWN
    with pytest.raises(Unavailable, match="PDS"):
        asyncio.run(taking.intake.retry(item.id))
    register.answers[CARA] = Found(person(CARA))
    assert asyncio.run(taking.intake.retry(item.id)).state is MessageState.FILED


def test_a_sender_of_hl7_is_told_that_it_is_kept(database: Database, keys: KeyRing) -> None:
    """AA, and the text says that it is not filed yet: to send it again would change nothing."""
    taking = Taking(database, keys, Register(DOWN))
    handler = Hl7Intake(taking.intake, {PRACTICE.ods: PRACTICE})
    answer = asyncio.run(handler.handle(admitted(ADA, "ZZ99 1AA", "1").encode()))
    assert b"MSA|AA|1|Kept; it is filed when PDS has said whose it is." in answer


async def test_the_waiting_room_tries_by_itself(database: Database, keys: KeyRing) -> None:
    """It files what waits when its time has come, and ends when it is told to."""
    register = Register(DOWN)
    taking = Taking(database, keys, register)
    receipt = await taking.intake.receive(PRACTICE, FEEDS[0], listed((ADA, "ZZ99 1AA")).encode())
    register.everything = None
    register.heard.clear()
    taking.now += 60_000
    stop = asyncio.Event()
    running = asyncio.create_task(WaitingRoom(taking.intake, taking.clock).run(stop))
    await asyncio.wait_for(register.heard.wait(), LONG)
    stop.set()
    await asyncio.wait_for(running, LONG)
    described = database.read_now(lambda conn: messages.describe(conn, receipt.message))
    assert described.state is MessageState.FILED
