"""The wire formats that an adapter may declare, and the decoder of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Literal, Self

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from scr.decode import edifact, fhir_json, fhir_xml, hl7v2
from scr.decode.plain_json import JsonFormat, decode_json
from scr.decode.plain_xml import XmlFormat, decode_xml
from scr.decode.rows import RowFormat, decode_csv
from scr.decode.sheets import OTHERS, OWN, NamedSheet, decode_workbook
from scr.decode.tree import BadUnit, Unit
from scr.decode.xlsx import SheetFormat, decode_xlsx
from scr.mapping.paths import NAMES, Path

Units = Iterator[Unit | BadUnit]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _path(text: str) -> str:
    """A JMESPath expression that can be compiled."""
    try:
        jmespath.compile(text)
    except JMESPathError:
        raise ValueError(
            "records is not a JMESPath expression: write the way to the records: extract.people[]"
        ) from None
    return text


class CsvFormat(_Strict):
    """Delimited text with a header row, one unit a row."""

    format: Literal["csv"]
    columns: tuple[str, ...] = Field(min_length=1)
    encoding: Literal["utf-8", "cp1252", "iso-8859-1", "utf-16"] = "utf-8"
    delimiter: Literal["", ",", ";", "\t", "|"] = ""
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'


class XlsxFormat(_Strict):
    """One sheet of an XLSX workbook, one unit a row below ``header_row``. ``sheet`` empty: the first."""

    format: Literal["xlsx"]
    columns: tuple[str, ...] = Field(min_length=1)
    sheet: str = ""
    header_row: Annotated[int, Field(ge=1, le=1000)] = 1


class SheetOfWorkbook(_Strict):
    """One sheet of several. ``sheet`` empty: its title is the name by which it is declared."""

    columns: tuple[str, ...] = Field(min_length=1)
    sheet: str = ""
    header_row: Annotated[int, Field(ge=1, le=1000)] = 1
    key: str = ""
    joins: str = ""


class WorkbookFormat(_Strict):
    """Several sheets of an XLSX workbook, one unit a row. ``joins``: the sheet whose row has the same key."""

    format: Literal["workbook"]
    sheets: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")], SheetOfWorkbook] = Field(
        min_length=1
    )

    @property
    def keys(self) -> dict[Path, str]:
        """The columns that tell which row of another sheet a row belongs to, and that sheet's name."""
        return {(name, sheet.key): sheet.joins for name, sheet in self.sheets.items() if sheet.joins}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name, sheet in self.sheets.items():
            if name in {OWN, OTHERS, *NAMES}:
                raise ValueError(f"a sheet cannot be called {name!r}: expressions mean something else by it")
            if sheet.key and sheet.key not in sheet.columns:
                raise ValueError(f"the key {sheet.key!r} is no column of sheet {name!r}: add it to columns")
            if sheet.joins:
                self._joins(name, sheet)
        return self

    def _joins(self, name: str, sheet: SheetOfWorkbook) -> None:
        other = self.sheets.get(sheet.joins)
        if other is None or other is sheet or other.joins:
            raise ValueError(
                f"sheet {name!r} joins {sheet.joins!r}: name another sheet that is declared and joins none"
            )
        if not sheet.key or not other.key:
            raise ValueError(f"sheet {name!r} joins {sheet.joins!r}: give both a key, the column they share")


Records = Annotated[str, AfterValidator(_path)]
"""A JMESPath expression that says where the records are."""
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class PlainJsonFormat(_Strict):
    """JSON of no standard, one unit a record. ``lines``: JSON Lines."""

    format: Literal["json"]
    records: Records = "@"
    lines: bool = False


class PlainXmlFormat(_Strict):
    """XML of no standard, one unit a record. ``lists``: elements that may repeat."""

    format: Literal["xml"]
    records: Records = "@"
    namespaces: dict[Name, str] = {}
    lists: tuple[str, ...] = ()


class FhirXmlFormat(_Strict):
    """A FHIR Bundle or resource in XML, one unit."""

    format: Literal["fhir-xml"]
    version: Literal["STU3", "R4"]


class FhirJsonFormat(_Strict):
    """A FHIR Bundle or resource in JSON, one unit."""

    format: Literal["fhir-json"]
    version: Literal["STU3", "R4"]


class Hl7v2Format(_Strict):
    """HL7 v2 in the pipe encoding, one unit a message."""

    format: Literal["hl7v2"]


class EdifactFormat(_Strict):
    """EDIFACT (ISO 9735) with the NHS's MEDRPT messages, one unit a message."""

    format: Literal["edifact"]


Decode = (
    CsvFormat
    | XlsxFormat
    | WorkbookFormat
    | PlainJsonFormat
    | PlainXmlFormat
    | FhirJsonFormat
    | FhirXmlFormat
    | Hl7v2Format
    | EdifactFormat
)

IN_ROWS = (CsvFormat, XlsxFormat)
"""The formats whose unit is a row with declared columns."""
FHIR = frozenset({"fhir-json", "fhir-xml"})
"""The formats that hold FHIR already."""


def _csv(raw: bytes, spec: Decode) -> Units:
    assert isinstance(spec, CsvFormat)
    return decode_csv(raw, RowFormat(spec.columns, spec.encoding, spec.delimiter, spec.quote))


def _fhir_json(raw: bytes, spec: Decode) -> Units:
    assert isinstance(spec, FhirJsonFormat)
    return fhir_json.decode(raw, spec.version)


def _xlsx(raw: bytes, spec: Decode) -> Units:
    assert isinstance(spec, XlsxFormat)
    return decode_xlsx(raw, SheetFormat(spec.columns, spec.sheet, spec.header_row))


def _workbook(raw: bytes, spec: Decode) -> Units:
    assert isinstance(spec, WorkbookFormat)
    return decode_workbook(
        raw,
        [
            NamedSheet(
                name, SheetFormat(each.columns, each.sheet or name, each.header_row), each.key, each.joins
            )
            for name, each in spec.sheets.items()
        ],
    )


def _json(raw: bytes, spec: Decode) -> Units:
    assert isinstance(spec, PlainJsonFormat)
    return decode_json(raw, JsonFormat(spec.records, spec.lines))


def _xml(raw: bytes, spec: Decode) -> Units:
    assert isinstance(spec, PlainXmlFormat)
    return decode_xml(raw, XmlFormat(spec.records, spec.namespaces, frozenset(spec.lists)))


def _fhir_xml(raw: bytes, spec: Decode) -> Units:
    assert isinstance(spec, FhirXmlFormat)
    return fhir_xml.decode(raw, spec.version)


def _hl7v2(raw: bytes, _spec: Decode) -> Units:
    return hl7v2.decode(raw)


def _edifact(raw: bytes, _spec: Decode) -> Units:
    return edifact.decode(raw)


_DECODERS: dict[str, Callable[[bytes, Decode], Units]] = {
    "csv": _csv,
    "edifact": _edifact,
    "fhir-json": _fhir_json,
    "fhir-xml": _fhir_xml,
    "hl7v2": _hl7v2,
    "json": _json,
    "workbook": _workbook,
    "xlsx": _xlsx,
    "xml": _xml,
}


def units_of(raw: bytes, decode: Decode) -> Units:
    """The units of a payload. Raises DecodeError where none of it can be read."""
    return _DECODERS[decode.format](raw, decode)
