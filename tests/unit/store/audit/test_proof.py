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
from tests.support.tampering import Sealed, add, new_key, sealed

from scr.errors import Invalid
from scr.store.audit.chain import chains, rows_of
from scr.store.audit.proof import prove
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


def test_an_audit_without_a_seal_proves_nothing(database: Database, tmp_path: Path) -> None:
    """Whoever asks too early is asked to come again."""
    with pytest.raises(Invalid, match="sealed yet"):
        proved(Sealed(database, new_key(tmp_path), ()), [])
