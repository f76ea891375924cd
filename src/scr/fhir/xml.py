"""FHIR JSON written as FHIR XML. https://hl7.org/fhir/R4/xml.html, https://hl7.org/fhir/R4/json.html#xml

The elements stand in the order of the specification, as its schemas demand. Numbers keep the digits that
they have in JSON. A narrative that is not well-formed goes out as its bare text. What no element can be
called, or be, is left out: a source may have written anything.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from scr.fhir.entry import Resource
from scr.fhir.structure import Element, r4

FHIR = "http://hl7.org/fhir"
XHTML = "http://www.w3.org/1999/xhtml"
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}\Z")
_TAGS = re.compile(r"<[^>]*>")
_ATTRIBUTES = {"Extension": ("id", "url")}
_ID = ("id",)
_NOTHING: Mapping[str, Element] = {}


class _Digits(str):
    """A number as it was written."""

    __slots__ = ()


def xml_of(body: bytes, *, pretty: bool = False) -> bytes:
    """A resource in JSON as XML."""
    resource = json.loads(body, parse_float=_Digits)
    pieces = _resource(resource, f' xmlns="{FHIR}"', "\n" if pretty else "")
    return ('<?xml version="1.0" encoding="UTF-8"?>' + "".join(pieces)).encode()


def _resource(resource: Resource, space: str, line: str) -> Iterator[str]:
    kind = str(resource.get("resourceType", ""))
    if not _NAME.match(kind):
        kind = "Basic"
    yield f"{line}<{kind}{space}>"
    yield from _elements(resource, kind, ("resourceType",), line and f"{line}  ")
    yield f"{line}</{kind}>"


def _elements(node: Resource, kind: str, attributes: tuple[str, ...], line: str) -> Iterator[str]:
    """The elements of a node; ``line`` begins each on a line of its own, or is empty."""
    known = r4().types.get(kind, _NOTHING)
    names = dict.fromkeys(name.lstrip("_") for name in node)
    order = [name for name in known if name in names] + [name for name in names if name not in known]
    for name in order:
        if name in attributes or not _NAME.match(name):
            continue
        element = known.get(name)
        type_ = element.type if element is not None else ""
        value, beside = node.get(name), node.get(f"_{name}")
        if name == "div" and isinstance(value, str):
            yield line + _narrative(value)
        elif isinstance(value, list) or isinstance(beside, list):
            values, besides = _padded(value, beside)
            for one, its in zip(values, besides, strict=True):
                yield from _element(name, type_, one, _node(its), line)
        else:
            yield from _element(name, type_, value, _node(beside), line)


def _node(beside: Any) -> Resource:
    """What stands beside a primitive."""
    return beside if isinstance(beside, dict) else {}


def _padded(value: Any, beside: Any) -> tuple[list[Any], list[Any]]:
    """The values of a list and what stands beside them, one for one."""
    values = value if isinstance(value, list) else []
    besides = beside if isinstance(beside, list) else []
    length = max(len(values), len(besides))
    return values + [None] * (length - len(values)), besides + [None] * (length - len(besides))


def _element(name: str, kind: str, value: Any, beside: Resource, line: str) -> Iterator[str]:
    below = line and f"{line}  "
    if isinstance(value, dict) and "resourceType" in value:
        yield f"{line}<{name}>"
        yield from _resource(value, "", below)
        yield f"{line}</{name}>"
    elif isinstance(value, dict):
        attributes = _ATTRIBUTES.get(kind, _ID)
        told = "".join(f" {key}={_quoted(value[key])}" for key in attributes if key in value)
        yield f"{line}<{name}{told}"
        yield from _closed(name, list(_elements(value, kind, attributes, below)), line)
    else:
        identity = f" id={_quoted(beside['id'])}" if "id" in beside else ""
        told = "" if value is None or isinstance(value, list) else f" value={_quoted(value)}"
        given = beside.get("extension")
        extensions = [
            piece
            for extension in (given if isinstance(given, list) else ())
            for piece in _element("extension", "Extension", extension, {}, below)
        ]
        yield f"{line}<{name}{identity}{told}"
        yield from _closed(name, extensions, line)


def _closed(name: str, inner: list[str], line: str) -> Iterator[str]:
    if not inner:
        yield "/>"
        return
    yield ">"
    yield from inner
    yield f"{line}</{name}>"


def _quoted(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return quoteattr(_NOT_XML.sub("\ufffd", text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _narrative(div: str) -> str:
    """The narrative as it is, where that is well-formed and XHTML; else its text."""
    text = _NOT_XML.sub("\ufffd", div)
    try:
        if fromstring(text).tag == f"{{{XHTML}}}div":
            return text[text.index("<div") :] if text.lstrip().startswith("<?") else text
    except (ParseError, DefusedXmlException, ValueError):
        pass
    return f'<div xmlns="{XHTML}">{escape(html.unescape(_TAGS.sub(" ", text)))}</div>'
