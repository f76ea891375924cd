"""PostgreSQL's own programs: found beside the server or on the PATH, and run without a password in sight."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from scr.errors import Unavailable

_BESIDE = text("SELECT setting FROM pg_config WHERE name = 'BINDIR'")


def program(connection: Connection, name: str) -> str:
    """A program of the server's own version where the server is on this machine, else what the PATH has.

    Raises Unavailable where there is none.
    """
    try:
        with connection.begin_nested():  # some users may not ask that
            beside = Path(str(connection.execute(_BESIDE).scalar_one())) / name
    except DBAPIError:
        beside = Path(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise Unavailable(
            f"{name} is not here: install PostgreSQL's client programs, of the server's version or later",
            code="no-program",
        )
    return found


def run_tool(tool: str, words: Sequence[str], url: str) -> None:
    """Run a program on a database. Raises Unavailable with what it says last."""
    parsed = make_url(url)
    password = parsed.password
    address = parsed.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environment = {} if password is None else {"PGPASSWORD": str(password)}
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own program, no shell
        [tool, *words, f"--dbname={address}", "--no-password"],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Unavailable(f"{Path(tool).name}: {said[-1] if said else 'failed'}", code="backup-failed")
