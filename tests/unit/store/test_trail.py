"""The audit trail and the snapshots."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.store.samples import NOW, person

from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.snapshots import expire, load, save
from scr.store.trail import AuditRow, append, looks_at, recent, row_by_id


def test_rows_come_back_as_they_were_written_the_newest_first(database: Database) -> None:
    """Every field is kept; the rows can be narrowed to a person, an actor and a time."""
    rows = [
        AuditRow(
            at=NOW + n,
            actor=f"issuer|{n % 2}",
            action="R",
            what="Patient/$everything",
            outcome="8" if n == 3 else "0",
            person="p" if n > 1 else None,
            actor_name="Dr Example",
            role="R8000",
            organisation="A81001",
            purpose="TREAT",
            code="no-relationship" if n == 3 else "",
            policy="abc",
            correlation=str(n),
            details={"sources": {"A81001": "answered"}, "n": n},
        )
        for n in range(5)
    ]
    ids = [database.write_now(partial(append, row=row)) for row in rows]
    assert ids == sorted(ids)
    found = database.read_now(recent)
    assert [row.id for row in found] == ids[::-1]
    assert [replace(row, id="") for row in found] == rows[::-1]
    assert len(database.read_now(lambda c: recent(c, limit=2))) == 2
    assert len(database.read_now(lambda c: recent(c, person="p"))) == 3
    assert len(database.read_now(lambda c: recent(c, person="p", actor="issuer|0", before=NOW + 4))) == 1


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from(["", "a", "b"]), st.sampled_from("pqr")), max_size=14
    ),
    st.integers(1, 4),
    st.sampled_from([None, "a"]),
)
def test_looks_are_paged_through_without_a_gap(
    database: Database, made: list[tuple[int, str, str]], most: int, actor: str | None
) -> None:
    """Page by page, however many were at one moment, each look at these persons comes once; no upkeep."""
    since = recent_at(database) + 1
    wanted = []
    for at, who, whose in made:
        row = AuditRow(at=since + at, actor=who, action="R", what="x", outcome="0", person=whose)
        identity = database.write_now(partial(append, row=row))
        if whose != "r" and who and actor in (None, who):
            wanted.append((since + at, identity))
    until, paged = since + 10, []
    while True:
        page = database.read_now(
            lambda c, until=until: looks_at(c, ["p", "q"], since, until, most=most, actor=actor)  # type: ignore[misc]
        )
        if not page:
            break
        paged += [(row.at, row.id) for row in page]
        until = page[-1].at - 1
    assert paged == sorted(wanted, reverse=True)
    for _, identity in wanted:
        assert database.read_now(partial(row_by_id, identity=identity, people=["p", "q"])) is not None
        assert database.read_now(partial(row_by_id, identity=identity, people=["r"])) is None


def recent_at(database: Database) -> int:
    """When the last row was, so that one example's rows are not another's."""
    found = database.read_now(lambda c: recent(c, 1))
    return found[0].at + 10 if found else NOW


def test_a_snapshot_is_for_its_subject_and_its_time(database: Database, keys: KeyRing) -> None:
    """Only the subject that asked gets it back, whole, until it expires; then it is deleted."""
    someone = person(database, keys)
    page = database.write_now(lambda c: save(c, keys, someone, "issuer|1", b"bytes", NOW, 1000))

    def get(subject: str, at: int) -> bytes | None:
        found = database.read_now(lambda c: load(c, keys, page, subject, at))
        assert found is None or found[0].key == someone.key
        return found[1] if found else None

    assert get("issuer|1", NOW + 999) == b"bytes"
    assert get("issuer|2", NOW) is None
    assert get("issuer|1", NOW + 1000) is None
    assert database.write_now(lambda c: expire(c, NOW + 999)) == 0
    assert database.write_now(lambda c: expire(c, NOW + 1000)) == 1
    assert get("issuer|1", NOW) is None
