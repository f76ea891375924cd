"""Reading a resource for people: what is not shaped as FHIR has it says nothing, and never stops the page."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from typing import Any

from scr.fhir.entry import Resource

_NOT_SHOWN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)
"""What prints nothing, or turns the text around it about."""
_BREAKS = re.compile(r"<\s*(?:br|/p|/div|/li|/tr|/h[1-6])\b[^>]*>", re.IGNORECASE)
_TAGS = re.compile(r"<[^>]*>")
_MOST = 2_000
"""Characters of one text: a longer one is cut, and says so."""


def text_of(value: Any) -> str:
    """A string, number or boolean as text on one or more lines; empty for everything else."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return f"{value:.15g}"
    if not isinstance(value, str):
        return ""
    told = _NOT_SHOWN.sub("", value).strip()
    return told if len(told) <= _MOST else f"{told[:_MOST]} …"


def dict_of(value: Any) -> Resource:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """A list; what is no list is one of itself, and nothing is none."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def walk(node: Any, path: str) -> Iterator[Any]:
    """All values at a path of element names, through every list on the way."""
    name, _, rest = path.partition(".")
    for one in list_of(node):
        for value in list_of(dict_of(one).get(name)):
            if rest:
                yield from walk(value, rest)
            else:
                yield value


def tokens_of(concept: Any) -> list[str]:
    """The codes of a CodeableConcept or a Coding, as ``system|code``."""
    told = dict_of(concept)
    codings = list_of(told.get("coding")) or [told]
    return [
        f"{text_of(one.get('system'))}|{text_of(one.get('code'))}"
        for one in map(dict_of, codings)
        if text_of(one.get("code"))
    ]


def concept_text(concept: Any) -> str:
    """The words of a CodeableConcept or a Coding, else its code; empty where it says nothing."""
    if isinstance(concept, str):
        return text_of(concept)
    told = dict_of(concept)
    if text := text_of(told.get("text")):
        return text
    codings = [dict_of(one) for one in list_of(told.get("coding"))] or [told]
    for name in ("display", "code"):
        for one in codings:
            if text := text_of(one.get(name)):
                return text
    return ""


def name_text(name: Any) -> str:
    """A HumanName in the order in which it is spoken; what is a plain name stays as it is."""
    if isinstance(name, str):
        return text_of(name)
    told = dict_of(name)
    if text := text_of(told.get("text")):
        return text
    parts = [*list_of(told.get("prefix")), *list_of(told.get("given")), told.get("family")]
    return " ".join(part for one in parts if (part := text_of(one)))


def address_text(address: Any) -> str:
    """An address on one line."""
    told = dict_of(address)
    if text := text_of(told.get("text")):
        return text
    names = ("city", "district", "state", "postalCode", "country")
    parts = [*list_of(told.get("line")), *(told.get(name) for name in names)]
    return ", ".join(part for one in parts if (part := text_of(one)))


def plain_text(markup: Any) -> str:
    """The text of a narrative, line by line, without its markup.

    Only for what is told nowhere else, a section of a Composition: no narrative is ever shown as it came.
    """
    if not isinstance(markup, str):
        return ""
    bare = html.unescape(_TAGS.sub(" ", _BREAKS.sub("\n", markup)))
    lines = (" ".join(line.split()) for line in bare.splitlines())
    return text_of("\n".join(line for line in lines if line))


def vaccine_concepts(resource: Resource) -> Iterable[Any]:
    """What was given, as GP systems tell it: in an extension, while the vaccine is unknown."""
    return [
        one.get("valueCodeableConcept")
        for one in map(dict_of, list_of(resource.get("extension")))
        if "VaccinationProcedure" in text_of(one.get("url"))
    ]


def as_concept(value: Any) -> Resource:
    """A status that is a plain code, as a concept."""
    return {"coding": [{"code": value}]} if isinstance(value, str) else dict_of(value)
