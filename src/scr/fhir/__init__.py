"""FHIR R4 itself: identifiers, entries, search, bundles, outcomes, STU3 → R4, validation. Pure."""
