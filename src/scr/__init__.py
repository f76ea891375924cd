"""scr: one person's health and care record, from every source, with an account of what is missing."""

__version__ = "0.1.0"
