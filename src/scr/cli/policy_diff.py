"""``scr consent diff``: what a proposed policy would change, by its files and over the audit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from scr.api.services import open_services
from scr.broker.replay import UNKNOWN, Replay, is_look, replay
from scr.cli.acts import act
from scr.cli.context import console, settings_of
from scr.consent.compare import Difference, differences
from scr.consent.policy import Policy, load_policy
from scr.data import DataFiles
from scr.errors import NotFound
from scr.settings import Settings
from scr.store.trail import append, recent


def diff(
    context: typer.Context,
    old: Annotated[Path, typer.Argument(help="The folder of a policy: one that holds a folder `consent`.")],
    new: Annotated[Path, typer.Argument(help="The folder of the other, the proposed one.")],
    audit: Annotated[
        bool, typer.Option("--audit", help="Decide the looks of this deployment's audit again under both.")
    ] = False,
    last: Annotated[int, typer.Option(help="How many rows of the audit.", min=1, max=1_000_000)] = 10_000,
) -> None:
    """Say what a proposed policy would open and close: by role, and over the audit for real looks.

    A file that a folder does not have is the packaged one. Over the audit nobody is named who was looked
    at, and that you asked is in it.
    """
    policies = _policy(old), _policy(new)
    _print_files(differences(*policies))
    if audit:
        _print_replay(asyncio.run(_replayed(settings_of(context), *policies, last)))


def _policy(folder: Path) -> Policy:
    home = folder.parent if folder.name == "consent" else folder
    if not (home / "consent").is_dir():
        raise NotFound("there is no folder `consent` in it", code="no-policy", where=str(folder))
    return load_policy(DataFiles(home))


async def _replayed(settings: Settings, old: Policy, new: Policy, last: int) -> Replay:
    async with open_services(settings) as services:
        rows = await services.database.read(lambda connection: recent(connection, last))
        row = act("E", "consent diff", policy=services.policy.hash, old=old.hash, new=new.hash)
        await services.database.write(lambda connection: append(connection, row))
        return await replay(services.broker, list(filter(is_look, rows)), old, new)


def _print_files(found: Iterable[Difference]) -> None:
    table = Table("who or what", "gains", "loses", "beside", box=None, pad_edge=False)
    for one in found:
        table.add_row(one.who, ", ".join(sorted(one.gains)), ", ".join(sorted(one.loses)), one.note)
    if table.row_count:
        console.print(table)
    else:
        console.print("The two say the same.")


def _print_replay(found: Replay) -> None:
    console.print(f"\n{found.looks} looks were decided again; {found.left_out} could not be.", markup=False)
    table = Table(
        "role", "at", "for", "looks", "people", "refused", "opened", "gains", "loses", "why",
        box=None, pad_edge=False,
    )  # fmt: skip
    for who, change in sorted(found.changes.items(), key=lambda item: -item[1].looks):
        counts = (str(n) for n in (change.looks, len(change.people), change.refused, change.opened))
        why = ", ".join(change.codes)
        lists = (", ".join(sorted(change.gains)), ", ".join(sorted(change.loses)), why)
        table.add_row(who.role, who.organisation, who.purpose, *counts, *lists)
    console.print(table if table.row_count else "Nothing changes for any of them.")
    console.print(f"{found.urgent} urgent looks that were permitted would be refused.", style="bold")
    console.print("What this cannot know:")
    for line in UNKNOWN:
        console.print(f"  {line}", markup=False)
