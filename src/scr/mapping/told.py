"""What a unit's sender says beside its resources: when it was so, and that its person agrees to sharing."""

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


def agrees_to_sharing(unit: Unit) -> bool:
    """Whether the sender says that the person agrees (ZU8-2 is 1); unknown (3) and nothing are no answer.

    That they dissent (2) is for the adapter's ``quarantine_when``, which declines the unit.
    """
    said = unit.tree.get("ZU8") if isinstance(unit.tree, Message) else None
    return said is not None and said.get("consent_to_share") == "1"
