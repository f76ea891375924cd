"""``scr terminology remap``: what is stored, coded anew with the maps in force."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from scr.api.logs import set_up_logs
from scr.api.opening import now_ms
from scr.api.services import Services, open_services
from scr.cli.acts import act
from scr.cli.context import console, settings_of
from scr.fhir.identifiers import OdsCode
from scr.intake.remap import Remap
from scr.store.remaps import Run
from scr.store.trail import append


def remap(
    context: typer.Context,
    provider: Annotated[str, typer.Option(help="One provider's ODS code; without it, all.")] = "",
) -> None:
    """Code what is stored anew with the release and the maps in force. Stopped, it goes on the next time."""
    ods = OdsCode.parse(provider) if provider else None
    set_up_logs("error")

    async def inside() -> Run:
        async with open_services(settings_of(context)) as services:
            return _run(services, ods)

    done = asyncio.run(inside())
    console.print(f"{done.people} people, {done.resources} resources: {done.changed} have a new version.")
    if done.left:
        console.print(f"{done.left} people could not be done: see the log, and run it again.", style="red")
        raise typer.Exit(1)


def _run(services: Services, provider: OdsCode | None) -> Run:
    steps = (services.coder.again, *services.steps[1:])
    remapping = Remap(services.database, services.keys, steps, now_ms, provider, services.policy.labels)
    maps = services.coder.fingerprint
    run, left = remapping.begin(maps)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("people", total=run.people + left, completed=run.people)
        while not run.finished:
            run = remapping.go_on(run)
            bar.update(task, completed=run.people)
    row = act(
        "U", "terminology remap", outcome="success" if not run.left else "partial",
        policy=services.policy.hash, provider=run.scope, maps=maps, people=run.people,
        resources=run.resources, changed=run.changed, left=run.left,
    )  # fmt: skip
    services.database.write_now(lambda connection: append(connection, row))
    return run
