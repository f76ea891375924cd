"""Expression Constraint Language of SNOMED CT: read (``parse``) and evaluated (``evaluate``) over a release.

https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language
"""
