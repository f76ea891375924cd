"""Seals and their heads: what was sealed stands, and whatever is changed is found."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tests.support.tampering import KINDS, Change, Sealed, add, is_found, new_key, seal_anew, sealed

from scr.errors import Conflict, Invalid, Unavailable
from scr.store.audit.heads import heads, last_size, write_heads
from scr.store.audit.seals import seal, seals, waiting
from scr.store.audit.signing import SealingKey, create_sealing_key
from scr.store.engine import Database


@pytest.fixture
def made(database: Database, tmp_path: Path) -> Sealed:
    """A sealed audit."""
    return sealed(database, tmp_path)


def test_what_was_sealed_stands_and_what_came_since_waits(made: Sealed) -> None:
    """Three chains under five seals; rows after the last one are told as unsealed, until they are sealed."""
    report = made.database.read_now(made.check)
    assert (report.stands, report.rows, report.chains) == (True, 17, 3), report.problems
    assert (report.seals, report.heads, report.unsealed) == (5, 5, 0)
    made.database.write_now(partial(add, rows=2))
    assert made.database.read_now(made.check).unsealed == 2
    assert made.database.read_now(waiting).rows == 2
    assert made.database.write_now(partial(seal, key=made.key, now=6)) is not None
    assert made.database.write_now(partial(seal, key=made.key, now=7)) is None
    report = made.database.read_now(made.check)
    assert [(one.code, one.seal) for one in report.problems] == [("heads-missing", 6)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_change_is_found(made: Sealed, kind: Change) -> None:
    """Twelve of each kind; the long run is in ``make assurance``."""
    for number in range(12):
        assert not is_found(made, kind, number).stands, number
    assert made.database.read_now(made.check).stands


def test_what_is_made_to_fit_without_the_key_is_found(made: Sealed, tmp_path: Path) -> None:
    """Every hash fits, and every seal is made anew by another key."""
    other = new_key(tmp_path)
    for number in range(6):
        assert not is_found(made, partial(seal_anew, key=other), number).stands
    with_it = is_found(made, partial(seal_anew, key=made.key), 3)  # the key alone is not enough either
    assert not with_it.stands


def test_the_first_bad_row_is_named(made: Sealed) -> None:
    """By chain, place and id."""
    (one, *_) = is_found(made, KINDS[0], 1).problems
    assert one.code in {"row-changed", "sealed-rows-changed"}
    assert one.chain
    assert one.seq


def test_heads_outside_tell_of_their_own_changes(made: Sealed) -> None:
    """A head that was forged, changed, or taken out."""
    first, *rest = made.heads
    forged = replace(first, signature=bytes(64))
    for written, code in (
        ((forged, *rest), "written-head-forged"),
        (tuple(rest), "heads-missing"),
        (made.heads[:3], "heads-missing"),
    ):
        report = made.database.read_now(partial(made.check, written=written))
        assert [problem.code for problem in report.problems] == [code]


def test_half_a_line_is_passed_over_and_written_again(made: Sealed, tmp_path: Path) -> None:
    """A process that died while it wrote: the next one begins a line of its own."""
    path, every = tmp_path / "heads.jsonl", made.database.read_now(lambda conn: list(seals(conn)))
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"{") + 20])
    assert last_size(path) == 4
    write_heads(path, every[4:])
    assert [one.head.size for one in heads(path)] == [1, 2, 3, 4, 5]
    assert made.database.read_now(partial(made.check, written=tuple(heads(path)))).stands
    assert last_size(tmp_path / "none") == 0
    with pytest.raises(Unavailable):
        write_heads(tmp_path, every)


def test_a_long_chain_is_sealed_in_parts(database: Database, tmp_path: Path) -> None:
    """What stood before there were seals may be long: no seal takes more than so many rows."""
    for _ in range(2):
        database.write_now(partial(add, rows=4, chain=True))
    key = new_key(tmp_path)
    made = [database.write_now(partial(seal, key=key, now=1, most=3)) for _ in range(4)]
    assert [None if one is None else one.rows for one in made] == [3, 3, 2, None]
    assert database.read_now(Sealed(database, key, ()).check).unsealed == 0


def test_a_key_is_made_once_and_read_as_it_is(tmp_path: Path) -> None:
    """Mode 0600, never overwritten; anything else is no key."""
    path = tmp_path / "keys" / "audit.key"
    create_sealing_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    key = SealingKey.from_text(path.read_bytes())
    assert key.public not in repr(key).encode()
    with pytest.raises(Conflict):
        create_sealing_key(path)
    for wrong in (b"", b"not base64!", b"c2hvcnQ="):
        with pytest.raises(Invalid):
            SealingKey.from_text(wrong)
