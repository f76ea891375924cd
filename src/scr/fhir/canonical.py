"""Addresses of the project's own code systems and extensions, which stand in its answers."""

BASE = "https://fhir.shared-care-record.example"
HEADING_SYSTEM = f"{BASE}/CodeSystem/record-heading"
OUTCOME_SYSTEM = f"{BASE}/CodeSystem/ledger-outcome"
ERROR_SYSTEM = f"{BASE}/CodeSystem/error"
LEDGER_EXTENSION = f"{BASE}/StructureDefinition/ledger-entry"
