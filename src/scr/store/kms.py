"""Encryption keys that stand wrapped: a key management service, or a command, opens them at a start.

The wrapping key of every data key is never on a disk in the clear then. What the service is asked for is that
key and not each data key: it is asked once at a start, and once for each new key, and nobody waits for it to
read a record. A line of the file is a wrapped key, the one that wraps first, as in a file of plain keys.
"""

from __future__ import annotations

import base64
import binascii
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import httpx
import msgspec

from scr.errors import Invalid, Unavailable

_SECONDS = 10.0
_KEY = 32


class Wrapper(Protocol):
    """Who wraps and unwraps a key of 32 bytes. A wrapped key is one line of text.

    Both raise Unavailable where that does not serve, or refuses.
    """

    def wrap(self, key: bytes) -> str:
        """A key, wrapped."""

    def unwrap(self, wrapped: str) -> bytes:
        """The key again."""


class _Data(msgspec.Struct):
    ciphertext: str = ""
    plaintext: str = ""


class _Answer(msgspec.Struct):
    data: _Data


class VaultTransit:
    """A key of Vault's transit engine, or of what answers as it does.

    ``address`` is the key's (``https://vault.example/v1/transit/keys/scr``); ``token`` reads the token anew.
    """

    def __init__(self, address: str, token: Callable[[], str], ca: Path | None = None) -> None:
        mount, separator, self._name = address.rstrip("/").rpartition("/keys/")
        if not separator or not self._name:
            raise Invalid("the address of the key has no /keys/NAME at its end", code="bad-setting")
        self._mount, self._token = mount, token
        self._verify = ssl.create_default_context(cafile=None if ca is None else str(ca))

    def wrap(self, key: bytes) -> str:
        """``POST encrypt/NAME``."""
        return self._ask("encrypt", {"plaintext": base64.b64encode(key).decode()}).ciphertext

    def unwrap(self, wrapped: str) -> bytes:
        """``POST decrypt/NAME``."""
        return _raw(self._ask("decrypt", {"ciphertext": wrapped}).plaintext)

    def _ask(self, what: str, body: dict[str, str]) -> _Data:
        headers = {"X-Vault-Token": self._token(), "X-Vault-Request": "true"}
        try:
            with httpx.Client(verify=self._verify, timeout=_SECONDS, trust_env=False) as client:
                url = f"{self._mount}/{what}/{self._name}"
                response = client.post(url, json=body, headers=headers)
            if response.status_code != 200:
                raise _unavailable(f"it answered with status {response.status_code}")
            return msgspec.json.decode(response.content, type=_Answer).data
        except httpx.HTTPError as error:
            raise _unavailable(type(error).__name__) from None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise _unavailable("its answer cannot be read") from None


class Command:
    """A command with ``wrap`` or ``unwrap`` as its last word: it reads a line and writes one.

    The line of a plain key is base64.
    """

    def __init__(self, *words: str) -> None:
        if not words:
            raise Invalid("no command is named", code="bad-setting")
        self._words = words

    def wrap(self, key: bytes) -> str:
        """What it makes of a key."""
        return self._run("wrap", base64.b64encode(key).decode())

    def unwrap(self, wrapped: str) -> bytes:
        """The key that it gives."""
        return _raw(self._run("unwrap", wrapped))

    def _run(self, what: str, line: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own command, no shell
                [*self._words, what],
                input=line.encode() + b"\n",
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=6 * _SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise _unavailable(type(error).__name__) from None
        said = done.stdout.decode("ascii", "replace").strip()
        if not said or len(said.split()) != 1:
            raise _unavailable("the command did not write one line")
        return said


class WrappedKeys:
    """A file of wrapped keys: ``text`` gives them as a file of plain ones has them.

    What was unwrapped once is not asked for again.
    """

    def __init__(self, file: Path, wrapper: Wrapper) -> None:
        self.file, self.wrapper = file, wrapper
        self._known: dict[str, bytes] = {}

    def text(self) -> bytes:
        """The keys in base64, one a line. Raises OSError, Invalid, Unavailable."""
        lines = self.file.read_text(encoding="ascii", errors="replace").split()
        known = {line: self._known.get(line) or self.wrapper.unwrap(line) for line in lines}
        self._known = known
        return b"\n".join(base64.b64encode(known[line]) for line in lines)


def _raw(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY:
        raise _unavailable("what it unwrapped is no key")
    return key


def _unavailable(why: str) -> Unavailable:
    return Unavailable(f"the key management service did not serve: {why}", code="kms-unavailable")
