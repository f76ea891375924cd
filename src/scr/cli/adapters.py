"""``scr adapters``: the suppliers' mappings that are in force."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scr.api.opening import now_ms, open_database
from scr.cli import draft, loss_report
from scr.cli.context import console, listing, settings_of
from scr.data import DataFiles
from scr.fhir.dates import LONDON, utc
from scr.fhir.identifiers import OdsCode
from scr.mapping.adapter import load_adapter, load_adapters
from scr.mapping.check import Report, check_adapters
from scr.mapping.counts import FILED
from scr.mapping.guess import guess
from scr.mapping.provider import load_providers
from scr.mapping.report import report
from scr.mapping.samples import load_samples
from scr.mapping.suite import CHECKS
from scr.store import coverage, profiles
from scr.store import losses as loss_counts
from scr.store.coverage import DayCoverage
from scr.terminology.coding import open_coder

app = typer.Typer(help="The suppliers' mappings: list, draft, try, check.", no_args_is_help=True)
app.command("draft")(draft.draft)
app.command("init")(draft.init)


@app.command("list")
def list_(context: typer.Context) -> None:
    """List the adapters and the providers that use them; a mistake in one is named with file and line."""
    files = DataFiles(settings_of(context).home)
    used: dict[str, list[str]] = {}
    for ods, provider in load_providers(files).items():
        for feed in provider.feeds:
            used.setdefault(feed.adapter, []).append(f"{ods} {feed.name}")
    table = listing(
        "adapter", "supplier", "product", "setting", "format", "used by", whole={"adapter", "format"}
    )
    for name, adapter in sorted(load_adapters(files).items()):
        supplier = adapter.supplier
        table.add_row(
            name,
            supplier.name,
            supplier.product,
            supplier.setting,
            adapter.decode.format,
            ", ".join(used.get(name, [])),
        )
    console.print(table)


@app.command("try")
def try_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A payload of the supplier.")],
    adapter: Annotated[str, typer.Option(help="The adapter; without it, the one that reads the file.")] = "",
    show: Annotated[int, typer.Option(min=0, help="How many units to show in full.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the report as a page.")] = None,
) -> None:
    """Map a payload, file nothing, and say what became of every field, code and value.

    What it prints and writes holds what the payload holds. Ends with 1 where none of it could be filed.
    """
    files, raw = DataFiles(settings_of(context).home), file.read_bytes()
    with Console(stderr=True).status(Text(f"Mapping {file.name} …")):
        chosen = load_adapter(files, adapter) if adapter else guess(load_adapters(files), raw)
        found = report(chosen, raw, show, (open_coder(files, chosen.maps),))
    if html is not None:
        loss_report.write_page(found, file.name, html)
    if as_json:
        typer.echo(orjson.dumps(found.as_json(), option=orjson.OPT_INDENT_2))
    elif html is not None:
        for line in (f"Adapter {found.adapter}.", *loss_report.summary(found), f"Written: {html}."):
            console.print(line, markup=False, soft_wrap=True)
    else:
        loss_report.show(found, console)
        console.print(f"Adapter {found.adapter}.", markup=False)
    if found.problem_count == found.unit_count:
        raise typer.Exit(1)


@app.command()
def check(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Adapters; without any, all of them.")] = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Validate with fhir.resources as well.")
    ] = False,
    write_goldens: Annotated[
        bool, typer.Option("--write-goldens", help="First write what each sample gives beside it.")
    ] = False,
) -> None:
    """Hold adapters to the standard suite, the shipped ones and your own. Ends with 1 where one fails."""
    files = DataFiles(settings_of(context).home)
    if write_goldens:
        _write_goldens(files, names or [])
    reports = check_adapters(files, *(names or []), thorough=thorough)
    console.print(_results(reports))
    findings = [finding for each in reports for finding in each.findings]
    for each in reports:
        for finding in each.findings:
            line = f"{each.adapter}: {finding.check}: {finding.where}: {finding.message}"
            console.print(line, markup=False, soft_wrap=True)
    if findings:
        raise typer.Exit(1)


def _results(reports: list[Report]) -> Table:
    table = listing("adapter", "samples", "checks passed", "fails", whole={"adapter"})
    for each in reports:
        failed = [name for name in CHECKS if each.failed(name)]
        passed = len(CHECKS) - len(failed) if each.samples else 0
        table.add_row(each.adapter, str(each.samples), f"{passed} of {len(CHECKS)}", ", ".join(failed))
    return table


def _write_goldens(files: DataFiles, names: list[str]) -> None:
    adapters = [load_adapter(files, name) for name in names] or list(load_adapters(files).values())
    for adapter in adapters:
        for sample in load_samples(files, adapter):
            if sample.write_golden():
                console.print(f"Written: {sample.golden_path}. Read it.", markup=False, soft_wrap=True)


@app.command()
def losses(
    context: typer.Context,
    provider: Annotated[str, typer.Option(help="One provider's ODS code.")] = "",
    days: Annotated[int, typer.Option(min=1, help="Today and the days before it.")] = 7,
) -> None:
    """Say how much was carried in service, by provider, adapter and day, and how often something was not."""
    ods = OdsCode.parse(provider) if provider else None
    since = loss_counts.day_of(now_ms() - (days - 1) * 86_400_000)
    database = open_database(settings_of(context))
    try:
        found = database.read_now(lambda conn: loss_counts.read(conn, since, ods))
        covered = database.read_now(lambda conn: coverage.read(conn, since, ods))
    finally:
        database.close()
    if covered:
        console.print(_coverage(covered))
        console.print()
    if not found:
        console.print(f"Nothing was received since {since}.")
        return
    heads = ("provider", "adapter", "what", "name", "how often", "last")
    table = listing(*heads, whole={"provider", "last"}, right={"how often"})
    for each in found:
        what = _WHAT[each.kind] if each.name != FILED else "units"
        table.add_row(str(each.provider), each.adapter, what, Text(each.name), str(each.count), each.last_day)
    console.print(table)


def _coverage(covered: list[DayCoverage]) -> Table:
    heads = ("day", "fields", "mapped", "ignored", "unmapped", "coverage")
    table = listing("provider", "adapter", *heads, whole={"provider", *heads}, right=heads[1:])
    for each in covered:
        fields = each.fields
        counts = (fields.total, len(fields.mapped), len(fields.ignored), len(fields.unmapped))
        told = (str(each.provider), each.adapter, each.day, *map(str, counts))
        table.add_row(*told, f"{fields.share:.1%}")
    return table


@app.command()
def drift(
    context: typer.Context,
    provider: Annotated[str, typer.Option(help="One provider's ODS code.")] = "",
    days: Annotated[int, typer.Option(min=1, help="Today and the days before it.")] = 30,
) -> None:
    """Say where what was received departed from what the same feed sent before, the latest first."""
    ods = OdsCode.parse(provider) if provider else None
    database = open_database(settings_of(context))
    try:
        found = database.read_now(lambda conn: profiles.events(conn, now_ms() - days * 86_400_000, ods))
    finally:
        database.close()
    if not found:
        console.print(f"No feed departed from what it sent before, in {days} days.")
        return
    table = listing("when", "provider", "feed", "what", "field", "how", "message", whole={"provider"})
    for each in found:
        when = utc(each.at).astimezone(LONDON).strftime("%d %b %Y %H:%M")
        how = Text(f"{each.detail} ({each.action})")
        table.add_row(when, each.provider, each.feed, each.kind, Text(each.field), how, each.message)
    console.print(table)


_WHAT = {
    "unit": "units not filed",
    "resource": "resources",
    "field": "unmapped field",
    "code": "unmapped code, by map",
    "unread": "unreadable value",
    "late": "late resource",
}
