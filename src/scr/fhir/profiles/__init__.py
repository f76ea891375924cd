"""Profiles: what a StructureDefinition asks of a resource beyond FHIR R4.

https://hl7.org/fhir/R4/profiling.html
"""
