"""Whether another process has the database open: rows are moved, and tables taken back, where nobody has.

On PostgreSQL every connection says which version opened it. One of this version that waits for its tables is
no other: it has read nothing yet. On SQLite it is asked of the lock that SQLite holds on the file for as long
as a process has it open with a write-ahead log; of whoever has it nothing more is known.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import time
from functools import cache

from sqlalchemy import Connection, text

_OTHERS = text(
    "SELECT count(DISTINCT CASE WHEN application_name LIKE 'scr %' THEN application_name ELSE pid::text END)"
    " FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    " AND usename = current_user AND pid <> pg_backend_pid()"
    " AND split_part(application_name, ' ', 2) <> split_part(current_setting('application_name'), ' ', 2)"
)
_LOOKS, _PAUSE_SECONDS = 10, 0.05
_ASKED = "@hhqqi"
"""Linux' ``struct flock``: type, whence, start, length, process."""
_SHARED = (0x4000_0000 + 2, 510)
"""Where SQLite holds its shared lock, and how long that is (*Database File Format*, the lock-byte page)."""


def alone(connection: Connection) -> bool:
    """Whether nobody else has it open. Whoever has just gone is seen for a moment yet, and is waited for."""
    for _ in range(_LOOKS):
        if not others(connection):
            return True
        time.sleep(_PAUSE_SECONDS)
    return False


def others(connection: Connection) -> int:
    """How many others have the database open; on SQLite one stands for all of them.

    On PostgreSQL those of the same role and another version; on SQLite any other process.
    """
    if connection.dialect.name == "postgresql":
        return int(connection.execute(_OTHERS).scalar_one())
    path = str(connection.execute(text("PRAGMA database_list")).all()[0][2])
    return int(_is_held(path))


def _is_held(path: str) -> bool:
    if not sys.platform.startswith("linux"):
        return False  # elsewhere it is somebody's own machine
    found = os.stat(path)
    kind, *where = fcntl.F_WRLCK, 0, *_SHARED, 0
    asked = struct.pack(_ASKED, kind, *where)
    told = fcntl.fcntl(_descriptor(path, found.st_dev, found.st_ino), fcntl.F_GETLK, asked)
    return bool(struct.unpack(_ASKED, told)[0] != fcntl.F_UNLCK)


@cache
def _descriptor(path: str, *_: int) -> int:
    """It stays open: to close any descriptor of a file lets go of all locks that a process has on it (POSIX),
    those of SQLite among them."""
    return os.open(path, os.O_RDWR | os.O_CLOEXEC)
