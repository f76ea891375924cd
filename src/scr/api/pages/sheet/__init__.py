"""A record as pages show it, to professionals and to the person alike (docs/viewer.md)."""
