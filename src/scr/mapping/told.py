"""When a unit's sender says that it was so, by the sender's own clock."""

from __future__ import annotations

from scr.decode.hl7v2.message import Message
from scr.decode.tree import Unit
from scr.fhir.dates import interval
from scr.mapping.times import Unreadable, parse_hl7


def told_at(unit: Unit, now: int) -> int:
    """MSH-7 of an HL7 v2 message, in ms UTC; 0 where there is none that can be read, or for another format.

    When a message was made, not when its event was recorded (EVN-2): a correction of an older event is
    news. A clock that runs ahead counts as ``now``, so that it does not hold up what comes afterwards.
    """
    if not isinstance(unit.tree, Message):
        return 0
    stated = unit.tree.header.get("date_time_of_message")
    text = stated.get("time") if hasattr(stated, "get") else stated
    try:
        found = interval(parse_hl7(str(text or "")))
    except Unreadable:
        return 0
    return 0 if found is None else min(found[0], now)
