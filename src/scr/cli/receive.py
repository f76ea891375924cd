"""``scr receive FILE``: a provider's file taken in by hand, with its progress where somebody watches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from scr.api.logs import set_up_logs
from scr.api.services import open_services
from scr.cli.context import Context, console
from scr.errors import Invalid, NotFound
from scr.fhir.identifiers import OdsCode
from scr.intake import receive as intake
from scr.intake.receive import Receipt
from scr.mapping.provider import Feed, Provider
from scr.settings import Settings

_EVERY = 10_000
"""Rows between two lines where nobody watches."""


def receive(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file, as the provider sends it.", exists=True)],
    provider: Annotated[str, typer.Option(help="The provider's ODS code.")],
    feed: Annotated[str, typer.Option(help="The feed's name, where the provider has several.")] = "",
) -> None:
    """Take in one file of a provider, as its feed would: kept, filed or quarantined, part by part."""
    found: Context = context.obj
    settings = found.load().settings
    set_up_logs("warning")
    receipt = asyncio.run(_take(settings, _read(settings, file), provider, feed))
    already = " before" if receipt.duplicate else ""
    console.print(
        f"{receipt.filed} parts were filed{already}, {len(receipt.problems)} are in quarantine"
        f" (message {receipt.message})."
    )
    if receipt.waiting:
        console.print("The others wait until the national register says whose they are.")
    if receipt.problems:
        console.print("`scr quarantine list` tells why.")


def _read(settings: Settings, file: Path) -> bytes:
    size, limit = file.stat().st_size, settings.max_payload_bytes
    if size > limit:
        what = f"{size} bytes, and the limit (max_payload_bytes) is {limit}: split it, or raise the limit"
        raise Invalid(what, code="too-large", where=str(file))
    return file.read_bytes()


async def _take(settings: Settings, raw: bytes, ods: str, name: str) -> Receipt:
    async with open_services(settings) as services:
        provider, feed = _feed(services.providers.get(_code(ods)), ods, name)
        with shown(raw.count(b"\n"), console) as progress:
            return await services.intake.receive(provider, feed, raw, progress)


def _code(text: str) -> OdsCode:
    try:
        return OdsCode.parse(text)
    except ValueError as error:
        raise Invalid(f"{error}", code="bad-provider") from None


def _feed(provider: Provider | None, ods: str, name: str) -> tuple[Provider, Feed]:
    if provider is None:
        raise NotFound(f"there is no provider {ods!r}: `scr providers list`", code="no-provider")
    feeds = [feed for feed in provider.feeds if name in {"", feed.name}]
    if len(feeds) == 1:
        return provider, feeds[0]
    names = ", ".join(feed.name for feed in provider.feeds)
    raise NotFound(f"say which feed of {ods} it is: --feed, one of {names}", code="no-feed")


@contextmanager
def shown(lines: int, to: Console) -> Iterator[intake.Progress]:
    """A bar in a terminal, a line now and then elsewhere. ``lines`` of the file are what is expected: most
    formats that are long have a row on each."""
    if not to.is_terminal:
        yield _Lines(to)
        return
    columns = (BarColumn(), TextColumn("{task.fields[done]}"), TimeRemainingColumn())
    with Progress(*columns, console=to, transient=True) as bar:
        task = bar.add_task("", total=lines or None, done="")

        def progress(filed: int, quarantined: int) -> None:
            done = f"{filed} filed, {quarantined} in quarantine"
            bar.update(task, completed=filed + quarantined, done=done)

        yield progress


class _Lines:
    """Tells a line after so many rows."""

    def __init__(self, to: Console) -> None:
        self._to, self._told = to, 0

    def __call__(self, filed: int, quarantined: int) -> None:
        if filed + quarantined >= self._told + _EVERY:
            self._told = filed + quarantined
            self._to.print(f"{filed} filed, {quarantined} in quarantine")
