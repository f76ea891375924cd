"""The command line."""

from scr.cli.app import main

__all__ = ["main"]
