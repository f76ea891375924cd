"""Where an entry came from, as a Provenance: its source, the message and feed, when, and what read it.

It is made of the entry when somebody asks, is under the entry's heading and has its labels: whoever may not
see the entry gets no Provenance of it. Of a message it names the id under which it is kept here, and nothing
that its sender wrote.

https://hl7.org/fhir/R4/provenance.html
"""

from __future__ import annotations

from dataclasses import dataclass

from scr.fhir.canonical import BASE
from scr.fhir.dates import instant_text
from scr.fhir.entry import Entry, Resource, stamp, unstamped
from scr.fhir.identifiers import ODS_SYSTEM
from scr.fhir.reconciled import Making

ORIGIN = "Provenance"
MESSAGE_SYSTEM = f"{BASE}/sid/message"
ADAPTER_SYSTEM = f"{BASE}/sid/adapter"
FEED_EXTENSION = f"{BASE}/StructureDefinition/feed"
_ACTIVITY = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
_AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


@dataclass(frozen=True, slots=True)
class Origin:
    """How an entry came. ``name`` is its source's; ``recorded`` when it came here, or was asked for, and
    ``told`` its sender's own time (ms UTC, 0: not known). ``message``, ``feed`` and ``adapter``
    (``name@digest``) are those of a message, and empty for what was asked for, or was written here."""

    name: str
    recorded: int
    told: int = 0
    message: str = ""
    feed: str = ""
    adapter: str = ""


def origin_of(making: Making, target: Entry, origin: Origin) -> Entry:
    """The Provenance of an entry. When a source was asked is no part of what makes one version another."""
    resource: Resource = {
        "resourceType": ORIGIN,
        "target": [{"reference": target.reference}],
        **({"occurredDateTime": instant_text(origin.told)} if origin.told else {}),
        "recorded": instant_text(origin.recorded),
        "activity": {"coding": [_activity(origin)]},
        "agent": _agents(target, origin),
    }
    if origin.message:
        resource["entity"] = [_message(origin)]

    def entry(resource: Resource) -> Entry:
        name = f"origin {target.reference}"
        return making.entry(resource, name, [target], target.heading, of_person=False)

    made = entry(resource)
    if origin.message:
        return made
    still = entry({name: value for name, value in resource.items() if name != "recorded"})
    return stamp(unstamped(made), still.version, made.last_updated)


def _activity(origin: Origin) -> Resource:
    if origin.message:
        return {
            "system": _ACTIVITY,
            "code": "transform",
            "display": "Transform/Translate Record Lifecycle Event",
        }
    return {"system": _ACTIVITY, "code": "receive", "display": "Receive/Retain Record Lifecycle Event"}


def _agents(target: Entry, origin: Origin) -> list[Resource]:
    """The provider, and the adapter that made FHIR of what it sent."""
    provider = {
        "type": _participant("custodian", "Custodian"),
        "who": {"identifier": {"system": ODS_SYSTEM, "value": target.source}, "display": origin.name},
    }
    if not origin.adapter:
        return [provider]
    name = origin.adapter.partition("@")[0]
    ours = {
        "type": _participant("assembler", "Assembler"),
        "who": {
            "identifier": {"system": ADAPTER_SYSTEM, "value": origin.adapter},
            "display": f"Shared care record, adapter {name}",
        },
    }
    return [provider, ours]


def _message(origin: Origin) -> Resource:
    return {
        "extension": [{"url": FEED_EXTENSION, "valueString": origin.feed}],
        "role": "source",
        "what": {
            "identifier": {"system": MESSAGE_SYSTEM, "value": origin.message},
            "display": f"Message of the feed {origin.feed}, as it came",
        },
    }


def _participant(code: str, display: str) -> Resource:
    return {"coding": [{"system": _AGENT, "code": code, "display": display}]}
