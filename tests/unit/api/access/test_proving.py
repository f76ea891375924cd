"""The file that a person takes away, and what a deployment needs to make it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scr.api.access.proving import Proving, proving_of, size_of
from scr.errors import Invalid, Unavailable
from scr.settings import Settings


def of(home: Path) -> Proving:
    """Of a deployment without keys."""
    return proving_of(cast(Any, SimpleNamespace(settings=Settings(home=home))), cast(Any, None))


def test_a_proof_is_packed_with_what_checks_it(tmp_path: Path) -> None:
    """The same proof is the same file, whenever it is packed."""
    packed = of(tmp_path).packed(b"{}")
    assert packed == of(tmp_path).packed(b"{}")
    file = zipfile.ZipFile(io.BytesIO(packed))
    assert sorted(file.namelist()) == ["verify_audit_proof.py", "who-looked.json"]
    assert file.read("who-looked.json") == b"{}"
    assert {one.external_attr >> 16 for one in file.infolist()} == {0o644}
    compile(file.read("verify_audit_proof.py"), "verify_audit_proof.py", "exec")


def test_without_the_key_of_the_audit_nothing_is_proved(tmp_path: Path) -> None:
    """It is told as what does not work just now, and not as a fault of whoever asks."""
    with pytest.raises(Unavailable, match="not sealed"):
        of(tmp_path).public()


def test_a_size_is_a_number() -> None:
    """Nothing else is taken for one."""
    assert (size_of(None), size_of("12")) == (None, 12)
    for text in ("", "-1", "1.0", "１", "9" * 16):
        with pytest.raises(Invalid):
            size_of(text)
