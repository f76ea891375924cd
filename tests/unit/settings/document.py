"""``docs/settings.md``, made from the settings themselves: ``python -m tests.unit.settings.document``."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from scr.settings import PREFIX, Introspection, Issuer, Settings, Upstream

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"

_TEXT = """\
# Settings

Nearest wins: what the command line says, then the environment, then `scr.toml` in the deployment's
folder, then the default (the folder itself is named by the command line or the environment). `scr config`
prints every setting in force and where it came from. A value that cannot be read stops the start, and the
error names the file or the variable, and the setting.

A secret is never a value here: it is a reference, `file:PATH` (below the home) or `env:NAME`.

{settings}

## Issuers

In `scr.toml` only, one `[[issuers]]` table each:

{issuers}

```toml
base_url = "https://record.example.nhs.uk/fhir"

[[issuers]]
url = "https://issuer.example.nhs.uk"
audience = "https://record.example.nhs.uk/fhir"
algorithms = ["RS256"]
```

For an issuer whose tokens are opaque, an `introspection` table in it:

{introspection}

```toml
[issuers.introspection]
url = "https://issuer.example.nhs.uk/introspect"
client_id = "shared-care-record"
secret = "file:keys/issuer-secret"
```

## Upstreams

Where people sign in to the pages ([sign-in.md](sign-in.md)). In `scr.toml` only, one `[[upstreams]]`
table each:

{upstreams}

```toml
[[upstreams]]
name = "nhs-login"
title = "NHS login"
url = "https://auth.login.example.nhs.uk"
people = "citizens"
client_id = "shared-care-record"
secret = "file:keys/nhs-login.pem"
algorithms = ["RS512"]
scopes = ["openid", "profile", "delegation"]
vtr = ["P9.Cp.Cd", "P9.Cp.Ck", "P9.Cm"]
```

This page is made from the code (`python -m tests.unit.settings.document`), and a test holds it to that.
"""


def page() -> str:
    """The page as it must be."""
    return _TEXT.format(
        settings=_table(Settings),
        issuers=_table(Issuer),
        introspection=_table(Introspection),
        upstreams=_table(Upstream),
    )


def _table(model: type[BaseModel]) -> str:
    of_environment = model is Settings
    head = (
        "| setting | default | environment | meaning |" if of_environment else "| key | default | meaning |"
    )
    rule = "|---" * (head.count("|") - 1) + "|"
    rows = [_row(name, field, of_environment) for name, field in model.model_fields.items()]
    return "\n".join([head, rule, *rows])


def _row(name: str, field: FieldInfo, of_environment: bool) -> str:
    cells = [f"`{name}`", _default(field)]
    if of_environment:
        cells.append("" if name in ("issuers", "upstreams") else f"`{PREFIX}{name.upper()}`")
    cells.append(_described(field))
    return f"| {' | '.join(cells)} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value) or "none"
    return f"`{value}`" if str(value) else "empty"


def _described(field: FieldInfo) -> str:
    """The description, and the limits that the model sets."""
    limits = {
        "ge": "at least",
        "gt": "over",
        "le": "at most",
        "lt": "under",
    }
    said = [
        f"{words} {getattr(rule, name)}"
        for rule in field.metadata
        for name, words in limits.items()
        if getattr(rule, name, None) is not None
    ]
    patterns = [rule.pattern for rule in field.metadata if getattr(rule, "pattern", None)]
    lists = [found[1] for found in map(re.compile(r"\^\(([\w|]+)\)\$\Z").match, patterns) if found]
    choices = [words.replace("|", ", ") for words in lists]
    more = ", ".join(said) or "; ".join(f"one of {choice}" for choice in choices)
    return f"{field.description or ''}{f' ({more}.)' if more else ''}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
