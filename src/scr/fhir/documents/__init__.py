"""Documents: a Composition first, and everything that it and its parts refer to.

https://hl7.org/fhir/R4/documents.html
"""
