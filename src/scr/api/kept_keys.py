"""Where a deployment's encryption keys are: in a file, the environment, or wrapped in a file (``kms:``)."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from scr.errors import Invalid
from scr.settings import Settings

if TYPE_CHECKING:
    from scr.store.kms import Wrapper

WRAPPED = "kms"


def encryption_text(settings: Settings) -> Callable[[], bytes]:
    """Reads the encryption keys, one a line in base64, as they are by now.

    It raises Invalid where they are not there, Unavailable where what unwraps them does not serve.
    """
    kind, _, rest = settings.encryption_key.partition(":")
    if kind != WRAPPED:
        return lambda: settings.secret(settings.encryption_key)
    from scr.store.kms import WrappedKeys  # what it needs takes time to load, and few need it

    path = settings.path(rest)
    if not path.is_file():
        raise Invalid(f"the wrapped keys are not there: {path}; `scr keys seal`", code="no-secret")
    return WrappedKeys(path, open_wrapper(settings)).text


def open_wrapper(settings: Settings) -> Wrapper:
    """What wraps and unwraps, by the setting ``kms``. Raises Invalid."""
    from scr.store.kms import Command, VaultTransit

    kind, _, rest = settings.kms.partition(":")
    if kind == "command":
        return Command(*shlex.split(rest))
    if kind == "vault":
        ca = settings.path(settings.kms_ca) if settings.kms_ca else None
        return VaultTransit(rest, lambda: _token(settings), ca)
    raise Invalid("the setting `kms` does not say what unwraps the keys", code="bad-setting")


def file_of_keys(settings: Settings) -> Path:
    """The file of the encryption keys, plain or wrapped. Raises Invalid where they are not in one."""
    kind, _, path = settings.encryption_key.partition(":")
    if kind not in ("file", WRAPPED):
        raise Invalid(
            "the encryption keys are not in a file: put a new one before them, on a line of its own, "
            "where they are",
            code="bad-setting",
        )
    return settings.path(path)


def _token(settings: Settings) -> str:
    return settings.secret(settings.kms_token).decode() if settings.kms_token else ""
