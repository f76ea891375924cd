"""Measurements of what the project promises, on a server of its own: ``python -m bench``."""
