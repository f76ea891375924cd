"""The FHIR R4 endpoint, one interaction a module. https://hl7.org/fhir/R4/http.html"""
