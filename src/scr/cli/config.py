"""``scr init`` and ``scr config``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from scr.cli.context import Context, console
from scr.errors import Conflict
from scr.settings import Settings
from scr.store.audit.signing import create_sealing_key
from scr.store.keys import create_keys

_TEMPLATE = """\
# Settings of this deployment; `scr config` lists all of them, with what is in force and why.
# A file below adapters/, terminology/, consent/ or conformance/ here stands in the place of the
# packaged file of the same name.

# base_url = "https://record.example.nhs.uk/fhir"
# database_url = "postgresql://scr@localhost/scr"

# Token issuers that are trusted:
# [[issuers]]
# url = "https://issuer.example.nhs.uk"
# audience = "https://record.example.nhs.uk/fhir"
# algorithms = ["RS256"]

# Where people sign in to the pages, one for staff and one for citizens:
# [[upstreams]]
# name = "cis2"
# title = "NHS CIS2"
# url = "https://cis2.example.nhs.uk"
# people = "staff"
# client_id = "shared-care-record"
# secret = "file:keys/cis2.pem"
"""


def init(folder: Annotated[Path, typer.Argument(help="The folder to make.")]) -> None:
    """Make a deployment's folder: new keys, and a settings file to fill in."""
    from scr.api.oauth.signing import create_signing_key  # loading it takes time, which few verbs need

    file = folder / "scr.toml"
    if file.exists():
        raise Conflict("a deployment is there already", code="home-exists", where=str(file))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    create_keys(folder / "keys")
    create_signing_key(folder / "keys" / "signing.json")
    create_sealing_key(folder / "keys" / "audit.key")
    for name in ("adapters/providers", "terminology", "consent", "conformance", "drop"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    file.write_text(_TEMPLATE, encoding="utf-8")
    console.print(f"Made {folder}. Back up {folder / 'keys'}: without these keys no record can be read.")
    console.print(f"Next: a provider in {folder / 'adapters/providers'}, then `scr --home {folder} serve`.")


def config(context: typer.Context) -> None:
    """Print every setting in force, and where it came from."""
    found: Context = context.obj
    loaded = found.load()
    table = Table("setting", "value", "from", "meaning", box=None, pad_edge=False)
    for name, field in Settings.model_fields.items():
        value = getattr(loaded.settings, name)
        if name == "issuers":
            value = ", ".join(issuer.url for issuer in value) or "none"
        if name == "database_url":
            value = _without_password(loaded.settings.resolved_database_url)
        table.add_row(name, str(value), loaded.origins[name], field.description or "")
    console.print(table)
    if not loaded.settings.upload_scanner:
        console.print("Nothing scans what citizens send for viruses: set upload_scanner.", style="yellow")


def _without_password(url: str) -> str:
    """A database address as it may be shown."""
    scheme, separator, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{host}" if at else url
