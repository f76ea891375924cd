"""The draft assistant: sample payloads in, an adapter that loads and runs out, with questions for a human.

``sample`` reads what was sent, ``shapes``, ``times`` and ``words`` recognise, ``recognise`` says what each
column is, ``place`` and ``topics`` where it goes in FHIR, ``render`` writes the file, ``pseudonyms`` makes a
sample that may be kept, and ``folder`` puts all of it into the deployment's folder.
"""
