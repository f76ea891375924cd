"""Keys: what is sealed opens in its place, with its key, and not otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.errors import Conflict, Fault, Invalid
from scr.store.keys import DataKey, KeyRing, create_keys, seal, unseal


@given(st.binary(), st.binary(max_size=40))
def test_what_is_sealed_opens_again(plain: bytes, place: bytes) -> None:
    """Any bytes come back; sealed twice they look different."""
    key = DataKey.new()
    first, second = seal(key, plain, place), seal(key, plain, place)
    assert first != second
    assert unseal(key, first, place) == unseal(key, second, place) == plain


@given(st.data())
def test_a_changed_byte_does_not_open(data: st.DataObject) -> None:
    """A flipped bit or a part cut off makes it unreadable, and the error tells nothing of what was in it."""
    key, place = DataKey.new(), b"resource/p/i/1"
    sealed = bytearray(seal(key, b"Quillfeather", place))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= 1 << data.draw(st.integers(0, 7))
    cut = bytes(sealed[:at])
    for wrong in (bytes(sealed), cut):
        with pytest.raises(Fault, match="cannot be opened") as caught:
            unseal(key, wrong, place)
        assert caught.value.code == "unreadable"
        assert "Quill" not in str(caught.value)


def test_another_place_or_key_does_not_open() -> None:
    """A value that was moved to another row, or meets another key, does not open."""
    key = DataKey.new()
    sealed = seal(key, b"x", b"resource/a/1/1")
    with pytest.raises(Fault):
        unseal(key, sealed, b"resource/b/1/1")
    with pytest.raises(Fault):
        unseal(DataKey.new(), sealed, b"resource/a/1/1")


def test_a_data_key_is_wrapped_for_its_place(keys: KeyRing) -> None:
    """A wrapped key opens for its own person only, also when it was opened before and is remembered."""
    key = DataKey.new()
    wrapped = keys.wrap(key, b"person/a/key")
    assert key.raw not in wrapped
    assert keys.unwrap(wrapped, b"person/a/key") == key
    with pytest.raises(Fault):
        keys.unwrap(wrapped, b"person/b/key")
    other = KeyRing(os.urandom(32), os.urandom(32))
    with pytest.raises(Fault):
        other.unwrap(wrapped, b"person/a/key")


def test_the_blind_index_depends_on_key_kind_and_value(keys: KeyRing) -> None:
    """The same value gives the same token; another kind, value or key gives another."""
    other = KeyRing(os.urandom(32), os.urandom(32))
    tokens = {
        keys.blind("nhs-number", "9990000018"),
        keys.blind("local", "9990000018"),
        keys.blind("nhs-number", "9990000026"),
        other.blind("nhs-number", "9990000018"),
    }
    assert len(tokens) == 4
    assert keys.blind("nhs-number", "9990000018") in tokens


def test_keys_print_nothing(keys: KeyRing) -> None:
    """A key in a log line or a traceback does not show itself."""
    key = DataKey.new()
    assert repr(key) == "DataKey()"
    assert repr(keys.id_key) not in repr(keys)


def test_new_key_files(tmp_path: Path) -> None:
    """The files are their owner's alone, differ, make a key ring, and are never overwritten."""
    paths = create_keys(tmp_path / "keys")
    contents = [path.read_bytes() for path in paths]
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o600, 0o600]
    encryption, index = contents
    assert KeyRing.from_text(encryption, index).id_key == KeyRing.from_text(encryption, index).id_key
    paths[1].unlink()
    with pytest.raises(Conflict):
        create_keys(tmp_path / "keys")
    assert paths[0].read_bytes() == contents[0]
    assert not paths[1].exists()


@pytest.mark.parametrize(
    ("encryption", "index"), [(b"not base64!", b"AAAA"), (b"AAAA", b"AAAA"), (b"A" * 44, b"A" * 44)]
)
def test_poor_keys_are_refused(encryption: bytes, index: bytes) -> None:
    """Keys that are no base64, too short, or the same twice are not used."""
    with pytest.raises(Invalid):
        KeyRing.from_text(encryption, index)
