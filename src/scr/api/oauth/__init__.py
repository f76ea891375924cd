"""Tokens of our own, for the systems that the operator registered."""
