"""HTTP: the FHIR endpoint and the intake routes, and where the parts are put together."""
