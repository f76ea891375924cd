"""The vaccinations of a VXU: HL7 v2.5.1 chapter 4.14.7 (RXA) and 4.14.2 (RXR).

A vaccination is a mapping: ``ORC`` (a segment or None), ``RXA``, ``RXR`` (or None), the lists ``OBX`` and
``NTE``, and ``identity``: ORC-3 or ORC-2, else the time and the vaccine.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from scr.decode.hl7v2.views import Segment

Vaccination = dict[str, Any]


def vaccinations(segments: list[Segment]) -> list[Vaccination]:
    """Each RXA with the order before it and what follows it, in order."""
    found: list[Vaccination] = []
    order: Segment | None = None
    for segment in segments:
        if segment.name == "ORC":
            order = segment
        elif segment.name == "RXA":
            found.append({"ORC": order, "RXA": segment, "RXR": None, "OBX": [], "NTE": []})
        elif found and order is not None and order is not found[-1]["ORC"]:
            continue  # stands between an ORC and its RXA
        elif found and segment.name == "RXR":
            found[-1]["RXR"] = found[-1]["RXR"] or segment
        elif found and segment.name in {"OBX", "NTE"}:
            found[-1][segment.name].append(segment)
    _identify(found)
    return found


def _identify(found: list[Vaccination]) -> None:
    """The same twice in a message is counted: two doses under one order."""
    met: Counter[str] = Counter()
    for each in found:
        identity = _number(each["ORC"]) or _moment(each["RXA"])
        met[identity] += 1
        each["identity"] = identity if met[identity] == 1 else f"{identity}|{met[identity]}"


def _number(order: Segment | None) -> str:
    if order is None:
        return ""
    for field in ("filler_order_number", "placer_order_number"):
        number = (order.get(field) or {}).get("entity_identifier")
        if number:
            return str(number)
    return ""


def _moment(given: Segment) -> str:
    vaccine = given.get("administered_code") or {}
    code = vaccine.get("identifier") or vaccine.get("text") or ""
    return f"{given.get('date_time_start_of_administration') or ''}|{code}"
