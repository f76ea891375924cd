"""Misuse in the audit: what is seen of a visit, the run over what is new, the lists, and the worklist."""
