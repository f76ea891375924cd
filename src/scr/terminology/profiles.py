"""The profiles of a deployment: what stands in ``conformance/profiles`` of its folder.

NPM packages (``.tgz``) as they are published, or StructureDefinitions as JSON or XML files. The value sets
that they bind to are loaded as terminology (`scr terminology load`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from scr.decode import fhir_xml
from scr.decode.tree import DecodeError
from scr.errors import Invalid
from scr.fhir.profiles.tree import Profile, profile_of
from scr.terminology.load.package import Member, open_package

FOLDER = ("conformance", "profiles")
_NAME = b"StructureDefinition"


def load_profiles(home: Path) -> dict[str, Profile]:
    """The profiles by address; none where there is no folder. Raises Invalid naming the file."""
    folder = home.joinpath(*FOLDER)
    if not folder.is_dir():
        return {}
    found: dict[str, Profile] = {}
    for member in open_package(folder).members:
        if not member.name.lower().endswith((".json", ".xml")) or _NAME not in member.read():
            continue
        for definition in _definitions(_parsed(member)):
            if definition.get("kind") == "logical":
                continue
            try:
                profile = profile_of(definition)
            except (Invalid, ValueError) as error:
                told = error.message if isinstance(error, Invalid) else "has a number that is none"
                raise Invalid(told, code="bad-profile", where=member.where) from None
            found[profile.url] = profile
    return found


def _definitions(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if resource.get("resourceType") == "StructureDefinition":
        yield resource
    elif resource.get("resourceType") == "Bundle":
        for entry in resource.get("entry") or ():
            yield from _definitions(entry.get("resource") or {})


def _parsed(member: Member) -> dict[str, Any]:
    try:
        if member.name.lower().endswith(".xml"):
            return fhir_xml.resource(member.read())
        read = orjson.loads(member.read().removeprefix(b"\xef\xbb\xbf"))
    except (DecodeError, orjson.JSONDecodeError):
        raise Invalid("cannot be read", code="bad-profile", where=member.where) from None
    return read if isinstance(read, dict) else {}
