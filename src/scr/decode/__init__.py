"""Bytes → tree, one module for each wire format. Pure."""
