"""The audit as evidence: chained, sealed, checked, and proved to whoever asks."""
