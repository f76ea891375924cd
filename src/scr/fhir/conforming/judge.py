"""Whether an answer is as a check expects it, and as every FHIR answer has to be."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from scr.fhir.canonical import LEDGER_EXTENSION
from scr.fhir.conforming.checks import Expect
from scr.fhir.entry import Resource
from scr.fhir.structure import r4
from scr.fhir.validate import validate

_FHIR = "{http://hl7.org/fhir}"
_MOST = 3
"""So many problems of one resource are told."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def resource(self) -> Resource:
        """The resource of the body; empty where it is none."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def next(self) -> str:
        """The address of the next page."""
        return _link(self.resource, "next")

    @property
    def matches(self) -> list[Resource]:
        """The resources of a Bundle that were found, and not included."""
        return [e["resource"] for e in _entries(self.resource) if _mode(e) == "match" and "resource" in e]

    def value(self, place: str) -> str:
        """What a check keeps: a header, or ``body.`` and an element."""
        name = place.removeprefix("body.")
        return str(self.resource.get(name, "") if name != place else self.headers.get(name, ""))


def problems(answer: Answered, expect: Expect) -> list[str]:
    """Everything that is wrong with an answer, in short sentences that repeat nothing of it."""
    found = list(_general(answer, expect))
    if answer.status not in expect.status:
        found.append(f"status {answer.status}, not {' or '.join(map(str, expect.status))}")
        return found
    found += [f"no header {name}" for name in expect.headers if name not in answer.headers]
    if expect.empty and answer.body:
        found.append("there is a body")
    if expect.xml:
        found += _xml(answer, expect.xml)
    elif answer.status < 300 or expect.type == "OperationOutcome":
        found += _resource(answer.resource, expect)
    return found


def _general(answer: Answered, expect: Expect) -> Iterator[str]:
    """What every answer has to be."""
    if not answer.body:
        if answer.status not in (204, 304):
            yield "there is no body"
        return
    kind = answer.headers.get("content-type", "").partition(";")[0]
    wanted = "application/fhir+xml" if expect.xml else "application/fhir+json"
    if kind != wanted:
        yield f"the media type is not {wanted}"
    if expect.xml:
        return
    resource = answer.resource
    if not resource:
        yield "the body is not a resource in JSON"
    elif answer.status >= 400 and resource.get("resourceType") != "OperationOutcome":
        yield "a refusal is no OperationOutcome"
    elif resource.get("resourceType") in r4().types:
        for problem in validate(resource)[:_MOST]:
            yield f"not valid R4: {problem.path}: {problem.sentence}"


def _resource(resource: Resource, expect: Expect) -> Iterator[str]:
    if expect.type and resource.get("resourceType") != expect.type:
        yield f"no {expect.type}"
    for name, value in expect.holds.items():
        if resource.get(name) != value:
            yield f"{name} is not as it should be"
    if expect.bundle:
        yield from _bundle(resource, expect)


def _bundle(bundle: Resource, expect: Expect) -> Iterator[str]:
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != expect.bundle:
        yield f"no Bundle of type {expect.bundle}"
        return
    yield from _self(_link(bundle, "self"), expect)
    entries = _entries(bundle)
    matches = [e["resource"] for e in entries if _mode(e) in {"match", ""} and "resource" in e]
    if expect.matches is not None and len(matches) < expect.matches:
        yield f"{len(matches)} entries, not {expect.matches}"
    if expect.matches == 0 and matches:
        yield "there are entries"
    if expect.only and any(one.get("resourceType") != expect.only for one in matches):
        yield f"a match is no {expect.only}"
    if expect.among and expect.among not in {f"{m.get('resourceType')}/{m.get('id')}" for m in matches}:
        yield "who it is about is not among the matches"
    if expect.tagged and not all(_is_tagged(one, expect.tagged) for one in matches):
        yield f"a match is not tagged {expect.tagged}"
    if expect.bundle == "searchset" and any(_mode(e) not in {"match", "include", "outcome"} for e in entries):
        yield "an entry has no search.mode"
    statuses = [str((e.get("response") or {}).get("status", ""))[:3] for e in entries]
    if expect.statuses and statuses != list(expect.statuses):
        yield f"the entries were answered {', '.join(statuses)}"
    if expect.ledger and not any(_is_ledger(e) for e in entries):
        yield "no ledger of the sources"


def _self(link: str, expect: Expect) -> Iterator[str]:
    names = {name.partition(":")[0].partition(".")[0] for name, _ in parse_qsl(urlsplit(link).query)}
    if expect.self_ and not link:
        yield "no self link"
    named = expect.self_with in names or expect.self_with.endswith("identifier")  # that may name somebody
    if expect.self_with and not named:
        yield f"the self link does not name {expect.self_with}"
    if expect.self_without and expect.self_without in names:
        yield f"the self link names {expect.self_without}"


def _xml(answer: Answered, root: str) -> Iterator[str]:
    try:
        found: ET.Element = ElementTree.fromstring(answer.body)
    except (ET.ParseError, DefusedXmlException, ValueError):
        yield "the body is not XML"
        return
    if found.tag != f"{_FHIR}{root}":
        yield f"no {root} in XML"


def _is_ledger(entry: dict[str, Any]) -> bool:
    issues = (entry.get("resource") or {}).get("issue", ())
    return _mode(entry) == "outcome" and any(
        one.get("url") == LEDGER_EXTENSION for issue in issues for one in issue.get("extension", ())
    )


def _is_tagged(resource: Resource, code: str) -> bool:
    return any(tag.get("code") == code for tag in (resource.get("meta") or {}).get("tag", ()))


def _entries(bundle: Resource) -> list[dict[str, Any]]:
    return [one for one in bundle.get("entry", ()) if isinstance(one, dict)]


def _mode(entry: dict[str, Any]) -> str:
    return str((entry.get("search") or {}).get("mode", ""))


def _link(bundle: Resource, relation: str) -> str:
    links = [one for one in bundle.get("link", ()) if isinstance(one, dict)]
    return next((str(one.get("url")) for one in links if one.get("relation") == relation), "")
