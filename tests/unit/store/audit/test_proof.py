"""Proofs: checked by the script that is given away with them, and by nothing of ours."""

from __future__ import annotations

import base64
import importlib.util
import json
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Connection, text
from tests.support.tampering import Sealed, add, new_key, sealed

from scr.errors import Fault, Invalid
from scr.store.audit.chain import Linked, chains, rows_of
from scr.store.audit.form import FIELDS
from scr.store.audit.proof import prove, prove_some
from scr.store.audit.seals import Seal, seal, seal_over, seals
from scr.store.engine import Database

_SCRIPT = Path(__file__).parents[4] / "conformance" / "verify_audit_proof.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script."""
    spec = importlib.util.spec_from_file_location("verify_audit_proof", _SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def made(database: Database, tmp_path: Path) -> Sealed:
    """A sealed audit, and one row that is not sealed yet."""
    return sealed(database, tmp_path)


def every_row(of: Sealed) -> list[str]:
    """The ids of all rows."""
    return of.database.read_now(
        lambda connection: [row.id for chain in chains(connection) for row in rows_of(connection, chain)]
    )


def proved(of: Sealed, ids: list[str], earlier: int | None = None) -> Any:
    """A proof, as whoever gets it reads it."""
    made = of.database.read_now(lambda connection: prove(connection, ids, of.key.public, earlier))
    return json.loads(made.write())


def test_every_sealed_row_is_proved(made: Sealed, script: ModuleType) -> None:
    """Each row of each chain under each seal, and that the tree grew from each of its beginnings."""
    ids = every_row(made)
    for earlier in (None, 1, 2, 3, 4, 5):
        proof = proved(made, ids, earlier)
        assert sorted(script.shown(row)["id"] for row in proof["rows"]) == sorted(ids)
        assert script.problems(proof, made.key.public) == []


def test_nothing_else_is_proved(made: Sealed, script: ModuleType, tmp_path: Path) -> None:
    """A row, path, place, seal, head, signature or key that was changed: each by itself is found."""
    proof = proved(made, every_row(made)[:3], 3)
    junk = bytes(32).hex()
    for row in range(3):
        for name, value in (
            ("row", proof["rows"][row]["row"].replace('"seq":', '"seq":9')),
            ("opened", [json.dumps(["0" * 32, "allowed", True])]),
            ("before", "ff" * 32),
            ("seal", proof["rows"][row]["seal"].replace('"at":', '"at":9')),
            ("index", proof["rows"][row]["index"] ^ 1),
            ("seal_index", (proof["rows"][row]["seal_index"] + 1) % 5),
            ("seal_path", [junk]),
            ("path", [junk]),
        ):
            changed = json.loads(json.dumps(proof))
            changed["rows"][row][name] = value
            assert script.problems(changed, made.key.public), name
    for name, value in (
        ("head", proof["head"].replace('"at":', '"at":9')),
        ("signature", base64.b64encode(bytes(64)).decode()),
        ("earlier", {**proof["earlier"], "root": junk}),
        ("earlier", {**proof["earlier"], "path": []}),
    ):
        assert script.problems({**proof, name: value}, made.key.public), name
    assert script.problems(proof, new_key(tmp_path).public)


def test_what_is_not_sealed_is_not_proved(made: Sealed, script: ModuleType) -> None:
    """It is said so; and of an audit without a seal, or a head that never was, nothing is made."""
    new = made.database.write_now(partial(add, rows=1))
    (told,) = script.problems(proved(made, new), made.key.public)
    assert "not sealed yet" in told
    with pytest.raises(Invalid, match="no head"):
        proved(made, new, 9)


def test_the_seal_over_a_row_is_found_by_any_clock(made: Sealed) -> None:
    """The clocks of who wrote and who sealed may be far apart, either way; what has no seal has none."""

    def found(connection: Connection) -> None:
        for chain in chains(connection):
            for row in rows_of(connection, chain):
                over = {seal_over(connection, chain, row.seq, at) for at in (-(10**12), 150_000, 10**12)}
                wanted: set[int | None] = {one.number for one in seals(connection) if _is_over(one, row)}
                assert over == (wanted or {None})

    made.database.write_now(partial(add, rows=1, chain=True))
    for number in range(60):
        made.database.write_now(partial(add, rows=1))
        made.database.write_now(partial(seal, key=made.key, now=100_000 + number * 4_000))
    made.database.write_now(partial(add, rows=1))
    made.database.read_now(found)


def _is_over(one: Seal, row: Linked) -> bool:
    first, last = one.spans.get(row.chain, (0, -1))
    return first <= row.seq <= last


def test_no_proof_is_made_past_a_seal_that_is_gone(made: Sealed) -> None:
    """It is said where to look, and no half proof is given."""
    gone = text("DELETE FROM audit_seal WHERE number = 2")
    made.database.write_now(lambda connection: connection.execute(gone))
    with pytest.raises(Fault, match="audit verify"):
        proved(made, every_row(made))


def test_an_audit_without_a_seal_proves_nothing(database: Database, tmp_path: Path) -> None:
    """Whoever asks too early is asked to come again."""
    with pytest.raises(Invalid, match="sealed yet"):
        proved(Sealed(database, new_key(tmp_path), ()), [])


def proved_in_part(of: Sealed, names: set[str], earlier: int | None = None) -> Any:
    """A proof of every row, of which these fields are shown."""
    shown = dict.fromkeys(every_row(of), lambda _fields: names)
    made = of.database.read_now(lambda connection: prove_some(connection, shown, of.key.public, earlier))
    return json.loads(made.write())


def test_some_fields_are_proved_and_the_others_stay_closed(made: Sealed, script: ModuleType) -> None:
    """Of rows that say the same: what is shown is shown, no text of the others is there, and no two hashes
    of one field are the same: none is found by trying. Rows of the version before are named alone."""
    names = {"id", "at", "allowed"}
    proof = proved_in_part(made, names, 2)
    assert script.problems(proof, made.key.public) == []
    assert {frozenset(script.shown(row)) for row in proof["rows"]} == {frozenset(names)}
    assert [one["why"] for one in proof["left"]] == ["former", "former"]
    assert len(proof["rows"]) == 15
    for untold in ("a|1", "Patient", "Who you are", "professional", '"p"'):
        assert untold not in json.dumps(proof)
    for name in FIELDS:
        hashes = [json.loads(row["row"])["fields"][name] for row in proof["rows"]]
        assert len(set(hashes)) == len(hashes), name


def test_any_character_that_is_changed_is_found(made: Sealed, script: ModuleType, tmp_path: Path) -> None:
    """Wherever in the file: it is not read, or does not hold. What is left out alone is not proved."""
    proof = proved_in_part(made, {"id", "at", "role"}, 2)
    del proof["left"]
    proof["rows"] = proof["rows"][-3:]
    whole = json.dumps(proof, separators=(",", ":"))
    path = tmp_path / "changed.json"
    for number in range(60):
        at = number * (len(whole) - 1) // 59
        other = next(one for one in ("01A xy")[number % 4 :] if one != whole[at])
        path.write_text(whole[:at] + other + whole[at + 1 :])
        assert script.checked(path, None, made.key.public)[0], (at, whole[max(at - 20, 0) : at + 20])
    path.write_text(whole)
    assert script.checked(path, None, made.key.public)[0] == []


def test_a_proof_that_was_kept_is_gone_on_from(made: Sealed, script: ModuleType, tmp_path: Path) -> None:
    """A later proof goes on from an earlier one, and not from one of another history or another key."""
    kept = proved_in_part(made, {"id"})
    made.database.write_now(partial(add, rows=2))
    made.database.write_now(partial(seal, key=made.key, now=9))
    later = proved_in_part(made, {"id"}, 5)
    assert script.problems(later, made.key.public, kept) == []
    assert script.problems(proved_in_part(made, {"id"}, 4), made.key.public, kept)
    assert script.problems(proved_in_part(made, {"id"}), made.key.public, kept)
    other = json.loads(kept["head"])
    other["root"] = bytes(32).hex()
    content = json.dumps(other)
    for key in (made.key, new_key(tmp_path)):
        forged = {"head": content, "signature": base64.b64encode(key.sign(content.encode())).decode()}
        assert script.problems(later, made.key.public, {**kept, **forged})
