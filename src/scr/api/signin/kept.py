"""What is kept on the server for a browser that signs in, and for one that has: any process goes on with it.

An attempt and a choice count once. Of what names them the store has a keyed hash only.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import msgspec
from sqlalchemy import Connection

from scr.api.signin.person import SignedIn
from scr.api.signin.told import Option
from scr.errors import Fault
from scr.store import grants, sessions
from scr.store.engine import Database
from scr.store.grants import Login
from scr.store.keys import KeyRing
from scr.store.sessions import Upstream

ATTEMPT_SECONDS = 600
IDLE_SECONDS = 1800
LIFETIME_SECONDS = 8 * 3600
_NOTED_MS = 60_000
_LONGEST = 200


class _Quiet(msgspec.Struct, frozen=True):
    def __repr__(self) -> str:
        """Without what it holds."""
        return f"{type(self).__name__}()"


class Attempt(_Quiet, frozen=True):
    """A browser that was sent to an upstream; ``browser`` is a hash of the cookie that it was given."""

    upstream: str
    nonce: str
    verifier: str
    return_to: str
    browser: str


class Choice(_Quiet, frozen=True):
    """Somebody who is known, and has yet to say as whom they come in."""

    options: list[Option]
    return_to: str
    id_token: str
    csrf: str


class Visit(_Quiet, frozen=True):
    """Somebody who is signed in. ``csrf`` stands in each form; ``id_token`` is what signs them out there."""

    person: SignedIn
    id_token: str
    csrf: str


class Draft(_Quiet, frozen=True):
    """What somebody had typed into a form at ``path``; ``mark`` says whose it was (``api.access.drafts``)."""

    path: str
    mark: str
    typed: dict[str, str]


Content: TypeAlias = Attempt | Choice | Visit | Draft
T = TypeVar("T", Attempt, Choice, Visit, Draft)
_SECONDS: Mapping[type[Content], int] = {Visit: LIFETIME_SECONDS, Draft: IDLE_SECONDS}
"""How long something is kept, where it is not the time of an attempt."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Keeps them in the store. ``now`` gives milliseconds since 1970."""

    database: Database
    keys: KeyRing
    now: Callable[[], int]

    async def put(self, content: Content) -> str:
        """Keep it under a name that is new each time, and gives that name."""
        name, now = secrets.token_urlsafe(32), self.now()
        seconds = _SECONDS.get(type(content), ATTEMPT_SECONDS)
        sealed = msgspec.json.encode(content)
        key, ends, whose = _key(type(content), name), now + seconds * 1000, _whose(content)
        await self.database.write(
            lambda connection: sessions.begin(connection, self.keys, key, sealed, now, ends, whose)
        )
        return name

    async def find(self, kind: type[T], name: str | None) -> T | None:
        """What a name stands for, while it lasts: a visit for 30 minutes unused and 8 hours in all."""
        if not name or len(name) > _LONGEST:
            return None
        key, now = _key(kind, name), self.now()
        since = now - IDLE_SECONDS * 1000
        try:
            kept = await self.database.read(
                lambda connection: sessions.find(connection, self.keys, key, now, since)
            )
        except Fault:  # its row was changed, or the keys are others: nobody's
            return None
        if kept is None:
            return None
        if kind is Visit and now - kept.used >= _NOTED_MS:
            await self.database.write(lambda connection: sessions.touch(connection, self.keys, key, now))
        return msgspec.json.decode(kept.content, type=kind)

    async def take(self, kind: type[T], name: str | None) -> T | None:
        """What a name stands for, once: nobody finds it after this."""
        if not name or len(name) > _LONGEST:
            return None
        key, now = _key(kind, name), self.now()
        try:
            content = await self.database.write(
                lambda connection: sessions.take(connection, self.keys, key, now)
            )
        except Fault:
            return None
        return None if content is None else msgspec.json.decode(content, type=kind)

    async def end_upstream(self, upstream: Upstream) -> int:
        """End what began through an upstream, as it asks, and what apps were let there; how many visits."""
        now = self.now()

        def end(connection: Connection) -> int:
            named = {"session": upstream.session, "subject": upstream.login}
            grants.end_of_upstream(connection, self.keys, upstream.issuer, now, **named)
            return sessions.end_upstream(connection, self.keys, upstream)

        return await self.database.write(end)

    async def end_apps(self, person: SignedIn) -> int:
        """End what apps were let at a sign-in: its bearer signs out; how many."""
        login, now = Login(person.issuer, person.login, person.signed_in), self.now()
        return await self.database.write(
            lambda connection: grants.end_of_sign_in(connection, self.keys, login, now)
        )


def _key(kind: type[Content], name: str) -> str:
    return f"{kind.__name__}\x1f{name}"


def _whose(content: Content) -> Upstream | None:
    if isinstance(content, Attempt | Draft):
        return None
    person = content.person if isinstance(content, Visit) else content.options[0].person
    return Upstream(person.issuer, person.login, person.sid)
