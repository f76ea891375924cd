"""What a failure of a database is told as."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from scr.errors import Conflict, Fault, Unavailable

COLLIDED = frozenset({"40001", "40P01", "55P03"})
"""SQLSTATE: serialization failure, deadlock, lock not available."""


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's code of an error; None where it is none of its own."""
    return getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None


def failure_of(error: BaseException) -> BaseException:
    """The error of ours that a database error stands for; any other is given back as it is."""
    if not isinstance(error, SQLAlchemyError):
        return error
    if isinstance(error, IntegrityError) or sqlstate(error) in COLLIDED:
        return Conflict("another writer was first; try again")
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return Unavailable(
            "the database did not serve: it is down, locked, full or without its tables; "
            "see its own log, and `scr init`",
            code="database-unavailable",
        )
    fault = Fault(f"the database refused a statement ({type(error).__name__})", code="database")
    fault.__cause__ = error
    return fault


def rolled_back() -> Unavailable:
    """That a commit was none."""
    return Unavailable("the database gave up the transaction; nothing was written", code="rolled-back")


def closed() -> Unavailable:
    """That whoever asks comes too late."""
    return Unavailable("the database is closed", code="database-closed")
