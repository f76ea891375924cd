"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, settings
from tests.support.leaping import LeapingLoop
from tests.support.postgres import Databases, databases, server

from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.migrations import migrate

_ROOT = Path(__file__).parents[1]

# A worker of a parallel run has a width of 80 in its environment, which a console would keep for good.
os.environ.pop("COLUMNS", None)

# How long an example takes says more of the machine than of the code: `make bench` measures.
settings.register_profile("scr", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("scr")


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


# Where Python's own handler stands, `asyncio.Runner.run` puts one of its own there for as long as it runs. To
# ask which stands there now it writes down the other's task and what came of it: a whole deployment as text.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _interrupted)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the garbage collector pass over what is loaded now, as a server does when it has started.

    To load the modules of all tests makes millions of objects that stay. The collector went over them again
    and again: a quarter of the loading, and some of every test after it.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 100)
        gc.enable()


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop that a test gets: a real one, or one whose clock leaps."""
    if item.get_closest_marker("leaping") is not None:
        return {"leaping": LeapingLoop}
    return {"real": asyncio.new_event_loop}


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real-shape payloads; a test that needs it is skipped where it is absent."""
    path = Path(os.environ.get("SCR_CORPUS", _ROOT.parent / "shared" / "corpus"))
    if not path.is_dir():
        pytest.skip("the corpus is not here: set SCR_CORPUS to its folder")
    return path


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables in it, to be copied: migrating for every test would cost more."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database.open(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL of this run's own."""
    with server() as address:
        yield address


@pytest.fixture(scope="session")
def postgresql_databases(postgresql: str) -> Iterator[Databases]:
    """Its databases, each with the tables."""
    with databases(postgresql) as made:
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database with the tables, on each engine in turn."""
    if request.param == "sqlite":
        path = tmp_path / "scr.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    pool: Databases = request.getfixturevalue("postgresql_databases")
    with pool.one() as address:
        yield address


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open, empty database, on each engine in turn."""
    opened = Database.open(database_url, writers=2, readers=2)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def keys() -> KeyRing:
    """Keys of this run alone."""
    return KeyRing(secrets.token_bytes(32), secrets.token_bytes(32))
