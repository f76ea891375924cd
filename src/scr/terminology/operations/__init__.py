"""FHIR's terminology operations, in process: look-up, validation, subsumption, expansion, translation.

https://hl7.org/fhir/R4/terminology-service.html. Functions over a ``Library``, with plain values in and out;
``resources`` alone writes them as FHIR.
"""
