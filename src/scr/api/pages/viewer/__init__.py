"""The viewer: a record as professionals see it in a browser, under ``/viewer`` (docs/viewer.md)."""
