"""Every address of an application as OpenAPI 3.1: of its routes, and of what it says of itself.

What is below ``/access`` is described by the application (``scr.api.access.openapi``); the types and search
parameters of the FHIR endpoint are those of its CapabilityStatement; the rest is made of the routes here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI

from scr.api.access.openapi import document
from scr.api.directory import methods_of, routes_of

Tree = dict[str, Any]
PUBLIC = re.compile(
    r"\A/\Z|/health/|/pages/|/[a-z]+/pages\.css\Z|/access/openapi\.json\Z|/fhir/metadata\Z|/fhir/\.well-known/"
    r"|/\.well-known/|/fhir/auth/|/signin|/[a-z]+/session(/|\Z)"
    r"|/fhir/(OperationDefinition|SearchParameter|StructureDefinition)(/|\Z)"
)
"""Addresses that anybody may ask at: they tell of nobody."""
PAGES = ("/my", "/viewer", "/privacy", "/review", "/onboarding", "/why", "/signin", "/pages")
_JSON = ("/onboarding/providers", "/misuse", "/access")
_TEXT: Tree = {"type": "string"}
_PART = re.compile(r"\{(\w+)(?::\w+)?\}")
_BUNDLE_TYPES = ("application/fhir+json", "application/fhir+xml")
_STREAMS = ("application/fhir+ndjson", "text/event-stream")
_FORM = "application/x-www-form-urlencoded"
_FIELDS = (
    "text", "reason", "title", "code", "heading", "kind", "value", "to", "until", "calls", "state", "once",
    "whose", "entry", "token", "number", "day", "at", "date", "grant_type", "client_id", "scope",
    "redirect_uri", "response_type", "code_challenge", "code_challenge_method", "client_assertion", "yes",
)  # fmt: skip
"""Names of fields that forms here have, in any mixture."""
_VALUES: Mapping[str, tuple[str, ...]] = {
    "token": ("active", "http://snomed.info/sct|38341003", "|", "male", "true"),
    "date": ("2025-01-01", "ge2024", "lt2025-02-30", "2025-01-01T10:00:00Z", "sa", "0000"),
    "string": ("sample", "%", "\u0000", "é", ",", "\\,"),
    "reference": ("Patient/x", "Patient", "http://a/b", "Observation/1|2"),
    "quantity": ("5", "gt5.4|http://unitsofmeasure.org|mg", "||", "1e9999", "nan"),
    "number": ("1", "ge1e9", "inf", "-"),
    "uri": ("urn:uuid:x", "http://a.test/b"),
    "special": ("", "1", "Condition?x=1"),
    "composite": ("a$b", "$"),
}
_SHAPING: Mapping[str, tuple[str, ...]] = {
    "_count": ("0", "1", "5", "-1", "1e9", "x"), "_sort": ("date", "-date", "nothing", ",", "-"),
    "_include": ("*", "Observation:encounter", "x:y:z", ":"), "_revinclude": ("*", "Provenance:target", ":"),
    "_elements": ("id", "code,status", ",", "x.y"), "_summary": ("true", "text", "count", "data", "perhaps"),
    "_total": ("none", "accurate", "x"), "_format": ("json", "xml", "text/html", ""),
    "_pretty": ("true", "x"), "_page": ("x", ""), "_lastUpdated": ("ge2024", "x"), "_id": ("x", "a,b"),
    "_has": ("Observation:patient:code=1", "x:y"), "_type": ("Condition", "Nothing"), "_since": ("2024", "x"),
}  # fmt: skip


def described(app: FastAPI, statement: Tree, names: Mapping[str, str], turn: int = 0) -> Tree:
    """The document. ``names`` has ids that there are, by ``part`` or ``address/part`` of a template, and by
    ``csrf /face`` what the forms of a face hold.

    Of the parameters of a search some are described at a time, others in each ``turn``: whoever gave all of
    them would always be refused for one.
    """
    told = document(app)
    made = _Maker(statement, names, turn)
    paths: dict[str, Tree] = {}
    for route in routes_of(app):
        written = str(route.path)
        for method in methods_of(route):
            for template in made.templates(written):
                path = _PART.sub(r"{\1}", template)
                own = told["paths"].get(path, {}).get(method.lower())
                operation = made.operation(template, method, own)
                paths.setdefault(path, {}).setdefault(method.lower(), operation)
    told["paths"] = dict(sorted(paths.items()))
    told["security"] = []  # who asks is chosen for each call
    return told


class _Maker:
    def __init__(self, statement: Tree, names: Mapping[str, str], turn: int) -> None:
        self._names = names
        self._turn = turn
        self._types: dict[str, list[Tree]] = {
            one["type"]: one.get("searchParam", []) for one in statement["rest"][0]["resource"]
        }

    def templates(self, written: str) -> Iterable[str]:
        """The templates of a route: that of any type once for each type."""
        if written.startswith("/fhir/{kind}"):
            return (written.replace("{kind}", kind) for kind in self._types)
        return (written,)

    def operation(self, written: str, method: str, own: Tree | None) -> Tree:
        """What is described of one address and method."""
        more: Tree = own or {"responses": _responses(written, method)}
        made: Tree = {**more, "parameters": [*self._parts(written), *self._query(written, method)]}
        if method == "PUT":
            made["parameters"].append(_parameter("header", "If-Match", ['W/"1"', "*", "x"]))
        if "requestBody" not in made and method in {"POST", "PUT"}:
            made["requestBody"] = self._body(written)
        return made

    def _parts(self, written: str) -> Iterable[Tree]:
        for found in _PART.finditer(written):
            before = written[: found.start()].rstrip("/").rpartition("/")[2]
            there = self._names.get(f"{before}/{found[1]}") or self._names.get(found[1]) or "x"
            yield _parameter("path", found[1], [*(["me"] if found[1] == "whose" else []), there, "y" * 26])

    def _query(self, written: str, method: str) -> Iterable[Tree]:
        if written.startswith("/fhir/auth/"):
            return [_parameter("query", name, ["x", "code", "S256", "openid"]) for name in _FIELDS[-8:]]
        if not written.startswith("/fhir"):
            named = ("before", "days", "heading", "q", "page", "all", "from", "seen", "number")
            return [_parameter("query", name, ["1", "allergies", "2025-01-01T00:00:00Z"]) for name in named]
        if method == "POST":
            return []
        kind = written.removeprefix("/fhir/").partition("/")[0]
        names = {one["name"]: _VALUES.get(one["type"], ("x",)) for one in self._types.get(kind, ())}
        searched = self._some(sorted(names), 3) if written == f"/fhir/{kind}" else []
        told = {
            **{name: names[name] for name in searched},
            **{n: _SHAPING[n] for n in self._some(sorted(_SHAPING), 3)},
        }
        made = [
            _parameter("query", name, values, any_text=not at)
            for at, (name, values) in enumerate(told.items())
        ]
        if searched and kind != "Patient":
            patient = [self._names["patient"], f"Patient/{self._names['patient']}"]
            made.append({**_parameter("query", "patient", patient), "required": True})
        return made

    def _some(self, names: list[str], number: int) -> list[str]:
        return [names[(self._turn * number + at) % len(names)] for at in range(min(number, len(names)))]

    def _body(self, written: str) -> Tree:
        face = "" if written.startswith(_JSON) else next((p for p in PAGES if written.startswith(p)), "")
        form: Tree = {"type": "object", "properties": dict.fromkeys(_FIELDS, _TEXT)}
        if face:
            form["properties"]["csrf"] = {"enum": [self._names.get(f"csrf {face}", "x")]}
            form["required"] = ["csrf"]
        if written.endswith("/_search"):
            kind = written.split("/")[2]
            searched = {one["name"]: {"type": "string"} for one in self._types.get(kind, ())}
            patient = {"enum": [self._names["patient"]]}
            form = {"type": "object", "properties": {**searched, "patient": patient}, "required": ["patient"]}
            return {"content": {_FORM: {"schema": form}}}
        if face or written.startswith("/fhir/auth"):
            return {"content": {_FORM: {"schema": form}}}
        if written.startswith("/fhir"):
            return {"content": {"application/fhir+json": {"schema": self._resource(written)}}}
        return {"content": {"application/json": {"schema": {"type": "object"}}}}

    def _resource(self, written: str) -> Tree:
        """A resource, roughly: what is served of the type, Parameters, or a Bundle."""
        kind = written.removeprefix("/fhir").strip("/").partition("/")[0]
        reference = {
            "type": "object",
            "properties": {"reference": {"enum": [f"Patient/{self._names['patient']}"]}},
        }
        coding = {"type": "object", "properties": dict.fromkeys(("system", "code", "display"), _TEXT)}
        concept = {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "coding": {"type": "array", "items": coding},
            },
        }
        part = {
            "type": "object",
            "properties": {
                "name": {"enum": ["resource", "code", "system", "url", "patient", "max", "reason", "mode"]},
                "valueString": {"type": "string"}, "valueCode": {"type": "string"},
                "valueUri": {"type": "string"}, "valueInteger": {"type": "integer"},
                "valueReference": reference, "valueCoding": coding,
                "resource": {"type": "object"},
            },
            "required": ["name"],
        }  # fmt: skip
        entry = {
            "type": "object",
            "properties": {
                "fullUrl": {"type": "string"},
                "resource": {"type": "object"},
                "request": {
                    "type": "object",
                    "properties": {
                        "method": {"enum": ["GET", "POST", "HEAD", "X"]},
                        "url": {"type": "string"},
                    },
                },
            },
        }
        operation = "$" in written
        types = ["Parameters", kind] if operation else [kind or "Bundle"]
        return {
            "type": "object",
            "properties": {
                "resourceType": {"enum": types},
                "type": {"enum": ["batch", "transaction", "searchset"]},
                "status": {"enum": ["active", "final", "current", "requested", "x"]},
                "subject": reference, "patient": reference, "for": reference, "code": concept,
                "parameter": {"type": "array", "items": part},
                "entry": {"type": "array", "items": entry},
            },
            "required": ["resourceType"],
        }  # fmt: skip


def _parameter(where: str, name: str, known: Iterable[str], *, any_text: bool = False) -> Tree:
    """A parameter that is one of what is known, or any text."""
    schema: Tree = {"enum": list(known)}
    if any_text:
        schema = {"anyOf": [schema, {"type": "string", "maxLength": 40}]}
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


def _responses(written: str, method: str) -> Tree:
    """What may be answered: nothing of 5xx but that a standard has something, and this server does not."""
    if written.startswith("/fhir/auth"):
        kinds: tuple[str, ...] = ("application/json", "text/html", *_BUNDLE_TYPES)
    elif ".well-known" in written:
        kinds = ("application/json", *_BUNDLE_TYPES)
    elif written.startswith(("/fhir", "/intake")):
        kinds = _BUNDLE_TYPES
    elif written.startswith(_JSON):
        kinds = ("application/json", "application/problem+json", *_BUNDLE_TYPES)
    elif written.startswith(PAGES):
        kinds = ("text/html", "text/css", "application/json", *_BUNDLE_TYPES)
    else:
        kinds = ("*/*",)
    good = kinds
    if "$everything" in written:
        good = (*kinds, *_STREAMS)
    if any(part in written for part in ("Binary", "/open/", "/content", "/pdf", "/summary", "/pages/")):
        good = ("*/*",)
    found = {"2XX": _kinds(good), "3XX": {"description": "Elsewhere, or as it was"}, "4XX": _kinds(kinds)}
    if written.startswith("/pages/"):
        found["4XX"] = {"description": "There is none, without a word"}
    if (written.rstrip("/"), method) == ("/fhir", "POST"):
        found["501"] = _kinds(kinds)
    return found


def _kinds(kinds: Iterable[str]) -> Tree:
    return {"description": "An answer", "content": {kind: {"schema": {}} for kind in kinds}}
