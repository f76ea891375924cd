"""FHIR JSON written as FHIR XML (https://hl7.org/fhir/R4/json.html#xml), to hold its reading against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import quoteattr

Node = dict[str, Any]


def as_xml(resource: Node) -> bytes:
    """A resource as XML, in the namespace of FHIR."""
    return "".join(_resource(resource, ' xmlns="http://hl7.org/fhir"')).encode()


def _resource(resource: Node, space: str = "") -> Iterator[str]:
    name = resource["resourceType"]
    yield f"<{name}{space}>"
    yield from _elements(resource, frozenset({"resourceType"}))
    yield f"</{name}>"


def _elements(node: Node, attributes: frozenset[str]) -> Iterator[str]:
    for name in dict.fromkeys(key.lstrip("_") for key in node):
        value, beside = node.get(name), node.get(f"_{name}")
        if name in attributes:
            continue
        if name == "div":
            yield str(value)
        elif isinstance(value, list) or isinstance(beside, list):
            count = len(value if isinstance(value, list) else beside or ())
            values = value or [None] * count
            besides = beside or [None] * count
            for i in range(count):
                yield from _element(name, values[i], besides[i] or {})
        else:
            yield from _element(name, value, beside or {})


def _element(name: str, value: Any, beside: Node) -> Iterator[str]:
    if isinstance(value, dict) and "resourceType" in value:
        yield f"<{name}>"
        yield from _resource(value)
        yield f"</{name}>"
    elif isinstance(value, dict):
        attributes = frozenset({"id", "url"} if "xtension" in name else {"id"})
        told = "".join(f" {key}={quoteattr(value[key])}" for key in sorted(attributes & value.keys()))
        yield f"<{name}{told}>"
        yield from _elements(value, attributes)
        yield f"</{name}>"
    else:
        identity = f" id={quoteattr(beside['id'])}" if "id" in beside else ""
        told = "" if value is None else f" value={quoteattr(_text(value))}"
        yield f"<{name}{identity}{told}>"
        for extension in beside.get("extension", ()):
            yield from _element("extension", extension, {})
        yield f"</{name}>"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
