"""Providers on their way to being live: the gates, their evidence, and the six months."""
