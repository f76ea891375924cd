"""Code systems, concept maps and value sets."""
