"""Spans: what a request was busy with, in parts that stand in each other; told where somebody traces.

Whoever wants to be told opens the first span (``scr.api.traces``); all that is done within it, also in tasks
that begin there, finds it by its context. Elsewhere ``span`` gives one and the same that does nothing.

What a span says is for those who run the system: which part, which source, how it ended. Never whom it was
about, who asked, what an address had in it, or the text of a failure.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar, Token
from functools import wraps
from inspect import iscoroutinefunction
from types import TracebackType
from typing import ParamSpec, Protocol, Self, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")
Value = str | int | float | bool


class Begun(Protocol):
    """A span of whatever keeps them."""

    def within(self, name: str, said: dict[str, Value]) -> Begun:
        """Begin one within it."""

    def say(self, name: str, value: Value) -> None:
        """Say something of it."""

    def end(self, *, failed: bool) -> None:
        """End it."""

    @property
    def traceparent(self) -> str:
        """It as other systems are told of it: https://www.w3.org/TR/trace-context/."""


_open: ContextVar[Begun | None] = ContextVar("scr.span", default=None)


class Span:
    """A part of what is done, from where it is entered to where it is left."""

    __slots__ = ("_begun", "_name", "_said", "_token")

    def __init__(self, name: str, said: dict[str, Value], begun: Begun | None = None) -> None:
        self._name, self._said = name, said
        self._begun = begun
        self._token: Token[Begun | None] | None = None

    def __enter__(self) -> Self:
        around = _open.get()
        if self._begun is None and around is not None:
            self._begun = around.within(self._name, self._said)
        if self._begun is not None:
            self._token = _open.set(self._begun)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._begun is not None and self._token is not None:
            _open.reset(self._token)
            self._begun.end(failed=error is not None)

    def say(self, **said: Value) -> None:
        """Say something of it."""
        if self._begun is not None:
            for name, value in said.items():
                self._begun.say(name, value)


class _Nothing(Span):
    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def say(self, **said: Value) -> None:
        """Nothing."""


_NOTHING = _Nothing("", {})


def span(name: str, **said: Value) -> Span:
    """A span within the one that is open here; where none is, one that does nothing."""
    return _NOTHING if _open.get() is None else Span(name, said)


def within(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """That a function or a coroutine is a part of what is done: a span around each call of it."""

    def around(function: Callable[P, R]) -> Callable[P, R]:
        waits = iscoroutinefunction(function)

        @wraps(function)
        def called(*args: P.args, **named: P.kwargs) -> R:
            if _open.get() is None:
                return function(*args, **named)
            if waits:
                return cast(R, _awaited(name, cast(Awaitable[object], function(*args, **named))))
            with span(name):
                return function(*args, **named)

        return called

    return around


async def _awaited(name: str, work: Awaitable[object]) -> object:
    with span(name):
        return await work


def first(begun: Begun) -> Span:
    """The first span, in which all that follows stands."""
    return Span("", {}, begun)


def traced(told: bool) -> dict[str, str]:
    """The header by which another system's trace goes on with ours, where it is to be ``told``."""
    parent = traceparent() if told else ""
    return {"traceparent": parent} if parent else {}


def traceparent() -> str:
    """The span that is open here, as other systems are told of it; empty where none is."""
    begun = _open.get()
    return "" if begun is None else begun.traceparent
