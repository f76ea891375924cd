"""A payload of the same format with its values replaced, and one that is broken on purpose."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from scr.decode.plain_json import JsonFormat, decode_json
from scr.decode.plain_xml import XmlFormat, decode_xml
from scr.decode.rows import RowFormat, decode_csv
from scr.decode.tree import Unit
from scr.decode.xlsx import SheetFormat, decode_xlsx
from scr.onboarding.draft.columns import Path, Sample

Replace = Callable[[Path, str], str]
MOST = 60
"""So many records of a file go into a sample: a sample is to be read."""


def rewritten(raw: bytes, sample: Sample, replace: Replace) -> bytes:
    """The first records of a payload, every value replaced."""
    return _REWRITERS[sample.format](raw, sample, replace)


def broken(raw: bytes, format_: str) -> bytes:
    """A payload that must be refused: a row without its last cell, or half of a file."""
    if format_ == "csv" and b"\x00" not in raw:
        head = raw.split(b"\n")[0]
        return head + b"\nx" + b",x" * (head.count(b",") + 1) + b"\n"
    if format_ == "hl7v2":
        return raw.replace(b"\n", b"\r").split(b"\r")[0] + b"\rThis line is no segment\r"
    return raw[: len(raw) // 2]


def _rows(units: list[Unit], columns: list[str], replace: Replace) -> list[list[str]]:
    return [columns] + [
        [replace((name,), str(unit.tree.get(name, ""))) for name in columns] for unit in units[:MOST]
    ]


def _csv(raw: bytes, sample: Sample, replace: Replace) -> bytes:
    spec = RowFormat(tuple(sample.decode["columns"]), sample.decode.get("encoding", "utf-8"))
    units = [unit for unit in islice(decode_csv(raw, spec), MOST) if isinstance(unit, Unit)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(_rows(units, list(sample.decode["columns"]), replace))
    encoding = sample.decode.get("encoding", "utf-8")
    return text.getvalue().encode(encoding, "replace")


def _xlsx(raw: bytes, sample: Sample, replace: Replace) -> bytes:
    sheet, row = sample.decode.get("sheet", ""), sample.decode.get("header_row", 1)
    units = [u for u in islice(decode_xlsx(raw, SheetFormat((), sheet, row)), MOST) if isinstance(u, Unit)]
    rows: list[list[str]] = [[] for _ in range(row - 1)] + _rows(
        units, list(sample.decode["columns"]), replace
    )
    return workbook({sheet or "Sheet1": rows})


def _sheets(raw: bytes, sample: Sample, replace: Replace) -> bytes:
    """The first rows of the people's sheet, and of each other sheet the first that belong to these."""
    at: dict[Path, Path] = {}
    made: dict[str, list[list[str]]] = {}
    kept: set[str] = set()
    whose: Path = ()
    for name, told in sample.decode["sheets"].items():
        row, key, columns = told.get("header_row", 1), told["key"], list(told["columns"])
        units = [u for u in decode_xlsx(raw, SheetFormat((), told["sheet"], row)) if isinstance(u, Unit)]
        if "joins" in told:
            units = [unit for unit in units if str(unit.tree.get(key, "")) in kept]
            at = {(name, key): whose}  # the same value stands for a key wherever it is met
        else:
            kept, whose, at = {str(unit.tree.get(key, "")) for unit in units[:MOST]}, (name, key), {}
        rows = _rows(units, columns, _below(name, at, replace))
        made[told["sheet"]] = [[] for _ in range(row - 1)] + rows
    return workbook(made)


def _below(name: str, at: Mapping[Path, Path], replace: Replace) -> Replace:
    """The same of a sheet's columns; ``at`` are those that are replaced as another."""

    def below(path: Path, value: str) -> str:
        whole = (name, *path)
        return replace(at.get(whole, whole), value)

    return below


