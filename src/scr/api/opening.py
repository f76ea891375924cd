"""What nearly every verb and process opens of a deployment: its clock, its database, its keys.

By itself, and not with all the rest (``scr.api.services``): to load that takes a second, which a verb that
lists some rows would be waited for.
"""

from __future__ import annotations

import time

from scr import faults
from scr.api.kept_keys import encryption_text
from scr.errors import ScrError
from scr.settings import Settings
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.migrations import migrate

REFRESH_SECONDS = 30.0
"""Seconds until every process has a new encryption key."""


def now_ms() -> int:
    """Milliseconds since 1970-01-01 UTC, by the system's clock."""
    return time.time_ns() // 1_000_000


def open_database(settings: Settings) -> Database:
    """The deployment's database, its tables brought up to this version."""
    faults.arm(settings.fault_point, settings.home)
    database = Database.open(settings.resolved_database_url, settings.writers)
    try:
        migrate(database)
    except ScrError:
        database.close()
        raise
    return database


def open_keys(settings: Settings) -> KeyRing:
    """The deployment's keys."""
    encryption = encryption_text(settings)
    return KeyRing.from_text(encryption(), settings.secret(settings.index_key), encryption)
