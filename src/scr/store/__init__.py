"""Tables, records, keys and the audit trail."""