def workbook(sheets: dict[str, list[list[str]]]) -> bytes:
    """A workbook with texts in its sheets, by their titles (ECMA-376, the least that is one)."""
    numbered = list(enumerate(sheets.items(), start=1))
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    sheet_type = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{sheet_type}.sheet.main+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{sheet_type}.worksheet+xml"/>'
            for n, _ in numbered
        )
        + "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        + "".join(f'<sheet name={quoteattr(t)} sheetId="{n}" r:id="rId{n}"/>' for n, (t, _) in numbered)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        + "".join(
            f'<Relationship Id="rId{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n, _ in numbered
        )
        + "</Relationships>",
    }
    for number, (_, rows) in numbered:
        cells = f"<sheetData>{_cells(rows)}</sheetData>"
        parts[f"xl/worksheets/sheet{number}.xml"] = f'<worksheet xmlns="{main}">{cells}</worksheet>'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return packed.getvalue()


def _cells(rows: list[list[str]]) -> str:
    return "".join(
        f'<row r="{n}">'
        + "".join(f'<c t="inlineStr"><is><t xml:space="preserve">{escape(v)}</t></is></c>' for v in row)
        + "</row>"
        for n, row in enumerate(rows, start=1)
    )


def _json(raw: bytes, sample: Sample, replace: Replace) -> bytes:
    records, lines = sample.decode.get("records", "@"), sample.decode.get("lines", False)
    units = [u for u in decode_json(raw, JsonFormat(records, lines)) if isinstance(u, Unit)]
    made = [_walk(unit.tree, (), replace) for unit in units[:MOST]]
    if lines:
        return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in made).encode()
    whole = _around(
        records, made[0] if records == "@" and len(made) == 1 and raw.lstrip()[:1] == b"{" else made
    )
    return (json.dumps(whole, ensure_ascii=False, indent=1) + "\n").encode()


def _around(records: str, made: Any) -> Any:
    """The records below the names that lead to them."""
    names = [json.loads(n) if n.startswith('"') else n for n in _names(records)]
    for name in reversed(names):
        made = {name: made}
    return made


def _names(records: str) -> list[str]:
    if records == "@":
        return []
    return next(csv.reader([records], delimiter=".", quotechar="\x00"))


def _walk(node: Any, at: Path, replace: Replace) -> Any:
    """A tree with its scalars replaced, numbers staying numbers where they can."""
    if isinstance(node, Mapping):
        return {key: _walk(value, (*at, str(key)), replace) for key, value in node.items()}
    if isinstance(node, list):
        return [_walk(value, at, replace) for value in node]
    if node is None or isinstance(node, bool):
        return node
    made = replace(at, str(node))
    if made == str(node):
        return node
    return int(made) if isinstance(node, int) and made.isdigit() and made[0] != "0" else made


def _xml(raw: bytes, sample: Sample, replace: Replace) -> bytes:
    records = sample.decode.get("records", "@")
    spec = XmlFormat(records, {}, frozenset(sample.decode.get("lists", ())))
    units = [u for u in decode_xml(raw, spec) if isinstance(u, Unit)]
    made = [_walk(unit.tree, (), replace) for unit in units[:MOST]]
    whole = _around(records, made if records != "@" else made[0])
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(_element("export", whole))
    return text.encode()


def _element(name: str, node: Any) -> list[str]:
    """An element by the rules of ``scr.decode.plain_xml``, the other way round."""
    if isinstance(node, list):
        return [part for each in node for part in _element(name, each)]
    if not isinstance(node, dict):
        return [f"<{name}>{escape('' if node is None else str(node))}</{name}>"]
    attributes = "".join(
        f" {k[1:]}={quoteattr(str(v))}" for k, v in node.items() if k[0] == "_" and k != "_text"
    )
    inner = [escape(str(node["_text"]))] if "_text" in node else []
    inner += [part for k, v in node.items() if k[0] != "_" for part in _element(k, v)]
    return [f"<{name}{attributes}>", *inner, f"</{name}>\n"]


_REWRITERS: dict[str, Callable[[bytes, Sample, Replace], bytes]] = {
    "csv": _csv, "xlsx": _xlsx, "workbook": _sheets, "json": _json, "xml": _xml,
}  # fmt: skip
