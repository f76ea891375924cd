"""Words: About Me, wishes, what matters, symptoms, notes and contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape, unescape

from scr.fhir.canonical import BASE
from scr.fhir.entry import Resource
from scr.fhir.patient_made.adding import ADDED_BY, KIND_SYSTEM, Added, own_code

_XHTML = "http://www.w3.org/1999/xhtml"
_OPEN, _CLOSE = f'<div xmlns="{_XHTML}"><p>', "</p></div>"
_SURVEY = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}
_ROLE = "http://terminology.hl7.org/CodeSystem/v2-0131"
CONTACT_NOTE = f"{BASE}/StructureDefinition/contact-note"
_NO_DECISION = "Said by the person. It is no clinical decision, and no legal document."

Section = tuple[str, str, str]
"""A code, a title, and what was written."""


def composition(
    added: Added,
    sort: str,
    title: str,
    sections: Sequence[Section],
    *,
    corrected: bool,
    statement: bool = False,
) -> Resource:
    """About Me, or wishes: a Composition with a section for each thing. ``statement``: says of itself that it
    is no clinical decision."""
    shown = [*sections, ("what-this-is", "What this is", _NO_DECISION)] if statement else sections
    return added.resource(
        "Composition",
        sort,
        status="amended" if corrected else "final",
        type=own_code(sort, title),
        category=[own_code(sort, title)],
        subject=added.person,
        date=added.recorded,
        author=[added.author],
        title=title,
        section=[
            {"title": name, "code": own_code(code, name), "text": {"status": "additional", "div": _div(text)}}
            for code, name, text in shown
        ],
    )


def sections_of(resource: Resource) -> dict[str, str]:
    """What was written, by the code of its section."""
    found = {}
    for one in resource.get("section", ()):
        code = one["code"]["coding"][0]["code"]
        if code != "what-this-is":
            found[code] = _text(one["text"]["div"])
    return found


def statement(added: Added, sort: str, title: str, text: str, *, corrected: bool) -> Resource:
    """What matters to the person, as an Observation of theirs."""
    return {
        **_said(added, sort, title, corrected=corrected),
        "valueString": text,
        "effectiveDateTime": added.recorded,
    }


def symptom(added: Added, values: Mapping[str, str], at: str, *, corrected: bool) -> Resource:
    """A symptom: what it was, when (FHIR dateTime), how bad from 0 to 10, and what else."""
    made = {**_said(added, "symptom", "Symptom", corrected=corrected), "valueString": values["what"]}
    made["effectiveDateTime"] = at
    if "how-bad" in values:
        made["component"] = [
            {"code": own_code("how-bad", "How bad, from 0 to 10"), "valueInteger": int(values["how-bad"])}
        ]
    if "text" in values:
        made["note"] = [{"text": values["text"]}]
    return made


def symptom_of(resource: Resource) -> dict[str, str]:
    """What was typed of a symptom."""
    found = {"what": resource["valueString"], "at": resource["effectiveDateTime"]}
    for one in resource.get("component", ()):
        found["how-bad"] = str(one["valueInteger"])
    for one in resource.get("note", ()):
        found["text"] = one["text"]
    return found


def note(added: Added, text: str) -> Resource:
    """A note of the person or of a carer: a Communication that waits for no answer."""
    return added.resource(
        "Communication",
        "note",
        status="completed",
        category=[own_code("note", "Note")],
        subject=added.person,
        sent=added.recorded,
        sender=added.author,
        payload=[{"contentString": text}],
    )


def contact(added: Added, values: Mapping[str, str], relation: str) -> Resource:
    """Somebody to contact; ``relation`` says in words who they are to the person."""
    ways = [(way, values[way]) for way in ("phone", "email") if way in values]
    relations = [own_code(values["relation"], relation)]
    if "emergency" in values:
        relations.append({"coding": [{"system": _ROLE, "code": "C", "display": "Emergency Contact"}]})
    extension: list[Resource] = [{"url": ADDED_BY, "valueReference": added.author}]
    if "text" in values:
        extension.append({"url": CONTACT_NOTE, "valueString": values["text"]})
    return added.resource(
        "RelatedPerson",
        "contact",
        extension=extension,
        active=True,
        patient=added.person,
        relationship=relations,
        name=[{"text": values["name"]}],
        telecom=[{"system": way, "value": value} for way, value in ways],
        period={"start": added.recorded},
    )


def contact_of(resource: Resource) -> dict[str, str]:
    """What was typed of a contact."""
    found = {"name": resource["name"][0]["text"]}
    for one in resource.get("telecom", ()):
        found[one["system"]] = one["value"]
    for concept in resource.get("relationship", ()):
        for coding in concept.get("coding", ()):
            if coding.get("system") == KIND_SYSTEM:
                found["relation"] = coding["code"]
            elif coding.get("system") == _ROLE:
                found["emergency"] = "yes"
    for one in resource.get("extension", ()):
        if one["url"] == CONTACT_NOTE:
            found["text"] = one["valueString"]
    return found


def _said(added: Added, sort: str, title: str, *, corrected: bool) -> Resource:
    return added.resource(
        "Observation",
        sort,
        status="amended" if corrected else "final",
        category=[{"coding": [_SURVEY]}],
        code=own_code(sort, title),
        subject=added.person,
        issued=added.recorded,
        performer=[added.author],
    )


def _div(text: str) -> str:
    return _OPEN + escape(text).replace("\n", "<br/>") + _CLOSE


def _text(div: str) -> str:
    return unescape(div.removeprefix(_OPEN).removesuffix(_CLOSE).replace("<br/>", "\n"))
