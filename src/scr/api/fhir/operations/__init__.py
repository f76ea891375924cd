"""The operations of the FHIR endpoint, one to a module (docs/operations.md)."""
