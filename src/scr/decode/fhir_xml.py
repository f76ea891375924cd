"""FHIR XML, STU3 or R4: the same units as its JSON form gives.

https://hl7.org/fhir/R4/xml.html and https://hl7.org/fhir/R4/json.html#xml. XML does not say which element
is a list and which value is a number. For R4 both are known from ``scr.fhir.structure``. For STU3 the
same structure holds for what the two versions share; an element that R4 does not have there is taken as
its content tells (``value`` makes a primitive, elements in it an object, standing twice a list), which the
conversion to R4 accepts in either form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from scr.decode import fhir_json, xml_tree
from scr.decode.fhir_json import Version
from scr.decode.tree import BadUnit, DecodeError, Unit
from scr.fhir.structure import Element, r4

FHIR = "http://hl7.org/fhir"
_XHTML = "{http://www.w3.org/1999/xhtml}"
_FHIR = f"{{{FHIR}}}"

_ALWAYS_LISTS = frozenset(
    {"coding", "extension", "modifierExtension", "contained", "given", "prefix", "suffix", "line", "telecom"}
)
"""Elements of data types that are lists wherever they stand."""
_ELSEWHERE = {
    "extension": "Extension",
    "modifierExtension": "Extension",
    "contained": "Resource",
    "doseSequence": "positiveInt",  # Immunization.vaccinationProtocol of STU3
    "seriesDoses": "positiveInt",
}
"""Types of elements where R4 has none of the name: those of any element, and numbers that only STU3 has."""
_WHOLE = frozenset({"integer", "positiveInt", "unsignedInt"})


def decode(raw: bytes, version: Version) -> Iterator[Unit | BadUnit]:
    """The units of a Bundle or resource in XML. JSON is taken as JSON: one entry that was kept by itself is.

    Raises DecodeError as ``fhir_json.decode`` does, and for what is not XML or not FHIR.
    """
    if raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return fhir_json.decode(raw, version)
    return fhir_json.units_of_payload(xml_tree.parse(raw, _Resources()), raw, version)


def resource(raw: bytes) -> dict[str, Any]:
    """One resource in XML as its JSON form has it, whatever it is about. Raises DecodeError."""
    made: dict[str, Any] = xml_tree.parse(raw, _Resources())
    return made


@dataclass(slots=True)
class _Node:
    """An element that has begun and not ended. ``type`` is the R4 type of it, "" where R4 has none.

    ``shadow`` gathers the id and the extensions of a primitive.
    """

    name: str
    type: str
    made: dict[str, Any] = field(default_factory=dict)
    value: str | None = None
    shadow: dict[str, Any] = field(default_factory=dict)
    is_resource: bool = False
    primitive: bool | None = None


class _Resources:
    """Builds FHIR JSON of the elements."""

    def __init__(self) -> None:
        self._structure = r4()
        self._open: list[_Node] = []
        self._xhtml: list[str] = []
        self._depth = 0  # within a narrative's div
        self._whole: dict[str, Any] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._depth or (self._open and name == f"{_XHTML}div"):
            self._start_xhtml(name, attributes)
            return
        if not name.startswith(_FHIR):
            raise DecodeError(
                f"an element is of another namespace than {FHIR}: it is XML and not FHIR",
                code="not-fhir",
                where="the payload",
            )
        local = name.removeprefix(_FHIR)
        node = self._begun(local)
        node.value = attributes.get("value")
        for key in ("id", "url"):
            if key in attributes:
                (node.shadow if key == "id" and node.primitive else node.made)[key] = attributes[key]
        self._open.append(node)

    def _begun(self, local: str) -> _Node:
        above = self._open[-1] if self._open else None
        if above is None or above.type == "Resource":
            return _Node(local, local, {"resourceType": local}, is_resource=True, primitive=False)
        element = self._element(above, local)
        if element is None:
            return _Node(local, _ELSEWHERE.get(local, ""))
        return _Node(local, element.type, primitive=element.primitive)

    def data(self, text: str) -> None:
        if self._depth:
            self._xhtml.append(escape(text))

    def end(self, name: str) -> None:
        if self._depth:
            self._end_xhtml(name)
            return
        node = self._open.pop()
        if not self._open:
            self._whole = node.made
            return
        above = self._open[-1]
        if node.is_resource:
            _put(above.made, "=", node.made, False)
            return
        many = self._is_many(above, node)
        if node.type == "Resource" and "=" in node.made:
            _put(above.made, node.name, node.made["="], many)
        elif node.value is not None or (node.primitive and not _has_elements(node)):
            _put_primitive(above.made, node, many)
        else:
            _put(above.made, node.name, {**node.made, **node.shadow}, many)

    def close(self) -> dict[str, Any]:
        if "resourceType" not in self._whole:
            raise DecodeError("it is XML and not FHIR", code="not-fhir", where="the payload")
        return self._whole

    def _element(self, above: _Node, local: str) -> Element | None:
        """What R4 has of the name at the place; a primitive's own elements are those of any element."""
        kind = "Element" if above.primitive else above.type
        return self._structure.types.get(kind, {}).get(local)

    def _is_many(self, above: _Node, node: _Node) -> bool:
        element = self._element(above, node.name)
        return element.many if element is not None else node.name in _ALWAYS_LISTS

    def _start_xhtml(self, name: str, attributes: dict[str, str]) -> None:
        local = name.removeprefix(_XHTML)
        space = ' xmlns="http://www.w3.org/1999/xhtml"' if not self._depth else ""
        told = "".join(f" {key.rpartition('}')[2]}={quoteattr(value)}" for key, value in attributes.items())
        self._xhtml.append(f"<{local}{space}{told}>")
        self._depth += 1

    def _end_xhtml(self, name: str) -> None:
        self._depth -= 1
        self._xhtml.append(f"</{name.removeprefix(_XHTML)}>")
        if not self._depth:
            _put(self._open[-1].made, "div", "".join(self._xhtml), False)
            self._xhtml.clear()


