"""What the verbs share: the home, and the settings loaded from it once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from scr.settings import Loaded, Settings, load

console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Context:
    """The command line's own options."""

    home: Path | None

    def load(self, **overrides: object) -> Loaded:
        """The settings, what this command line says nearest of all."""
        given = {name: value for name, value in overrides.items() if value is not None}
        if self.home is not None:
            given["home"] = self.home
        return load(given)


def settings_of(context: typer.Context) -> Settings:
    """The settings of a verb that overrides none."""
    found: Context = context.obj
    return found.load().settings
