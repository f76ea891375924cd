"""The keys that sign our tokens: made, changed, and taken up by every process."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest
from joserfc.jwk import ECKey

from scr.api.auth.token import check_signature, read
from scr.api.oauth.signing import SigningKeys, create_signing_key
from scr.errors import Invalid, Unauthenticated

CLAIMS = {"iss": "i", "sub": "s", "aud": "a", "exp": 1}


async def believed(keys: SigningKeys, token: str) -> None:
    """Raises Unauthenticated where a token is not one of these keys'."""
    header, _ = read(token)
    check_signature(token, header.alg, await keys.key(header.kid, header.alg))


async def test_a_new_key_signs_at_once_and_the_one_before_is_believed(tmp_path: Path) -> None:
    """Two are published; the third change ends the first. No process has to be started again."""
    path, now = tmp_path / "keys" / "signing.json", [0.0]
    create_signing_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    one, two = SigningKeys(path.read_bytes, lambda: now[0]), SigningKeys(path.read_bytes, lambda: now[0])
    first = one.sign(CLAIMS)
    create_signing_key(path)
    assert [len(keys.public()["keys"]) for keys in (one, two)] == [1, 1]  # type: ignore[arg-type]
    now[0] += 2
    second = one.sign(CLAIMS)
    for token in (first, second):
        await believed(two, token)  # also before it would have looked by itself
        await believed(one, token)
    assert len(one.public()["keys"]) == 2  # type: ignore[arg-type]
    assert read(first)[0].kid != read(second)[0].kid
    create_signing_key(path)
    now[0] += 2
    third = one.sign(CLAIMS)
    await believed(two, third)
    with pytest.raises(Unauthenticated):
        await believed(two, first)
    assert [name.name for name in path.parent.iterdir()] == ["signing.json"]


async def test_a_file_that_is_away_for_a_moment_stops_nobody(tmp_path: Path) -> None:
    """What was in it still holds; at the start it has to be there."""
    path, now = tmp_path / "signing.json", [0.0]
    create_signing_key(path)
    keys = SigningKeys(path.read_bytes, lambda: now[0])
    path.unlink()
    now[0] += 2
    await believed(keys, keys.sign(CLAIMS))
    with pytest.raises(FileNotFoundError):
        SigningKeys(path.read_bytes)


BAD: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("no JSON", b"{"),
    ("no keys", b'{"keys":[]}'),
    (
        "public",
        msgspec.json.encode({"keys": [ECKey.generate_key("P-384", {"kid": "x"}).as_dict(private=False)]}),
    ),
    ("without an id", msgspec.json.encode({"keys": [ECKey.generate_key("P-384").as_dict(private=True)]})),
    (
        "of another curve",
        msgspec.json.encode({"keys": [ECKey.generate_key("P-256", {"kid": "x"}).as_dict(private=True)]}),
    ),
    ("no key", b'{"keys":[{"kty":"EC"}]}'),
]


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in BAD])
def test_a_file_of_something_else_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    """At the start, and by the change of keys; its content stands in no error."""
    path = tmp_path / "signing.json"
    path.write_bytes(content)
    for act in (lambda: SigningKeys(path.read_bytes), lambda: create_signing_key(path)):
        with pytest.raises(Invalid) as caught:
            act()
        assert caught.value.code == "bad-key"
        assert caught.value.__cause__ is None
    assert path.read_bytes() == content


def test_keys_never_print_themselves(tmp_path: Path) -> None:
    """Neither the keys nor the bytes that they came in."""
    path = tmp_path / "signing.json"
    create_signing_key(path)
    secret = msgspec.json.decode(path.read_bytes())["keys"][0]["d"]
    assert secret not in repr(SigningKeys(path.read_bytes))
