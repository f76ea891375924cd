"""A message received: kept, decoded, mapped, identified, filed or quarantined, acknowledged."""
