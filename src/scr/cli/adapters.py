"""``scr adapters``: the suppliers' mappings that are in force."""

from __future__ import annotations

import typer
from rich.table import Table

from scr.cli.context import console, settings_of
from scr.data import DataFiles
from scr.mapping.adapter import load_adapters
from scr.mapping.provider import load_providers

app = typer.Typer(help="The suppliers' mappings that are in force.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context) -> None:
    """List the adapters and the providers that use them; a mistake in one is named with file and line."""
    files = DataFiles(settings_of(context).home)
    used: dict[str, list[str]] = {}
    for ods, provider in load_providers(files).items():
        for feed in provider.feeds:
            used.setdefault(feed.adapter, []).append(f"{ods} {feed.name}")
    table = Table("adapter", "supplier", "product", "setting", "format", "used by", box=None, pad_edge=False)
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
