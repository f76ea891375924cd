"""Parameters that are of no element: ``_text``, ``_content`` and ``_list``.

https://hl7.org/fhir/R4/search.html#content, #list
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from scr.errors import Invalid
from scr.fhir.entry import Resource
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.reconciled import LIST_CODES
from scr.fhir.search.candidate import Candidate
from scr.fhir.search.compile import Check, Compiled
from scr.fhir.search.escapes import alternatives, bad, plain
from scr.fhir.search.references import local
from scr.fhir.search.texts import folded

_TAGS = re.compile(r"<[^>]*>")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_WHOLE_BODY = 3
WORKED_OUT = {
    "$current-problems": "problems",
    "$current-medications": "medications",
    "$current-allergies": "allergies",
}
"""The functional lists (https://hl7.org/fhir/R4/lifecycle.html#lists), and the code of each List."""
SPECIAL = frozenset({"_text", "_content", "_list"})


def compile_special(name: str, value: str, base_url: str) -> Compiled:
    """One of ``SPECIAL``. Raises Invalid where the value cannot be read."""
    if name == "_list":
        return Compiled(_listed(value, base_url), _WHOLE_BODY)
    take = _narrative if name == "_text" else _strings
    likes = tuple(folded(plain(part)) for part in alternatives(name, value))
    if not all(likes):
        raise bad(name, "one of the values is empty")

    def check(one: Candidate) -> bool:
        return any(like in folded(text) for text in take(one.whole()) for like in likes)

    return Compiled(check, _WHOLE_BODY)


def _narrative(resource: Resource) -> Iterator[str]:
    """What the narrative says, without its tags."""
    text = resource.get("text")
    div = text.get("div") if isinstance(text, dict) else None
    if isinstance(div, str):
        yield html.unescape(_TAGS.sub(" ", div))


def _strings(resource: Resource) -> Iterator[str]:
    """Every text in the resource, other than what names, refers or encodes."""
    yield from _narrative(resource)
    stack: list[Any] = [{name: value for name, value in resource.items() if name not in _NO_CONTENT}]
    while stack:
        at = stack.pop()
        if isinstance(at, dict):
            stack += [value for name, value in at.items() if name not in _NO_WORDS]
        elif isinstance(at, list):
            stack += at
        elif isinstance(at, str):
            yield at


_NO_CONTENT = frozenset({"resourceType", "id", "meta", "text", "implicitRules", "language"})
_NO_WORDS = frozenset({"system", "reference", "url", "data", "contentType"})


def _listed(value: str, base_url: str) -> Check:
    """Whether a List names the entry. A List that is not there is told: nothing would look like none."""
    parts = [plain(part) for part in alternatives("_list", value)]
    if not all(_ID.match(part) or part in WORKED_OUT for part in parts):
        raise bad("_list", f"must be the id of a List, or one of {', '.join(WORKED_OUT)}")
    return lambda one: one.entry.reference in _items(one, tuple(parts), base_url)


def _items(one: Candidate, ids: tuple[str, ...], base_url: str) -> frozenset[str]:
    found = one.around.kept.get(ids)
    if found is None:
        lists = [_list_of(one, name) for name in ids]
        if None in lists:
            raise Invalid(
                "there is no such List, or none that you may see", code="bad-parameter", where="_list"
            )
        found = one.around.kept[ids] = frozenset(
            reference for each in lists if each is not None for reference in _of_list(each.whole(), base_url)
        )
    return found


def _list_of(one: Candidate, name: str) -> Candidate | None:
    """A List by its id; one that is worked out, as it was made of what several sources say."""
    if name not in WORKED_OUT:
        return one.around.named(f"List/{name}")
    token = f"{LIST_CODES}|{WORKED_OUT[name]}"
    made = (each for each in one.around.of_type("List") if each.entry.source == PERSON_SOURCE)
    return next((each for each in made if token in each.entry.codes), None)


def _of_list(resource: Resource, base_url: str) -> Iterator[str]:
    entries = resource.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        item = entry.get("item") if isinstance(entry, dict) and entry.get("deleted") is not True else None
        text = item.get("reference") if isinstance(item, dict) else None
        if isinstance(text, str):
            yield local(text, base_url)
