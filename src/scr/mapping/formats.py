"""The wire formats that an adapter may declare, and the decoder of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from scr.decode import fhir_json, hl7v2
from scr.decode.rows import RowFormat, decode_csv
from scr.decode.tree import BadUnit, Unit

Units = Iterator[Unit | BadUnit]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CsvFormat(_Strict):
    """Delimited text with a header row, one unit a row."""

    format: Literal["csv"]
    columns: tuple[str, ...] = Field(min_length=1)
    encoding: Literal["utf-8", "cp1252", "iso-8859-1", "utf-16"] = "utf-8"
    delimiter: Literal["", ",", ";", "\t", "|"] = ""
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'


class FhirJsonFormat(_Strict):
    """A FHIR Bundle or resource in JSON, one unit."""

    format: Literal["fhir-json"]
    version: Literal["STU3", "R4"]


class Hl7v2Format(_Strict):
    """HL7 v2 in the pipe encoding, one unit a message."""

    format: Literal["hl7v2"]


Decode = CsvFormat | FhirJsonFormat | Hl7v2Format


def _csv(raw: bytes, spec: Decode) -> Units:
    assert isinstance(spec, CsvFormat)
    return decode_csv(raw, RowFormat(spec.columns, spec.encoding, spec.delimiter, spec.quote))


def _fhir_json(raw: bytes, spec: Decode) -> Units:
    assert isinstance(spec, FhirJsonFormat)
    return fhir_json.decode(raw, spec.version)


def _hl7v2(raw: bytes, _spec: Decode) -> Units:
    return hl7v2.decode(raw)


_DECODERS: dict[str, Callable[[bytes, Decode], Units]] = {
    "csv": _csv,
    "fhir-json": _fhir_json,
    "hl7v2": _hl7v2,
}


def units_of(raw: bytes, decode: Decode) -> Units:
    """The units of a payload. Raises DecodeError where none of it can be read."""
    return _DECODERS[decode.format](raw, decode)
