"""How much of what was received and pulled is accounted for, by provider, adapter and day."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, select, text

from scr.fhir.identifiers import OdsCode
from scr.mapping.coverage import Coverage
from scr.store.losses import writer_of_thread
from scr.store.tables import COVERAGE_DAY

_decoder = msgspec.json.Decoder(Coverage)
_PUT = text(
    "INSERT INTO coverage_day (day, provider, adapter, writer, fields)"
    " VALUES (:day, :provider, :adapter, :writer, :fields)"
    " ON CONFLICT (day, provider, adapter, writer) DO UPDATE SET fields = excluded.fields"
)


@dataclass(frozen=True, slots=True)
class DayCoverage:
    """The fields that one adapter met on one day (London), of one provider."""

    day: str
    provider: OdsCode
    adapter: str
    fields: Coverage


def add(connection: Connection, day: str, provider: OdsCode, adapter: str, fields: Coverage) -> None:
    """Add fields to those that this writer has noted of the day."""
    same = {"day": day, "provider": provider.value, "adapter": adapter, "writer": writer_of_thread()}
    query = select(COVERAGE_DAY.c.fields)
    for name, value in same.items():
        query = query.where(COVERAGE_DAY.c[name] == value)
    known = connection.execute(query).scalar_one_or_none()
    every = Coverage() if known is None else _decoder.decode(known)
    every.add(fields)
    connection.execute(_PUT, {**same, "fields": msgspec.json.encode(every, order="sorted")})


def read(connection: Connection, since: str, provider: OdsCode | None = None) -> list[DayCoverage]:
    """What was noted since a day, of all writers together; by provider and adapter, the latest day first."""
    query = select(
        COVERAGE_DAY.c.day, COVERAGE_DAY.c.provider, COVERAGE_DAY.c.adapter, COVERAGE_DAY.c.fields
    ).where(COVERAGE_DAY.c.day >= since)
    if provider is not None:
        query = query.where(COVERAGE_DAY.c.provider == provider.value)
    order = (COVERAGE_DAY.c.provider, COVERAGE_DAY.c.adapter, COVERAGE_DAY.c.day.desc())
    found: dict[tuple[str, str, str], Coverage] = {}
    for day, ods, adapter, fields in connection.execute(query.order_by(*order)):
        found.setdefault((day, ods, adapter), Coverage()).add(_decoder.decode(fields))
    return [DayCoverage(day, OdsCode(ods), adapter, fields) for (day, ods, adapter), fields in found.items()]
