"""Outbound connections: each asks one provider's system and returns a SourceResult."""
