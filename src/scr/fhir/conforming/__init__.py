"""The conformance pack: checks as data, what an endpoint claims, and whether an answer is right."""
