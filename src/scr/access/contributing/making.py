"""From what was typed to what is kept: checked, then made FHIR."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from scr.access.contributing.forms import (
    ABOUT_ME,
    CONTACT,
    FORMS,
    MATTERS,
    NOTE,
    RELATIONS,
    SYMPTOM,
    WISHES,
    check_form,
    clean,
)
from scr.access.contributing.found import N_, Advice, Finding, NotTaken
from scr.access.contributing.readings import Reading, check_reading
from scr.access.contributing.rules import Part, Readings
from scr.access.contributing.uploads import Taken
from scr.fhir.entry import Resource
from scr.fhir.patient_made import files, readings, words
from scr.fhir.patient_made.adding import Added
from scr.fhir.patient_made.readings import READING, Answer, Number
from scr.fhir.patient_made.telling import Told

DOCUMENT = files.DOCUMENT
TYPES = {
    ABOUT_ME: "Composition",
    WISHES: "Composition",
    MATTERS: "Observation",
    READING: "Observation",
    SYMPTOM: "Observation",
    NOTE: "Communication",
    CONTACT: "RelatedPerson",
    DOCUMENT: "DocumentReference",
}
"""The sorts of contribution, and the type that each is kept as."""
_TITLE = 200


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be kept, and what whoever sent it is told at once."""

    make: Callable[[Added, bool], Resource]
    """Of who adds it, and whether it corrects what was there."""
    advice: Advice | None = None


def draft(sort: str, typed: Mapping[str, str], rules: Readings, now: datetime, *, sure: bool) -> Draft:
    """What to keep of what was typed. Raises NotTaken; unless ``sure``, for what is unusual too."""
    if sort == READING:
        return _reading(typed, rules, now, sure=sure)
    if sort == DOCUMENT:
        raise NotTaken([Finding("file", "missing", "Choose a file.")])
    checked = check_form(sort, typed, now)
    if checked.values is None:
        raise NotTaken(checked.wrong)
    values, at = checked.values, checked.at or now
    return Draft(lambda added, corrected: _words(sort, added, values, at, corrected=corrected))


def _words(sort: str, added: Added, values: Mapping[str, str], at: datetime, *, corrected: bool) -> Resource:
    form = FORMS[sort]
    match sort:
        case "about-me" | "wishes":
            sections = [(one.name, one.label, values[one.name]) for one in form.fields if one.name in values]
            return words.composition(
                added, sort, form.title, sections, corrected=corrected, statement=sort == WISHES
            )
        case "symptom":
            return words.symptom(added, values, _fhir(at), corrected=corrected)
        case "note":
            return words.note(added, values["text"])
        case "contact":
            return words.contact(added, values, RELATIONS[values["relation"]])
        case _:
            return words.statement(added, sort, form.title, values["text"], corrected=corrected)


def _reading(typed: Mapping[str, str], rules: Readings, now: datetime, *, sure: bool) -> Draft:
    checked = check_reading(rules, typed.get("kind", ""), typed, now)
    if checked.reading is None:
        raise NotTaken(checked.wrong, advice=checked.advice)
    if checked.doubts and not sure:
        raise NotTaken(checked.doubts, unsure=True, advice=checked.advice)
    found = checked.reading
    return Draft(lambda added, corrected: _read(added, found, rules, corrected=corrected), checked.advice)


def _read(added: Added, found: Reading, rules: Readings, *, corrected: bool) -> Resource:
    of_kind = rules.readings[found.kind]
    numbers = [
        Number(
            name,
            part.name,
            found.values[name],
            part.unit,
            part.ucum,
            _loinc(part),
        )
        for name, part in of_kind.parts.items()
        if name in found.values
    ]
    answers = [
        Answer(name, of_kind.choices[name].name, code, of_kind.choices[name].answers[code])
        for name, code in found.choices.items()
    ]
    loinc = (of_kind.loinc.code, of_kind.loinc.display)
    return readings.reading(
        added,
        found.kind,
        of_kind.name,
        loinc,
        _fhir(found.at),
        numbers,
        answers,
        text=found.note,
        corrected=corrected,
    )


def _loinc(part: Part) -> tuple[str, str] | None:
    return None if part.loinc is None else (part.loinc.code, part.loinc.display)


def document_draft(typed: Mapping[str, str], taken: Taken, binary: str) -> Draft:
    """A document with its contents checked; ``binary`` is the id that these are kept under.

    Raises NotTaken.
    """
    title, text = document_words(typed)
    return Draft(
        lambda added, _corrected: files.document(
            added, title, taken.media_type, taken.data, binary, text=text
        )
    )


def document_words(typed: Mapping[str, str]) -> tuple[str, str]:
    """What a document is called, and what is said of it. Raises NotTaken."""
    title, text = clean(typed.get("title", "")), clean(typed.get("text", ""))
    wrong = []
    if not title:
        wrong.append(Finding("title", "missing", N_("Say what it is, in a few words.")))
    if len(title) > _TITLE or "\n" in title:
        wrong.append(
            Finding(
                "title",
                "too-long",
                N_("What it is: %(most)s characters or fewer, in one line."),
                {"most": _TITLE},
            )
        )
    if len(text) > 2_000:
        wrong.append(Finding("text", "too-long", N_("What you say of it must be 2,000 characters or fewer.")))
    if wrong:
        raise NotTaken(wrong)
    return title, text


def typed_again(told: Told, rules: Readings) -> dict[str, str]:
    """What was typed of a contribution, to be corrected."""
    values = dict(told.values)
    if told.sort != READING:
        return values
    of_kind = rules.readings.get(told.reading)
    own = values.pop("", None)
    if own is not None and of_kind is not None:
        values[next(iter(of_kind.parts))] = own
    return {**values, "kind": told.reading}


def _fhir(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
