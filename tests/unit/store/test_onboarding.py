"""The register of providers: numbered without gaps, and believed at once."""

from __future__ import annotations

import threading

from scr.consent.actor import Actor, ActorKind
from scr.errors import Conflict
from scr.fhir.identifiers import OdsCode
from scr.store.engine import Database
from scr.store.onboarding import (
    Event,
    EventKind,
    Liveness,
    LivenessReader,
    Stage,
    append_event,
    events,
)

HOSPITAL, COUNCIL = OdsCode("ZZH01"), OdsCode("ZZC01")
NOW = 1_767_225_600_000


def event(
    provider: OdsCode, stage: Stage, *testers: str, kind: EventKind = EventKind.PASSED, report: str = "r"
) -> Event:
    """An event after which a provider is at a stage."""
    names = frozenset(testers)
    return Event(provider, NOW, kind, stage, stage, "Ann", "issuer|u1", "CSO-17", "d", report, "n", names)


def somebody(subject: str, user: str = "") -> Actor:
    """Somebody with a token."""
    return Actor(ActorKind.PROFESSIONAL, subject, user_id=user)


def test_events_come_back_as_they_were_written(database: Database) -> None:
    """All of it, in order, of one provider or of all."""
    first = event(HOSPITAL, Stage.LIVE_FOR_TESTERS, "b", "a", report="ü\n2")
    second = event(COUNCIL, Stage.CONFIGURED)
    for each in (first, second):
        database.write_now(lambda connection, each=each: append_event(connection, each))  # type: ignore[misc]
    found = database.read_now(events)
    assert [one.seq for one in found] == [1, 2]
    assert found[0] == Event(**{name: getattr(first, name) for name in first.__slots__} | {"seq": 1})
    assert [one.provider for one in database.read_now(lambda c: events(c, COUNCIL))] == [COUNCIL]


def test_numbers_have_no_gaps_however_many_write(database: Database) -> None:
    """Four writers at once: whoever was second hears of it, and every number is given once."""

    def write() -> None:
        for _ in range(5):
            while True:
                try:
                    database.write_now(lambda c: append_event(c, event(HOSPITAL, Stage.CONFIGURED)))
                    break
                except Conflict:
                    continue

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.seq for one in database.read_now(events)] == list(range(1, 21))


def test_who_is_live_is_known_at_once_in_another_process(database: Database, database_url: str) -> None:
    """A reader that has looked before sees what another process wrote since."""
    other = Database.open(database_url, writers=1, readers=1)
    reader = LivenessReader()
    try:
        assert database.read_now(reader.read) == Liveness()
        other.write_now(lambda c: append_event(c, event(HOSPITAL, Stage.LIVE)))
        other.write_now(lambda c: append_event(c, event(COUNCIL, Stage.LIVE_FOR_TESTERS, "i|t", "u9")))
        seen = database.read_now(reader.read)
        assert seen == Liveness(frozenset({HOSPITAL}), {COUNCIL: frozenset({"i|t", "u9"})})
        undone = event(HOSPITAL, Stage.LIVE_FOR_TESTERS, kind=EventKind.UNDONE)
        other.write_now(lambda c: append_event(c, undone))
        assert database.read_now(reader.read).open_to(somebody("anybody")) == frozenset()
    finally:
        other.close()


def test_a_tester_is_known_by_subject_or_user_id() -> None:
    """And nobody else is one: not by half a name, not by having none."""
    liveness = Liveness(frozenset({HOSPITAL}), {COUNCIL: frozenset({"i|t", "u9", ""})})
    everybody, testers = {HOSPITAL}, {HOSPITAL, COUNCIL}
    assert liveness.open_to(somebody("i|t")) == testers
    assert liveness.open_to(somebody("i|x", "u9")) == testers
    assert liveness.open_to(somebody("i|x", "u")) == everybody
    assert liveness.open_to(somebody("i|", "")) == everybody
    assert liveness.open_to(somebody("", "")) == everybody