def _has_elements(node: _Node) -> bool:
    """Whether what should be a primitive has elements that a primitive cannot have."""
    return bool(set(node.made) - {"extension"})


def _put(made: dict[str, Any], name: str, value: Any, many: bool) -> None:
    """Put a value in; what stands twice is a list whatever the structure says, so that nothing is dropped."""
    if name not in made:
        made[name] = [value] if many else value
    elif isinstance(made[name], list):
        made[name].append(value)
    else:
        made[name] = [made[name], value]


def _put_primitive(made: dict[str, Any], node: _Node, many: bool) -> None:
    """A primitive's value, and its id and extensions beside it as ``_name``."""
    shadow = node.shadow | {key: node.made[key] for key in ("id", "extension") if key in node.made}
    value = None if node.value is None else _typed(node.value, node.type)
    before = made.get(node.name)
    count = len(before) if isinstance(before, list) else 0 if node.name not in made else 1
    listed = many or node.name in made
    if value is not None or listed:
        _put(made, node.name, value, listed)
    if shadow and not listed:
        made[f"_{node.name}"] = shadow
    elif shadow or f"_{node.name}" in made:
        _put_shadow(made, f"_{node.name}", shadow, count)


def _put_shadow(made: dict[str, Any], name: str, shadow: dict[str, Any], count: int) -> None:
    """Null stands for each value of the list that has neither an id nor an extension."""
    before = made.get(name, [])
    shadows = before if isinstance(before, list) else [before]
    made[name] = [*shadows, *[None] * (count - len(shadows)), shadow or None]


def _typed(text: str, kind: str) -> Any:
    """A primitive's value as JSON has it; what is not of its type stays text, for validation to name."""
    if kind == "boolean" or (kind == "" and text in {"true", "false"}):
        return text == "true" if text in {"true", "false"} else text
    if kind in _WHOLE or kind == "decimal":
        try:
            return int(text) if kind in _WHOLE or text.lstrip("-").isdigit() else float(text)
        except ValueError:
            return text
    return text
