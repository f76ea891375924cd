"""Payload → entries, by a supplier's adapter. Pure: no input or output, and ``now`` is an argument."""
