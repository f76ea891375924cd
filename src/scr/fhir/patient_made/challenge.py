"""That an entry is wrong, as the person says: a Task for its source, and what is read of it beside the entry.

https://hl7.org/fhir/R4/task.html. The Task stands in the record, so that whoever sees the entry sees that it
is disputed; with an entry that somebody may not see, its Task is not there either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from scr.fhir.dates import instant_text
from scr.fhir.entry import Entry, Resource
from scr.fhir.identifiers import ODS_SYSTEM
from scr.fhir.patient_made.adding import Added, own_code, sort_of

CHALLENGE = "challenge"
STATUS = {
    "open": "requested",
    "received": "received",
    "amended": "completed",
    "annotated": "completed",
    "refused": "rejected",
    "withdrawn": "cancelled",
}
"""The Task's status, by how far it has come."""
_WORDS = {
    "open": "Sent to the source",
    "received": "The source has received it",
    "amended": "The source has changed the entry",
    "annotated": "The source keeps the entry, and has noted what the person says",
    "refused": "The source keeps the entry as it is",
    "withdrawn": "The person has withdrawn it",
}


@dataclass(frozen=True, slots=True)
class Dispute:
    """What is read of a challenge. ``state`` is a key of ``STATUS``; times are ms UTC, or FHIR's text."""

    task: str
    focus: str
    state: str
    reason: str
    due: str
    answer: str = ""
    owner: str = ""
    opened: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the source has still to answer."""
        return self.state in {"open", "received"}

    @property
    def words(self) -> str:
        """How far it has come."""
        return _WORDS[self.state]


def challenge_task(
    added: Added,
    focus: str,
    reason: str,
    owner: tuple[str, str],
    due: int,
    *,
    state: str = "open",
    answer: str = "",
    now: int = 0,
) -> Resource:
    """The Task. ``owner`` is the source's ODS code and name; ``due`` the end of the last day (ms UTC).

    ``added`` says by whom and when it was opened, ``now`` when it changed last.
    """
    made = added.resource(
        "Task",
        CHALLENGE,
        status=STATUS[state],
        businessStatus=own_code(state, _WORDS[state]),
        intent="order",
        priority="routine",
        code=own_code(CHALLENGE, "The person says that this entry is wrong"),
        focus={"reference": focus},
        authoredOn=added.recorded,
        lastModified=instant_text(now or added.at),
        requester=added.author,
        owner={
            "type": "Organization",
            "identifier": {"system": ODS_SYSTEM, "value": owner[0]},
            "display": owner[1],
        },
        reasonCode={"text": reason},
        restriction={"period": {"start": added.recorded, "end": instant_text(due)}},
    )
    made["for"] = added.person
    if answer:
        made["output"] = [{"type": own_code("answer", "What the source answers"), "valueString": answer}]
    return made


def disputes(entries: Iterable[Entry]) -> Mapping[str, Sequence[Dispute]]:
    """What the person says is wrong, by the reference of the entry, of each the newest first."""
    found: dict[str, list[Dispute]] = {}
    for entry in sorted(entries, key=lambda one: -one.last_updated):
        if entry.type != "Task":
            continue
        dispute = dispute_of(entry)
        if dispute is not None:
            found.setdefault(dispute.focus, []).append(dispute)
    return found


def dispute_of(entry: Entry) -> Dispute | None:
    """What a Task says, where it is a challenge."""
    resource: Resource = orjson.loads(entry.body)
    if sort_of(resource) != CHALLENGE or "focus" not in resource:
        return None
    answers = resource.get("output", ())
    return Dispute(
        task=entry.id,
        focus=str(resource["focus"].get("reference", "")),
        state=str(resource["businessStatus"]["coding"][0]["code"]),
        reason=str(resource["reasonCode"]["text"]),
        due=str(resource["restriction"]["period"]["end"]),
        answer=str(answers[0]["valueString"]) if answers else "",
        owner=str(resource["owner"]["display"]),
        opened=str(resource["authoredOn"]),
    )
