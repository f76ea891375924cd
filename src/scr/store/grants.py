"""What people let apps do: a grant, the code that it begins with, and the refresh tokens that keep it.

Codes and refresh tokens count once, in whichever process they are shown: one statement takes them. Of each,
and of whoever signed in, the store knows a keyed hash; what a grant holds is sealed with a key of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from scr.store.keys import DataKey, KeyRing, random_id, seal, unseal
from scr.store.tables import APP_GRANT, APP_REFRESH


@dataclass(frozen=True, slots=True)
class Login:
    """Whoever signed in: the upstream's issuer and its id of them, when (seconds), and its session there."""

    issuer: str
    subject: str
    signed_in: int
    session: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant as it is kept. Times are milliseconds UTC; ``content`` is the caller's own."""

    id: str
    client: str
    began: int
    ends: int
    content: bytes
    ended: int | None = None

    def lasts(self, now: int) -> bool:
        """Whether it is still in force."""
        return self.ended is None and now < self.ends


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a code or a refresh token that was shown.

    ``first``: it had not been shown before. ``late``: its own time is over.
    """

    grant: Grant
    first: bool
    late: bool = False


def begin(
    connection: Connection,
    keys: KeyRing,
    client: str,
    login: Login,
    content: bytes,
    *,
    code: str,
    code_until: int,
    now: int,
    ends: int,
) -> str:
    """Keep a new grant, which its code opens until an instant; gives its id."""
    grant, data_key = random_id(), DataKey.new()
    row = {
        "id": grant,
        "client": client,
        "code": _digest(keys, "code", code),
        "code_until": code_until,
        "began": now,
        "ends": ends,
        "login": _login(keys, login),
        "sign_in": _sign_in(keys, login),
        "upstream": _upstream(keys, login.issuer, login.session) if login.session else "",
        "wrapped_key": keys.wrap(data_key, _place(grant)),
        "sealed": seal(data_key, content, _place(grant)),
    }
    connection.execute(insert(APP_GRANT), row)
    return grant


def find(connection: Connection, keys: KeyRing, grant: str) -> Grant | None:
    """The grant of an id, over or not. Raises Fault ``unreadable``."""
    return _one(connection, keys, APP_GRANT.c.id == grant)


def take_code(connection: Connection, keys: KeyRing, code: str, now: int) -> Taken | None:
    """Use up a code; None where there is none such. A second use ends what the first began."""
    digest = _digest(keys, "code", code)
    take = update(APP_GRANT).where(APP_GRANT.c.code == digest, APP_GRANT.c.code_used.is_(None))
    row = connection.execute(take.values(code_used=now).returning(APP_GRANT.c.code_until)).one_or_none()
    grant = _one(connection, keys, APP_GRANT.c.code == digest)
    if grant is None:
        return None
    if row is None:
        end(connection, grant.id, now)
        return Taken(grant, first=False)
    return Taken(grant, first=True, late=row.code_until <= now)


def add_refresh(connection: Connection, keys: KeyRing, grant: Grant, token: str) -> None:
    """Keep a refresh token of a grant."""
    row = {"digest": _digest(keys, "refresh", token), "grant": grant.id, "ends": grant.ends}
    connection.execute(insert(APP_REFRESH), row)


def take_refresh(connection: Connection, keys: KeyRing, client: str, token: str, now: int) -> Taken | None:
    """Use up a client's refresh token; None where there is none such.

    A second use, and a use by another client, ends the grant: somebody else has the token too.
    """
    digest = _digest(keys, "refresh", token)
    take = update(APP_REFRESH).where(APP_REFRESH.c.digest == digest, APP_REFRESH.c.used.is_(None))
    first = connection.execute(take.values(used=now)).rowcount == 1
    grant = grant_of_refresh(connection, keys, token)
    if grant is None:
        return None
    if not first or grant.client != client:
        end(connection, grant.id, now)
    return Taken(grant, first)


def grant_of_refresh(connection: Connection, keys: KeyRing, token: str) -> Grant | None:
    """The grant of a refresh token, used or not."""
    query = select(APP_REFRESH.c.grant).where(APP_REFRESH.c.digest == _digest(keys, "refresh", token))
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else find(connection, keys, found)


def is_fresh(connection: Connection, keys: KeyRing, token: str) -> bool:
    """Whether a refresh token is there that nobody has used."""
    digest = _digest(keys, "refresh", token)
    query = select(APP_REFRESH.c.digest).where(APP_REFRESH.c.digest == digest, APP_REFRESH.c.used.is_(None))
    return connection.execute(query).first() is not None


def end(connection: Connection, grant: str, now: int) -> None:
    """End a grant: its code, and every token that came of it, count no more, in every process."""
    _end(connection, APP_GRANT.c.id == grant, now)


def end_of_sign_in(connection: Connection, keys: KeyRing, login: Login, now: int) -> int:
    """End what was granted at one sign-in: its bearer has signed out here; how many."""
    return _end(connection, APP_GRANT.c.sign_in == _sign_in(keys, login), now)


def end_of_upstream(
    connection: Connection, keys: KeyRing, issuer: str, now: int, *, session: str = "", subject: str = ""
) -> int:
    """End what was granted in a session of an upstream, or to somebody of it, that it says is over."""
    if session:
        return _end(connection, APP_GRANT.c.upstream == _upstream(keys, issuer, session), now)
    login = Login(issuer, subject, 0)
    return _end(connection, APP_GRANT.c.login == _login(keys, login), now) if subject else 0


def sweep(connection: Connection, now: int) -> int:
    """Delete the grants and refresh tokens whose time is over; how many grants."""
    connection.execute(delete(APP_REFRESH).where(APP_REFRESH.c.ends <= now))
    return connection.execute(delete(APP_GRANT).where(APP_GRANT.c.ends <= now)).rowcount


def _login(keys: KeyRing, login: Login) -> str:
    return keys.blind("login", f"{login.issuer}\x1f{login.subject}")


def _end(connection: Connection, which: ColumnElement[bool], now: int) -> int:
    change = update(APP_GRANT).where(which, APP_GRANT.c.ended.is_(None))
    return connection.execute(change.values(ended=now)).rowcount


def _one(connection: Connection, keys: KeyRing, which: ColumnElement[bool]) -> Grant | None:
    row = connection.execute(select(APP_GRANT).where(which)).one_or_none()
    if row is None:
        return None
    data_key = keys.unwrap(row.wrapped_key, _place(row.id))
    content = unseal(data_key, row.sealed, _place(row.id))
    return Grant(row.id, row.client, row.began, row.ends, content, row.ended)


def _sign_in(keys: KeyRing, login: Login) -> str:
    return keys.blind("sign-in", f"{login.issuer}\x1f{login.subject}\x1f{login.signed_in}")


def _upstream(keys: KeyRing, issuer: str, session: str) -> str:
    return keys.blind("upstream session", f"{issuer}\x1f{session}")


def _digest(keys: KeyRing, kind: str, value: str) -> str:
    return keys.blind(f"app {kind}", value)


def _place(grant: str) -> bytes:
    return f"app_grant/{grant}".encode()
