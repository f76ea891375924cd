"""The keys of an issuer: which of them an algorithm takes, which are read, and when they are asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import orjson
import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey
from tests.support.patience import LONG

from scr.api.auth.keys import (
    FRESH_SECONDS,
    KeptKeys,
    Published,
    VerifyingKey,
    choose,
    has_private,
    read_key_set,
)
from scr.errors import Unauthenticated, Unavailable

EC = ECKey.generate_key("P-256", {"kid": "ec-1"})
NOW = float(int(time.time()))
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
CURVES = {name: ECKey.generate_key(name, {"kid": name}) for name in ("P-256", "P-384", "P-521", "secp256k1")}
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
FITTING: dict[str, list[VerifyingKey]] = {
    **{f"{family}{bits}": [RSA] for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": [CURVES["P-256"]],
    "ES384": [CURVES["P-384"]],
    "ES512": [CURVES["P-521"]],
    "EdDSA": [ED],
    "Ed25519": [ED],
    "HS256": [],
    "none": [],
    "": [],
}


@pytest.mark.parametrize("algorithm", FITTING)
def test_which_key_an_algorithm_takes(algorithm: str) -> None:
    """Of its own kind and on its own curve; one that was published for an algorithm, for that alone."""
    everyone: list[VerifyingKey] = [RSA, *CURVES.values(), ED, OKPKey.generate_key("Ed448", {"kid": "448"})]
    for key in everyone:
        for published in ("", algorithm):
            assert Published("k", key, published).fits(algorithm) is (key in FITTING[algorithm])
    assert not any(Published("k", key, "other").fits(algorithm) for key in everyone)


def test_a_key_set_is_read_as_far_as_a_hundred_keys() -> None:
    """What stands behind them is passed over; so is a private key, which ``has_private`` tells of."""
    good = EC.as_dict(private=False)
    many = [{**good, "kid": str(number)} for number in range(101)]
    assert [key.kid for key in read_key_set(orjson.dumps({"keys": many}))] == [str(n) for n in range(100)]
    assert read_key_set(b"{}") == ()
    for each, private in ((good, False), (EC.as_dict(private=True), True), ({"kty": "oct", "k": "x"}, True)):
        body = orjson.dumps({"keys": [good, each]})
        assert has_private(body) is private
        assert len(read_key_set(body)) == (1 if private else 2)
    changes: list[tuple[dict[str, object], int]] = [
        ({"use": "sig"}, 1), ({"key_ops": ["verify"]}, 1), ({"key_ops": ["sign", "verify"]}, 1),
        ({"alg": "ES256"}, 1), ({"kid": 1}, 0), ({"kid": ""}, 0), ({"alg": 1}, 0), ({"kty": "oct"}, 0),
        ({"kty": None}, 0), ({"kty": []}, 0), ({"kty": "RSA"}, 0), ({"kty": "x"}, 0), ({"key_ops": []}, 0),
        ({"key_ops": "verify"}, 0), ({"use": []}, 0), ({"crv": {}}, 0), ({"kty": "oct", "k": "eHh4eA"}, 0),
    ]  # fmt: skip
    for change, count in changes:
        assert len(read_key_set(orjson.dumps({"keys": [{**good, **change}]}))) == count, change


def test_a_key_that_is_not_there_and_one_that_does_not_fit_are_told_apart() -> None:
    """By their codes: after the one a look at the issuer may help, after the other not."""
    one = Published("a", EC, "")
    assert choose([one], "a", "ES256") is EC
    for keys, expected in (
        ([], "unknown-key"),
        ([one, one], "wrong-key"),
        ([Published("a", RSA, "")], "wrong-key"),
    ):
        with pytest.raises(Unauthenticated) as refused:
            choose(keys, "a", "ES256")
        assert refused.value.code == expected


class Issuing:
    """Keys that are found or not, at a clock that is moved."""

    def __init__(self) -> None:
        self.now, self.looks = NOW, 0
        self.found: tuple[Published, ...] | None = (Published("a", EC, ""),)
        self.keys = KeptKeys(self.find, 100, lambda: self.now)
        self.hang: Callable[[], Awaitable[None]] = partial(asyncio.sleep, 0)

    async def find(self) -> tuple[Published, ...] | None:
        """A look."""
        self.looks += 1
        await self.hang()
        return self.found

    async def code(self, kid: str) -> str:
        """What comes of asking for a key."""
        try:
            await self.keys.key(kid, "ES256")
        except Unavailable as down:
            return down.code
        except Unauthenticated as refused:
            return f"refused: {refused.code}"
        return ""


async def test_keys_are_looked_for_again_when_they_are_old_or_another_is_named() -> None:
    """To the second: fresh for ten minutes, one look in five seconds, and in grace as the settings say."""
    one = Issuing()
    assert (await one.code("a"), one.looks) == ("", 1)
    one.keys.verified.add(b"of before")
    one.now += 5
    assert (await one.code("b"), one.looks) == ("refused: unknown-key", 1)
    one.now += 1
    assert (await one.code("b"), one.looks, one.keys.verified) == ("refused: unknown-key", 2, set())
    fetched, one.found = one.now, None
    one.keys.verified.add(b"of now")
    one.now = fetched + FRESH_SECONDS
    assert (await one.code("a"), one.looks) == ("", 2)
    one.now += 1
    assert (await one.code("a"), one.looks, one.keys.verified) == ("", 3, {b"of now"})
    assert await one.code("b") == "issuer-down"
    one.now = fetched + FRESH_SECONDS + 100
    assert (await one.code("a"), one.looks) == ("", 4)
    one.now += 1
    assert (await one.code("a"), one.looks) == ("issuer-down", 4)
    one.now, one.found = one.now + 5, ()
    assert (await one.code("a"), one.looks) == ("refused: unknown-key", 5)


async def test_those_who_waited_for_a_look_make_none_of_their_own() -> None:
    """However long it took: what it found is fresh."""
    issuing = Issuing()

    async def long() -> None:
        await asyncio.sleep(0)
        issuing.now += 30

    issuing.hang = long
    assert await asyncio.gather(*(issuing.code("a") for _ in range(3))) == ["", "", ""]
    assert issuing.looks == 1


async def test_who_names_a_new_key_waits_for_the_look_that_is_under_way() -> None:
    """It may bring the key: nobody is refused because another was first to ask."""
    issuing = Issuing()
    assert await issuing.code("a") == ""
    issuing.now += 6
    issuing.found = (Published("a", EC, ""), Published("b", EC, ""))
    assert await asyncio.gather(*(issuing.code("b") for _ in range(3))) == ["", "", ""]
    assert issuing.looks == 2


async def test_who_names_a_known_key_does_not_wait_for_a_look_that_hangs() -> None:
    """While the keys are in grace; who names another, or comes after that, has to."""
    one, go = Issuing(), asyncio.Event()
    assert await one.code("a") == ""

    looking = asyncio.Event()

    async def hang() -> None:
        looking.set()
        await go.wait()

    one.hang = hang
    one.now += FRESH_SECONDS + 1
    first = asyncio.create_task(one.code("a"))
    await asyncio.wait_for(looking.wait(), LONG)
    assert one.looks == 2
    assert await asyncio.wait_for(one.code("a"), LONG) == ""
    unknown = asyncio.create_task(one.code("b"))
    one.now += 100
    late = asyncio.create_task(one.code("a"))
    for _ in range(20):  # as far as they come
        await asyncio.sleep(0)
    assert [task.done() for task in (first, unknown, late)] == [False, False, False]
    go.set()
    assert list(await asyncio.gather(first, unknown, late)) == ["", "refused: unknown-key", ""]
