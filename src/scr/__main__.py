"""``python -m scr``."""

from scr.cli import main

main()
