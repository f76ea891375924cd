"""What is written here by people themselves is called, in Welsh too: our own codes, and nobody else's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scr.fhir.patient_made.adding import KIND_SYSTEM
from scr.fhir.shown.plain import Language
from scr.fhir.shown.reading import concept_text, tokens_of

_WELSH: Mapping[str, str] = {
    "about-me": "Amdanaf i",
    "what-matters": "Beth sy'n bwysig i mi",
    "symptom": "Dyddiadur symptomau",
    "note": "Nodyn",
    "wishes": "Fy nymuniadau ar gyfer gofal yn y dyfodol",
    "document": "Dogfen neu lun a ychwanegwyd gan y person",
    "challenge": "Mae'r person yn dweud bod y cofnodiad hwn yn anghywir",
    "blood-pressure": "Pwysedd gwaed",
    "pulse": "Pwls",
    "weight": "Pwysau",
    "height": "Taldra",
    "glucose": "Siwgr gwaed (glwcos)",
    "oxygen-saturation": "Lefel ocsigen (o ocsimedr pwls)",
    "temperature": "Tymheredd",
    "peak-flow": "Llif anadl brig",
    "partner": "Gŵr, gwraig neu bartner",
    "parent": "Rhiant",
    "child": "Mab neu ferch",
    "sibling": "Brawd neu chwaer",
    "relative": "Perthynas arall",
    "friend": "Ffrind",
    "neighbour": "Cymydog",
    "carer": "Gofalwr di-dâl",
    "attorney": "Atwrnai neu ddirprwy",
    "advocate": "Eiriolwr",
    "other": "Rhywun arall",
    "open": "Anfonwyd at y ffynhonnell",
    "received": "Mae'r ffynhonnell wedi ei dderbyn",
    "amended": "Mae'r ffynhonnell wedi newid y cofnod",
    "annotated": "Mae'r ffynhonnell yn cadw'r cofnod, ac wedi nodi'r hyn y mae'r person yn ei ddweud",
    "refused": "Mae'r ffynhonnell yn cadw'r cofnod fel y mae",
    "withdrawn": "Mae'r person wedi ei dynnu'n ôl",
}
"""By the code of what was added; the English stands in the resource."""


def in_our_words(concept: Any, language: Language) -> str:
    """The words of a concept: of one of ours in the language of the page, of others as they stand."""
    if language == "cy":
        for token in tokens_of(concept):
            system, _, code = token.rpartition("|")
            if system == KIND_SYSTEM and code in _WELSH:
                return _WELSH[code]
    return concept_text(concept)
