"""FHIR R4 terminology resources in files: JSON or XML, alone, in a Bundle, in an NPM package.

An NPM package has ``package/package.json`` with its name and version, and a file for each resource
(https://confluence.hl7.org/display/FHIR/NPM+Package+Specification). What is in it besides code systems, value
sets and concept maps is not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from scr.decode import fhir_xml
from scr.decode.tree import DecodeError
from scr.errors import Invalid
from scr.fhir.entry import Resource
from scr.terminology.load.fhir_json import as_json
from scr.terminology.load.package import Member

TYPES = ("CodeSystem", "ValueSet", "ConceptMap")
_JSON_TYPE = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]+)"')
_XML_TYPE = re.compile(
    rb"<(CodeSystem|ValueSet|ConceptMap|Bundle)\s[^>]*xmlns\s*=\s*[\"']http://hl7\.org/fhir[\"']"
)
_WANTED = {*(name.encode() for name in TYPES), b"Bundle"}
_PACKAGE = "package.json"


def looks_like(member: Member) -> bool:
    """Whether a file may hold a terminology resource, or says what the package is called."""
    name = member.name.lower()
    if name.endswith(".xml"):
        return _XML_TYPE.search(member.head()) is not None
    if not name.endswith(".json"):
        return False
    if member.base == _PACKAGE:
        return True
    head = member.head()
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return False
    # The first one may be that of something contained; a file that names none so early is looked at whole.
    found = set(_JSON_TYPE.findall(head)) or set(_JSON_TYPE.findall(member.read()))
    return bool(found & _WANTED)


def resources(members: Sequence[Member]) -> Iterator[tuple[Member, Resource]]:
    """The terminology resources of files, those of Bundles too. Raises Invalid naming the file."""
    for member in members:
        if member.base != _PACKAGE:
            yield from ((member, one) for one in _flat(_parsed(member)))


def package_of(members: Sequence[Member]) -> tuple[str, str] | None:
    """The name and version of an NPM package, or None where the files are none."""
    for member in members:
        if member.base == _PACKAGE:
            about = _json(member)
            if isinstance(about.get("name"), str) and isinstance(about.get("version"), str):
                return about["name"], about["version"]
            raise Invalid("names no package and version", code="bad-terminology", where=member.where)
    return None


def _flat(found: Resource) -> Iterator[Resource]:
    if found.get("resourceType") == "Bundle":
        for entry in found.get("entry") or ():
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                yield from _flat(entry["resource"])
    elif found.get("resourceType") in TYPES:
        yield found


def _parsed(member: Member) -> Resource:
    if not member.name.lower().endswith(".xml"):
        return _json(member)
    try:
        found: Resource = as_json(fhir_xml.resource(member.read()))
    except ValueError:
        raise Invalid("has no number where one belongs", code="bad-terminology", where=member.where) from None
    except DecodeError as error:
        raise Invalid(error.message, code="bad-terminology", where=f"{member.where}, {error.where}") from None
    return found


def _json(member: Member) -> Resource:
    try:
        found: Any = orjson.loads(member.read().removeprefix(b"\xef\xbb\xbf"))
    except json.JSONDecodeError as error:
        raise Invalid(
            f"is not JSON: {error.msg}", code="bad-terminology", where=f"{member.where}, line {error.lineno}"
        ) from None
    if not isinstance(found, dict):
        raise Invalid("is JSON and not a resource", code="bad-terminology", where=member.where)
    return found
