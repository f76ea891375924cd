"""Every row with a data key that the key ring wraps: what the key is bound to, and what it seals there.

Whoever adds a table with a ``wrapped_key`` adds a line; tests hold the tables to it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Table

from scr.store.tables import (
    APP_GRANT,
    LINK_BAR,
    MESSAGE,
    MISUSE_FINDING,
    MISUSE_STAFF,
    MISUSE_VIP,
    PERSON,
    SESSION,
)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A table with wrapped data keys, and its own key's column.

    ``key``: what the data key is bound to. ``value``: what ``sealed`` of the same row is bound to; empty
    where the data key seals more than that. ``made``: the column that says since when it is there (ms UTC);
    empty where none does.
    """

    table: Table
    column: str
    key: str
    value: str = ""
    made: str = ""

    def place(self, own: str) -> bytes:
        """What the data key of a row is bound to."""
        return self.key.format(own).encode()

    def place_of_value(self, own: str) -> bytes:
        """What the sealed value of a row is bound to."""
        return self.value.format(own).encode()


WRAPPED = (
    Wrapped(PERSON, "key", "person/{}/key"),
    Wrapped(MESSAGE, "id", "message/{}/key"),
    Wrapped(LINK_BAR, "id", "bar/{}/key", "bar/{}/said", "at"),
    Wrapped(SESSION, "key", "session/{}", "session/{}", "began"),
    Wrapped(APP_GRANT, "id", "app_grant/{}", "app_grant/{}", "began"),
    Wrapped(MISUSE_STAFF, "token", "misuse_staff/{}", "misuse_staff/{}"),
    Wrapped(MISUSE_VIP, "number", "misuse_vip/{}", "misuse_vip/{}"),
    Wrapped(MISUSE_FINDING, "id", "misuse_finding/{}", "misuse_finding/{}", "raised"),
)
ROWS = tuple(one for one in WRAPPED if one.value)
"""Those of which a row has all that its data key seals (``scr.store.turning_rows``). A person's data key is
changed by ``scr.store.turning``, a message's by ``scr.store.remade``."""
