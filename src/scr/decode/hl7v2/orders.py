"""The order groups of an ORU, OML or ORM: HL7 v2.5.1 chapters 4.4 and 7.3.

A group is a mapping: ``ORC`` and ``OBR`` (a segment or None), the lists ``NTE``, ``OBX`` (each with its
own NTE), ``SPM`` and ``TQ1``, whatever else stands in the group by its name, and ``identity``. Each
segment of a group knows it as ``order``.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from scr.decode.hl7v2.tables import SINGLE
from scr.decode.hl7v2.views import Segment

Order = dict[str, Any]


def order_groups(segments: list[Segment], control_id: str) -> list[Order]:
    """The groups, in order. ``identity`` is the same whenever the order is sent again: OBR-3, ORC-3,
    OBR-2 or ORC-2 (else MSH-10, here ``control_id``) and OBR-4; the same twice in a message is counted.
    """
    groups: list[Order] = []
    group: Order | None = None
    after_result = False
    for segment in segments:
        name = segment.name
        if name in SINGLE:
            group = None
        elif name in {"ORC", "OBR"}:
            if group is None or group["OBR"] is not None or name == "ORC":
                group = {"ORC": None, "OBR": None, "NTE": [], "OBX": [], "SPM": [], "TQ1": []}
                groups.append(group)
            group[name] = segment
        elif group is not None and not (name == "NTE" and after_result):  # those notes hang on their OBX
            group.setdefault(name, []).append(segment)
        segment.order = group
        after_result = name == "OBX" or (name == "NTE" and after_result)
    _identify(groups, control_id)
    return groups


def _identify(groups: list[Order], control_id: str) -> None:
    met: Counter[str] = Counter()
    for group in groups:
        service = (group["OBR"] or {}).get("universal_service_identifier") or {}
        code = service.get("identifier") or service.get("text") or ""
        identity = f"{_number(group) or control_id}|{code}"
        met[identity] += 1
        group["identity"] = identity if met[identity] == 1 else f"{identity}|{met[identity]}"
        _count_occurrences(group["OBX"])


def _number(group: Order) -> str:
    for field in ("filler_order_number", "placer_order_number"):
        for segment in (group["OBR"], group["ORC"]):
            number = ((segment or {}).get(field) or {}).get("entity_identifier")
            if number:
                return str(number)
    return ""


def _count_occurrences(results: list[Segment]) -> None:
    """The same OBX-3 and OBX-4 twice (the lines of a text) is told apart by its occurrence."""
    met: Counter[tuple[str, ...]] = Counter()
    for result in results:
        identity = tuple(result.cells[3:5])
        met[identity] += 1
        result.occurrence = met[identity]
