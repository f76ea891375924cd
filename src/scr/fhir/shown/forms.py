"""How parts of a resource are told in words: a dosage, a section of a document, answers to questions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scr.fhir.entry import Resource
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber
from scr.fhir.shown.plain import Language
from scr.fhir.shown.reading import concept_text, dict_of, list_of, plain_text, text_of
from scr.fhir.shown.statuses import code_words
from scr.fhir.shown.value import any_text, quantity_text

MOST_DEEP = 6
"""How deep into sections, questions and references it is looked."""


def dose_text(dosage: Any, language: Language) -> str:
    """A Dosage, or that of what was given, as it is written; else of its coded elements."""
    told = dict_of(dosage)
    texts = [text_of(told.get(name)) for name in ("text", "patientInstruction", "additionalInstruction")]
    if texts[0]:
        return " ".join(dict.fromkeys(text for text in texts if text))
    amounts = [any_text(one.get("doseQuantity") or one.get("doseRange"), language)
               for one in map(dict_of, list_of(told.get("doseAndRate")))]  # fmt: skip
    amounts.append(quantity_text(told.get("dose")))
    timing = dict_of(told.get("timing"))
    often = concept_text(timing.get("code")) or _often(dict_of(timing.get("repeat")))
    parts = [*amounts, often, concept_text(told.get("route")), texts[1]]
    return ", ".join(dict.fromkeys(part for part in parts if part))


def _often(repeat: Resource) -> str:
    times, period = text_of(repeat.get("frequency")), text_of(repeat.get("period"))
    unit = text_of(repeat.get("periodUnit"))
    return f"{times or '1'} × / {period} {unit}" if period and unit else ""


def section_texts(section: Any, deep: int = 0) -> Iterator[str]:
    """A section of a Composition and those in it: the title, and the text without its markup."""
    told = dict_of(section)
    title, text = text_of(told.get("title")), plain_text(dict_of(told.get("text")).get("div"))
    if title or text:
        yield f"{title}: {text}" if title and text else title or text
    if deep < MOST_DEEP:
        for one in list_of(told.get("section")):
            yield from section_texts(one, deep + 1)


def answer_texts(item: Any, language: Language, deep: int = 0) -> Iterator[str]:
    """An item of a QuestionnaireResponse and those in it: the question and its answers."""
    told = dict_of(item)
    asked = text_of(told.get("text")) or text_of(told.get("linkId"))
    answers = [dict_of(one) for one in list_of(told.get("answer"))]
    texts = [
        text
        for one in answers
        for name, value in one.items()
        if name.startswith("value") and (text := any_text(value, language))
    ]
    if texts:
        yield f"{asked}: {', '.join(texts)}" if asked else ", ".join(texts)
    if deep < MOST_DEEP:
        for one in [*list_of(told.get("item")), *(i for a in answers for i in list_of(a.get("item")))]:
            yield from answer_texts(one, language, deep + 1)


def number_text(identifier: Any) -> str:
    """The NHS Number that an identifier is, as people read it; empty for another one."""
    told = dict_of(identifier)
    number = text_of(told.get("value")) if told.get("system") == NHS_NUMBER_SYSTEM else ""
    try:
        return NHSNumber.parse(number).spaced if number and told.get("use") != "old" else ""
    except ValueError:
        return ""


def worded(text: str, language: Language) -> str:
    """A code that stands where people expect a word (a gender, how serious); other text as it is."""
    return code_words(text, language) or text
