"""Published FHIR examples in XML: nothing is dropped, and STU3 in XML gives what it gives in JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from defusedxml.ElementTree import fromstring
from fhir.resources.R4B import get_fhir_model_class
from tests.support.fhir_as_xml import as_xml

from scr.decode import fhir_json, fhir_xml
from scr.decode.tree import DecodeError, Unit
from scr.fhir.structure import r4

pytestmark = pytest.mark.corpus


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name not in {"resourceType", "div"}:
                yield from _texts(value)
    elif isinstance(node, list):
        for part in node:
            yield from _texts(part)
    elif node is not None:
        yield orjson.dumps(node).decode() if not isinstance(node, str) else node


def _resources(path: Path, *, plain: bool = False) -> list[dict[str, Any]]:
    """The resources of an example; ``plain``: only those of types that the record knows."""
    units = [unit for unit in fhir_xml.decode(path.read_bytes(), "R4") if isinstance(unit, Unit)]
    found = [resource for unit in units for resource in unit.tree["resources"]]
    return [r for r in found if not plain or r["resourceType"] in r4().resources]


def test_every_value_of_an_example_is_carried(corpus: Path) -> None:
    """Each `value` of the XML is a value of the resource, as often as it stands there."""
    examples = sorted((corpus / "ukcore" / "examples").glob("*.xml"))
    assert len(examples) > 100
    for path in examples:
        root = fromstring(path.read_bytes())
        if root.tag.endswith("}Bundle"):  # its references are resolved
            continue
        wanted = Counter(str(node.get("value")) for node in root.iter() if "value" in node.attrib)
        made = Counter(_texts(_resources(path)))
        missing = [value for value in wanted - made if not _is_number(value)]
        assert missing == [], path.name


def _is_number(text: str) -> bool:
    """Numbers are written differently: 1.50 is 1.5."""
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def test_an_example_is_valid_r4(corpus: Path) -> None:
    """Lists, numbers and truth values are where R4 has them."""
    seen = 0
    for path in sorted((corpus / "ukcore" / "examples").glob("*.xml")):
        for resource in _resources(path, plain=True):
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)
            seen += 1
    assert seen > 100


def test_a_response_in_xml_gives_what_it_gives_in_json(corpus: Path) -> None:
    """Every STU3 response, written as XML and read, is converted to the same R4, and loses the same."""
    compared = 0
    for path in sorted((corpus / "gp").glob("structured-*/*.json")):
        raw = path.read_bytes()
        try:
            (wanted,) = fhir_json.decode(raw, "STU3")
            (found,) = fhir_xml.decode(as_xml(orjson.loads(raw)), "STU3")
        except DecodeError as error:
            raise AssertionError(path.name) from error
        assert isinstance(wanted, Unit)
        assert isinstance(found, Unit)
        assert found.tree == wanted.tree, path.name
        compared += 1
    assert compared == 17
