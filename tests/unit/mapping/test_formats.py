"""The formats as an adapter declares them: what is not read is named, and text is text."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import orjson
import pytest
from openpyxl import Workbook

from scr.data import DataFiles
from scr.decode.tree import Unit
from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.run import Mapped, MappingContext, map_unit

FILE = """\
supplier: {{name: Example, product: Any, setting: community}}
decode: {decode}
nhs_number: "{{{{ nhs }}}}"
ignore:
  - {{fields: [internal], reason: It is the supplier's own.}}
{rules}
"""
RULES = """\
resources:
  - for_each: "{{ plans }}"
    when: "{{ extra || id }}"
    resource:
      resourceType: CarePlan
      id: "{{ stable_id('CarePlan', id) }}"
      identifier: [{system: urn:plan, value: "{{ id }}"}]
      status: active
      intent: plan
      title: "{{ title }}"
      description: "{{ author.name }}"
"""
FLAT = """\
resources:
  - resource:
      resourceType: CarePlan
      id: "{{ stable_id('CarePlan', id) }}"
      status: active
      intent: plan
      title: "{{ title }}"
"""


def adapter(tmp_path: Path, decode: str, rules: str = RULES) -> Adapter:
    """An adapter of a deployment's own."""
    folder = tmp_path / "adapters" / "one"
    folder.mkdir(parents=True)
    (folder / "adapter.yaml").write_text(FILE.format(decode=decode, rules=rules), encoding="utf-8")
    return load_adapter(DataFiles(tmp_path), "one")


def mapped(one: Adapter, raw: bytes) -> tuple[Mapped, list[dict[str, Any]]]:
    """What the only unit of a payload gives."""
    (unit,) = one.units(raw)
    assert isinstance(unit, Unit)
    made = map_unit(one, unit, MappingContext(OdsCode("Z99001"), "person-1", b"key", 0, one.maps))
    return made, [orjson.loads(entry.body) for entry in made.entries]


JSON = {
    "people": [
        {
            "nhs": 9990001014,
            "internal": {"a": 1},
            "plans": [
                {"id": 7, "title": 2026, "author": {"name": True, "phone": "1"}, "extra": {"why": "x"}},
                {"id": "8", "scores": [{"9990001014": 3}]},
            ],
            "empty": {"a": "", "b": [], "c": None},
        }
    ]
}
XML = """\
<x><people><nhs>9990001014</nhs><internal a="1"/><plans><id>7</id><title>2026</title><author><name>true</name>
<phone>1</phone></author><extra><why>x</why></extra></plans>
<plans><id>8</id><scores n="3"/></plans></people></x>"""


@pytest.mark.parametrize(
    ("decode", "raw", "lost"),
    [
        (
            "{format: json, records: people}",
            orjson.dumps(JSON),
            ("plans.author.phone", "plans.extra.why", "plans.scores.?"),
        ),
        (
            "{format: xml, records: people}",
            XML.encode(),
            ("plans.author.phone", "plans.extra.why", "plans.scores._n"),
        ),
    ],
)
def test_what_stands_below_what_is_read_is_lost_and_named(
    tmp_path: Path, decode: str, raw: bytes, lost: tuple[str, ...]
) -> None:
    """Going through a list, and asking whether something is there, reads nothing below it; what is ignored
    is so with all below it; a name that may be a person's number is not told."""
    made, bodies = mapped(adapter(tmp_path, decode), raw)
    assert made.lost == lost
    assert [body["identifier"][0]["value"] for body in bodies] == ["7", "8"]
    assert (bodies[0]["title"], bodies[0]["description"]) == ("2026", "true")


def test_a_column_that_nothing_reads_is_lost(tmp_path: Path) -> None:
    """Of a sheet as of a CSV file."""
    made = Workbook()
    page = made.active
    assert page is not None
    page.append(["nhs", "id", "title", "internal", "new"])
    page.append([9990001014, 7, "T", "x", "y"])
    raw = io.BytesIO()
    made.save(raw)
    one = adapter(tmp_path, "{format: xlsx, columns: [nhs, id, title, internal]}", FLAT)
    found, (body,) = mapped(one, raw.getvalue())
    assert (found.lost, body["title"]) == (("new",), "T")


@pytest.mark.parametrize(
    ("decode", "rules", "told"),
    [
        ("{format: json, records: 'a['}", RULES, "line 2: decode.records: "),
        ("{format: xlsx, columns: []}", FLAT, "line 2: decode.columns: "),
        ("{format: xlsx, columns: [id], header_row: 0}", FLAT, "line 2: decode.header_row: "),
        ("{format: xlsx, columns: [nhs, id, titel, internal]}", FLAT, "did you mean 'titel'?"),
        ("{format: xml, namespaces: {'a b': urn:x}}", RULES, "line 2: decode.namespaces"),
        ("{format: json}", "resources: all", "all is for FHIR payloads"),
    ],
)
def test_a_mistake_in_the_declaration_is_named_with_its_line(
    tmp_path: Path, decode: str, rules: str, told: str
) -> None:
    """A path that is none, no columns, a row that is none, a column that is not declared."""
    headings = "\nheadings: [plans]" if rules == "resources: all" else ""
    with pytest.raises(Invalid) as refused:
        adapter(tmp_path, decode, rules + headings)
    assert told in str(refused.value)


def test_fhir_in_xml_needs_no_number_and_takes_all(tmp_path: Path) -> None:
    """As FHIR in JSON does: the number is the Patient's."""
    folder = tmp_path / "adapters" / "one"
    folder.mkdir(parents=True)
    (folder / "adapter.yaml").write_text(
        "supplier: {name: E, product: P, setting: acute}\ndecode: {format: fhir-xml, version: R4}\n"
        "headings: [demographics]\nresources: all\n",
        encoding="utf-8",
    )
    raw = b'<Patient xmlns="http://hl7.org/fhir"><id value="p"/><active value="true"/></Patient>'
    made, (body,) = mapped(load_adapter(DataFiles(tmp_path), "one"), raw)
    assert (body["active"], made.lost) == (True, ())
