"""Who may see what, and why. Pure: no input or output, and ``now`` is an argument."""
