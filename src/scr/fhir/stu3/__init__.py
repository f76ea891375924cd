"""FHIR STU3 to R4, for the resource types of GP Connect.

``convert`` is the whole of it. The tables of ``people``, ``clinical``, ``medicines`` and ``requests``
say, in the words of ``rules``, what changed between the versions
(https://hl7.org/fhir/R4/diff.html); ``extensions`` what UK Core made of CareConnect's extensions;
``fit`` settles the rest from the structure of R4. What cannot be carried is named, never dropped in
silence.
"""

from scr.fhir.stu3.convert import RULES, Converted, convert

__all__ = ["RULES", "Converted", "convert"]
